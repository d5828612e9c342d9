"""Rows that repeat the key of another row: found before anything is sent, exactly and in bounded memory.

Which rows are repeats depends on the input and the mapping alone, never on what became of a row. So a load
that is resumed leaves out the same rows, and a row that was rejected can be sent again without a double.

Keys are compared by their 128-bit digests. Of 100 million keys two different ones have the same digest with a
probability below 10^-22. Digests are spread over files by their first byte, and the repeats found in each are
spread again by their ordinal, so that a chunk finds its own in one short read.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_digest

from loader.errors import SourceError
from loader.mapping.cells import is_nested
from loader.mapping.known_keys import find_known_key
from loader.mapping.nested.paths import Columns
from loader.mapping.rules import Unique
from loader.progress import ReadingProgress, Silent
from loader.sources import FixedRows
from loader.spill import Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.mapping import Mapper, selection
    from loader.model import Chunk
    from loader.progress import Watch
    from loader.sources import Source

Ordinals = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.uint64]]

_KEYS = "To find repeated rows takes about 24 bytes for each row"
_FOUND = "To find repeated rows takes about 16 bytes for each repeat"
_TOP_BITS = 8
_BLOCK = 1 << 20
_TRAVELLING = pa.schema([("step", pa.int64()), ("distance", pa.int64())])
NONE_FIXED = FixedRows()


class Repeats:
    """The repeats of an input, by their ordinals. The file behind it goes when nobody holds it any more.

    Args:
        rows: rows of the input.

    Attributes:
        count: how many there are.
    """

    def __init__(self, rows: int) -> None:
        self.count = 0
        self._rows = rows
        self._shift = np.uint64(64 - max(_TOP_BITS, rows.bit_length()))
        self._spill = Spill(2, what=_FOUND)
        self._read: tuple[int, Ordinals, Ordinals] | None = None
        self._lock = Lock()
        weakref.finalize(self, self._spill.close)

    def __reduce__(self) -> tuple[Callable[[int, bytes], Repeats], tuple[int, bytes]]:
        """How they travel: ascending, each by its distance to the one before and to its original.

        That takes 4 to 5 bytes a repeat (measured with 1 to 5 million of them, at random places).
        """
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _TRAVELLING, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
            for start in range(0, self._rows, _BLOCK):
                repeats, originals = self.within(range(start, min(start + _BLOCK, self._rows)))
                steps = np.diff(repeats, prepend=0)
                out.write_batch(pa.record_batch([steps, repeats - originals], schema=_TRAVELLING))
        return _unpack, (self._rows, bytes(sink.getvalue()))

    def add(self, repeats: Numbers, originals: Numbers) -> None:
        """Add repeats, each with the row that goes in its place.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        self.count += len(repeats)
        self._spill.add(repeats << self._shift, originals)

    def within(self, rows: range) -> tuple[Ordinals, Ordinals]:
        """The repeats among some rows, ascending, and for each the row that goes in its place.

        Any thread may ask.
        """
        nothing = np.empty(0, np.int64)
        if not self.count or not rows:
            return nothing, nothing
        first, last = (self._find_bucket(row) for row in (rows.start, rows.stop - 1))
        with self._lock:  # one file, and one bucket in memory
            parts = [self._read_bucket(bucket) for bucket in range(first, last + 1)]
        repeats, originals = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
        low, high = np.searchsorted(repeats, (rows.start, rows.stop))
        return repeats[low:high], originals[low:high]

    def _find_bucket(self, row: int) -> int:
        return row << int(self._shift) >> (64 - _TOP_BITS)

    def _read_bucket(self, number: int) -> tuple[Ordinals, Ordinals]:
        if self._read is None or self._read[0] != number:
            records = self._spill.bucket(number)
            repeats = (records[:, 0] >> self._shift).astype(np.int64)
            order = np.argsort(repeats)
            self._read = number, repeats[order], records[order, 1].astype(np.int64)
        return self._read[1:]


def _unpack(rows: int, packed: bytes) -> Repeats:
    """The repeats that another process has found."""
    found = Repeats(rows)
    with pa.ipc.open_stream(packed) as stream:
        for batch in stream:
            steps, distances = (column.to_numpy() for column in batch.columns)
            repeats = np.cumsum(steps)
            found.add(repeats.astype(np.uint64), (repeats - distances).astype(np.uint64))
    return found


def find_repeats(
    source: Source, mapper: Mapper, rows: int, watch: Watch | None = None, *, fixed: FixedRows = NONE_FIXED
) -> Repeats | None:
    """Find the rows that repeat another one, in one pass over the input; None if the mapping does not ask.

    Args:
        source: the input. A damaged one is read as far as a load would read it.
        mapper: its mapping.
        rows: how many rows the input has.
        watch: shows how far the pass is.
        fixed: rows that went, or go, with other cells. Rows that repeat these cells are repeats too.

    Raises:
        ConfigError: the folder for temporary files is full.
    """
    unique, seen = mapper.mapping.unique, 0
    if unique is None:
        return None
    keys = Spill(3, what=_KEYS)

    def progress() -> ReadingProgress:
        return ReadingProgress(seen, rows, "rows", "Looking for repeated rows")

    try:
        with (watch or Silent()).reading(progress):
            try:
                for chunk in source.chunks():
                    ordinals, texts = read_keys(mapper, chunk, fixed)
                    keys.add(*digest_keys(texts), ordinals.astype(np.uint64))
                    seen = chunk.rows.stop
            except SourceError:
                pass  # the load comes to the same place, and says so
            found = Repeats(rows)
            for repeats, originals in pair_all(keys, last=unique.keep == "last"):
                found.add(repeats, originals)
    finally:
        keys.close()
    return found


