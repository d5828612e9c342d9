"""The course of the runs, for charts and tables: pure arithmetic on stretches of traffic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from loader.latency import BUCKETS, compute_quantile, find_longest
from loader.report.facts import RunStretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.report.facts import RunFacts

MOST_POINTS = 240
"""Of all runs together: on a page, more cannot be distinguished."""
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
        allowed, used: how many requests might be on the wire, and how many were on average.
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
class TrafficSum:
    """A run's traffic in sum: what a line of a table says. Times are None if no answer came."""

    seconds: float
    attempts: int
    rows: int
    half: float | None
    nine: float | None
    most: float | None
    longest: float | None
    waited: tuple[tuple[str, float], ...]


def sum_traffic(stretches: Sequence[RunStretch]) -> TrafficSum:
    """The sum of some stretches."""
    whole = join_stretches(stretches) if stretches else RunStretch(0, 0.0, 0.0, 0, 0, 0, 0.0)
    times = whole.times
    waited = tuple(sorted(whole.waited.items(), key=lambda entry: -entry[1]))
    half, nine, most = compute_percentiles(times)
    return TrafficSum(
        whole.seconds, whole.attempts, whole.rows, half, nine, most, find_longest(times), waited
    )


def compute_percentiles(times: Sequence[int]) -> tuple[float | None, float | None, float | None]:
    """Times that 50, 90 and 99 of a hundred answers did not exceed."""
    return compute_quantile(times, 0.5), compute_quantile(times, 0.9), compute_quantile(times, 0.99)


def join_stretches(stretches: Sequence[RunStretch]) -> RunStretch:
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


def trace_course(runs: Sequence[RunFacts], most: int = MOST_POINTS) -> list[list[Point]]:
    """The points of each run that has any, at most about `most` in all."""
    busy = [run.stretches for run in runs if run.stretches]
    total = sum(stretch.seconds for stretches in busy for stretch in stretches)
    gap, start = _GAP * total, 0.0
    found = []
    for stretches in busy:
        thinned = list(thin_stretches(stretches, total / most))
        found.append(list(place_points(thinned, start)))
        start += sum(stretch.seconds for stretch in stretches) + gap
    return found


def thin_stretches(stretches: Sequence[RunStretch], least: float) -> Iterator[RunStretch]:
    """The same time in stretches of at least N seconds; the last one may be shorter."""
    group: list[RunStretch] = []
    for stretch in stretches:
        group.append(stretch)
        if sum(each.seconds for each in group) >= least:
            yield join_stretches(group)
            group = []
    if group:
        yield join_stretches(group)


def place_points(stretches: Sequence[RunStretch], start: float) -> Iterator[Point]:
    """Stretches of one run, from a place on the axis on."""
    ends = accumulate((stretch.seconds for stretch in stretches), initial=start)
    for before, stretch in zip(ends, stretches, strict=False):
        seconds = max(stretch.seconds, 1e-6)
        half, nine, most = compute_percentiles(stretch.times)
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
