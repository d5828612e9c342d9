"""The line on libcurl: requests to one target, moved by whoever waits for their answers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from loader.delivery.transport_curl_exchange import Exchange
from loader.delivery.transport_curl_multi import CurlMulti
from loader.model import NotSent

if TYPE_CHECKING:
    from loader.delivery.transport_curl_handle import Target
    from loader.model import Attempt

_CLOSED = "the transport was closed"


class CurlLine:
    """See `loader.delivery.wire.Line`.

    Args:
        target: where the requests go.
        concurrency: how many are on the wire at a time; more wait here.
    """

    def __init__(self, target: Target, concurrency: int) -> None:
        self._target = target
        self._multi: CurlMulti[Attempt] = CurlMulti(Exchange, concurrency)
        self._queue: deque[tuple[bytes, object]] = deque()
        self.wake = self._multi.wake

    def send(self, body: bytes, tag: object) -> None:
        """Have one JSON body sent in the next turn; `turn` returns the tag with what became of it."""
        if self._multi.free:
            self._multi.begin(self._target, body, tag)
        else:
            self._queue.append((body, tag))

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Move what is on the wire; the attempts that ended, or none after so many seconds or a `wake`."""
        done = self._multi.turn(timeout)
        while self._queue and self._multi.free:
            self.send(*self._queue.popleft())
        return done

    def close(self) -> list[tuple[Any, Attempt]]:
        """Cut what is on the wire and free the connections; every attempt that had not ended."""
        given_up, unsent = self._multi.close(_CLOSED)
        unsent += [tag for _, tag in self._queue]
        self._queue.clear()
        return given_up + [(tag, NotSent(f"{_CLOSED} before it was sent")) for tag in unsent]