def list_replaced(repeats: selection.Repeats, loaded: int) -> Iterator[tuple[Ordinals, Ordinals]]:
    """The rows before an ordinal in whose place a row from it on goes, ascending, each with that row."""
    for first in range(0, loaded, _BLOCK):
        rows, others = repeats.within(range(first, min(first + _BLOCK, loaded)))
        later = others >= loaded
        yield rows[later], others[later]


def read_keys(mapper: Mapper, chunk: Chunk, fixed: FixedRows) -> tuple[Ordinals, pa.Array]:
    """The rows of a chunk that have a key, ascending, and their keys; of a fixed row both, before and now."""
    ordinals, keys = mapper.find_keys(chunk)
    now = fixed.put_into(chunk)
    if now is chunk:
        return ordinals, keys
    again, others = mapper.find_keys(now)
    is_fixed = np.isin(again, fixed.ordinals)
    both = np.concatenate([ordinals, again[is_fixed]])
    order = np.argsort(both, kind="stable")
    return both[order], pa.concat_arrays([keys, others.filter(pa.array(is_fixed))]).take(pa.array(order))


class KnownKeys:
    """Counts rows that share an id that is known to be one for each row, if the mapping does not use it.

    Attributes:
        column: that holds the id; "" if there is none to look at.
    """

    def __init__(self, mapper: Mapper | None, column: str) -> None:
        self.column = column
        self._mapper = mapper
        self._keys = Spill(3)

    @classmethod
    def of(cls, mapper: Mapper, source: Source) -> KnownKeys:
        """Look at the known id of an input of events."""
        mapping, columns = mapper.mapping, Columns(source.schema)
        if mapping.unique is not None or not mapping.method.timed:
            return cls(None, "")
        column = find_known_key(columns.__contains__)
        kind = columns.type_of(column) if column else None
        if kind is None or is_nested(kind):
            return cls(None, "")
        mapping = replace(mapping, unique=Unique((column,)))
        return cls(replace(mapper, mapping=mapping), column)

    def add(self, chunk: Chunk) -> None:
        """Look at the rows of a chunk.

        Raises:
            ConfigError: the folder for temporary files is full.
        """
        if self._mapper is not None:
            ordinals, texts = self._mapper.find_keys(chunk)
            self._keys.add(*digest_keys(texts), ordinals.astype(np.uint64))

    def close(self) -> None:
        """Give back what the counting took."""
        self._keys.close()

    def count_repeats(self) -> int:
        """How many rows repeat the id of an earlier row; nothing can be added afterwards."""
        count = sum(len(repeats) for repeats, _ in pair_all(self._keys, last=False))
        self._keys.close()
        return count


def digest_keys(keys: pa.Array) -> tuple[Numbers, Numbers]:
    """The two halves of the digest of each key, an Arrow array of bytes."""
    # A call of C for each key, from C: 0.2 µs.
    digests = b"".join(map(xxh3_128_digest, keys.to_pylist()))
    halves: Numbers = np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)
    return halves[:, 0], halves[:, 1]


def pair_all(keys: Spill, *, last: bool) -> Iterator[tuple[Numbers, Numbers]]:
    """The repeats among all records, each once, with the row that goes in its place.

    A bucket is large only if many rows have one key. So beside a part of it, one record for each of its keys
    is in memory.
    """
    for parts in keys.parted_buckets(backwards=last):
        records, repeats = np.empty((0, 3), np.uint64), np.empty(0, np.uint64)
        for part in parts:
            known = records[np.isin(records[:, 2], repeats, invert=True)]
            records = np.concatenate([part, known] if last else [known, part])
            repeats, originals = pair_repeats(records, last=last)
            others = repeats != originals  # a fixed row with the key that it had
            repeats, originals = repeats[others], originals[others]
            yield repeats, originals


def pair_repeats(records: Numbers, *, last: bool) -> tuple[Numbers, Numbers]:
    """The repeats among records of two halves and an ordinal, each with the row that goes in its place.

    Records with one digest ascend by their ordinals; the first of them goes, or the last.
    """
    order = np.lexsort((records[:, 1], records[:, 0]))  # stable
    high, low, ordinals = (records[order, column] for column in range(3))
    if not len(ordinals):
        return ordinals, ordinals
    begins = np.ones(len(ordinals), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    goes = np.append(begins[1:], True) if last else begins
    originals = ordinals[goes][np.cumsum(begins) - 1]
    return ordinals[~goes], originals[~goes]
