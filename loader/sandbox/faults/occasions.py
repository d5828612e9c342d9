"""Which calls a fault hits."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Occasion:
    """Calls that fulfil all of these; what is not set, every call fulfils.

    Attributes:
        share: of the calls, by chance; from 0 to 1.
        every: only calls whose number is a multiple of it.
        calls: the first and the last number, from 1; the last one may be infinite.
        seconds: from when until before when, since the first call; the end may be infinite.
    """

    share: float | None = None
    every: int | None = None
    calls: tuple[float, float] | None = None
    seconds: tuple[float, float] | None = None

    def covers(self, number: int, at: float) -> bool:
        """Whether a call is in its place and time, before chance has its say.

        Args:
            number: of the call, from 1.
            at: seconds since the first call.
        """
        if self.every is not None and number % self.every:
            return False
        first, last = self.calls or (1, inf)
        begin, end = self.seconds or (0.0, inf)
        return first <= number <= last and begin <= at < end

    def is_lucky(self, luck: float) -> bool:
        """Whether chance hits.

        Args:
            luck: evenly between 0 and 1.
        """
        return self.share is None or luck < self.share


ALWAYS = Occasion()
