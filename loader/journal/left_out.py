"""Rows that are left out: one bit each, in the chunks of the confirmed rows, packed; no I/O.

Nine of ten rows of an export may be left out, so the bits are packed: of 100 million rows they take 7 MB if
they are scattered by chance, and hardly any room if they are all alike. A chunk that is left out as a whole
stores no bits.

Bits are handled as one number a chunk: a lease sets thousands of them at once.
"""

from __future__ import annotations

import zlib
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from loader.journal.bitmap import CHUNK, count_chunk_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from loader.model import LeftOut

# Packing harder takes several times as long, and saves a tenth.
_PACKING = 1
_TO_FLAGS = bytes.maketrans(b"01", b"\x00\x01")


class LeftOutChunk(NamedTuple):
    """A chunk as it stands in the checkpoint.

    Attributes:
        number: of the chunk.
        rows: how many rows of it are left out.
        bits: which ones, packed; None if all of them are.
    """

    number: int
    rows: int
    bits: bytes | None

    @classmethod
    def of(cls, number: int, mask: int, capacity: int) -> LeftOutChunk:
        """Pack a chunk of `capacity` rows."""
        rows = mask.bit_count()
        if rows == capacity:
            return cls(number, rows, None)
        return cls(number, rows, zlib.compress(mask.to_bytes(CHUNK // 8, "little"), _PACKING))

    @property
    def mask(self) -> int:
        """A bit for each row, the first row's lowest."""
        if self.bits is None:
            return (1 << self.rows) - 1
        return int.from_bytes(zlib.decompress(self.bits), "little")

    def sound(self, rows: int) -> bool:
        """Whether number, count and bits fit each other, and an input of `rows` rows."""
        capacity = count_chunk_rows(self.number, rows)
        try:
            mask = self.mask
        except zlib.error:
            return False
        return 0 < self.rows == mask.bit_count() and mask.bit_length() <= capacity


class LeftOutRows:
    """The chunks that are being worked on; others stay in the file.

    Args:
        rows: rows of the whole input.
        fetch: reads a chunk by its number; None if no row of it is left out.
    """

    def __init__(self, rows: int, fetch: Callable[[int], LeftOutChunk | None]) -> None:
        self._rows = rows
        self._fetch = fetch
        self._open: dict[int, LeftOutChunk | None] = {}

    def chunk(self, number: int) -> LeftOutChunk | None:
        """A chunk; None if no row of it is left out."""
        if number not in self._open:
            self._open[number] = self._fetch(number)
        return self._open[number]

    def mask(self, number: int) -> int:
        """A bit for each row of a chunk."""
        chunk = self.chunk(number)
        return chunk.mask if chunk else 0

    def count(self, number: int) -> int:
        """How many rows of a chunk are left out."""
        chunk = self.chunk(number)
        return chunk.rows if chunk else 0

    def add(self, parts: Iterable[LeftOut]) -> list[tuple[LeftOutChunk | None, LeftOutChunk]]:
        """The chunks that leaving out more rows changes: as they are, and as they will be."""
        added: dict[int, int] = {}
        for part in parts:
            for number, mask in split_by_chunk(part):
                added[number] = added.get(number, 0) | mask
        return [
            (
                self.chunk(number),
                LeftOutChunk.of(number, self.mask(number) | mask, count_chunk_rows(number, self._rows)),
            )
            for number, mask in sorted(added.items())
        ]

    def written(self, changes: Iterable[tuple[LeftOutChunk | None, LeftOutChunk]]) -> None:
        """The changes are committed."""
        self._open.update((chunk.number, chunk) for _, chunk in changes)

    def close_below(self, ordinal: int) -> None:
        """Drop from memory the chunks that no row from `ordinal` on is in."""
        for number in [number for number in self._open if number < ordinal // CHUNK]:
            del self._open[number]


def split_by_chunk(part: LeftOut) -> Iterator[tuple[int, int]]:
    """The numbers of the chunks that rows are in, each with a bit for each of these rows."""
    number, offset = divmod(part.first, CHUNK)
    rest = part.bits << offset
    while rest:
        mask = rest & ((1 << CHUNK) - 1)
        if mask:
            yield number, mask
        rest >>= CHUNK
        number += 1


def list_others(rows: range, parts: Sequence[LeftOut]) -> Sequence[int]:
    """The rows of a range that no part leaves out, ascending."""
    left_out = 0
    for part in parts:
        shift = part.first - rows.start
        left_out |= part.bits << shift if shift >= 0 else part.bits >> -shift
    others = ~left_out & ((1 << len(rows)) - 1)
    if others.bit_count() == len(rows):
        return rows
    # Texts of digits, because nothing else lists the bits of a number in one step.
    flags = f"{others:0{len(rows)}b}".encode().translate(_TO_FLAGS)[::-1]
    return list(compress(rows, flags))


def refuse_overlaps(pieces: Sequence[range], refused: Iterable[int], parts: Sequence[LeftOut]) -> None:
    """Refuse parts that leave out a row that is not leased, that is rejected, or twice.

    Raises:
        ValueError: they do.
    """
    if not parts:
        return
    first, free = pieces[0].start, 0
    for rows in pieces:
        free |= ((1 << len(rows)) - 1) << (rows.start - first)
    for ordinal in refused:
        free &= ~(1 << (ordinal - first))
    for part in parts:
        shift = part.first - first
        mask = part.bits << max(shift, 0) >> max(-shift, 0)
        if mask & ~free or mask.bit_count() != part.rows:
            raise ValueError("rows are left out that are not leased, that are rejected, or twice")
        free &= ~mask


def rank_reasons(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Reasons with their rows, the most frequent first."""
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
