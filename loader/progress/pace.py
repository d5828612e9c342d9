"""How fast a load goes and when it will be done: a pure state machine, time is passed in."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

RECENT_SECONDS = 10.0
"""Seconds over which the present rate is measured."""

STEADY_SECONDS = 60.0
"""Seconds over which the rate for the time left is measured, without waits: steady, and soon right again."""

LEAST_SECONDS = 1.0
"""Seconds that a rate needs at least."""

_SAMPLES = 20


class Speed(NamedTuple):
    """Rates in rows a second and times in seconds; None if unknown.

    Attributes:
        now: over the last ten seconds.
        mean: over this run, waits included.
        left: until all is done, if it continues like this.
    """

    now: float | None = None
    mean: float | None = None
    left: float | None = None


class Pace:
    """Follows the rows that are settled. What earlier runs settled does not count.

    Args:
        settled: rows that were settled before.
        now: seconds of any clock that only goes forward.
    """

    def __init__(self, settled: int, now: float) -> None:
        self._before, self._began, self._last = settled, now, now
        self._moving = 0.0
        self._recent = _Window(RECENT_SECONDS, settled, now)
        self._steady = _Window(STEADY_SECONDS, settled, 0.0)

    def see(
        self, settled: int, goal: int, now: float, pause: float | None = None, *, answered: bool = True
    ) -> Speed:
        """Take in one observation.

        Args:
            settled: rows that are settled by now, over all runs.
            goal: rows that will be settled in the end.
            now: of the clock.
            pause: seconds for which the sender still waits; None if it does not.
            answered: whether the vendor answered to a row of this run. Rows that were rejected on this
                machine do not tell how long the others will take.
        """
        if pause is None:
            self._moving += now - self._last
        self._last = now
        recent = self._recent.see(settled, now)
        steady = self._steady.see(settled, self._moving)
        elapsed = now - self._began
        mean = (settled - self._before) / elapsed if elapsed >= LEAST_SECONDS else None
        rate = steady if answered else None
        return Speed(recent, mean, _estimate_left(goal - settled, rate, pause or 0.0))


def _estimate_left(rows: int, rate: float | None, pause: float) -> float | None:
    if rows <= 0:
        return 0.0
    return rows / rate + pause if rate else None


class _Window:
    """The rate over the last N seconds, from few samples."""

    def __init__(self, seconds: float, count: int, now: float) -> None:
        self._seconds = seconds
        self._samples = deque([(now, count)])

    def see(self, count: int, now: float) -> float | None:
        samples = self._samples
        while len(samples) > 1 and samples[1][0] <= now - self._seconds:
            samples.popleft()
        if now - samples[-1][0] >= self._seconds / _SAMPLES:
            samples.append((now, count))
        then, before = samples[0]
        return (count - before) / (now - then) if now - then >= LEAST_SECONDS else None


class Silence:
    """Measures for how long nothing was heard while requests are on the wire. Seconds are passed in.

    Args:
        now: of any clock that only goes forward.
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._heard: object = None

    def see(self, heard: object, now: float, *, waits: bool) -> float:
        """The seconds of silence.

        Args:
            heard: what changes with each answer.
            now: of the clock.
            waits: whether an answer is waited for.
        """
        if not waits or heard != self._heard:
            self._since, self._heard = now, heard
        return now - self._since


class Pauses:
    """Finds where a pause begins and ends; of many short ones in a row, one. Seconds are passed in."""

    def __init__(self, every: float = RECENT_SECONDS) -> None:
        self._every = every
        self._told = ""
        self._told_at = float("-inf")
        self._paused = False

    def see(self, reason: str, now: float) -> str:
        """What to report of a sender that waits for `reason`, or for nothing: "pause", "resume" or ""."""
        if not reason:
            ended, self._paused = self._paused, False
            return "resume" if ended else ""
        if self._paused and reason == self._told:
            return ""
        if reason == self._told and now - self._told_at < self._every:
            return ""
        self._paused, self._told, self._told_at = True, reason, now
        return "pause"
