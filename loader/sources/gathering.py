"""Slabs of the size that a reader found handy, made into slabs of the size that a mapping takes best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from loader.errors import SourceError
from loader.sources.records import Slab

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Wide records make smaller slabs, so that a chunk with its bodies stays within a few megabytes.
ENOUGH_BYTES = 3 << 20


def gather_slabs(slabs: Iterable[Slab], rows: int) -> Iterator[Slab]:
    """The same records in slabs of `rows`; fewer if they are wide, at the end, or before another table.

    Args:
        slabs: of one file, each beginning where the one before it ends.
        rows: records of a slab at most.

    Raises:
        SourceError: as raised by the slabs; all records before have been yielded.
    """
    gathering = Gathering(rows)
    failure = None
    try:
        for slab in slabs:
            yield from gathering.take(slab)
    except SourceError as error:
        failure = error
    yield from gathering.give()
    if failure is not None:
        raise failure


class Gathering:
    """Parts of slabs of one file that become one slab.

    Args:
        rows: records of it at most.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._parts: list[Slab] = []
        self._bytes = 0

    def take(self, slab: Slab) -> Iterator[Slab]:
        """Add a slab; yield what is large enough now."""
        if self._parts and not self._parts[-1].table.schema.equals(slab.table.schema):
            yield from self.give()
        start = slab.first
        while start < slab.end:
            before = self._parts[0].first if self._parts else start
            part = slab.between(start, before + self._rows)
            self._parts.append(part)
            self._bytes += part.table.nbytes
            start = part.end
            if start - before == self._rows or self._bytes >= ENOUGH_BYTES:
                yield from self.give()

    def give(self) -> Iterator[Slab]:
        """All that waits."""
        parts, self._parts, self._bytes = self._parts, [], 0
        if parts:
            yield _join(parts)


def _join(parts: Sequence[Slab]) -> Slab:
    """Slabs that follow each other, as one whose columns are in one piece each."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0].first
    joined = Slab(first, pa.concat_tables([part.table for part in parts]).combine_chunks(), {})
    for part in parts:
        before = part.first - first
        joined.unreadable.update((before + at, reason) for at, reason in part.unreadable.items())
        joined.no_data.update((before + at, reason) for at, reason in part.no_data.items())
    return joined
