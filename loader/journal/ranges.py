"""A set of ordinals, kept as few ranges: the rows below the intent mark that were given back."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Ranges:
    """Disjoint ascending ranges; neighbours are joined."""

    def __init__(self, ranges: Iterable[range] = ()) -> None:
        self._ranges = list(join_ranges(ranges))

    def __iter__(self) -> Iterator[range]:
        return iter(self._ranges)

    def __len__(self) -> int:
        """Number of ordinals."""
        return sum(map(len, self._ranges))

    def __contains__(self, ordinal: int) -> bool:
        at = bisect_right(self._ranges, ordinal, key=lambda rows: rows.start) - 1
        return at >= 0 and ordinal < self._ranges[at].stop

    def covers(self, rows: range) -> bool:
        """Whether every ordinal of `rows` is in the set."""
        if not rows:
            return True
        at = bisect_right(self._ranges, rows.start, key=lambda each: each.start) - 1
        return at >= 0 and rows.stop <= self._ranges[at].stop

    def with_rows(self, added: Iterable[range]) -> Ranges:
        """The set with all of `added` in it too."""
        return Ranges([*self._ranges, *added])

    def without(self, *removed: range) -> Ranges:
        """The set with none of `removed` in it."""
        holes = iter(join_ranges(removed))
        hole = next(holes, None)
        kept: list[range] = []
        for each in self._ranges:
            start = each.start
            while hole is not None and hole.start < each.stop:
                kept.append(range(start, hole.start))
                start = max(start, hole.stop)
                if hole.stop > each.stop:
                    break
                hole = next(holes, None)
            kept.append(range(start, each.stop))
        return Ranges(kept)


def join_ranges(ranges: Iterable[range]) -> Iterator[range]:
    """The same ordinals as the fewest ascending ranges."""
    last: range | None = None
    for rows in sorted((rows for rows in ranges if rows), key=lambda rows: rows.start):
        if last is not None and rows.start <= last.stop:
            last = range(last.start, max(last.stop, rows.stop))
            continue
        if last is not None:
            yield last
        last = rows
    if last is not None:
        yield last


def collect_ranges(ordinals: Iterable[int]) -> Iterator[range]:
    """Single ordinals, in any order, as the fewest ascending ranges."""
    return join_ranges(range(ordinal, ordinal + 1) for ordinal in ordinals)
