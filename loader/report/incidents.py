"""What happened to the runs, at its place on the axis of the charts: pure arithmetic."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from loader.model import OUTAGE, RATE_LIMIT, RETRY_AFTER, VENDOR_ASKED
from loader.report.axes import start
from loader.text.escape import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.report.course import Point
    from loader.report.facts import RunFacts, RunStretch

NOTABLE = 0.1
"""The share of a stretch in which nothing could be sent, from which on it is marked."""

_NAMES = {
    OUTAGE: "outage",
    RETRY_AFTER: "vendor asked to wait",
    VENDOR_ASKED: "vendor asked to wait",
}

_NEAR = 0.006  # of the whole axis: two or three points of a page
_LETTER = 6.4  # units of a drawing, at a font size of 11
LEVELS = 3
"""How many names may stand above each other."""


class Incident(NamedTuple):
    """What happened from one place of the axis to another; at one place, if they are the same."""

    begin: float
    end: float
    name: str


class Label(NamedTuple):
    """A name beside its incident.

    Attributes:
        x: in units of the drawing.
        level: from 0, the one next to the chart.
        anchor: "start" or "end": which end of the name is at `x`.
        name: what happened.
    """

    x: float
    level: int
    anchor: str
    name: str


def list_incidents(runs: Sequence[RunFacts], course: Sequence[Sequence[Point]]) -> list[Incident]:
    """Waits for the vendor, outages, and ends that nobody planned, in the order of time."""
    found: list[Incident] = []
    near = _NEAR * (course[-1][-1].x if course else 0.0)
    busy = (run for run in runs if run.stretches)
    for run, points in zip(busy, course, strict=True):
        found += join_neighbours(_list_waits(run.stretches, start(points[0])), near)
        if run.mark:
            end = points[-1].x + points[-1].width / 2
            found.append(Incident(end, end, escape(run.mark)))
    return sorted(found)


def _list_waits(stretches: Sequence[RunStretch], begin: float) -> Iterator[Incident]:
    ends = accumulate((stretch.seconds for stretch in stretches), initial=begin)
    for at, stretch in zip(ends, stretches, strict=False):
        waited = {name: seconds for name, seconds in stretch.waited.items() if name != RATE_LIMIT}
        if waited and sum(waited.values()) >= NOTABLE * stretch.seconds:
            longest = max(waited, key=waited.__getitem__)
            yield Incident(at, at + stretch.seconds, _NAMES.get(longest) or escape(longest))


def join_neighbours(incidents: Iterator[Incident], near: float) -> list[Incident]:
    """Waits for the same within N seconds of each other as one: a probe in between ends no outage."""
    found: list[Incident] = []
    for each in incidents:
        last = found[-1] if found else None
        if last is not None and last.name == each.name and each.begin - last.end <= near:
            found[-1] = last._replace(end=each.end)
        else:
            found.append(each)
    return found


def choose_named(incidents: Sequence[Incident], most: int) -> list[Incident]:
    """The incidents whose names are written: ends, the longest wait of each kind, and N of the longest."""
    waits = sorted(incidents, key=lambda each: each.begin - each.end)
    first = {each.name: each for each in reversed(waits)}.values()
    named = {*first, *waits[:most], *(each for each in incidents if each.begin == each.end)}
    return sorted(named)


def place_labels(places: Sequence[tuple[float, str]], width: float) -> list[Label]:
    """Names at their places, without one over another; those without room are left out.

    Args:
        places: where each name belongs, ascending.
        width: of the drawing.
    """
    taken = [float("-inf")] * LEVELS
    found: list[Label] = []
    for x, name in places:
        long = _LETTER * len(name)
        anchor = "start" if x + long <= width else "end"
        left = x if anchor == "start" else x - long
        level = next((number for number, until in enumerate(taken) if left >= until + _LETTER), None)
        if level is not None:
            taken[level] = left + long
            found.append(Label(x, level, anchor, name))
    return found
