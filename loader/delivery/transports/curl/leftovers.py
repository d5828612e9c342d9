"""What TLS may hold back of a connection behind an answer, judged by the bytes that the system received.

OpenSSL reads ahead, and nobody can look into its buffer. But the system counts what it received. If that is
hardly more than the answer itself, nothing else can be there: each record of TLS has at least 21 bytes more
than it carries (RFC 8446, section 5.2; RFC 5246, section 6.2.3), so 50 bytes more than the answer leave room
for at most 8 bytes of another one, and a status line has 13. An answer in one or two records of TLS 1.3, or
in one of TLS 1.2, is within that. What arrives later stays with the system, where `Pool.dirty` sees it.

To ask costs 2 µs. To hold a body back costs 10 to 13 µs, and the server as much, since head and body arrive
one by one.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.delivery.transports.curl.handle import Connection, Handle

_LEAST_OVERHEAD = 21
_MOST_OVERHEAD = 50
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_RECEIVED_AT = 128  # `tcpi_bytes_received` of linux/tcp.h, since Linux 4.1
_COUNT = struct.Struct("=Q")
_SIZE = _RECEIVED_AT + _COUNT.size
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
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()  # most of them have ended; nobody says which
            known = self._known[request.connection] = _Known()
        if known.multiplexed:
            return True
        known.latest = request
        clean, known.clean = known.clean, False
        return clean

    def note(self, descriptor: int, answered: Handle[Any]) -> None:
        """Look what the system received since the answer before."""
        known = self._known.get(answered.connection)
        if known is None:
            return
        if not answered.reuses:  # what was known is of another connection with the same ends
            latest = known.latest
            known = self._known[answered.connection] = _Known()
            known.latest = latest
        if not answered.http_1:
            known.multiplexed = True  # each answer names its request
        elif known.latest is answered:
            known.judge(descriptor, answered.size)
        else:
            known.received = None  # what was received may be the next answer already


class _Known:
    """One connection.

    Attributes:
        multiplexed: whether it is HTTP/2.
        latest: the latest request that went out over it.
        received: bytes that it had received when the answer before was read; None if that is not known.
        clean: whether nothing can be left behind that answer.
    """

    __slots__ = ("_socket", "clean", "latest", "multiplexed", "received")

    def __init__(self) -> None:
        self.multiplexed = False
        self.latest: Handle[Any] | None = None
        self.received: int | None = None
        self.clean = False
        self._socket: _Borrowed | None = None

    def judge(self, descriptor: int, size: int) -> None:
        """Compare what was received with an answer of `size` bytes."""
        before, self.received = self.received, self._count(descriptor)
        if before is not None and self.received is not None:
            self.clean = _LEAST_OVERHEAD <= self.received - before - size <= _MOST_OVERHEAD

    def _count(self, descriptor: int) -> int | None:
        """Bytes that the connection received so far; None if this system does not tell."""
        if _TCP_INFO is None:
            return None
        if self._socket is None:
            self._socket = _Borrowed(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
        except OSError:  # libcurl has closed it
            return None
        return int(_COUNT.unpack_from(info, _RECEIVED_AT)[0]) if len(info) == _SIZE else None


class _Borrowed(socket.socket):
    """A socket of libcurl's, only to be asked about: it is never closed from here."""

    def __del__(self) -> None:
        self.detach()
