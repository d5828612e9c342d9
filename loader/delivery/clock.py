"""Time, and the only place where the dispatcher waits."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

T = TypeVar("T")


class DispatchClock(Protocol):
    """The time a dispatcher lives in; tests pass a simulated one."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def wall(self) -> float:
        """Unix time in seconds."""

    def receive(self, inbox: SimpleQueue[T], timeout: float | None) -> T | None:
        """The next letter; None when none came within `timeout` seconds."""


class SystemClock:
    """The machine's time."""

    # A wait without end cannot be broken by a signal on every system.
    _longest_wait = 1.0

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def receive(self, inbox: SimpleQueue[T], timeout: float | None) -> T | None:
        """The next letter; None when none came within `timeout` seconds, or within one second."""
        longest = self._longest_wait if timeout is None else min(timeout, self._longest_wait)
        try:
            return inbox.get(timeout=longest) if longest > 0 else inbox.get_nowait()
        except Empty:
            return None
