"""Progress of a running load: a live view on a terminal, a line now and then in a log.

A watch asks for the account and the wire from a thread of its own, so that the hot path does not know that it
is watched. Both callables must be safe to call from another thread.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from loader.report.summary import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from loader.model import Account, Wire


class Watch(ABC):
    """Shows a running load every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @contextmanager
    def watching(self, account: Callable[[], Account], wire: Callable[[], Wire]) -> Iterator[None]:
        """Show what the two callables say, for the length of the `with` block."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(self._seconds):
                with suppress(OSError):  # whoever read it has gone; the load goes on
                    self.show(account(), wire())

        thread = threading.Thread(target=run, name="progress", daemon=True)
        self.begin(account())
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with suppress(OSError):
                self.end()

    def begin(self, account: Account) -> None:  # noqa: B027 - not every watch has something to open
        """Open the view; `account` is what earlier runs did."""

    @abstractmethod
    def show(self, account: Account, wire: Wire) -> None:
        """Show one state."""

    def end(self) -> None:  # noqa: B027 - not every watch has something to close
        """Close the view."""


class Silent(Watch):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(seconds=3600)

    def show(self, account: Account, wire: Wire) -> None:
        """Show nothing."""


class LogLines(Watch):
    """One line every so many seconds, for a log file."""

    def __init__(self, out: TextIO, seconds: float = 10) -> None:
        super().__init__(seconds)
        self._out = out

    def show(self, account: Account, wire: Wire) -> None:
        """Write one line."""
        share = account.settled / account.read if account.read else 1.0
        self._out.write(f"{share:4.0%} of {account.read:,} rows: {counts_text(account, wire)}\n")
        self._out.flush()


class LiveView(Watch):
    """A bar with rate and time left, and the counts below it, on a terminal."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(seconds=0.2)
        self._bar = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(compact=True),
        )
        self._counts = Text()
        self._live = Live(Group(self._bar, self._counts), console=Console(file=out), transient=True)

    def begin(self, account: Account) -> None:
        """Open the bar where earlier runs left off."""
        self._bar.add_task("", total=account.read, completed=account.settled, pace="")
        self._live.start()

    def show(self, account: Account, wire: Wire) -> None:
        """Move the bar."""
        task = self._bar.tasks[0]
        pace = f"{task.speed:,.0f}/s" if task.speed else ""
        self._bar.update(task.id, completed=account.settled, pace=pace)
        self._counts.plain = counts_text(account, wire)

    def end(self) -> None:
        """Take the view away; the account follows it."""
        self._live.stop()


def counts_text(account: Account, wire: Wire) -> str:
    """What became of the rows so far and what the sender does now, in one line."""
    words = [f"{account.confirmed:,} confirmed"]
    if account.rejected:
        words.append(f"{account.rejected:,} rejected")
    if account.in_doubt:
        words.append(f"{account.in_doubt:,} in doubt")
    words.append(f"{wire.in_flight} in flight")
    if wire.waiting_for and wire.waiting_seconds >= 1:
        words.append(f"waiting {duration(wire.waiting_seconds)} for {wire.waiting_for}")
    return ", ".join(words)
