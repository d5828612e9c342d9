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
from msgspec import Raw
from msgspec.structs import astuple

from loader.raw_values import (
    BEGIN,
    END,
    LINE_END,
    QUOTE,
    RETURN,
    RawValues,
    count_sign,
    decode_members,
    decode_text,
    read_flat_objects,
)
from loader.sources.jsonvalues import make_decoder, write_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

# Python's own decoder gives up somewhere below a thousand; which depth it is depends on who calls it.
DEEPEST = 100
# Bytes whose values are Python objects at a time; they stay in the cache of the processor.
AT_A_TIME = 64 << 10

_MISSING = Raw(b"")  # no value of JSON is empty

_decode_elements = msgspec.json.Decoder(list[Raw]).decode
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
            values = RawValues(b"".join(_list_values(self._decoder, block)), _write_all)
            # Each key has two quotes, which belong to no value; if there are more, a key is named twice.
            if count_sign(block, QUOTE) != values.quotes + 2 * values.present:
                return None
            return Block(*values.arrange(len(self._columns)))
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
    ends = np.flatnonzero(signs[:-1] == LINE_END)
    last = len(block) - 1 if signs[-1] == LINE_END else len(block)
    before = np.append(ends, last) - 1
    before -= signs[before] == RETURN
    if signs[0] != BEGIN or (signs[ends + 1] != BEGIN).any() or (signs[before] != END).any():
        raise CloserLook
    return len(before)


def _write_all(values: Sequence[bytes]) -> list[str | None]:
    """What texts with escapes mean, and objects and lists as `write_value` writes them; None if in doubt."""
    objects = [value for value in values if value.startswith(b"{")]
    if not objects or read_flat_objects(objects) is None:
        return [_write(value) for value in values]
    return [
        _format(value) if value.startswith(b"{") and b"\\" not in value else _write(value) for value in values
    ]


def _write(cell: bytes) -> str | None:
    """What a text with escapes means, or an object or a list as `write_value` writes it; None if in doubt."""
    try:
        return decode_text(cell) if cell.startswith(b'"') else _rewrite(cell)
    except _DOUBTS:
        return None


def _rewrite(cell: bytes) -> str:
    if cell.count(b"[") + cell.count(b"{") > DEEPEST:
        raise CloserLook
    if b"\\" in cell or not _names_each_key_once(cell):
        return write_value(_decode_value(cell.decode()))
    return _format(cell)


def _format(value: bytes) -> str:
    return msgspec.json.format(value, indent=0).decode()


def _names_each_key_once(value: bytes) -> bool:
    """Whether no object in a value without backslashes has a key twice."""
    if b"{" not in value or value.startswith(b'"'):
        return True
    if value.startswith(b"["):
        return all(map(_names_each_key_once, map(bytes, _decode_elements(value))))
    members = decode_members(value).values()
    inside = b"".join(members)
    if value.count(b'"') != 2 * len(members) + inside.count(b'"'):
        return False
    return b"{" not in inside or all(map(_names_each_key_once, map(bytes, members)))
