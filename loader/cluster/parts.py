"""Which rows a worker reads, and which worker holds them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.reading import group_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loader.cluster.messages import ReadPart
    from loader.cluster.station import Station
    from loader.model import Outcome

#: Rows that one worker reads and maps at a time; fewer if the input is small, so that each worker has some.
PART_ROWS = 8192
_LEAST_ROWS = 256
#: A worker holds at most this many parts: one is sent, one is ready, one is read.
PARTS_A_WORKER = 3


@dataclass(slots=True, eq=False)
class Part:
    """Some consecutive wanted rows, which one worker reads, maps and sends.

    Attributes:
        number: from 0, in the order of the input.
        rows: ascending ranges.
        holder: the worker that has it; None if it waits for one.
        ready: whether the holder has the bodies.
        read: what the first reader found, until it is leased.
        digest: of the bodies, once they were read.
        leased: whether all its rows were leased.
        left: rows that were handed out and have no final outcome.
        waiting: rows that are to be sent as soon as a holder is ready.
        failed: workers that could not read it to its end.
        waits_until: when they go back to the dispatcher, on the monotonic clock; None if there are none.
    """

    number: int
    rows: tuple[range, ...]
    holder: Station | None = None
    ready: bool = False
    read: ReadPart | None = None
    digest: int | None = None
    leased: bool = False
    left: int = 0
    waiting: list[tuple[bytes, object]] = field(default_factory=list)
    waits_until: float | None = None
    failed: list[Station] = field(default_factory=list)

    def find_fit(self, stations: Iterable[Station]) -> list[Station]:
        """The workers that have not failed to read it."""
        return [station for station in stations if station not in self.failed]

    @property
    def done(self) -> bool:
        """Whether nobody will ask for its bodies any more."""
        return self.leased and not self.left


class Parts:
    """The parts of one load.

    Attributes:
        open: those that were given out and are not done, by their numbers, ascending.
    """

    def __init__(self) -> None:
        self.open: dict[int, Part] = {}
        self._fresh: Iterator[Part] = iter(())
        self._returned: list[Part] = []
        self._unleased: deque[Part] = deque()
        self._all_cut = False

    def begin(self, wanted: Sequence[range], workers: int) -> None:
        """Cut the wanted rows, which are in ascending ranges, into parts."""
        rows = sum(map(len, wanted))
        size = min(max(rows // (4 * max(workers, 1)), _LEAST_ROWS), PART_ROWS)
        groups = group_ranges(wanted, size)
        self._fresh = (Part(number, tuple(group)) for number, group in enumerate(groups))

    def assign(self, stations: Iterable[Station]) -> None:
        """Give parts to the workers that can take more, those that came back first."""
        present = list(stations)
        if present:
            self._assign_oldest(present)
        able = [each for each in present if each.parts < PARTS_A_WORKER]
        while able:
            station = min(able, key=_count_parts)
            part = self._take(station, present)
            if part is not None:
                _give(part, station)
            if part is None or station.parts >= PARTS_A_WORKER:
                able.remove(station)

    def _assign_oldest(self, stations: Sequence[Station]) -> None:
        """Give the oldest part to somebody even if all have enough: all the others may wait for it.

        Rows are leased in order, and a row waits for those of its device in front of it.
        """
        oldest = next(iter(self.open.values()), None)
        if oldest in self._returned:
            self._returned.remove(oldest)
            _give(oldest, min(oldest.find_fit(stations) or stations, key=_count_parts))

    def _take(self, station: Station, present: Sequence[Station]) -> Part | None:
        fit = [part for part in self._returned if station not in part.failed or not part.find_fit(present)]
        if fit:
            part = min(fit, key=lambda part: part.number)
            self._returned.remove(part)
            return part
        return self._cut()

    def _cut(self) -> Part | None:
        part = next(self._fresh, None)
        if part is None:
            self._all_cut = True
            return None
        self.open[part.number] = part
        self._unleased.append(part)
        return part

    def return_from(self, station: Station) -> None:
        """A worker is lost: its parts wait for another one."""
        for part in self.open.values():
            if part.holder is station:
                part.holder, part.ready = None, False
                self._returned.append(part)

    def hand_on(self, part: Part) -> None:
        """Have a part read by another worker than its holder, which could not read it to its end."""
        assert part.holder is not None  # noqa: S101 - it said so
        part.failed.append(part.holder)
        part.holder.forget(part)
        part.holder, part.ready = None, False
        self._returned.append(part)

    @property
    def next(self) -> Part | None:
        """The next part to be leased; None if there is none yet, or no more."""
        return self._unleased[0] if self._unleased else None

    @property
    def exhausted(self) -> bool:
        """Whether all parts were leased."""
        return self._all_cut and not self._unleased

    def note_leased(self, part: Part) -> None:
        """All rows of the next part have been leased."""
        self._unleased.popleft()
        part.leased, part.read = True, None
        self._close(part)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Count final outcomes; a part of which all rows have one is forgotten."""
        parts = list(self.open.values())
        firsts = [part.rows[0].start for part in parts]
        for outcome in outcomes:
            if outcome.resending:
                continue
            part = parts[bisect_right(firsts, outcome.ordinal) - 1]
            part.left -= 1
            if not part.left:
                self._close(part)

    def _close(self, part: Part) -> None:
        if part.done and self.open.pop(part.number, None) is not None and part.holder is not None:
            part.holder.forget(part)


def _give(part: Part, station: Station) -> None:
    part.holder = station
    station.give(part)


def _count_parts(station: Station) -> int:
    return station.parts
