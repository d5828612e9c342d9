"""A load that does not move: answers come, and none of them settles a row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.message import Message, Quote, Setting
from loader.model import Stop, StopCode

if TYPE_CHECKING:
    from collections.abc import Callable


class Standstill:
    """How long no row was confirmed or rejected, although something came back.

    Counted from the first attempt that brought no progress: the time that a run needs to begin, or waits for
    its own rate, is none of it.

    Args:
        longest: seconds.
        wall: Unix time, for the sentence.
    """

    def __init__(self, longest: float, wall: Callable[[], float]) -> None:
        self._longest = longest
        self._wall = wall
        self._since: float | None = None
        self._began = 0.0
        self._attempts = 0

    def moved(self) -> None:
        """A row was confirmed or rejected."""
        self._since = None
        self._attempts = 0

    def stalled(self, now: float, reason: str) -> Stop | None:
        """An attempt brought nothing; `Stop` when that has lasted for too long."""
        if self._since is None:
            self._since, self._began = now, self._wall()
        self._attempts += 1
        if now - self._since < self._longest:
            return None
        sentence = Message(
            "No row was confirmed or rejected since {since} UTC, in {attempts} attempts.{last} Load again "
            "later, or allow more time with {give_up_after}.",
            since=f"{datetime.fromtimestamp(self._began, UTC):%Y-%m-%d %H:%M}",
            attempts=f"{self._attempts:,}",
            last=Quote(f" The last answer: {reason.rstrip('.')}."),
            give_up_after=Setting("give_up_after"),
        )
        return Stop(StopCode.STANDSTILL, sentence)
