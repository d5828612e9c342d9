"""What the sender has done, counted on the way of every attempt: it must cost next to nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loader.latency import Histogram
from loader.model import Answer, NotSent, Traffic

if TYPE_CHECKING:
    from loader.model import Attempt


class Meter:
    """Counts attempts, their times and the waits of one run."""

    __slots__ = ("_answers", "_attempts", "_times", "_waited", "_window", "_wire_seconds")

    def __init__(self) -> None:
        self._answers = [0] * 6
        self._attempts = 0
        self._window = 0
        self._wire_seconds = 0.0
        self._waited: defaultdict[str, float] = defaultdict(float)
        self._times = Histogram()

    def count_attempt(self, attempt: Attempt, seconds: float) -> None:
        """Count an attempt that ended after `seconds`. Only an answer tells how long the vendor takes."""
        if isinstance(attempt, NotSent):
            return
        self._attempts += 1
        self._wire_seconds += seconds
        if isinstance(attempt, Answer):
            self._times.add(seconds)
            self._answers[attempt.status // 100 if 100 <= attempt.status < 600 else 0] += 1

    def waited(self, reason: str, seconds: float) -> None:
        """Count the seconds in which nothing could be sent, and why."""
        if reason and seconds > 0:
            self._waited[reason] += seconds

    def allowed(self, window: int) -> None:
        """Note how many requests may be on the wire from now on."""
        self._window = max(self._window, window)

    @property
    def answers(self) -> tuple[int, ...]:
        """Answers by the first digit of their HTTP status, 1 to 5."""
        return tuple(self._answers[1:])

    @property
    def waits(self) -> dict[str, float]:
        """Seconds in which nothing could be sent, by the reason."""
        return dict(self._waited)

    def read(self, window: int) -> Traffic:
        """Read all counts so far, with the widest window since the last reading or the present one."""
        widest, self._window = max(self._window, window), 0
        return Traffic(
            widest, self._attempts, self._wire_seconds, dict(self._waited), tuple(self._times.counts)
        )
