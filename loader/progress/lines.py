"""A line now and then, for a log file or CI."""

from __future__ import annotations

import time
from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.progress import words
from loader.progress.pace import Pauses
from loader.progress.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from loader.progress.moment import Moment, ReadingProgress


def read_utc() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class Periodic(Watch):
    """Tells the state every N seconds, and the beginning and the end of each pause when it comes."""

    def __init__(self, every: float = 10, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(seconds=min(every, 1.0), clock=clock)
        self._every = every
        self._due = clock() + every
        self._pauses = Pauses()

    def show_reading(self, reading: ReadingProgress) -> None:
        """Tell it when it is time."""
        if self._is_time():
            self.tell_reading(reading)

    def begin(self, moment: Moment, run: str | None) -> None:  # noqa: ARG002 - other watches show it
        """Time counts from zero again."""
        self._due = self._clock() + self._every

    def show(self, moment: Moment) -> None:
        """Tell a pause at once, and the rest when it is time."""
        told = self._pauses.see(moment.pause, self._clock())
        if told:
            self.tell(told, moment)
        elif self._is_time():
            self.tell("progress", moment)

    def end(self, moment: Moment) -> None:
        """Tell the end of a pause after which the load ended before the next look."""
        if told := self._pauses.see("", self._clock()):
            self.tell(told, moment)

    def _is_time(self) -> bool:
        now = self._clock()
        if now < self._due:
            return False
        self._due = now + self._every
        return True

    @abstractmethod
    def tell_reading(self, reading: ReadingProgress) -> None:
        """Tell how far a pass over the input is."""

    @abstractmethod
    def tell(self, event: str, moment: Moment) -> None:
        """Tell a state: "progress", "pause" or "resume"."""


class LogLines(Periodic):
    """Lines for users who read a log later: with the time of day, in UTC."""

    def __init__(
        self,
        out: TextIO,
        every: float = 10,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = read_utc,
    ) -> None:
        super().__init__(every, clock)
        self._out = out
        self._wall = wall

    def hear_news(self, event: str, text: str, worker: str = "") -> None:  # noqa: ARG002 - for programs
        """Write one line."""
        self._write(text)

    def tell_reading(self, reading: ReadingProgress) -> None:
        """Write one line."""
        self._write(words.format_reading(reading))

    def tell(self, event: str, moment: Moment) -> None:
        """Write one line."""
        if event == "pause":
            self._write(words.format_pause(moment))
            return
        if event == "resume":
            return  # the next line shows it
        done = f"{words.format_share(moment.share)} of {moment.goal:,} rows"
        speed = moment.speed
        left = f"{words.format_time_left(speed.left)} left" if speed.left is not None else "time left unknown"
        self._write(f"{done}, {words.format_rate(speed.now)}, {left}: {words.format_counts(moment)}")
        if workers := words.format_workers(moment):
            self._write(workers)

    def _write(self, line: str) -> None:
        self._out.write(f"{self._wall():%Y-%m-%dT%H:%M:%SZ}  {line}\n")
        self._out.flush()
