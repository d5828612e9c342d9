"""A Dask worker whose requests are answered at once, without a network: a preload module for benchmarks.

With it, a machine of few cores can measure how many rows a second one coordinator can feed: neither a server
nor the requests of the workers take these cores. The worker reads, maps, takes orders and reports as in any
load. Only its line has the answer as soon as a request is made.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from benchmarks.answer import BODY
from loader.cluster import sender
from loader.model import Answer

if TYPE_CHECKING:
    from loader.model import Attempt

ANSWERED = Answer(200, BODY)


class InstantLine:
    """See `loader.delivery.transports.contract.PolledLine`."""

    def __init__(self) -> None:
        self._ended: list[tuple[object, Attempt]] = []
        self._woken = threading.Event()

    def send(self, body: bytes, tag: object) -> None:  # noqa: ARG002 - nobody reads the body
        """Have the answer at once."""
        self._ended.append((tag, ANSWERED))

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """All that was sent."""
        if not self._ended:
            self._woken.wait(timeout)
            self._woken.clear()
        ended, self._ended = self._ended, []
        return ended

    def wake(self) -> None:
        """End a wait."""
        self._woken.set()

    def close(self) -> list[tuple[Any, Attempt]]:
        """Nothing is ever on the wire."""
        return []


def dask_setup(worker: object) -> None:  # noqa: ARG001 - what Dask calls
    """Have the actors of this worker use the line."""
    sender._open_line = lambda *_: InstantLine()  # noqa: SLF001
