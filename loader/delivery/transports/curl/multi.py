"""Many requests at a time on libcurl's multi interface, in the thread of whoever calls `turn`.

The sockets are waited for with select(2) on what libcurl names, and then all handles are looked at. With
epoll(7) and libcurl's socket actions instead, called from Python, a request costs 5 to 8 µs more where many
answers come at a time, and 10 to 25 µs less with 256 in flight over 50 ms, at the same rows a second.

Over TLS, bytes that nobody asked for (see `pool`) can already be in OpenSSL's buffer, where nobody can
look. If that cannot be excluded (see `leftovers`), the body of a request is held back until libcurl had one
chance to read: whatever has answered by then answers another request.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Generic

from loader.delivery.transports.curl.handle import SILENT, Handle, R
from loader.delivery.transports.curl.pool import SELECTABLE, Pool
from loader.errors import ConfigError
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.delivery.transports.curl.handle import CurlTarget

_LONGEST_WAIT = 1.0  # a longer one cannot be broken by a signal on every system
_SHORTEST_SWEEP = 0.02
_PREMATURE = "an answer arrived before the request was sent, so it belongs to another request"


class CurlMulti(Generic[R]):
    """Requests to any targets; not thread-safe except for `wake`.

    Args:
        make: a handle that notes in the given list when it holds its body back.
        concurrency: how many may be on the wire at a time.
    """

    def __init__(self, make: Callable[[list[Handle[R]]], Handle[R]], concurrency: int) -> None:
        self._make = make
        self._concurrency = concurrency
        self._pool = Pool(concurrency)
        self._left: list[Pool] = []  # pools that are not used for new requests
        self._held: list[Handle[R]] = []  # with their bodies yet to be sent
        self._spare = [make(self._held)]
        self._begun: list[Handle[R]] = []
        self._in_flight = 0  # what was begun, and what flies in any of the pools
        self._bell, self._ear = socket.socketpair()
        self._rung = False
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        if self._ear.fileno() >= SELECTABLE:
            raise ConfigError(
                Message(
                    "This process has more than a thousand files open, too many for curl. "
                    "Set {transport} to requests.",
                    transport=Setting("transport"),
                )
            )
        self._sweep_every = _LONGEST_WAIT
        self._sweep_at = time.monotonic() + self._sweep_every

    @property
    def free(self) -> bool:
        """Whether one more request may begin."""
        return self._in_flight < self._concurrency

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._in_flight == 0

    def begin(self, target: CurlTarget, body: bytes, tag: object) -> None:
        """Have a request sent in the next turn; `turn` returns the tag with what became of it."""
        exchange = self._spare.pop() if self._spare else self._make(self._held)
        if target is not exchange.target:
            self._watch_for_silence(target.timeouts.read)
        exchange.begin(target, body, tag)
        self._begun.append(exchange)
        self._in_flight += 1

    def turn(self, timeout: float | None) -> list[tuple[Any, R]]:
        """Move what is on the wire; the attempts that ended, or none after `timeout` seconds or a `wake`."""
        self._launch()
        done = self._perform()
        if not done and timeout != 0:
            self._wait(_LONGEST_WAIT if timeout is None else min(timeout, _LONGEST_WAIT))
            done = self._perform()
        now = time.monotonic()
        if now >= self._sweep_at:
            done += self._sweep(now)
        return done

    def wake(self) -> None:
        """End a wait, or the next one; from any thread or a signal handler."""
        if self._rung:
            return
        self._rung = True
        # A full bell has rung already, a closed one rings for nobody.
        with contextlib.suppress(OSError):
            self._bell.send(b"\0")

    def close(self, reason: str) -> tuple[list[tuple[Any, R]], list[Any]]:
        """Cut what is on the wire and free the connections.

        Returns:
            The attempts that had not ended, and the tags of those that had not been sent.
        """
        given_up: list[tuple[Any, R]] = []
        for pool in [self._pool, *self._left]:
            flying = list(pool.flying.values())
            given_up += [(exchange.tag, exchange.give_up(reason)) for exchange in flying]
            for exchange in flying:
                pool.retire(exchange)
                exchange.easy.close()
            pool.multi.close()
        unsent = [exchange.tag for exchange in self._begun]
        for exchange in [*self._begun, *self._spare]:
            exchange.easy.close()
        for held in (self._spare, self._begun, self._left):
            held.clear()
        self._in_flight = 0
        self._bell.close()
        self._ear.close()
        return given_up, unsent

    def _launch(self) -> None:
        """Put what was begun on the wire, on clean connections."""
        if not self._begun:
            return
        if self._pool.dirty():
            self._left.append(self._pool)
            self._pool = Pool(self._concurrency)
        for exchange in self._begun:
            self._pool.launch(exchange)
        self._begun.clear()
        self._pool.send()

    def _perform(self) -> list[tuple[Any, R]]:
        done = self._let_go()
        done += self._collect(self._pool)
        for pool in list(self._left):
            done += self._collect(pool)
            if not pool.flying:
                self._left.remove(pool)
                pool.multi.close()
        return done

    def _collect(self, pool: Pool) -> list[tuple[Any, R]]:
        done: list[tuple[Any, R]] = []
        pool.multi.perform()
        done += self._let_go()
        left = 1
        while left:
            left, answered, failed = pool.multi.info_read()
            for easy in answered:
                exchange = pool.flying[easy]
                done.append((exchange.tag, exchange.answered()))
                pool.note_idle(exchange)
                self._retire(exchange)
            for easy, code, message in failed:
                exchange = pool.flying[easy]
                done.append((exchange.tag, exchange.failed(code, message)))
                self._retire(exchange)
        return done

    def _let_go(self) -> list[tuple[Any, R]]:
        """Send the bodies that were held back, except on a reused connection that had an answer already."""
        done: list[tuple[Any, R]] = []
        held, self._held[:] = list(self._held), []
        for exchange in held:
            if exchange.http_1 and exchange.reuses:
                done.append((exchange.tag, exchange.give_up(_PREMATURE)))
                self._retire(exchange)
            else:
                exchange.send_body()
        for pool in {exchange.pool for exchange in held}:
            pool.send()
        return done

    def _retire(self, exchange: Handle[R]) -> None:
        exchange.pool.retire(exchange)
        exchange.tag = None  # it may hold much, and the handle stays
        self._in_flight -= 1
        self._spare.append(exchange)

    def _wait(self, timeout: float) -> None:
        if self._in_flight:
            timeout = min(timeout, max(0.0, self._sweep_at - time.monotonic()))
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
            # Only now: a thread that finds it rung before has already put its work where this one looks next.
            self._rung = False

    def _watch_for_silence(self, longest: float) -> None:
        """Look often enough to notice a silence of `longest` seconds."""
        self._sweep_every = min(self._sweep_every, max(longest / 4, _SHORTEST_SWEEP))
        self._sweep_at = min(self._sweep_at, time.monotonic() + self._sweep_every)

    def _sweep(self, now: float) -> list[tuple[Any, R]]:
        """Give up what was silent for too long: libcurl itself bounds a silence by whole seconds only."""
        self._sweep_at = now + self._sweep_every
        done: list[tuple[Any, R]] = []
        for pool in [self._pool, *self._left]:
            for exchange in list(pool.flying.values()):
                if exchange.silent(now):
                    done.append((exchange.tag, exchange.give_up(SILENT)))
                    self._retire(exchange)
        return done
