"""A line that a thread of its own moves, so that a test can post and wait as through any transport."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from loader.delivery.transports.curl.curl_line import open_line
from loader.model import Attempt, NotSent, StopCode

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from loader.settings import Token


class CurlTransport:
    """The line on libcurl, opened with the same arguments; see `contract.Transport`."""

    def __init__(self, url: str, token: Token | None, **options: Any) -> None:
        self._line = open_line(url, token, **options)
        self._inbox: deque[tuple[bytes, Future[Attempt]]] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._drive, daemon=True)
        self._thread.start()

    def post(self, body: bytes) -> Future[Attempt]:
        """Send one JSON body; the future yields an `Attempt` and never raises."""
        attempt: Future[Attempt] = Future()
        with self._lock:
            if not self._closed:
                self._inbox.append((body, attempt))
                self._line.wake()
                return attempt
        attempt.set_result(NotSent("closed", StopCode.SESSION_CLOSED))
        return attempt

    def close(self) -> None:
        """Cut what is on the wire and free the connections."""
        with self._lock:
            self._closed = True
            self._line.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(60)
            assert not self._thread.is_alive()

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
                self._inbox.popleft()[1].set_result(NotSent("closed before it was sent"))
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
