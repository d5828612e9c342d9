"""Confirmed rows: one bit each, in chunks of 65,536, every chunk with its own CRC.

A chunk whose rows are all confirmed stores no bitmap, so that a finished load of 100 million rows takes
a few tens of kilobytes. Rows that are left out (see `left_out`) are none of them: a chunk is full if all its
other rows are confirmed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK = 1 << 16
_SHIFT = 16
_BYTES = CHUNK // 8
_HEAD = struct.Struct("<QI")


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it stands in the checkpoint; `bits` is None if it is full."""

    number: int
    confirmed: int
    bits: bytes | None
    crc: int

    @classmethod
    def of(cls, number: int, confirmed: int, bits: bytes | None) -> StoredChunk:
        """Seal a chunk."""
        return cls(number, confirmed, bits, crc32(bits or b"", crc32(_HEAD.pack(number, confirmed))))

    def sound(self, rows: int, left_out: int = 0) -> bool:
        """Whether number, count, bits and CRC fit each other, and an input of `rows` rows.

        `left_out` of the chunk's rows are left out.
        """
        capacity = count_chunk_rows(self.number, rows)
        if self != StoredChunk.of(self.number, self.confirmed, self.bits):
            return False
        if self.bits is None:
            return self.confirmed == capacity - left_out > 0
        counted = int.from_bytes(self.bits, "little")
        return (
            len(self.bits) == _BYTES
            and counted.bit_count() == self.confirmed < capacity
            and counted.bit_length() <= capacity
        )

    def spread(self, rows: int, left_out: int) -> StoredChunk:
        """The same with bits, if it was full; so that it is sound in an input of more than `rows` rows.

        `left_out` has a bit for each row of it that is left out.
        """
        if self.bits is not None:
            return self
        return StoredChunk.of(self.number, self.confirmed, self._fill(rows, left_out))

    def spread_around(self, rows: int, left_out: int) -> StoredChunk:
        """The same with bits and its own CRC, if it was full around rows that are left out."""
        if self.bits is not None or not left_out:
            return self
        return StoredChunk(self.number, self.confirmed, self._fill(rows, left_out), self.crc)

    def _fill(self, rows: int, left_out: int) -> bytes:
        full = (1 << count_chunk_rows(self.number, rows)) - 1
        return (full & ~left_out).to_bytes(_BYTES, "little")


def count_chunk_rows(number: int, rows: int) -> int:
    """Rows of the chunk `number` of an input of `rows` rows."""
    return max(0, min(CHUNK, rows - number * CHUNK))


class _OpenChunk:
    """A chunk in memory."""

    __slots__ = ("bits", "confirmed", "crc")

    def __init__(self, stored: StoredChunk | None) -> None:
        self.confirmed = stored.confirmed if stored else 0
        self.crc = stored.crc if stored else 0
        full = stored is not None and stored.bits is None
        self.bits = bytearray(b"\xff" * _BYTES if full else (stored and stored.bits) or _BYTES)


class Bitmaps:
    """The chunks that are being worked on; others stay in the file.

    Args:
        capacity: how many rows of a chunk can be confirmed.
        fetch: reads a chunk by its number; None if no row of it was ever confirmed.
    """

    def __init__(self, capacity: Callable[[int], int], fetch: Callable[[int], StoredChunk | None]) -> None:
        self._capacity = capacity
        self._fetch = fetch
        self._open: dict[int, _OpenChunk] = {}
        self._changed: set[int] = set()

    def __contains__(self, ordinal: int) -> bool:
        bits = self._chunk(ordinal >> _SHIFT).bits
        return bool(bits[(ordinal & 0xFFFF) >> 3] >> (ordinal & 7) & 1)

    def confirm(self, ordinals: Iterable[int]) -> None:
        """Set the bits of rows whose bits are not set yet."""
        number = -1
        for ordinal in ordinals:
            if ordinal >> _SHIFT != number:
                number = ordinal >> _SHIFT
                chunk = self._chunk(number)
                bits = chunk.bits
                self._changed.add(number)
            bits[(ordinal & 0xFFFF) >> 3] |= 1 << (ordinal & 7)
            chunk.confirmed += 1

    def changed(self) -> Iterator[tuple[int, StoredChunk]]:
        """What is to be written: the CRC that stands in the file (0 if there is none), and the new chunk."""
        for number in sorted(self._changed):
            chunk = self._open[number]
            full = chunk.confirmed == self._capacity(number)
            yield chunk.crc, StoredChunk.of(number, chunk.confirmed, None if full else bytes(chunk.bits))

    def written(self, chunks: Iterable[StoredChunk]) -> None:
        """The changes are committed."""
        for stored in chunks:
            self._open[stored.number].crc = stored.crc
        self._changed.clear()

    def close_below(self, ordinal: int) -> None:
        """Drop from memory the chunks that no row from `ordinal` on is in."""
        for number in [number for number in self._open if number < ordinal >> _SHIFT]:
            if number not in self._changed:
                del self._open[number]

    def _chunk(self, number: int) -> _OpenChunk:
        chunk = self._open.get(number)
        if chunk is None:
            chunk = self._open[number] = _OpenChunk(self._fetch(number))
        return chunk
