"""What happened to the runs, on the axis of the charts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loader.model import OUTAGE, RATE_LIMIT, VENDOR_ASKED
from loader.report.course import trace_course
from loader.report.incidents import LEVELS, Incident, choose_named, list_incidents, place_labels
from tests.report.conftest import BEGAN, run, stretches, troubled, wait


def test_waits_and_ends_are_named_at_their_time() -> None:
    """An outage lies where nothing could be sent, a kill and an interrupt where their runs end."""
    runs = troubled().runs
    course = trace_course(runs)
    outage, killed, asked, interrupted = list_incidents(runs, course)
    assert (outage.name, outage.begin, outage.end) == ("outage", 50, 90)
    assert (killed.name, killed.begin, killed.end) == ("killed", 300, 300)
    assert asked.name == "vendor asked to wait"
    assert (interrupted.name, interrupted.begin) == ("interrupted", course[1][-1].x + course[1][-1].width / 2)


def test_what_was_planned_is_not_marked() -> None:
    """A load without trouble has no marks: its own rate is no incident, nor is a wait of a blink."""
    quiet = (
        run(1, BEGAN, stretches=wait(stretches(1, BEGAN), range(5, 9), RATE_LIMIT)),
        run(2, BEGAN + timedelta(hours=1), stretches=()),
        run(3, BEGAN + timedelta(hours=2), stretches=stretches(3, BEGAN, 2, 600.0)),
    )
    assert list_incidents(quiet, trace_course(quiet)) == []


def test_other_waits_are_told_apart() -> None:
    """Waits for different reasons that follow each other are two incidents."""
    waits = (
        wait(stretches(1, BEGAN), range(2, 4), OUTAGE)[:4]
        + wait(stretches(1, BEGAN), range(4, 6), VENDOR_ASKED)[4:]
    )
    runs = (run(1, BEGAN, stretches=waits),)
    names = [incident.name for incident in list_incidents(runs, trace_course(runs))]
    assert names == ["outage", "vendor asked to wait"]


@given(
    st.lists(st.tuples(st.floats(0, 630), st.sampled_from(["killed", "vendor asked to wait"])), max_size=60)
)
def test_names_never_stand_over_each_other(places: list[tuple[float, str]]) -> None:
    """However much happens, each name that is shown can be read."""
    labels = place_labels(sorted(places), 630)
    assert len(labels) == len(places) or len(labels) >= LEVELS
    for level in range(LEVELS):
        spans = sorted(
            (label.x, label.x + 6 * len(label.name))
            if label.anchor == "start"
            else (label.x - 6 * len(label.name), label.x)
            for label in labels
            if label.level == level
        )
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_an_outage_with_probes_in_it_is_one() -> None:
    """Rows that a probe gets through in the middle of an outage do not make it two on a chart."""
    found = stretches(1, BEGAN, 200)
    waits = tuple(
        replace(each, waited={OUTAGE: 9.0} if number in {50, 51, 53, 54, 120} else {})
        for number, each in enumerate(found)
    )
    runs = (run(1, BEGAN, stretches=waits),)
    spans = [(incident.begin, incident.end) for incident in list_incidents(runs, trace_course(runs))]
    assert spans == [(500, 550), (1200, 1210)]


def test_of_many_waits_the_longest_are_named() -> None:
    """A load with fifty short outages keeps the name of each kind and of each end."""
    outages = [Incident(10 * n, 10 * n + 1 + n / 100, "outage") for n in range(50)]
    asked, killed = Incident(600, 600.5, "vendor asked to wait"), Incident(610, 610, "killed")
    named = choose_named([*outages, asked, killed], 4)
    assert named == [*outages[-4:], asked, killed]
