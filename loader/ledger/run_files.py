"""Run files: records in two columns, written once and never changed; mapped into memory to be searched.

All first halves of the digests come first, then the rest of each record, then every 4,096th half once more:
with these in memory a search touches one place of the file for each key, and not one for each step. A file
has room for as many records as it could need; its parts begin at the same places however many there are.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from xxhash import xxh3_64_digest, xxh3_128

from loader.journal.checkpoint_files import NO_FOLLOW, OWNER_ONLY, sync_folder
from loader.ledger.records import HALF, RECORD_BYTES, REST, Records, pick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from loader.ledger.records import Numbers, Places

# The system maps up to 64 KiB around each page that is touched, and counts it as memory of this process.
# After this many keys what was mapped is given back: the pages stay in the system's cache.
_KEYS_BETWEEN = 512
_STEP = 4096
# Where in a seal the digest of the steps is.
_STEPS_SEAL = slice(32, 40)
_SLICE = 1 << 16


class RunDamaged(Exception):
    """A run file is missing, or not as it was written."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """What the ledger knows of a run file.

    Attributes:
        number: in its name.
        place: in the order of age; what a newer run says of a key counts.
        count: records.
        capacity: records that it has room for.
        seal: digest of its columns.
    """

    number: int
    place: int
    count: int
    capacity: int
    seal: bytes

    def path(self, ledger: Path) -> Path:
        """Where it is."""
        return name_run(ledger, self.number)


def name_run(ledger: Path, number: int) -> Path:
    """The file of a run, beside the ledger."""
    return ledger.with_name(f"{ledger.name}-keys-{number:06d}")


class MappedRun:
    """A run file that can be searched.

    Args:
        ledger: the ledger's file.
        file: what it says of the run.

    Raises:
        RunDamaged: it is missing, or of another size.
    """

    def __init__(self, ledger: Path, file: RunFile) -> None:
        self.file = file
        self._path = file.path(ledger)
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | NO_FOLLOW)
        except OSError as error:
            raise RunDamaged(f"{self._path} cannot be read: {error.strerror}") from error
        if os.fstat(self._descriptor).st_size != count_bytes(file.capacity):
            self.close()
            raise RunDamaged(f"{self._path} is not as it was written: its size differs")
        self._steps = self._read_steps()

    def __len__(self) -> int:
        return self.file.count

    def records(self) -> Records:
        """All records, mapped; what is touched of them stays in memory as long as the result."""
        if not self.file.count:
            return Records(np.empty(0, HALF), np.empty(0, REST))
        mapped = mmap.mmap(self._descriptor, count_bytes(self.file.capacity), access=mmap.ACCESS_READ)
        high = np.frombuffer(mapped, HALF, self.file.count)
        rest = np.frombuffer(mapped, REST, self.file.count, HALF.itemsize * self.file.capacity)
        return Records(high, rest)

    def find(self, high: Numbers, low: Numbers) -> tuple[Places, np.ndarray[Any, Any]]:
        """As `Run.find`."""
        hits, found = [np.empty(0, np.intp)], [np.empty(0, REST)]
        for first in range(0, len(high), _KEYS_BETWEEN):
            part = slice(first, first + _KEYS_BETWEEN)
            places, rest = self._find(self.records(), high[part], low[part])
            hits.append(places + first)
            found.append(rest)
        return np.concatenate(hits), np.concatenate(found)

    def _find(self, records: Records, high: Numbers, low: Numbers) -> tuple[Places, np.ndarray[Any, Any]]:
        """Find keys: between two of the steps, and only there, by a search of all keys at a time."""
        last = np.searchsorted(self._steps, high) * _STEP
        start, stop = np.maximum(last - _STEP, 0), np.minimum(last, len(records))
        for _ in range(_STEP.bit_length()):
            middle = (start + stop) >> 1
            open_still = start < stop
            below = np.zeros(len(high), np.bool_)
            below[open_still] = records.high[middle[open_still]] < high[open_still]
            start = np.where(below, middle + 1, start)
            stop = np.where(open_still & ~below, middle, stop)
        return pick(records, start, high, low)

    def _read_steps(self) -> Numbers:
        count = -(-self.file.count // _STEP)
        os.lseek(self._descriptor, RECORD_BYTES * self.file.capacity, os.SEEK_SET)
        packed = os.read(self._descriptor, HALF.itemsize * count)
        if xxh3_64_digest(packed) != self.file.seal[_STEPS_SEAL]:
            self.close()
            raise RunDamaged(f"{self._path} is not as it was written: a checksum differs")
        return np.frombuffer(packed, HALF)

    def slice(self, start: int, stop: int | None) -> Records:
        """The records whose first half is from `start` up to `stop`, or to the end, copied."""
        records = self.records().slice(start, stop)
        return Records(records.high.copy(), records.rest.copy())

    def verify(self) -> None:
        """Read all of it.

        Raises:
            RunDamaged: it is not as it was written.
        """
        seal, slices = Seal(), cut_space(self.file.count)
        for start, stop in slices:
            seal.add(self.slice(start, stop))
        if seal.digest() != self.file.seal[: _STEPS_SEAL.start]:
            raise RunDamaged(f"{self._path} is not as it was written: its checksum differs")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def count_bytes(capacity: int) -> int:
    """The size of a run file with room for a number of records."""
    return RECORD_BYTES * capacity + HALF.itemsize * -(-capacity // _STEP)


class Seal:
    """The digest of records that are added in their order."""

    def __init__(self) -> None:
        self._high, self._rest = xxh3_128(), xxh3_128()

    def add(self, records: Records) -> None:
        """Add records."""
        self._high.update(np.ascontiguousarray(records.high).tobytes())
        self._rest.update(np.ascontiguousarray(records.rest).tobytes())

    def digest(self) -> bytes:
        """The digest of all of them."""
        return self._high.digest() + self._rest.digest()


def cut_space(count: int) -> list[tuple[int, int | None]]:
    """Cut the space of first halves so that each part has some 65,536 of `count` records: they are even."""
    parts = max(1, -(-count // _SLICE))
    ends = [(1 << 64) * part // parts for part in range(1, parts)]
    return list(zip([0, *ends], [*ends, None], strict=True))


def write_run(ledger: Path, number: int, records: Records) -> RunFile:
    """Write records as a run, durably.

    Raises:
        OSError: it cannot be written.
    """
    steps = merge_runs(ledger, (number, number), len(records), [lambda _start, _stop: records], [(0, None)])
    return take_all(steps)


def merge_runs(
    ledger: Path,
    numbers: tuple[int, int],
    capacity: int,
    parts: Sequence[Callable[[int, int | None], Records]],
    cuts: Sequence[tuple[int, int | None]],
) -> Iterator[RunFile | None]:
    """Merge runs into a new one, a slice at each step; the last step gives the run, which is durable.

    Args:
        ledger: the ledger's file.
        numbers: number and place of the new run.
        capacity: how many records there may be.
        parts: each gives the records of a run in a slice, the oldest run first.
        cuts: the slices.

    Raises:
        OSError: it cannot be written.
    """
    number, place = numbers
    with _RunWriter(name_run(ledger, number), capacity) as writer:
        writer.make_room()
        for start, stop in cuts:
            writer.write(Records.merge([part(start, stop) for part in parts]))
            yield None
        seal = writer.finish()
    yield RunFile(number, place, writer.count, capacity, seal)


class _RunWriter:
    """A run file that is written slice by slice, and has its name only when it is whole.

    Args:
        path: its name in the end.
        capacity: how many records it has room for.

    Attributes:
        count: records so far.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self.count = 0
        self._path, self._capacity = path, capacity
        self._unfinished = path.with_name(f"{path.name}-new")
        self._seal, self._steps = Seal(), [np.empty(0, HALF)]
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | NO_FOLLOW
        self._file = os.fdopen(os.open(self._unfinished, flags, OWNER_ONLY), "r+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; of one that was not finished nothing stays."""
        with suppress(OSError):
            self._file.close()
            self._unfinished.unlink(missing_ok=True)

    def make_room(self) -> None:
        """Give the file its size."""
        self._file.truncate(count_bytes(self._capacity))

    def write(self, records: Records) -> None:
        """Write the next records, durably: so the end does not wait for all of them while answers come in."""
        self._seal.add(records)
        self._put(HALF.itemsize * self.count, records.high.tobytes())
        self._put(HALF.itemsize * self._capacity + REST.itemsize * self.count, records.rest.tobytes())
        self._sync()
        self._steps.append(records.high[-self.count % _STEP :: _STEP])
        self.count += len(records)

    def finish(self) -> bytes:
        """Write the steps, and give the file its name; the seal."""
        packed = np.concatenate(self._steps).tobytes()
        self._put(RECORD_BYTES * self._capacity, packed)
        self._sync()
        self._file.close()
        self._unfinished.replace(self._path)
        sync_folder(self._path.parent)
        return self._seal.digest() + xxh3_64_digest(packed)

    def _put(self, place: int, content: bytes) -> None:
        self._file.seek(place)
        self._file.write(content)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def take_all(steps: Iterator[RunFile | None]) -> RunFile:
    """Take all steps."""
    for found in steps:
        if found is not None:
            return found
    raise AssertionError("a run without an end")
