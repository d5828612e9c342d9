"""The line on libcurl: requests to one target, which advance while someone waits for their answers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import certifi

from loader.delivery.headers import HEADERS
from loader.delivery.transports.contract import Timeouts
from loader.delivery.transports.curl.exchange import Exchange
from loader.delivery.transports.curl.handle import CurlTarget
from loader.delivery.transports.curl.multi import CurlMulti
from loader.model import NotSent
from loader.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.addresses import Proxy
    from loader.model import Attempt
    from loader.settings import Token

_CLOSED = "the transport was closed"


class CurlLine:
    """See `loader.delivery.transports.contract.PolledLine`.

    Args:
        target: where the requests go.
        concurrency: how many are on the wire at a time; more wait here.
    """

    def __init__(self, target: CurlTarget, concurrency: int) -> None:
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
        """Move what is on the wire; the attempts that ended, or none after `timeout` seconds or a `wake`."""
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


def open_line(  # noqa: PLR0913 - each is a thing of its own, all but two have defaults
    url: str,
    token: Token | None,
    *,
    concurrency: int = 16,
    timeouts: Timeouts | None = None,
    proxy: Proxy | None = None,
    ca_bundle: str | None = None,
    may_send: Callable[[], bool] | None = None,
) -> CurlLine:
    """Open a line to one URL.

    Args:
        url: of the API method. Plain http is for this machine only: the token would travel in the clear.
        token: goes into the Authorization header; None sends no such header.
        concurrency: how many attempts are made at a time.
        timeouts: the bounds of one attempt.
        proxy: the proxy; those of the environment are not used.
        ca_bundle: path of the certificates to trust instead of certifi's. Verification is always on.
        may_send: asked right before a body leaves, whether it may; None for always.

    Raises:
        ConfigError: the URL cannot be used safely.
    """
    Endpoint.parse(url)
    target = CurlTarget(
        url,
        build_head(token),
        timeouts or Timeouts(),
        ca_bundle or certifi.where(),
        proxy.address if proxy else "",
        login=proxy.login if proxy else None,
        may_send=may_send,
    )
    return CurlLine(target, concurrency)


def build_head(token: Token | None) -> tuple[bytes, ...]:
    """The lines of every head that are ours; the token is in one of them."""
    lines = [f"{name}: {value}" for name, value in HEADERS.items()]
    # Without this libcurl asks before it sends a large body, and waits for the leave.
    lines.append("Expect:")
    if token is not None:
        lines.append(f"Authorization: Token {token.reveal()}")
    return tuple(line.encode("latin-1") for line in lines)
