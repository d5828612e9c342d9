"""The offsets of a zone as a table, to be looked up for whole columns.

The standard library gives the offset at one instant, but a column needs a hundred thousand. So the
transitions are searched for day by day, in blocks of a year and 23 days, only where a column has times, and
each block is kept. (pandas looks up whole columns too, but in the database of the system, and only some
versions of it are fast.)
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Seconds = np.ndarray[Any, np.dtype[np.int64]]

_DAY = 86_400
_BLOCK_BITS = 25
# Of so few blocks all are made: to look which of them a column needs would take longer.
_FEW = 10
# What `datetime` can hold in every zone.
_FIRST, _LAST = (int(datetime(year, 1, day, tzinfo=UTC).timestamp()) for year, day in ((1, 3), (9999, 1)))


class Offsets(NamedTuple):
    """Offsets, and the instants from which they are in force.

    Attributes:
        since: instants, ascending.
        offset: seconds east of UTC from each instant on.
    """

    since: Seconds
    offset: Seconds

    @classmethod
    def around(cls, utc: Seconds, zone: ZoneInfo) -> Offsets:
        """The table for all instants of a column, and for a day before and after each."""
        return _joined(zone, _find_blocks(utc))

    def at(self, utc: Seconds) -> Seconds:
        """The offset at each instant."""
        return self.offset[np.searchsorted(self.since, utc, side="right") - 1]

    def next(self, utc: Seconds) -> Seconds:
        """The first instant after each at which the offset changes."""
        return self.since[np.searchsorted(self.since, utc, side="right")]


def _find_blocks(utc: Seconds) -> tuple[int, ...]:
    """The blocks of all instants, and of a day before and after each; few blocks need no look at each."""
    first, last = (int(utc.min()) - _DAY) >> _BLOCK_BITS, (int(utc.max()) + _DAY) >> _BLOCK_BITS
    if last - first < _FEW:
        return tuple(range(first, last + 1))
    found = {int(block) for shift in (-_DAY, 0, _DAY) for block in np.unique((utc + shift) >> _BLOCK_BITS)}
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def _joined(zone: ZoneInfo, blocks: tuple[int, ...]) -> Offsets:
    found = [pair for block in blocks for pair in _block(zone, block)]
    since, offset = (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))
    changed = np.append(True, np.diff(offset) != 0)
    return Offsets(since[changed], offset[changed])


@cache
def _block(zone: ZoneInfo, block: int) -> list[tuple[int, int]]:
    """The offset at the start of a block, and each change in it."""
    start, end = block << _BLOCK_BITS, (block + 1) << _BLOCK_BITS
    found = [(start, offset_at(start, zone))]
    for earlier in range(start, end, _DAY):
        later = min(earlier + _DAY, end - 1)
        if offset_at(later, zone) != found[-1][1]:
            found.append(_change(earlier, later, zone))
    return found


def _change(before: int, after: int, zone: ZoneInfo) -> tuple[int, int]:
    """The instant between two at which the offset changes."""
    old = offset_at(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset_at(middle, zone) == old else (before, middle)
    return after, offset_at(after, zone)


def offset_at(utc: int, zone: ZoneInfo) -> int:
    """Seconds east of UTC at one instant; before year 1 and after 9999 the offset of these years."""
    moment = datetime.fromtimestamp(min(max(utc, _FIRST), _LAST), zone).utcoffset()
    return int(moment.total_seconds()) if moment is not None else 0
