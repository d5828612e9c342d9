"""A thread that moves the calls of a session on libcurl, from their submission to their futures."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from loader.delivery.transports.curl.handle import R

if TYPE_CHECKING:
    from concurrent.futures import Future

    from loader.delivery.transports.curl.handle import CurlTarget
    from loader.delivery.transports.curl.multi import CurlMulti


End_contra = TypeVar("End_contra", contravariant=True)


class Call(Protocol[End_contra]):
    """A request and its future."""

    future: Future[Any]
    target: CurlTarget
    body: bytes

    def settle(self, end: End_contra) -> None:
        """Resolve the future with what became of it; in the thread, so whatever this waits for waits too."""

    def refuse(self, error: Exception) -> None:
        """Resolve the future of a request that cannot be sent."""


class CurlThread(Generic[R]):
    """Starts with the first call. A call that waits for its turn can be cancelled by its future.

    Args:
        multi: what it moves.
    """

    def __init__(self, multi: CurlMulti[R]) -> None:
        self._multi = multi
        self._inbox: deque[Call[R]] = deque()
        self._lock = threading.RLock()  # the garbage collector may call `finish` inside of it
        self._closed = False
        self._cut = False
        self._thread: threading.Thread | None = None

    def submit(self, call: Call[R]) -> None:
        """Have a call made.

        Raises:
            RuntimeError: it is closed; the words are those of an executor.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._inbox.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._drive, name="curl-session", daemon=True)
                self._thread.start()
                _started.add(self)
        self._multi.wake()

    @property
    def is_current(self) -> bool:
        """Whether it is the caller's own thread."""
        return threading.current_thread() is self._thread

    def finish(self) -> None:
        """Take no more calls; the thread ends when those that it has are answered."""
        with self._lock:
            self._closed = True
            if self._thread is None:
                self._multi.close("")
        self._multi.wake()

    def close(self, *, cut: bool = False) -> None:
        """Cancel the calls that wait, and return when all others are answered, or with `cut` given up."""
        with self._lock:
            self._closed = True
            self._cut = self._cut or cut
            waiting, self._inbox = self._inbox, deque()
        for call in waiting:
            call.future.cancel()
        self.finish()
        self.join()

    def join(self) -> None:
        """Return when the thread has ended."""
        if self._thread is not None and not self.is_current:
            self._thread.join()

    def _drive(self) -> None:
        try:
            while not self._cut and not (self._closed and not self._inbox and self._multi.idle):
                self._begin()
                _settle(self._multi.turn(None))
        finally:
            self._end()

    def _begin(self) -> None:
        while self._multi.free and (call := self._next()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                self._multi.begin(call.target, call.body, call)
            except Exception as error:  # noqa: BLE001 - whatever libcurl cannot be told ends this call alone
                call.refuse(error)

    def _next(self) -> Call[R] | None:
        with self._lock:
            return self._inbox.popleft() if self._inbox else None

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            waiting, self._inbox = self._inbox, deque()
        for call in waiting:
            call.future.cancel()
        given_up, unsent = self._multi.close("the session was closed")
        for call in unsent:
            call.refuse(RuntimeError("the session was closed before the request was sent"))
        _settle(given_up)


def _settle(ended: list[tuple[Any, R]]) -> None:
    for call, end in ended:
        call.settle(end)


# Like the threads of an executor: the interpreter ends when what was submitted is done.
_started: WeakSet[CurlThread[Any]] = WeakSet()


@atexit.register
def _finish_all() -> None:
    started = list(_started)
    for thread in started:
        thread.finish()
    for thread in started:
        thread.join()
