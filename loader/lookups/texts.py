"""The cells of one column as texts on disk, of which any can be read by their rows."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from itertools import pairwise
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from loader.mapping.encode import nulled
from loader.spill import explaining_disk

Rows = np.ndarray[Any, np.dtype[np.int64]]

#: Bytes of one segment: an offset of Arrow's texts has 32 bits.
MOST_BYTES: Final = (1 << 31) - 1
_OFFSET = 4
NEEDS = "A look-up stores its keys and values"


class Texts:
    """Texts, one for each row of a table; "" stands for an empty cell.

    Args:
        most_bytes: of one segment. More text than this begins another one.

    Attributes:
        rows: how many there are.

    The files have no name if the system allows that, so that not even a kill leaves them behind.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.rows = 0
        self._most = most_bytes
        self._bytes = tempfile.TemporaryFile(prefix="pushwoosh-loader-")  # noqa: SIM115 - closed by its end
        self._offsets = tempfile.TemporaryFile(prefix="pushwoosh-loader-")  # noqa: SIM115 - as above
        for file in (self._bytes, self._offsets):
            weakref.finalize(self, file.close)
        self._sizes: list[int] = []  # bytes of each segment
        self._starts: list[int] = []  # row at which each segment begins
        self._segments: list[pa.StringArray] = []

    def add(self, texts: pa.Array) -> None:
        """Append the texts of some rows.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        filled = texts.fill_null("")
        _, places, content = filled.buffers()
        ends = np.frombuffer(places, np.int32, len(filled) + 1, filled.offset * _OFFSET)
        size = int(ends[-1] - ends[0])
        with explaining_disk(NEEDS):
            if not self._sizes or self._sizes[-1] + size > self._most:
                self._sizes.append(0)
                self._starts.append(self.rows)
                self._offsets.write(bytes(_OFFSET))
            self._offsets.write((ends[1:] - ends[0] + self._sizes[-1]).astype(np.int32).tobytes())
            if content is not None and size:
                self._bytes.write(memoryview(content)[int(ends[0]) : int(ends[-1])])
        self._sizes[-1] += size
        self.rows += len(filled)

    def finish(self) -> None:
        """Map the texts into memory; none is added afterwards.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        content, places = _map(self._bytes), _map(self._offsets)
        at, first = 0, 0
        for (start, stop), size in zip(pairwise([*self._starts, self.rows]), self._sizes, strict=True):
            length = (stop - start + 1) * _OFFSET
            buffers = [None, places.slice(first, length), content.slice(at, size)]
            self._segments.append(pa.StringArray.from_buffers(stop - start, *buffers[1:]))
            at, first = at + size, first + length

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return sum(self._sizes)

    @property
    def column(self) -> pa.ChunkedArray:
        """All texts in their order, mapped from the disk."""
        return pa.chunked_array(self._segments, pa.string())

    def take(self, rows: Rows) -> pa.Array:
        """The texts of some rows; null if a row is -1 or its cell is empty."""
        if not self.rows:
            return pa.nulls(len(rows), pa.string())
        if len(self._segments) == 1:
            found = self._segments[0].take(pa.array(rows, mask=rows < 0))
        else:
            found = self._take_from_several(rows)
        empty = pa.compute.equal(found, "")
        return nulled(empty, found) if pa.compute.any(empty).as_py() else found

    def _take_from_several(self, rows: Rows) -> pa.Array:
        of = np.searchsorted(self._starts, rows, side="right") - 1
        parts, places = [pa.nulls(int((rows < 0).sum()), pa.string())], [np.flatnonzero(rows < 0)]
        for number, segment in enumerate(self._segments):
            here = np.flatnonzero((of == number) & (rows >= 0))
            parts.append(segment.take(pa.array(rows[here] - self._starts[number])))
            places.append(here)
        order = np.argsort(np.concatenate(places))
        return pa.concat_arrays(parts).take(pa.array(order))


def _map(file: IO[bytes]) -> pa.Buffer:
    """The content of a file as memory; the file is closed."""
    with file:
        with explaining_disk(NEEDS):
            file.flush()
        if not file.tell():
            return pa.py_buffer(b"")
        return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
