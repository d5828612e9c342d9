"""Which time the vendor counts by, and the hours that differ."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loader.verification.counts.hours import Expected, Hours, find_spans
from loader.verification.counts.readings import Clocked, Comparison, compare_counts

HOURS = st.dictionaries(st.integers(400_000, 400_200), st.integers(1, 50), min_size=1, max_size=30)
LOADS = st.dictionaries(st.sampled_from(["purchase", "view", "open"]), HOURS, min_size=1)
SENDING = frozenset({480_000, 480_001})


def expect(load: dict[str, dict[int, int]], doubtful: int = 0) -> Hours:
    """What is expected: all confirmed, and in each hour some more in doubt."""
    return Hours(
        {
            event: {hour: Expected(count, doubtful) for hour, count in hours.items()}
            for event, hours in load.items()
        }
    )


def list_differing(found: Comparison) -> set[tuple[str, int | None, int]]:
    """What differs, by event and hour: rows too many, or too few below 0."""
    return {(each.event, each.hour, each.extra - each.missing) for each in found.differences}


@settings(deadline=None)
@given(LOADS)
def test_counts_by_the_time_of_the_event_are_recognised(load: dict[str, dict[int, int]]) -> None:
    """Whoever counts by `timestampUTC` counts exactly what is expected."""
    found = compare_counts(expect(load), SENDING, load)
    assert found.reading.clocked is Clocked.EVENT
    assert found.reading.fits
    assert found.equal == sum(map(len, load.values()))


@settings(deadline=None)
@given(LOADS, st.integers(0, 100))
def test_counts_by_arrival_are_recognised(load: dict[str, dict[int, int]], percent: int) -> None:
    """Whoever counts by arrival has all rows in the hours of sending, however they are spread over these."""
    counted = {}
    for event, hours in load.items():
        total = sum(hours.values())
        early = total * percent // 100
        counted[event] = {480_000: early, 480_001: total - early}
    found = compare_counts(expect(load), SENDING, counted)
    assert found.reading.clocked is Clocked.ARRIVAL
    assert found.reading.fits


@settings(deadline=None)
@given(LOADS, st.data())
def test_each_hour_that_differs_is_named_and_no_other(
    load: dict[str, dict[int, int]], data: st.DataObject
) -> None:
    """The user sees what is missing and what is too much, to the row."""
    counted = {event: dict(hours) for event, hours in load.items()}
    cells = [(event, hour) for event, hours in load.items() for hour in hours]
    changed = {}
    for event, hour in data.draw(st.lists(st.sampled_from(cells), unique=True, max_size=len(cells) // 2)):
        count = data.draw(st.integers(0, 60))
        assume(count != load[event][hour])
        counted[event][hour] = count
        changed[event, hour] = count - load[event][hour]
    found = compare_counts(expect(load), frozenset({1}), counted)
    assert found.reading.clocked is Clocked.EVENT
    assert list_differing(found) == {(event, hour, off) for (event, hour), off in changed.items()}
    assert found.reading.missing == sum(-off for off in changed.values() if off < 0)
    assert found.reading.extra == sum(off for off in changed.values() if off > 0)


@settings(deadline=None)
@given(LOADS, st.integers(1, 9), st.data())
def test_rows_in_doubt_may_be_there_or_not(
    load: dict[str, dict[int, int]], doubtful: int, data: st.DataObject
) -> None:
    """A doubt is not a difference, whichever way it went."""
    counted = {
        event: {hour: count + data.draw(st.integers(0, doubtful)) for hour, count in hours.items()}
        for event, hours in load.items()
    }
    assert compare_counts(expect(load, doubtful), SENDING, counted).reading.fits


@settings(deadline=None)
@given(st.integers(-12, 14), st.data())
def test_hours_of_another_zone_are_recognised_if_there_are_enough(shift: int, data: st.DataObject) -> None:
    """If every one of many hours fits another zone, it is the zone."""
    numbers = data.draw(st.lists(st.integers(1, 9), min_size=20, max_size=40))
    # An hour with a number of its own, so that no other shift fits too.
    load = {"purchase": {400_000: 1000} | {400_000 + at * 3: count for at, count in enumerate(numbers, 1)}}
    moved = {"purchase": {hour + shift: count for hour, count in load["purchase"].items()}}
    found = compare_counts(expect(load), SENDING, moved)
    assert found.reading.fits
    assert found.reading.shift == shift


def test_one_event_is_never_explained_by_another_zone() -> None:
    """An event that is missing, and another sender's three hours later, are not an event in another zone."""
    found = compare_counts(expect({"view": {400_000: 1}}), SENDING, {"view": {400_003: 1}})
    assert not found.reading.fits
    assert found.reading.missing == 1


def test_what_other_apps_send_is_a_surplus_and_not_a_deficit() -> None:
    """Events of others in the same hours are shown as too many, and those of the load are all there."""
    found = compare_counts(expect({"view": {400_000: 3}}), SENDING, {"view": {400_000: 5, 400_001: 9}})
    assert list_differing(found) == {("view", 400_000, 2)}
    assert found.totals[0].counted == 5


@settings(deadline=None)
@given(st.sets(st.integers(0, 2000), min_size=1), st.integers(1, 50), st.integers(10, 200))
def test_spans_cover_every_hour_once_and_are_short(hours: set[int], apart: int, longest: int) -> None:
    """Each hour is asked for once, and no order is longer than the vendor may take."""
    spans = find_spans(hours, apart=apart, longest=longest)
    assert all(sum(hour in span for span in spans) == 1 for hour in hours)
    assert all(len(span) <= longest for span in spans)
