"""Records of numbers to be grouped by a key: in memory while they are few, then on disk.

An exact count (devices with several users, the same body twice) needs every row at once. A sorted file on
disk gives that in flat memory: rows are spread over buckets by their key, and each bucket is small.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from loader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Records = np.ndarray[Any, np.dtype[np.uint64]]

Run = tuple[int, Any]  # where it begins in the file, and the bounds of its buckets

BUFFERED = 1 << 17
PART = 1 << 20
CHECK = "A check stores about 50 bytes for each row"
_BUCKETS = 256
_SHIFT = np.uint64(56)


class Spill:
    """Records of unsigned 64-bit numbers. The first number is a hash: the key.

    Args:
        width: numbers in a record.
        buffered: records held in memory.
        what: what needs the disk, as the beginning of a sentence.

    The file has no name if the system allows that, so that not even a kill leaves it behind.
    """

    def __init__(self, width: int, *, buffered: int = BUFFERED, what: str = CHECK) -> None:
        self._what = what
        self._buffer: Records = np.empty((buffered, width), np.uint64)
        self._used = 0
        self._file: IO[bytes] | None = None
        self._runs: list[Run] = []

    def add(self, *columns: Any) -> None:
        """Append records, given by columns.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        start, rows = 0, len(columns[0])
        while start < rows:
            if self._used == len(self._buffer):
                self._write()
            taken = min(rows - start, len(self._buffer) - self._used)
            for number, column in enumerate(columns):
                self._buffer[self._used : self._used + taken, number] = column[start : start + taken]
            self._used += taken
            start += taken

    def buckets(self) -> Iterator[Records]:
        """All records, in parts without common keys. Within a part they keep the order of addition."""
        if self._file is None:
            yield self._buffer[: self._used]
            return
        for bucket in range(_BUCKETS):
            yield self.bucket(bucket)

    def bucket(self, number: int) -> Records:
        """The records whose key has this number as its highest byte, in the order of addition."""
        if self._file is None:
            records: Records = self._buffer[: self._used]
            found: Records = records[records[:, 0] >> _SHIFT == number]
            return found
        if self._used:
            self._write()
        return np.concatenate([self._read(run, number) for run in self._runs])

    def parted_buckets(self, *, backwards: bool = False) -> Iterator[Iterator[Records]]:
        """As `buckets`, each in parts of bounded size, however many records have one key.

        Args:
            backwards: the latest part of each bucket first. Within a part the order stays that of addition.
        """
        if self._file is None:
            yield iter([self._buffer[: self._used]])
            return
        if self._used:
            self._write()
        runs = self._runs[::-1] if backwards else self._runs
        for bucket in range(_BUCKETS):
            yield self._join_runs(runs, bucket, backwards=backwards)

    def _join_runs(self, runs: Sequence[Run], bucket: int, *, backwards: bool) -> Iterator[Records]:
        part: list[Records] = []
        for run in runs:
            part.append(self._read(run, bucket))
            if sum(map(len, part)) >= PART:
                yield np.concatenate(part[::-1] if backwards else part)
                part = []
        if part:
            yield np.concatenate(part[::-1] if backwards else part)

    def close(self) -> None:
        """Give back memory and disk."""
        self._buffer = self._buffer[:0].copy()
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        with explaining_disk(self._what):
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="pushwoosh-loader-")  # noqa: SIM115 - see close
            records = self._buffer[: self._used]
            key = (records[:, 0] >> _SHIFT).astype(np.uint8)
            # numpy sorts single bytes by radix: linear, and stable.
            order = np.argsort(key, kind="stable")
            bounds = np.searchsorted(key[order], np.arange(_BUCKETS + 1))
            self._runs.append((self._file.tell(), bounds))
            # `take`, because records[order] takes five times as long.
            self._file.write(records.take(order, axis=0).tobytes())
        self._used = 0

    def _read(self, run: Run, bucket: int) -> Records:
        start, bounds = run
        width = self._buffer.shape[1]
        low, high = int(bounds[bucket]) * width * 8, int(bounds[bucket + 1]) * width * 8
        assert self._file is not None  # noqa: S101 - for mypy: only called when there are runs
        self._file.seek(start + low)
        records: Records = np.frombuffer(self._file.read(high - low), np.uint64)
        return records.reshape(-1, width)


@contextmanager
def explaining_disk(what: str) -> Iterator[None]:
    """Say what needs the disk if the folder for temporary files cannot take it.

    Raises:
        ConfigError: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{what} in {tempfile.gettempdir()}, and writing there "
            f"failed: {error.strerror}. Free some space there, or set TMPDIR to a folder with more space."
        ) from None
