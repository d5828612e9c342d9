"""The transport on libcurl: a thread of its own drives a `CurlLine`, and answers come through futures."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi

from loader.delivery.transport_curl_handle import Target
from loader.delivery.transport_curl_line import CurlLine
from loader.delivery.wire import HEADERS, Timeouts
from loader.model import Attempt, NotSent
from loader.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from loader.settings import Token


def open_line(
    url: str,
    token: Token | None,
    *,
    concurrency: int = 16,
    timeouts: Timeouts | None = None,
    proxies: Mapping[str, str] | None = None,
    ca_bundle: str | None = None,
) -> CurlLine:
    """Open a line to one URL; the arguments are those of `CurlTransport`.

    Raises:
        ConfigError: the URL cannot be used safely.
    """
    Endpoint.parse(url)
    proxies = proxies or {}
    proxy = proxies.get(urlsplit(url).scheme) or proxies.get("all") or ""
    target = Target(url, _head(token), timeouts or Timeouts(), ca_bundle or certifi.where(), proxy)
    return CurlLine(target, concurrency)


def _head(token: Token | None) -> tuple[bytes, ...]:
    lines = [f"{name}: {value}" for name, value in HEADERS.items()]
    # Without this libcurl asks before it sends a large body, and waits for the leave.
    lines.append("Expect:")
    if token is not None:
        lines.append(f"Authorization: Token {token.reveal()}")
    return tuple(line.encode("latin-1") for line in lines)


class CurlTransport:
    """Posts to one URL through libcurl; see `loader.delivery.wire.Transport` for its promises.

    Args:
        url: of the API method. Plain http is for this machine only: the token would travel in the clear.
        token: goes into the Authorization header; None sends no such header.
        concurrency: how many attempts are made at a time.
        timeouts: the bounds of one attempt.
        proxies: by scheme, or for "all"; those of the environment are not used.
        ca_bundle: path of the certificates to trust instead of certifi's. Verification is always on.

    Raises:
        ConfigError: the URL cannot be used safely.
    """

    def __init__(
        self,
        url: str,
        token: Token | None,
        *,
        concurrency: int = 16,
        timeouts: Timeouts | None = None,
        proxies: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self._line = open_line(
            url, token, concurrency=concurrency, timeouts=timeouts, proxies=proxies, ca_bundle=ca_bundle
        )
        self._inbox: deque[tuple[bytes, Future[Attempt]]] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._drive, name="pushwoosh-loader-curl", daemon=True)
        self._thread.start()

    def post(self, body: bytes) -> Future[Attempt]:
        """Send one JSON body; the future yields an `Attempt` and never raises."""
        attempt: Future[Attempt] = Future()
        with self._lock:
            if not self._closed:
                self._inbox.append((body, attempt))
                self._line.wake()
                return attempt
        attempt.set_result(NotSent("The transport was closed during the load.", fatal=True))
        return attempt

    def close(self) -> None:
        """Cut what is on the wire and free the connections."""
        with self._lock:
            self._closed = True
            self._line.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _drive(self) -> None:
        try:
            while not self._closed:
                while self._inbox:
                    self._line.send(*self._inbox.popleft())
                _resolve(self._line.turn(None))
        finally:
            with self._lock:
                self._closed = True
            while self._inbox:
                self._inbox.popleft()[1].set_result(NotSent("the transport was closed before it was sent"))
            _resolve(self._line.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _resolve(ended: list[tuple[Future[Attempt], Attempt]]) -> None:
    for future, attempt in ended:
        future.set_result(attempt)
