"""How the sampled times of a column are written: as a known export writes them, or what all of them fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from loader.mapping import clocks, timestamps, usual_formats
from loader.mapping.cells import is_moment
from loader.mapping.instants import Window
from loader.mapping.rules import NO_CLOCK, Clock

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SampledTimes:
    """The sampled times of one column.

    Attributes:
        cells: with their own type; null if there is none.
        texts: the same as text.
        now: the latest plausible time.
    """

    cells: pa.Array
    texts: pa.Array
    now: datetime

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.texts) - int(self.texts.null_count)

    def choose_clock(self, usual: Clock = NO_CLOCK) -> tuple[Clock, str]:
        """How they are written, and what is unsure about it.

        Args:
            usual: how a known export writes them; without a format or unit, nothing is known.
        """
        if is_moment(self.cells.type):
            return NO_CLOCK, ""
        return self._try_clock(usual) if usual.format or usual.unit else self._find_clock()

    def count_fitting(self, clock: Clock) -> int:
        """How many of them a clock reads as plausible times."""
        times, window = timestamps.read(self.cells, self.texts, clock), Window.of(clock, self.now)
        utc = np.where(times.zoned, times.wall - times.own, times.wall)
        return int((times.good & (utc >= window.earliest) & (utc <= window.latest)).sum())

    def carry_zone(self, clock: Clock) -> bool:
        """Whether they carry their own offset, or count from UTC."""
        if not (is_moment(self.cells.type) or clock.format or clock.unit):
            return False
        times = timestamps.read(self.cells, self.texts, clock)
        return bool(times.good.any() and times.carried[times.good].all())

    def _try_clock(self, usual: Clock) -> tuple[Clock, str]:
        """The usual clock if the sample fits it, or the only other one that the whole sample fits."""
        fitting = self.count_fitting(usual)
        if fitting == self.count:
            return usual, ""
        written = f'unit = "{usual.unit}"' if usual.unit else f'format = "{usual.format}"'
        seen = f"such exports have {written}, but {fitting:,} of {self.count:,} sampled times fit that"
        found, doubt = self._find_clock()
        if not doubt and self.count_fitting(found) == self.count:
            return found, f"{seen}. What is written here fits all of them; is it right?"
        return usual, f"{seen}, and the others would be rejected. Write the right unit or format."

    def _find_clock(self) -> tuple[Clock, str]:
        try:
            decided = clocks.decide(self.cells, self.texts, Clock(zone="UTC"), self.now).clock
        except clocks.Undecided as undecided:
            forms = usual_formats.list_fitting(self.texts)
            if len(forms) == 1:
                return Clock(format=forms[0]), ""
            listed = " and ".join(f'format = "{form}"' for form in forms)
            fitting = f"{listed} fit all of the sample. Write the right one."
            return NO_CLOCK, fitting if forms else str(undecided)
        return replace(decided, zone=None), ""
