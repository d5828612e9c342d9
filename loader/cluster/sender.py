"""The actor in a worker: it reads and maps parts, and sends the rows that it is told to send.

It decides nothing. Which row is sent, and when, is decided by the one dispatcher of the load, as with
`--processes`; the worker puts it on the wire and reports what became of the attempt.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import threading
import time
from collections import deque
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from xxhash import xxh3_64

from loader._version import __version__
from loader.addresses import Proxy
from loader.cluster.messages import ReadPart, Report, make_references, pack_attempts, read_references
from loader.cluster.permit import read_clock
from loader.cluster.tape import Tape
from loader.delivery import open_line_in_process
from loader.errors import ConfigError, SourceError
from loader.mapping.findings import Clocks
from loader.message import Message
from loader.model import Answer, Attempt, NotSent
from loader.reading import read_pieces
from loader.secret import Secret
from loader.settings import Token
from loader.stores import learn_hidden
from loader.tokens import TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.cluster.messages import Assignment, Orders, Secrets
    from loader.delivery import PolledLine
    from loader.reading import Piece

# Outcomes are gathered for this long, so that a report has some. A refusal or a failure is reported at once,
# and so are the last outcomes that can be waited for.
_GATHER_SECONDS = 0.002
_LAPSED = "the worker was cut off from the coordinator for longer than it may send without it"
_UNSENT = "the worker had stopped sending"


class Sender:
    """What of a load runs in one worker. Dask calls its coroutines in the event loop of the worker."""

    def __init__(self) -> None:
        self._number = 0
        self._reply: asyncio.Future[Report] | None = None
        self._ending = ""  # why it ends; nothing more is sent
        self._over = ""  # the same, once its connections are cut
        self._ended: list[tuple[int, Attempt, float]] = []
        self._read: list[ReadPart] = []
        self._outgoing = threading.Lock()
        self._inbox: deque[bytes] = deque()
        self._asked: SimpleQueue[tuple[int, tuple[range, ...]] | None] = SimpleQueue()
        self._bodies: dict[int, dict[int, bytes]] = {}
        self._until = 0.0
        self._flying: dict[int, float] = {}  # when each row was sent

    async def open(self, assignment: Assignment, secrets: Secrets) -> tuple[float, Message | None]:
        """Get ready; the stamp of this report, and why it cannot take part, or None."""
        self._loop = asyncio.get_running_loop()
        self._news, self._urgent = asyncio.Event(), asyncio.Event()
        try:
            await asyncio.to_thread(self._prepare, assignment, secrets)
        except (ConfigError, SourceError) as error:
            return read_clock(), error.message
        self._permit_seconds = assignment.permit_seconds
        stamp = read_clock()
        self._until = stamp + self._permit_seconds
        for work in (self._send_rows, self._read_parts):
            name = f"pushwoosh-loader {work.__name__}"
            threading.Thread(target=self._work, args=[work], name=name, daemon=True).start()
        return stamp, None

    async def exchange(self, orders: Orders) -> Report:
        """Take orders, and report what was done.

        If the connection breaks, the same orders come again, perhaps while they are carried out: they are
        carried out once, and get the same report. Older ones that arrive late are not carried out.
        """
        if orders.number < self._number:
            return Report(0.0)
        if orders.number > self._number or self._reply is None:
            self._number = orders.number
            self._reply = asyncio.ensure_future(self._carry_out(orders))
        return await asyncio.shield(self._reply)

    async def _carry_out(self, orders: Orders) -> Report:
        self._follow(orders)
        if not self._over:
            await self._await_news(orders.patience)
        return self._write_report()

    async def close(self) -> None:
        """Stop; what is on the wire is given up."""
        self._end("the load has ended")

    def _prepare(self, assignment: Assignment, secrets: Secrets) -> None:
        if assignment.version != __version__:
            raise ConfigError(
                Message(
                    "it has version {theirs} of pushwoosh-loader, the coordinator has {ours}. Install the "
                    "same version on all machines.",
                    theirs=__version__,
                    ours=assignment.version,
                )
            )
        learn_hidden({shown: Secret(whole) for shown, whole in secrets.addresses.items()})
        source, mapper, keys = pickle.loads(assignment.work)  # noqa: S301 - from our own coordinator
        self._tape, self._mapper, self._keys = Tape(source), mapper, keys
        self._line = _open_line(assignment, secrets, self._may_send)

    def _follow(self, orders: Orders) -> None:
        self._until = max(self._until, orders.heard + self._permit_seconds)
        for part in orders.done:
            self._forget(part)
        for asked in orders.parts:
            self._asked.put(asked)
        if orders.rows:
            with self._outgoing:
                self._inbox.append(orders.rows)
            if self._over:
                self._refuse_inbox()
            else:
                self._line.wake()

    def _forget(self, part: int) -> None:
        self._bodies.pop(part, None)

    async def _await_news(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            return
        try:
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._urgent.wait()
        except TimeoutError:
            return

    def _write_report(self) -> Report:
        with self._outgoing:
            ended, self._ended = self._ended, []
            read, self._read = self._read, []
            over = self._over
            self._news.clear()
            self._urgent.clear()
        return Report(read_clock(), *pack_attempts(ended), tuple(read), over, over == _LAPSED)

    def _tell(self, *, urgent: bool) -> None:
        """Let the loop know, from another thread, that there is something to report."""
        try:
            self._loop.call_soon_threadsafe(self._news.set)
            if urgent:
                self._loop.call_soon_threadsafe(self._urgent.set)
        except RuntimeError:
            pass  # the worker closes

    def _work(self, work: Callable[[], None]) -> None:
        """Do the work of a thread; whatever ends it, the coordinator hears of it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - nobody else would notice
            self._end(f"{type(error).__name__}: {error}")

    # Sending

    def _send_rows(self) -> None:
        """Move the line, in a thread of its own, until the permit lapses or the load ends."""
        try:
            while not self._ending:
                left = self._until - read_clock()
                if left <= 0:
                    self._end(_LAPSED)
                    return
                self._hand_over()
                ended = self._line.turn(min(left, 1.0))
                self._report(ended)
        except BaseException as error:
            self._end(f"{type(error).__name__}: {error}")
            raise
        finally:
            self._stop_sending()

    def _hand_over(self) -> None:
        """Send what is ordered. The process may have stood still: the clock is read before each row.

        The line reads it again right before the body leaves: between the two, a process may stand still too.
        """
        while self._inbox:
            for part, ordinal in read_references(self._inbox.popleft()):
                if self._may_send():
                    self._line.send(self._bodies[part][ordinal], ordinal)
                    self._flying[ordinal] = time.monotonic()
                else:
                    self._report([(ordinal, NotSent(_UNSENT))])

    def _may_send(self) -> bool:
        return read_clock() <= self._until

    def _stop_sending(self) -> None:
        """Cut the connections: what is on them may have arrived, and nothing more leaves.

        Only then the coordinator hears that it is over, because it may have the rows sent by others at once.
        """
        given_up = self._line.close()
        self._report(given_up if isinstance(given_up, list) else [])
        with self._outgoing:
            self._over = self._ending
        self._refuse_inbox()
        self._tell(urgent=True)

    def _refuse_inbox(self) -> None:
        """Rows that were ordered, and that nobody sends any more."""
        with self._outgoing:
            orders, self._inbox = b"".join(self._inbox), deque()
        self._report([(ordinal, NotSent(_UNSENT)) for _, ordinal in read_references(orders)])

    def _report(self, ended: list[tuple[int, Attempt]]) -> None:
        if not ended:
            return
        now, sent = time.monotonic(), self._flying
        timed = [(ordinal, attempt, now - sent.pop(ordinal, now)) for ordinal, attempt in ended]
        with self._outgoing:
            self._ended += timed
        failed = any(not isinstance(attempt, Answer) or attempt.status >= 300 for _, attempt in ended)
        self._tell(urgent=failed or not self._flying)

    def _end(self, reason: str) -> None:
        """Have both threads end; the one that sends says when it is over."""
        self._ending = self._ending or reason
        self._asked.put(None)
        if hasattr(self, "_line"):
            self._line.wake()

    # Reading

    def _read_parts(self) -> None:
        """Read what is asked for, in a thread of its own."""
        while (asked := self._asked.get()) is not None and not self._ending:
            read = self._read_part(*asked)
            with self._outgoing:
                self._read.append(read)
            self._tell(urgent=True)

    def _read_part(self, number: int, wanted: tuple[range, ...]) -> ReadPart:
        pieces: list[Piece] = []
        bodies: dict[int, bytes] = {}
        digest, failure = xxh3_64(), None
        try:
            for piece in read_pieces(self._tape.read(wanted[0].start), self._mapper, self._keys, wanted):
                mapped = piece.mapped
                texts = mapped.bodies.to_pylist()
                for text in texts:
                    digest.update(text)
                bodies.update(zip(mapped.ordinals.tolist(), texts, strict=True))
                references = make_references(number, mapped.ordinals)
                lean = replace(mapped, bodies=references, uses={}, columns=(), clocks=Clocks(), matches={})
                pieces.append(replace(piece, mapped=lean))
        except SourceError as error:
            failure = error.message
        self._bodies[number] = bodies
        return ReadPart(number, tuple(pieces), digest.intdigest(), failure)


def _open_line(assignment: Assignment, secrets: Secrets, may_send: Callable[[], bool]) -> PolledLine:
    text = os.environ.get(TOKEN_VARIABLE) if secrets.withheld else secrets.token
    if secrets.withheld and not text:
        raise ConfigError(
            Message(
                "the way to it is not encrypted, so it is not sent the API token, and its environment on "
                "{host} has no {variable}. Set the variable where the worker starts, or use a cluster with "
                "TLS (tls://).",
                host=socket.gethostname(),
                variable=TOKEN_VARIABLE,
            )
        )
    token = Token(text) if text else None
    proxy = Proxy.restore(*secrets.proxy) if secrets.proxy else None
    return open_line_in_process(replace(assignment.target, token=token, proxy=proxy), may_send)
