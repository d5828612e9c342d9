"""The connections below the default transport: what requests and urllib3 leave open is closed here.

Three things they cannot do (urllib3 2.8, requests 2.34; shown in
`tests/delivery/transports/test_contract.py`):

* *Tell whether a request had left.* A reset or a time-out in the TLS handshake and one after the request
  raise the same types. So the connection notes when it gives the first byte of a request to an open socket.
* *Bound an attempt.* Their read timeout bounds one silence: a server that drips headers or body a byte at a
  time holds a call for ever. So every read of an answer ends by the attempt's deadline.
* *See bytes after an answer.* http.client reads ahead and drops what is behind the answer, so the connection
  looks clean. So a connection with such bytes is shut down instead of used again.

One race is left, and is in HTTP/1.1 itself: an unsolicited answer that arrives *after* the connection was
found idle and clean, and before the request reaches the server, is taken for that request's answer.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer
    from requests import PreparedRequest, Response
    from urllib3 import PoolManager

    from loader.addresses import Login


class Unanswered(Exception):
    """An attempt that brought no answer; `request_left` tells whether any of the request may have left."""

    def __init__(self, *, request_left: bool) -> None:
        self.request_left = request_left
        super().__init__()


class _CurrentAttempt(threading.local):
    """The attempt that this thread is making."""

    deadline = 0.0
    left = False
    links: Links


class Links:
    """The open connections of one adapter, to shut them all down from another thread."""

    def __init__(self, may_send: Callable[[], bool] | None) -> None:
        self.closed = False
        self.may_send = may_send
        self._connections: WeakSet[HTTPConnection] = WeakSet()
        self._lock = threading.Lock()

    def add(self, connection: HTTPConnection) -> None:
        """Note a connection that has just been opened."""
        with self._lock:
            self._connections.add(connection)

    def cut(self) -> None:
        """Shut all down: threads that wait on one wake up, and no request goes out any more."""
        self.closed = True
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut_down(connection.sock)


_current = _CurrentAttempt()


class _Noting(HTTPConnection):
    """A connection that knows when a request leaves it, and whose answers end by the deadline."""

    _opening = False

    def connect(self) -> None:
        self._opening = True
        try:
            super().connect()
        finally:
            self._opening = False
        _current.links.add(self)

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        may_send = _current.links.may_send
        # What is sent while the connection opens is a proxy's CONNECT, no part of the request.
        if not self._opening and may_send is not None and not may_send():
            raise ConnectTimeoutError(self, "the time to send was over")
        if not self._opening and not _current.left:
            if _current.links.closed or time.monotonic() >= _current.deadline:
                raise ConnectTimeoutError(self, "the attempt was over before the connection was open")
            _current.left = True
        super().send(data)

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]  # http.client only calls it
        return http.client.HTTPResponse(_AnswerSocket(sock, _current.deadline), *args, **kwargs)  # type: ignore[arg-type] # only `makefile` is used of it


class _NotingTLS(_Noting, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Noting


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _NotingTLS


class _AnswerSocket:
    """Gives http.client a file to read the answer from, in place of the socket's own."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _AnswerFile(_AnswerReads(self._sock, self._deadline))


class _AnswerReads(io.RawIOBase):
    """Reads of a socket that end by a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline
        self._silence = sock.gettimeout()
        self.over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self.over:
            return 0
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the attempt's deadline is over")
        self._sock.settimeout(left if self._silence is None else min(left, self._silence))
        return self._file.readinto(buffer)

    def spoil(self) -> None:
        """Shut the connection down: the pool finds it dropped and opens another."""
        _shut_down(self._sock)

    def close(self) -> None:
        self._file.close()
        super().close()


class _AnswerFile(io.BufferedReader):
    """The buffered file of one answer; closed with bytes in it, it spoils the connection."""

    raw: _AnswerReads

    def close(self) -> None:
        if not self.closed:
            self.raw.over = True
            if self.peek(1):
                self.raw.spoil()
        super().close()


def _shut_down(sock: socket.socket | None) -> None:
    # Its other end, or another thread, may have closed it already.
    with contextlib.suppress(OSError):
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)


class Adapter(HTTPAdapter):
    """Connections for `concurrency` attempts at a time, each bounded by `total` seconds, without retries.

    A proxy is asked with `login`, which is in no URL. `may_send` is asked right before anything of a request
    leaves.
    """

    def __init__(
        self,
        concurrency: int,
        total: float,
        login: Login | None = None,
        may_send: Callable[[], bool] | None = None,
    ) -> None:
        self.links = Links(may_send)
        self._total = total
        self._login = login
        super().__init__(pool_connections=1, pool_maxsize=concurrency, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _use_noting_connections(self.poolmanager)

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """What a proxy is shown: our user name and password, if there are any."""
        if self._login is None:
            return dict(super().proxy_headers(proxy))
        pair = f"{self._login.user.reveal()}:{self._login.password.reveal()}".encode()
        return {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """Make the pools of connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        _use_noting_connections(manager)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Make one attempt.

        Raises:
            Unanswered: whatever the library raised, as its cause.
        """
        _current.deadline = time.monotonic() + self._total
        _current.left = False
        _current.links = self.links
        try:
            return super().send(request, *args, **kwargs)
        except Exception as failure:
            raise Unanswered(request_left=_current.left) from failure


def _use_noting_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
