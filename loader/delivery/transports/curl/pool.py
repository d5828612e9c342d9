"""Connections of libcurl's multi interface, and a look at the idle ones before they are used again.

libcurl (8.23) does not look whether a connection has unread bytes, or was closed, before it uses it again
within a second. So idle HTTP/1 connections are looked at here before each new request; if one is not clean,
all connections are left to end with what they carry, and what follows goes over new ones.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

import pycurl

from loader.delivery.transports.curl.leftovers import Leftovers

if TYPE_CHECKING:
    from loader.delivery.transports.curl.handle import Handle

SELECTABLE = 1024  # file descriptors from there on are not for select(2)
# If libcurl names fewer sockets than there are requests, some may be beyond what select(2) can take.
_LONGEST_BLIND_WAIT = 0.01


class Pool:
    """Connections, and what is on the wire over them.

    Attributes:
        multi: libcurl's handle.
        flying: what is on the wire, by libcurl's handles.
        leftovers: what TLS may hold back of its connections.
    """

    def __init__(self, concurrency: int) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_MAXCONNECTS, concurrency)
        self.multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, concurrency)
        self.flying: dict[Any, Handle[Any]] = {}
        self._add = self.multi.add_handle
        self._remove = self.multi.remove_handle
        self._act = self.multi.socket_action
        self.leftovers = Leftovers()
        self._idle: set[int] = set()

    def launch(self, exchange: Handle[Any]) -> None:
        """Put a request on the wire."""
        exchange.pool = self
        self.flying[exchange.easy] = exchange
        self._add(exchange.easy)

    def send(self) -> None:
        """Send what was launched or let go. Nothing is read before, so only idle connections are taken."""
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def retire(self, exchange: Handle[Any]) -> None:
        """Take it off; an unfinished one costs its connection."""
        del self.flying[exchange.easy]
        self._remove(exchange.easy)

    def note_idle(self, exchange: Handle[Any]) -> None:
        """Remember the connection of an answer that was read whole."""
        descriptor = exchange.getinfo(pycurl.ACTIVESOCKET)
        if descriptor < 0:
            return
        # On an idle HTTP/2 connection there may be bytes: frames about the connection itself.
        if not exchange.http_1:
            return
        self._idle.add(descriptor)
        if exchange.connection:
            self.leftovers.judge(exchange, descriptor)

    def dirty(self) -> bool:
        """Whether an idle connection has bytes that nobody requested, is closed, or cannot be inspected."""
        if not self._idle:
            return False
        if max(self._idle) >= SELECTABLE:
            return True
        try:
            ready, _, _ = select.select(self._idle, [], [], 0)
        except OSError:  # libcurl has closed one of them itself
            return True
        if not ready:
            return False
        readable, writable, _ = self.multi.fdset()
        self._idle.difference_update(readable, writable)  # those were not idle any more
        return not self._idle.isdisjoint(ready)

    def wishes(self, timeout: float) -> tuple[list[int], list[int], float]:
        """Sockets to read and to write, and for how many seconds at most to wait for them."""
        readable, writable, _ = self.multi.fdset()
        self._idle.difference_update(readable, writable)
        wanted = self.multi.timeout()
        longest = timeout if wanted < 0 else min(timeout, wanted / 1000)
        if len(readable) + len(writable) < len(self.flying):
            longest = min(longest, _LONGEST_BLIND_WAIT)
        return readable, writable, longest
