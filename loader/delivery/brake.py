"""The brake: how a load is asked to end early."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Brake:
    """Ends a load from outside; may be pulled from a signal handler or another thread, before or during it.

    Attributes:
        drained: take nothing more, finish what is on the wire, give back the rest as never sent.
        halted: give up what is on the wire too, as in doubt, at once.
    """

    def __init__(self) -> None:
        self.drained = False
        self.halted = False
        self._wake: Callable[[], object] = lambda: None

    def connect(self, wake: Callable[[], object]) -> None:
        """Have `wake` called when the brake is pulled; it must be safe in a signal handler."""
        self._wake = wake

    def drain(self) -> None:
        """End in order, within the policy's `drain_seconds`."""
        self.drained = True
        self._wake()

    def halt(self) -> None:
        """End at once."""
        self.drained = self.halted = True
        self._wake()
