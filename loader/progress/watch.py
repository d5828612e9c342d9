"""A watch looks at a running load from its own thread, so that the hot path does not know about it.

    with watch.reading(reading): ...             while the input is read, before anything is sent
    with watch.watching(account, wire): ...      while rows are sent

What it is given to ask must be safe to call from another thread. It never ends a load: a reader that has gone
takes the view with it, and nothing else.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING

from loader.progress.moment import Moment
from loader.progress.pace import Pace, Silence, Speed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.model import Account, Outcome, Reject, Wire
    from loader.progress.moment import ReadingProgress


class Watch(ABC):
    """Shows a running load every `seconds`.

    Attributes:
        cpu_seconds: CPU time that its thread took, for benchmarks.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.cpu_seconds = 0.0
        self._seconds = seconds
        self._place: Callable[[int], str] = str
        self._clock = clock

    @contextmanager
    def reading(self, reading: Callable[[], ReadingProgress]) -> Iterator[None]:
        """Show how far a pass over the input is, for the length of the `with` block."""
        try:
            with self._looking(lambda: self.show_reading(reading())):
                yield
        finally:
            with suppress(OSError):
                self.end_reading()

    @contextmanager
    def watching(
        self,
        account: Callable[[], Account],
        wire: Callable[[], Wire],
        *,
        goal: int | None = None,
        run: str | None = None,
        place: Callable[[int], str] = str,
    ) -> Iterator[None]:
        """Show what the two callables say, for the length of the `with` block.

        Args:
            account: the counts over all runs.
            wire: what the sender does now.
            goal: rows that will be settled in the end; by default all.
            run: the id of this run in its checkpoint.
            place: names the file and the row of a record.
        """
        self._place = place
        before, began = account(), self._clock()
        pace, silence = Pace(before.settled, began), Silence(began)

        def moment() -> Moment:
            counts, line, now = account(), wire(), self._clock()
            seen = Moment(counts, line, counts.read if goal is None else goal, Speed(), now - began)
            pause = line.waiting_seconds if seen.pause else None
            answered = (counts.confirmed, counts.in_doubt) != (before.confirmed, before.in_doubt)
            speed = pace.see(counts.settled, seen.goal, now, pause, answered=answered)
            waits = line.in_flight > 0 and not seen.pause
            silent = silence.see((counts.settled, line.attempts), now, waits=waits)
            return Moment(counts, line, seen.goal, speed, now - began, silent)

        with suppress(OSError):
            self.begin(moment(), run)
        try:
            with self._looking(lambda: self.show(moment())):
                yield
        finally:
            with suppress(OSError):
                self.end(moment())

    @contextmanager
    def _looking(self, look: Callable[[], None]) -> Iterator[None]:
        """Call `look` every so often from another thread."""
        over = threading.Event()

        def run() -> None:
            began = time.thread_time()
            while not over.wait(self._seconds):
                with suppress(OSError):  # the reader has gone; the load continues
                    look()
            self.cpu_seconds += time.thread_time() - began

        # A notebook tells from the context to which cell an output belongs.
        thread = threading.Thread(target=copy_context().run, args=(run,), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def hear_news(self, event: str, text: str, worker: str = "") -> None:  # noqa: B027 - not every watch tells it
        """Something has happened that is worth a line.

        Args:
            event: what, as a word for programs.
            text: what, as a sentence.
            worker: the worker of a cluster that it is about, if it is about one.
        """

    def hear_rejects(self, rejects: Sequence[Reject]) -> None:  # noqa: B027 - few watches tell of rows
        """Rows are rejected before they are sent."""

    def hear_outcomes(self, outcomes: Sequence[Outcome]) -> None:  # noqa: B027 - as above
        """Rows are settled. Called for each group of them, so it must be quick."""

    @abstractmethod
    def show_reading(self, reading: ReadingProgress) -> None:
        """Show how far a pass over the input is."""

    def end_reading(self) -> None:  # noqa: B027 - not every watch has something to close
        """The pass has come to its end."""

    def begin(self, moment: Moment, run: str | None) -> None:  # noqa: B027 - as above
        """Rows are about to be sent; the moment holds what earlier runs did."""

    @abstractmethod
    def show(self, moment: Moment) -> None:
        """Show one state."""

    def end(self, moment: Moment) -> None:  # noqa: B027 - as above
        """Nothing more is sent."""


class Silent(Watch):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(seconds=3600)

    def show_reading(self, reading: ReadingProgress) -> None:
        """Show nothing."""

    def show(self, moment: Moment) -> None:
        """Show nothing."""
