"""When the events happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from loader.mapping import Clocks

Seconds = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(slots=True)
class EventTimes:
    """The times of the rows that would be sent.

    Attributes:
        now: the start of the check, in seconds since 1970.
        first, last: in seconds since 1970; None if there is no row.
        months: rows in each month of the local wall clock, such as ``2024-02``.
        in_future: rows later than `now`.
        naive: times without an offset, by the zone in which they were read.
        skipped, twice: times of all rows that fell into the gap or the repeated hour of daylight saving.
    """

    now: int
    first: int | None = None
    last: int | None = None
    months: Counter[str] = field(default_factory=Counter)
    in_future: int = 0
    naive: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    twice: int = 0

    def add(self, utc: Seconds, current: Seconds) -> None:
        """Count these times."""
        if not len(utc):
            return
        low, high = int(utc.min()), int(utc.max())
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)
        if high > self.now:
            self.in_future += int((utc > self.now).sum())
        months = current.view("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        least = int(months.min())
        counts = np.bincount(months - least)
        for month in np.flatnonzero(counts).tolist():
            self.months[str(np.datetime64(least + month, "M"))] += int(counts[month])

    def add_clocks(self, clocks: Clocks) -> None:
        """Count how times were read, including times of rejected rows."""
        self.naive.update(clocks.naive)
        self.skipped += clocks.skipped
        self.twice += clocks.twice
