"""Which time the vendor counts by, and the hours in which its counts differ from what is expected.

No source says whether the vendor's hours follow `timestampUTC` or the moment at which an event arrived, nor
in which zone it writes them. So each reading is tried, and the one that fits best is shown and named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from loader.verification.counts.hours import Expected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loader.verification.counts.hours import Hours

    Counted = Mapping[str, Mapping[int, int]]

#: Hours that a zone can be off UTC: from Baker Island to the Line Islands.
SHIFTS = range(-12, 15)
#: With fewer hours, another zone could fit by chance: one event that is missing, and another sender's later.
ENOUGH_HOURS = 12


class Clocked(StrEnum):
    """Which time an hour of the vendor is of."""

    EVENT = "timestampUTC"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the vendor's hours.

    Attributes:
        clocked: which time they are of.
        shift: hours by which they are ahead of UTC; 0 unless only another zone explains them.
        missing, extra: rows that are then too few and too many, over all hours and events.
    """

    clocked: Clocked
    shift: int
    missing: int
    extra: int

    @property
    def fits(self) -> bool:
        """Whether every hour of every event is as expected."""
        return not self.missing and not self.extra


@dataclass(frozen=True, slots=True)
class HourDifference:
    """One hour of one event that differs.

    Attributes:
        event: its name.
        hour: the vendor's hour, by its number since 1970; None for all hours of sending together.
        by_time: rows with a `timestampUTC` in it; None if hours of sending are compared.
        by_sending: rows that were sent in it; None if the checkpoint does not know.
        counted: what the vendor counts.
        missing, extra: rows that are too few, and too many.
    """

    event: str
    hour: int | None
    by_time: Expected | None
    by_sending: Expected | None
    counted: int
    missing: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True)
class EventTotal:
    """All hours of one event together: what is expected, and what the vendor counts in these hours."""

    event: str
    expected: Expected
    counted: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the counts show.

    Attributes:
        reading: the one that fits best.
        equal: hours (of an event each) that are as expected.
        differences: the other ones, by event and hour.
        totals: by event.
    """

    reading: Reading
    equal: int
    differences: tuple[HourDifference, ...]
    totals: tuple[EventTotal, ...]


def compare_counts(expected: Hours, sending: frozenset[int], counted: Counted) -> Comparison:
    """Compare the vendor's counts with what is expected, under the reading that fits best.

    Args:
        expected: rows by event and hour of `timestampUTC`.
        sending: the hours in which rows were sent.
        counted: the vendor's counts by event and hour; an hour that it does not name has none.
    """
    # What is missing weighs more, because a surplus may be another sender's. Of equals, the first is taken.
    return min(_try_readings(expected, sending, counted), key=_rank)


def _rank(tried: Comparison) -> tuple[int, int]:
    return tried.reading.missing, tried.reading.extra


def _try_readings(expected: Hours, sending: frozenset[int], counted: Counted) -> Iterator[Comparison]:
    """The time of the event in UTC, the moment of sending, and other zones if there are enough hours."""
    yield _by_event_time(expected, sending, counted, 0)
    yield _by_sending(expected, sending, counted)
    if sum(map(len, expected.by_event.values())) < ENOUGH_HOURS:
        return
    for shift in sorted(SHIFTS, key=abs):
        moved = _by_event_time(expected, sending, counted, shift)
        if moved.reading.fits:
            yield moved


def _by_event_time(expected: Hours, sending: frozenset[int], counted: Counted, shift: int) -> Comparison:
    """Hour by hour; only hours in which something is expected are compared."""
    equal, found, totals = 0, list[HourDifference](), list[EventTotal]()
    for event, hours in sorted(expected.by_event.items()):
        counts, seen = counted.get(event, {}), 0
        for hour, rows in sorted(hours.items()):
            count = counts.get(hour + shift, 0)
            seen += count
            if off := rows.miss(count):
                sent = _sent_in(hour + shift, sending, expected.total(event))
                found.append(
                    HourDifference(event, hour + shift, rows, sent, count, max(-off, 0), max(off, 0))
                )
            else:
                equal += 1
        totals.append(EventTotal(event, expected.total(event), seen))
    return _conclude(Clocked.EVENT, shift, equal, found, totals)


def _by_sending(expected: Hours, sending: frozenset[int], counted: Counted) -> Comparison:
    """All hours of sending together, because the checkpoint does not know when which row was sent."""
    equal, found, totals = 0, list[HourDifference](), list[EventTotal]()
    for event in sorted(expected.by_event):
        rows, counts = expected.total(event), counted.get(event, {})
        count = sum(counts.get(hour, 0) for hour in sending)
        if off := rows.miss(count):
            found.append(HourDifference(event, None, None, rows, count, max(-off, 0), max(off, 0)))
        else:
            equal += 1
        totals.append(EventTotal(event, rows, count))
    return _conclude(Clocked.ARRIVAL, 0, equal, found, totals)


def _sent_in(hour: int, sending: frozenset[int], total: Expected) -> Expected | None:
    """What was sent in one hour, if that is known: none, or all if there was only one hour."""
    if hour not in sending:
        return Expected()
    return total if len(sending) == 1 else None


def _conclude(
    clocked: Clocked, shift: int, equal: int, found: list[HourDifference], totals: list[EventTotal]
) -> Comparison:
    missing, extra = sum(each.missing for each in found), sum(each.extra for each in found)
    return Comparison(Reading(clocked, shift, missing, extra), equal, tuple(found), tuple(totals))
