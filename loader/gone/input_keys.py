"""The keys of an input, on disk, by the first byte of their digests."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.ledger.kept_ids import BUCKETS, SCHEMA, NamedKeys
from loader.spill import explaining_disk

if TYPE_CHECKING:
    from loader.ledger.records import Numbers

_BUFFERED_ROWS = 1 << 17
_BUFFERED_BYTES = 1 << 24
_SHIFT = np.uint64(56)
_WHAT = "To find the keys that are gone takes about 20 bytes more for each row than its key has"


class InputKeys:
    """Keys and their digests, in memory while they are few, else in a file without a name."""

    def __init__(self) -> None:
        self._buffer = NamedKeys.none()
        self._file: IO[bytes] | None = None
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(BUCKETS)]

    def add(self, high: Numbers, low: Numbers, keys: pa.Array) -> None:
        """Add keys, Arrow bytes, with the halves of their digests.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        added = NamedKeys(high, low, keys, np.zeros(len(high), np.int32))
        self._buffer = NamedKeys.join(self._buffer, added)
        if len(self._buffer) >= _BUFFERED_ROWS or self._buffer.keys.nbytes >= _BUFFERED_BYTES:
            self._write()

    def read(self, bucket: int) -> NamedKeys:
        """All keys whose digests begin with this byte; one may be there several times."""
        first = self._buffer.high >> _SHIFT
        found = self._buffer.take(np.flatnonzero(first == np.uint64(bucket)))
        for start, length in self._pieces[bucket]:
            assert self._file is not None  # noqa: S101 - for mypy: there is a file if there are pieces
            self._file.seek(start)
            packed = pa.py_buffer(self._file.read(length))
            found = NamedKeys.join(found, NamedKeys.unpack(pa.ipc.read_record_batch(packed, SCHEMA)))
        return found

    def close(self) -> None:
        """Give back the disk."""
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        with explaining_disk(_WHAT):
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="pushwoosh-loader-")  # noqa: SIM115 - see close
            self._file.seek(0, 2)
            first = (self._buffer.high >> _SHIFT).astype(np.uint8)
            order = np.argsort(first, kind="stable")
            batch = self._buffer.take(order).pack()
            bounds = np.searchsorted(first[order], np.arange(BUCKETS + 1)).tolist()
            for bucket in range(BUCKETS):
                low, high = bounds[bucket], bounds[bucket + 1]
                if low < high:
                    start = self._file.tell()
                    self._file.write(batch.slice(low, high - low).serialize())
                    self._pieces[bucket].append((start, self._file.tell() - start))
        self._buffer = NamedKeys.none()
