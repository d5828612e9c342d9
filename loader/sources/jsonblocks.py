"""Many lines of JSON at once: one record a line -> columns of text, or None if a line needs a closer look.

msgspec proves that each line is JSON and says where each value begins and ends (`msgspec.Raw`). So a number
keeps how it is written, and no cell becomes a Python object with a value of its own: Arrow cuts the columns
out of the text. What is not certainly what `jsonrecords` would give (a key that is named twice, NaN, half a
character, a line that holds two records or none) is left to that module, line by line.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Raw
from msgspec.structs import astuple

from loader.sources.jsonvalues import make_decoder, write_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Python's own decoder gives up somewhere below a thousand; which depth it is depends on who calls it.
DEEPEST = 100

_MISSING = Raw(b"")  # no value of JSON is empty
_LINE_END, _RETURN, _QUOTE, _BACKSLASH = b'\n\r"\\'
_BEGIN, _END, _LIST, _NULL = b"{}[n"

_decode_texts = msgspec.json.Decoder(list[str]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_value = make_decoder(()).decode


class CloserLook(Exception):
    """A line may not be what it seems."""


_DOUBTS = (CloserLook, msgspec.MsgspecError, ValueError, RecursionError)


class BlockReader:
    """Reads blocks of lines.

    Args:
        columns: the keys; a line that has another one needs a closer look.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._width = len(columns)
        self._decoder = _make_decoder(columns)

    def read(self, block: bytes) -> list[pa.Array] | None:
        """The columns of the records, one a line; None if any of the lines needs a closer look.

        Args:
            block: whole lines in UTF-8, at least one.
        """
        if self._decoder is None:
            return None
        try:
            records = self._decoder.decode_lines(block)
            if len(records) != _count_lines(block):
                return None
            cells = b"\n".join(chain(chain.from_iterable(map(astuple, records)), (b"",)))
            return _Cells(cells).columns(self._width, quotes=_count(block, _QUOTE))
        except _DOUBTS:
            return None

    def accepts(self, line: bytes) -> bool:
        """Whether a line can be read with others; what is within its values is not looked at."""
        if self._decoder is None or not (line.startswith(b"{") and line.endswith(b"}")):
            return False
        try:
            values = astuple(self._decoder.decode(line))
        except _DOUBTS:
            return False
        present = len(values) - values.count(_MISSING)
        return line.count(b'"') == b"".join(values).count(b'"') + 2 * present


def _make_decoder(columns: Sequence[str]) -> msgspec.json.Decoder[msgspec.Struct] | None:
    """Decodes a line into the text of each value; None if a key is one that msgspec does not take."""
    fields = [f"field_{number}" for number in range(len(columns))]
    try:
        record = msgspec.defstruct(
            "Record",
            [(field, Raw, _MISSING) for field in fields],
            rename=dict(zip(fields, columns, strict=True)),
            forbid_unknown_fields=True,
            gc=False,
        )
    except ValueError:
        return None
    return msgspec.json.Decoder(record)


def _count_lines(block: bytes) -> int:
    """How many lines there are.

    Raises:
        CloserLook: one of them does not begin or does not end with a brace. Within an object no brace stands
            right before a line end and another right after it; so if there are as many records as lines, no
            record continues in the next line, and no line has two.
    """
    signs = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(signs[:-1] == _LINE_END)
    last = len(block) - 1 if signs[-1] == _LINE_END else len(block)
    before = np.append(ends, last) - 1
    before -= signs[before] == _RETURN
    if signs[0] != _BEGIN or (signs[ends + 1] != _BEGIN).any() or (signs[before] != _END).any():
        raise CloserLook
    return len(before)


class _Cells:
    """The values of all records, one after the other, as they stand in the text.

    Args:
        text: each value, and a line end behind each.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._signs = np.frombuffer(text, np.uint8)
        self._ends = np.flatnonzero(self._signs == _LINE_END)
        self._starts = np.append(0, self._ends[:-1] + 1)
        self._firsts = self._signs[self._starts]

    def columns(self, width: int, *, quotes: int) -> list[pa.Array]:
        """The columns.

        Args:
            width: how many there are.
            quotes: how many quotes the lines have. Each key has two, which belong to no value; if there are
                more, a key is named twice.

        Raises:
            CloserLook, ValueError, msgspec.MsgspecError, RecursionError: a line needs a closer look.
        """
        missing = self._firsts == _LINE_END
        if quotes != _count(self._text, _QUOTE) + 2 * (len(missing) - np.count_nonzero(missing)):
            raise CloserLook
        texts, places = self._cut()
        nulls = missing | (self._firsts == _NULL)
        mask = nulls if nulls.any() else None
        return [
            texts.take(pa.array(places[number::width], mask=None if mask is None else mask[number::width]))
            for number in range(width)
        ]

    def _cut(self) -> tuple[pa.Array, NDArray[np.int64]]:
        """Texts, and which of them each cell is."""
        quoted = self._firsts == _QUOTE
        offsets = np.empty(2 * len(quoted) + 1, np.int32)
        offsets[:-1:2], offsets[1::2], offsets[-1] = (
            self._starts + quoted,
            self._ends - quoted,
            len(self._text),
        )
        # Every other one is what stands between two cells.
        texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self._text))
        places = np.arange(0, len(offsets) - 1, 2)
        nested = np.flatnonzero((self._firsts == _BEGIN) | (self._firsts == _LIST))
        escaped = self._find_escapes()
        if len(nested) or len(escaped):
            places[escaped] = len(texts) + np.arange(len(escaped))
            places[nested] = len(texts) + len(escaped) + np.arange(len(nested))
            rewritten = [*_read_escaped(self._list(escaped)), *map(_rewrite, self._list(nested))]
            texts = pa.concat_arrays([texts, pa.array(rewritten, pa.string())])
        return texts, places

    def _find_escapes(self) -> NDArray[np.int64]:
        """The texts that have a backslash."""
        if b"\\" not in self._text:
            return np.empty(0, np.int64)
        marks = np.flatnonzero(self._signs == _BACKSLASH)
        cells: NDArray[np.int64] = np.unique(np.searchsorted(self._starts, marks, side="right") - 1)
        return cells[self._firsts[cells] == _QUOTE]

    def _list(self, cells: NDArray[np.int64]) -> list[bytes]:
        bounds = zip(self._starts[cells].tolist(), self._ends[cells].tolist(), strict=True)
        return [self._text[start:end] for start, end in bounds]


def _read_escaped(cells: list[bytes]) -> list[str]:
    """What texts with escapes mean."""
    texts = _decode_texts(b"[" + b",".join(cells) + b"]") if cells else []
    "".join(texts).encode()  # half a character is none
    return texts


def _rewrite(cell: bytes) -> str:
    """An object or a list as `write_value` writes it."""
    if cell.count(b"[") + cell.count(b"{") > DEEPEST:
        raise CloserLook
    if b"\\" in cell or not _is_plain(cell):
        text = write_value(_decode_value(cell.decode()))
        text.encode()
        return text
    return msgspec.json.format(cell, indent=0).decode()


def _is_plain(cell: bytes) -> bool:
    """Whether it holds no object but itself, and that names no key twice."""
    if cell.startswith(b"["):
        return b"{" not in cell
    members = _decode_members(cell)
    inside = b"".join(members.values())
    return b"{" not in inside and cell.count(b'"') == 2 * len(members) + inside.count(b'"')


def _count(text: bytes, sign: int) -> int:
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == sign))
