"""Many lines of JSON at once: one record a line -> columns of text, or None if a line needs a closer look.

msgspec proves that each line is JSON and says where each value begins and ends (`msgspec.Raw`). So a number
keeps how it is written, and no cell becomes a Python object with a value of its own: Arrow cuts the columns
out of the text. What is not certainly what `jsonrecords` would give (a key that is named twice, NaN, half a
character, a line that holds two records or none) is left to that module, line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Raw
from msgspec.structs import astuple

from loader.sources.jsonvalues import make_decoder, write_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

# Python's own decoder gives up somewhere below a thousand; which depth it is depends on who calls it.
DEEPEST = 100
# Bytes whose values are Python objects at a time; they stay in the cache of the processor.
AT_A_TIME = 64 << 10

_MISSING = Raw(b"")  # no value of JSON is empty
_LINE_END, _RETURN, _QUOTE, _BACKSLASH = b'\n\r"\\'
_BEGIN, _END, _LIST, _NULL = b"{}[n"

_decode_text = msgspec.json.Decoder(str).decode
_decode_elements = msgspec.json.Decoder(list[Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_value = make_decoder(()).decode


class CloserLook(Exception):
    """A line may not be what it seems."""


_DOUBTS = (CloserLook, msgspec.MsgspecError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Block:
    """What was read at once.

    Attributes:
        columns: the cells.
        doubtful: the records in which a cell needs a closer look, in their order; their cells mean nothing.
    """

    columns: list[pa.Array]
    doubtful: NDArray[np.int64]


class BlockReader:
    """Reads blocks of lines.

    Args:
        columns: the keys; a line that has another one needs a closer look.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._decoder = _make_decoder(columns)

    def __reduce__(self) -> tuple[type[BlockReader], tuple[Sequence[str]]]:
        """One that arrives in another process is made again there."""
        return BlockReader, (self._columns,)

    def read(self, block: bytes) -> Block | None:
        """The records, one a line; None if there is a line that `accepts` refuses.

        Args:
            block: whole lines in UTF-8, at least one.
        """
        if self._decoder is None or not self._columns:
            return None
        try:
            cells = b"".join(_list_values(self._decoder, block))
            return _Cells(cells).arrange(len(self._columns), quotes=_count(block, _QUOTE))
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


def _list_values(decoder: msgspec.json.Decoder[msgspec.Struct], block: bytes) -> Iterator[bytes]:
    """The texts of all values, one after the other, with a line end behind each, for some lines at a time.

    Raises:
        CloserLook, msgspec.MsgspecError, RecursionError: not each line is a record.
    """
    count, start, view = 0, 0, memoryview(block)
    while start < len(block):
        end = block.find(b"\n", start + AT_A_TIME) + 1 or len(block)
        records = decoder.decode_lines(view[start:end])
        yield b"\n".join(chain(chain.from_iterable(map(astuple, records)), (b"",)))
        count, start = count + len(records), end
    if count != _count_lines(block):
        raise CloserLook


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

    def arrange(self, width: int, *, quotes: int) -> Block:
        """The cells in columns.

        Args:
            width: how many there are.
            quotes: how many quotes the lines have. Each key has two, which belong to no value; if there are
                more, a key is named twice.

        Raises:
            CloserLook: a key is named twice.
        """
        missing = self._firsts == _LINE_END
        if quotes != _count(self._text, _QUOTE) + 2 * (len(missing) - np.count_nonzero(missing)):
            raise CloserLook
        texts, places, doubtful = self._cut()
        nulls = missing | (self._firsts == _NULL)
        masks = [nulls[number::width] if nulls.any() else None for number in range(width)]
        columns = [
            texts.take(pa.array(places[number::width], mask=mask)) for number, mask in enumerate(masks)
        ]
        return Block(columns, np.unique(doubtful // width))

    def _cut(self) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int64]]:
        """Texts, which of them each cell is, and the cells that need a closer look."""
        quoted = self._firsts == _QUOTE
        offsets = np.empty(2 * len(quoted) + 1, np.int32)
        offsets[:-1:2], offsets[1::2] = self._starts + quoted, self._ends - quoted
        offsets[-1] = len(self._text)
        # Every other one is what stands between two cells.
        texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self._text))
        places = np.arange(0, len(offsets) - 1, 2)
        nested = np.flatnonzero((self._firsts == _BEGIN) | (self._firsts == _LIST))
        cells = np.concatenate([self._find_escapes(), nested])
        if not len(cells):
            return texts, places, cells
        places[cells] = len(texts) + np.arange(len(cells))
        written = [_write(self._text[start:end]) for start, end in self._list_bounds(cells)]
        doubtful = np.array([text is None for text in written])
        return pa.concat_arrays([texts, pa.array(written, pa.string())]), places, cells[doubtful]

    def _find_escapes(self) -> NDArray[np.int64]:
        """The texts that have a backslash."""
        if b"\\" not in self._text:
            return np.empty(0, np.int64)
        marks = np.flatnonzero(self._signs == _BACKSLASH)
        cells = np.unique(np.searchsorted(self._starts, marks, side="right") - 1)
        return np.asarray(cells[self._firsts[cells] == _QUOTE], np.int64)

    def _list_bounds(self, cells: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        return zip(self._starts[cells].tolist(), self._ends[cells].tolist(), strict=True)


def _write(cell: bytes) -> str | None:
    """What a text with escapes means, or an object or a list as `write_value` writes it; None if in doubt."""
    try:
        return _decode_text(cell) if cell.startswith(b'"') else _rewrite(cell)
    except _DOUBTS:
        return None


def _rewrite(cell: bytes) -> str:
    if cell.count(b"[") + cell.count(b"{") > DEEPEST:
        raise CloserLook
    if b"\\" in cell or not _names_each_key_once(cell):
        return write_value(_decode_value(cell.decode()))
    return msgspec.json.format(cell, indent=0).decode()


def _names_each_key_once(value: bytes) -> bool:
    """Whether no object in a value without backslashes has a key twice."""
    if b"{" not in value or value.startswith(b'"'):
        return True
    if value.startswith(b"["):
        return all(map(_names_each_key_once, map(bytes, _decode_elements(value))))
    members = _decode_members(value).values()
    inside = b"".join(members)
    if value.count(b'"') != 2 * len(members) + inside.count(b'"'):
        return False
    return b"{" not in inside or all(map(_names_each_key_once, map(bytes, members)))


def _count(text: bytes, sign: int) -> int:
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == sign))
