"""A transport that answers through futures, as a line that advances while someone waits for it."""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

    from loader.delivery.clock import DispatchClock
    from loader.delivery.transports.contract import Transport
    from loader.model import Attempt


class FutureLine:
    """See `loader.delivery.transports.contract.PolledLine`.

    Args:
        transport: answers in threads of its own.
        clock: what waits.
    """

    def __init__(self, transport: Transport, clock: DispatchClock) -> None:
        self._transport = transport
        self._clock = clock
        self._inbox: SimpleQueue[tuple[Any, Attempt] | None] = SimpleQueue()

    def send(self, body: bytes, tag: object) -> None:
        """Have one JSON body sent."""
        self._transport.post(body).add_done_callback(partial(self._landed, tag))

    def _landed(self, tag: object, future: Future[Attempt]) -> None:
        """Called in a thread of the transport."""
        self._inbox.put((tag, future.result()))

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Wait for the first letter, and take what is there."""
        ended = []
        letter = self._clock.receive(self._inbox, timeout)
        while letter is not None:
            ended.append(letter)
            letter = None if self._inbox.empty() else self._inbox.get()
        return ended

    def wake(self) -> None:
        """End a wait, or the next one."""
        self._inbox.put(None)  # `put` may interrupt itself, so a signal may call it

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()
