"""Round numbers and times for an axis, and their labels: pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUND_SECONDS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)
"""Steps of a time axis that are read at once."""


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
