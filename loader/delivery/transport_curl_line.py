"""Many requests at a time on libcurl's multi interface, in the thread of whoever calls `turn`.

The sockets are waited for with select(2) on what libcurl names, and then all handles are looked at: measured
at 16 to 256 in flight, it costs 20 to 30 µs less a request than libcurl's socket actions called from Python.

libcurl (8.23) does not look whether a connection has unread bytes, or was closed, before it uses it again
within a second. So idle HTTP/1 connections are looked at here before each new request; if one is not clean,
all connections are left to end with what they carry, and what follows goes over new ones.

Over TLS such bytes can already be in OpenSSL's buffer, where nobody can look. So there the body of a request
is held back until libcurl had one chance to read: whatever has answered by then answers another request.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pycurl

from loader.delivery.transport_curl_exchange import Exchange
from loader.errors import ConfigError
from loader.model import NotSent

if TYPE_CHECKING:
    from loader.delivery.transport_curl_exchange import Target
    from loader.model import Attempt

_SELECTABLE = 1024  # file descriptors from there on are not for select(2)
# Where libcurl names fewer sockets than there are requests, some may be beyond what select(2) can take.
_LONGEST_BLIND_WAIT = 0.01
_LONGEST_WAIT = 1.0  # a longer one cannot be broken by a signal on every system
_PREMATURE = "an answer was there before the request was sent; it is another's"


class CurlLine:
    """Requests to one target; not thread-safe but for `wake`.

    Args:
        target: where they go.
        concurrency: how many are on the wire at a time; more wait here.
    """

    def __init__(self, target: Target, concurrency: int) -> None:
        self._target = target
        self._concurrency = concurrency
        self._pool = _Pool(concurrency)
        self._left: list[_Pool] = []  # pools that are not used for new requests
        self._held: list[Exchange] = []  # with their bodies yet to be sent
        self._spare = [Exchange(target, self._held)]
        self._begun: list[Exchange] = []
        self._in_flight = 0  # what was begun, and what flies in any of the pools
        self._queue: deque[tuple[bytes, object]] = deque()
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        if self._ear.fileno() >= _SELECTABLE:
            raise ConfigError(
                "This process has more than a thousand files open, too many for --transport curl. "
                "Use --transport requests."
            )
        self._sweep_every = target.timeouts.read / 4
        self._sweep_at = time.monotonic() + self._sweep_every

    def send(self, body: bytes, tag: object) -> None:
        """Have one JSON body sent in the next turn; `turn` returns the tag with what became of it."""
        if self._in_flight >= self._concurrency:
            self._queue.append((body, tag))
            return
        exchange = self._spare.pop() if self._spare else Exchange(self._target, self._held)
        exchange.begin(body, tag)
        self._begun.append(exchange)
        self._in_flight += 1

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Move what is on the wire; the attempts that ended, or none after so many seconds or a `wake`."""
        self._launch()
        done = self._perform()
        if not done and timeout != 0:
            self._wait(_LONGEST_WAIT if timeout is None else min(timeout, _LONGEST_WAIT))
            done = self._perform()
        now = time.monotonic()
        if now >= self._sweep_at:
            done += self._sweep(now)
        while self._queue and self._in_flight < self._concurrency:
            self.send(*self._queue.popleft())
        return done

    def wake(self) -> None:
        """End a wait, or the next one; from any thread or a signal handler."""
        # A full bell has rung already, a closed one rings for nobody.
        with contextlib.suppress(OSError):
            self._bell.send(b"\0")

    def close(self) -> list[tuple[Any, Attempt]]:
        """Cut what is on the wire and free the connections; every attempt that had not ended."""
        given_up: list[tuple[Any, Attempt]] = []
        for pool in [self._pool, *self._left]:
            flying = list(pool.flying)
            given_up += [(exchange.tag, exchange.given_up("the transport was closed")) for exchange in flying]
            for exchange in flying:
                pool.retire(exchange)
                exchange.easy.close()
            pool.multi.close()
        unsent = [(exchange.tag) for exchange in self._begun] + [tag for _, tag in self._queue]
        given_up += [(tag, NotSent("the transport was closed before it was sent")) for tag in unsent]
        for exchange in [*self._begun, *self._spare]:
            exchange.easy.close()
        for held in (self._spare, self._begun, self._queue, self._left):
            held.clear()
        self._bell.close()
        self._ear.close()
        return given_up

    def _launch(self) -> None:
        """Put what was begun on the wire, on clean connections."""
        if not self._begun:
            return
        if self._pool.dirty():
            self._left.append(self._pool)
            self._pool = _Pool(self._concurrency)
        for exchange in self._begun:
            self._pool.launch(exchange)
        self._begun.clear()

    def _perform(self) -> list[tuple[Any, Attempt]]:
        done = self._collect(self._pool)
        for pool in list(self._left):
            done += self._collect(pool)
            if not pool.flying:
                self._left.remove(pool)
                pool.multi.close()
        return done

    def _collect(self, pool: _Pool) -> list[tuple[Any, Attempt]]:
        done: list[tuple[Any, Attempt]] = []
        pool.multi.perform()
        if self._held:
            done += self._let_go()
            pool.multi.perform()
        left = 1
        while left:
            left, answered, failed = pool.multi.info_read()
            for easy in answered:
                exchange = easy.exchange
                done.append((exchange.tag, exchange.answered()))
                pool.note_idle(exchange)
                self._retire(exchange)
            for easy, code, message in failed:
                exchange = easy.exchange
                done.append((exchange.tag, exchange.failed(code, message)))
                self._retire(exchange)
        return done

    def _let_go(self) -> list[tuple[Any, Attempt]]:
        """Send the bodies that were held back, where no answer lay on a reused connection."""
        held, self._held[:] = list(self._held), []
        done: list[tuple[Any, Attempt]] = []
        for exchange in held:
            if exchange.http_1 and exchange.reuses:
                done.append((exchange.tag, exchange.given_up(_PREMATURE)))
                self._retire(exchange)
            else:
                exchange.go_on()
        return done

    def _retire(self, exchange: Exchange) -> None:
        exchange.pool.retire(exchange)
        self._in_flight -= 1
        self._spare.append(exchange)

    def _wait(self, timeout: float) -> None:
        readable, writable, longest = self._pool.wishes(timeout)
        for pool in self._left:
            more_readable, more_writable, longest = pool.wishes(longest)
            readable += more_readable
            writable += more_writable
        readable.append(self._ear.fileno())
        ready, _, _ = select.select(readable, writable, [], longest)
        if self._ear.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(4096)

    def _sweep(self, now: float) -> list[tuple[Any, Attempt]]:
        """Give up what was silent for too long: libcurl itself bounds a silence by whole seconds only."""
        self._sweep_at = now + self._sweep_every
        done: list[tuple[Any, Attempt]] = []
        for pool in [self._pool, *self._left]:
            for exchange in list(pool.flying):
                if exchange.silent(now, self._target.timeouts.read):
                    done.append((exchange.tag, exchange.given_up()))
                    self._retire(exchange)
        return done


