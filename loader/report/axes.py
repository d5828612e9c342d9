"""The places of the marks on an axis, and their labels: pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.report.course import Point

_ROUND_SECONDS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)
#: A single run that takes no longer is looked at by seconds, not by the time of day.
SHORT = 120.0

Mark = tuple[float, str]


def scale_counts(highest: float, marks: int = 4) -> list[float]:
    """Round numbers from 0 to at least the highest."""
    step = round_step(max(highest, 1e-9) / marks)
    return [step * number for number in range(math.ceil(max(highest, 1e-9) / step - 1e-9) + 1)]


def round_step(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def scale_decades(lowest: float, highest: float) -> list[float]:
    """Round numbers around two positive ones: 1, 2 and 5 times powers of ten; fewer if there are many."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        marks = [factor * 10.0**power for power in powers for factor in factors]
        inner = [mark for mark in marks if lowest <= mark <= highest]
        if len(inner) <= 6:
            break
    below = max((mark for mark in marks if mark <= lowest), default=lowest)
    above = min((mark for mark in marks if mark >= highest), default=highest)
    return sorted({below, *inner, above})


def mark_moments(runs: Sequence[Sequence[Point]], most: int) -> list[Mark]:
    """Marks along the runs at round times of even steps; at most about `most`."""
    begin, end = start(runs[0][0]), runs[-1][-1].x + runs[-1][-1].width / 2
    span = end - begin
    least = 0.8 * span / most
    if is_in_seconds(runs):
        step = next((each for each in _ROUND_SECONDS if each >= span / most), _ROUND_SECONDS[-1])
        return [(step * number, format_seconds(step * number, step)) for number in range(int(end / step) + 1)]
    step = next((each for each in _ROUND_SECONDS if each >= least), _ROUND_SECONDS[-1])
    days = runs[-1][-1].at - runs[0][0].at > 86400
    marks: list[Mark] = []
    before = 0
    for points in runs:
        # A point knows its time of day: between the two axes of one run lies a constant.
        shift = points[0].at - points[0].x
        first, stop = start(points[0]), points[-1].x + points[-1].width / 2
        inner = [at - shift for at in list_multiples(first + shift, stop + shift, step)]
        # A run in which no round time lies is marked where it begins.
        places, exact = (inner, step) if inner else ([first], 1)
        if before > 1 and places[0] - marks[-1][0] < least:
            marks.pop()
        room = [x for x in places if not marks or x - marks[-1][0] >= least]
        marks += [(x, format_clock(x + shift, days=days, step=exact)) for x in room]
        before = len(room)
    return marks


def mark_names(names: Sequence[str], most: int) -> list[str]:
    """Months or years at even steps, at most N: those at which a quarter, a year or a decade begins."""
    months = len(names[0]) > 4
    steps = (1, 2, 3, 6, 12, 24, 60, 120) if months else (1, 2, 5, 10, 20, 50, 100, 1000)

    def count(name: str) -> int:
        year, _, month = name.partition("-")
        return 12 * int(year) + int(month) - 1 if months else int(year)

    for step in steps:
        found = [name for name in names if count(name) % step == 0]
        if len(found) <= max(most, 1):
            return found or [names[0]]
    return [names[0]]


def is_in_seconds(runs: Sequence[Sequence[Point]]) -> bool:
    """Whether the marks are seconds of a single short run, and not the time of day."""
    return len(runs) == 1 and runs[0][-1].x <= SHORT


def start(point: Point) -> float:
    """Where a point's stretch begins on the axis."""
    return point.x - point.width / 2


def list_multiples(low: float, high: float, step: float) -> list[float]:
    """The multiples of a step between two numbers."""
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def format_seconds(seconds: float, step: float) -> str:
    """Seconds, as exact as the step asks for."""
    return f"{seconds:.1f} s" if step < 1 else f"{seconds:.0f} s"


def format_clock(at: float, *, days: bool, step: float) -> str:
    """A time of day in UTC; with its date if there are several."""
    form = "%-d %b %H:%M" if days else "%H:%M:%S" if step < 60 else "%H:%M"
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime(form.replace("%-d", str(moment.day)))
