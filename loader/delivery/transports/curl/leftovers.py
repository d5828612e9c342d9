"""What TLS may hold back of a connection behind an answer, judged by the bytes that the system received.

OpenSSL reads ahead, and nobody can look into its buffer. But the system counts what it received. If that is
hardly more than the answer itself, nothing else can be there: each record of TLS has at least 21 bytes more
than it carries (RFC 8446, section 5.2; RFC 5246, section 6.2.3), so 50 bytes more than the answer leave room
for at most 8 bytes of another one, and a status line has 13. An answer in one or two records of TLS 1.3, or
in one of TLS 1.2, is within that. What arrives later stays with the system, where `Pool.dirty` sees it.

To ask costs 2 µs. To hold a body back costs 10 to 13 µs, and the server as much, since head and body arrive
one by one. Over HTTP/2, where each answer names its request, bodies are held back all the same: then libcurl
finds out that a connection has ended before the body is gone, takes another one, and no row is in doubt.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.delivery.transports.curl.handle import Connection, Handle

_LEAST_OVERHEAD = 21
_MOST_OVERHEAD = 50
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_RECEIVED_AT = 128  # `tcpi_bytes_received` of linux/tcp.h, since Linux 4.1
_SIZE = _RECEIVED_AT + 8
_read_count: Callable[[bytes, int], tuple[int]] = struct.Struct("=Q").unpack_from
_TCP = socket.IPPROTO_TCP
_MOST_REMEMBERED = 4096


class Leftovers:
    """Knows the connections whose next request needs no further look.

    It is told of each request when it goes out, and of each answer that was read whole.
    """

    def __init__(self) -> None:
        self._known: dict[Connection, _Known] = {}

    def excluded(self, request: Handle[Any]) -> bool:
        """Whether nothing can be left that would answer the request, which goes out now."""
        known = self._known.get(request.connection)
        if known is None:
            known = self._meet(request.connection)
        known.latest = request
        clean, known.clean = known.clean, False
        return clean

    def _meet(self, connection: Connection) -> _Known:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()  # most of them have ended; nobody says which
        known = self._known[connection] = _Known()
        return known

    def judge(self, answered: Handle[Any], descriptor: int) -> None:
        """Compare an answer over HTTP/1 with what the system received since the one before."""
        known = self._known.get(answered.connection)
        if known is None:
            return
        if not answered.reuses:
            # What was known is of another connection with the same ends.
            known = self._meet(answered.connection)
        elif known.latest is not answered:
            known.before = None  # what was received may be the next answer already
            return
        received = known.count_received(descriptor)
        if received is not None and known.before is not None:
            known.clean = _LEAST_OVERHEAD <= received - known.before - answered.size <= _MOST_OVERHEAD
        known.before = received


class _Known:
    """One connection.

    Attributes:
        latest: the latest request that went out over it.
        before: bytes that it had received when the answer before was read; None if that is not known.
        clean: whether nothing can be left behind that answer.
    """

    __slots__ = ("_socket", "before", "clean", "latest")

    def __init__(self) -> None:
        self.latest: Handle[Any] | None = None
        self.before: int | None = None
        self.clean = False
        self._socket: _Borrowed | None = None

    def count_received(self, descriptor: int) -> int | None:
        """Bytes that the connection received so far; None if this system does not tell."""
        if _TCP_INFO is None:
            return None
        if self._socket is None:
            self._socket = _Borrowed(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
        try:
            info = self._socket.getsockopt(_TCP, _TCP_INFO, _SIZE)
        except OSError:  # libcurl has closed it
            return None
        return _read_count(info, _RECEIVED_AT)[0] if len(info) == _SIZE else None


class _Borrowed(socket.socket):
    """A socket of libcurl's, only to be asked about: it is never closed from here."""

    def __del__(self) -> None:
        self.detach()