class _Pool:
    """Connections, and what is on the wire over them.

    Attributes:
        multi: libcurl's handle.
        flying: what is on the wire.
    """

    def __init__(self, concurrency: int) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_MAXCONNECTS, concurrency)
        self.multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, concurrency)
        self.flying: set[Exchange] = set()
        self._idle: set[int] = set()

    def launch(self, exchange: Exchange) -> None:
        """Put a request on the wire."""
        exchange.pool = self
        self.flying.add(exchange)
        self.multi.add_handle(exchange.easy)

    def retire(self, exchange: Exchange) -> None:
        """Take it off; an unfinished one costs its connection."""
        self.flying.discard(exchange)
        self.multi.remove_handle(exchange.easy)

    def note_idle(self, exchange: Exchange) -> None:
        """Remember the connection of an answer that was read whole."""
        # On an idle HTTP/2 connection there may be bytes: frames about the connection itself.
        if exchange.http_1 and (descriptor := exchange.easy.getinfo(pycurl.ACTIVESOCKET)) >= 0:
            self._idle.add(descriptor)

    def dirty(self) -> bool:
        """Whether an idle connection has bytes that nobody asked for, is closed, or cannot be looked at."""
        if not self._idle:
            return False
        if max(self._idle) >= _SELECTABLE:
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
