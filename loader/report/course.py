"""The course of the runs, for charts and tables: pure arithmetic on stretches of traffic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from loader.latency import BUCKETS, longest, quantile
from loader.report.facts import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.report.facts import RunFacts

MOST_POINTS = 240
"""Of all runs together: more cannot be told apart on a page."""
_GAP = 0.02


@dataclass(frozen=True, slots=True)
class Point:
    """A stretch of time as charts show it.

    Attributes:
        x: its middle, in seconds of loading since the first run began; pauses between runs are cut short.
        width: its length on that axis.
        at: its middle, in seconds since 1970.
        rate: rows a second.
        half, nine, most: times that 50, 90 and 99 of a hundred answers did not exceed; None without one.
        allowed, used: how many requests might be on the wire, and how many were on the mean.
        waiting: the share of the time in which nothing could be sent, 0 to 1.
    """

    x: float
    width: float
    at: float
    rate: float
    half: float | None
    nine: float | None
    most: float | None
    allowed: int
    used: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """A run's traffic in sum: what a line of a table says. Times are None if no answer came."""

    seconds: float
    attempts: int
    rows: int
    half: float | None
    nine: float | None
    most: float | None
    longest: float | None
    waited: tuple[tuple[str, float], ...]


def traffic(stretches: Sequence[Stretch]) -> Traffic:
    """The sum of some stretches."""
    whole = joined(stretches) if stretches else Stretch(0, 0.0, 0.0, 0, 0, 0, 0.0)
    times = whole.times
    waited = tuple(sorted(whole.waited.items(), key=lambda entry: -entry[1]))
    half, nine, most = percentiles(times)
    return Traffic(whole.seconds, whole.attempts, whole.rows, half, nine, most, longest(times), waited)


def percentiles(times: Sequence[int]) -> tuple[float | None, float | None, float | None]:
    """Times that 50, 90 and 99 of a hundred answers did not exceed."""
    return quantile(times, 0.5), quantile(times, 0.9), quantile(times, 0.99)


def joined(stretches: Sequence[Stretch]) -> Stretch:
    """Neighbouring stretches of one run, or those of several in sum, as one."""
    waited: Counter[str] = Counter()
    for stretch in stretches:
        waited.update(stretch.waited)
    return replace(
        stretches[-1],
        seconds=sum(stretch.seconds for stretch in stretches),
        rows=sum(stretch.rows for stretch in stretches),
        window=max(stretch.window for stretch in stretches),
        attempts=sum(stretch.attempts for stretch in stretches),
        wire_seconds=sum(stretch.wire_seconds for stretch in stretches),
        waited=dict(waited),
        times=tuple(map(sum, zip(*(stretch.times for stretch in stretches), strict=True))) or (0,) * BUCKETS,
    )


def course(runs: Sequence[RunFacts], most: int = MOST_POINTS) -> list[list[Point]]:
    """The points of each run that has any, at most about `most` in all."""
    busy = [run.stretches for run in runs if run.stretches]
    total = sum(stretch.seconds for stretches in busy for stretch in stretches)
    gap, start = _GAP * total, 0.0
    found = []
    for stretches in busy:
        thinned = list(thin(stretches, total / most))
        found.append(list(points(thinned, start)))
        start += sum(stretch.seconds for stretch in stretches) + gap
    return found


def thin(stretches: Sequence[Stretch], least: float) -> Iterator[Stretch]:
    """The same time in stretches of at least N seconds; the last one may be shorter."""
    group: list[Stretch] = []
    for stretch in stretches:
        group.append(stretch)
        if sum(each.seconds for each in group) >= least:
            yield joined(group)
            group = []
    if group:
        yield joined(group)


def points(stretches: Sequence[Stretch], start: float) -> Iterator[Point]:
    """Stretches of one run, from a place on the axis on."""
    ends = accumulate((stretch.seconds for stretch in stretches), initial=start)
    for before, stretch in zip(ends, stretches, strict=False):
        seconds = max(stretch.seconds, 1e-6)
        half, nine, most = percentiles(stretch.times)
        yield Point(
            x=before + stretch.seconds / 2,
            width=stretch.seconds,
            at=stretch.at - stretch.seconds / 2,
            rate=max(0, stretch.rows) / seconds,
            half=half,
            nine=nine,
            most=most,
            allowed=stretch.window,
            used=stretch.wire_seconds / seconds,
            waiting=min(1.0, sum(stretch.waited.values()) / seconds),
        )
