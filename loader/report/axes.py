"""The marks along the runs of a load, and where they stand: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.look.scales import ROUND_SECONDS, format_clock, format_seconds, list_multiples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.report.course import Point

#: A single run that takes no longer is looked at by seconds, not by the time of day.
SHORT = 120.0

Mark = tuple[float, str]


def mark_moments(runs: Sequence[Sequence[Point]], most: int) -> list[Mark]:
    """Marks along the runs at round times of even steps; at most about `most`."""
    begin, end = start(runs[0][0]), runs[-1][-1].x + runs[-1][-1].width / 2
    span = end - begin
    least = 0.8 * span / most
    if is_in_seconds(runs):
        step = next((each for each in ROUND_SECONDS if each >= span / most), ROUND_SECONDS[-1])
        return [(step * number, format_seconds(step * number, step)) for number in range(int(end / step) + 1)]
    step = next((each for each in ROUND_SECONDS if each >= least), ROUND_SECONDS[-1])
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


def is_in_seconds(runs: Sequence[Sequence[Point]]) -> bool:
    """Whether the marks are seconds of a single short run, and not the time of day."""
    return len(runs) == 1 and runs[0][-1].x <= SHORT


def start(point: Point) -> float:
    """Where a point's stretch begins on the axis."""
    return point.x - point.width / 2
