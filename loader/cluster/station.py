"""A worker, as seen from the coordinator, and the exchanges with it.

The exchanges run in the event loop of Dask's client; all else is called in the thread of the dispatcher.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.cluster import permit
from loader.cluster.messages import Orders, read_references
from loader.model import Attempt, NoAnswer, NotSent, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.cluster.messages import Report
    from loader.cluster.parts import Part

# After a report the dispatcher has this long to order more, so that an exchange has orders to carry.
_GATHER_SECONDS = 0.004
# An exchange costs the coordinator about half a millisecond, so all workers make at most 400 a second.
_BUSY_SECONDS = 0.01
_PER_WORKER_SECONDS = 0.0025
_IDLE_SECONDS = 0.1
_RETRY_SECONDS = 0.2
# The pace of a worker is that of as many seconds.
_PACES = 10


class Heard(NamedTuple):
    """A worker has reported."""

    station: Station
    report: Report


class Lost(NamedTuple):
    """Nothing has been heard of a worker for longer than it may send without being heard."""

    station: Station
    reason: str


class Alone(NamedTuple):
    """No worker can come any more."""

    reason: str


@dataclass(slots=True)
class Draft:
    """Orders that were not handed over yet."""

    rows: list[bytes]
    parts: list[tuple[int, tuple[range, ...]]]
    done: list[int]

    @classmethod
    def empty(cls) -> Draft:
        """No orders."""
        return cls([], [], [])

    def __bool__(self) -> bool:
        return bool(self.rows or self.parts or self.done)

    def add(self, other: Draft) -> None:
        """These, and then others."""
        self.rows += other.rows
        self.parts += other.parts
        self.done += other.done


class Silent(Exception):
    """A worker cannot be heard any more."""


class Station:
    """One worker.

    Args:
        name: what the user calls the worker.
        actor: its `Sender`, opened.
        stamp: of its first report.
        permit_seconds: how long it may send after a report that was heard.
        tell: takes `Heard` and `Lost`; called in the loop.

    Attributes:
        parts: how many parts it holds.
        answered: attempts of it that ended.
        doubts: those of them without an answer.
        heard_at: when its newest report came, on this machine's monotonic clock.
        crowd: how many workers there are.
        cut_off: whether it was lost only because it was not heard for a while: it may take part again.
    """

    def __init__(
        self,
        name: str,
        actor: Any,
        stamp: float,
        *,
        heard_at: float,
        permit_seconds: float,
        tell: Callable[[Heard | Lost], None],
    ) -> None:
        self.name = name
        self.parts = 0
        self.answered = 0
        self.doubts = 0
        self.heard_at = heard_at
        self.cut_off = False
        self._joined_at = heard_at
        self._actor = actor
        self._heard = stamp
        self._permit_seconds = permit_seconds
        self._tell = tell
        self._given: dict[int, object] = {}
        self._kept = Draft.empty()  # in the dispatcher's thread
        self._draft = Draft.empty()  # in the loop
        self._ordered = asyncio.Event()
        self._closing = False
        self._paces: deque[tuple[float, int]] = deque([(heard_at, 0)], maxlen=_PACES)
        self._began = 0.0
        self.crowd = 1

    @property
    def burden(self) -> int:
        """How many rows it has to send, or has sent without an outcome."""
        return len(self._given)

    # In the dispatcher's thread

    def add(self, reference: bytes, ordinal: int, tag: object) -> None:
        """Have a row sent, with the next `flush`."""
        self._given[ordinal] = tag
        self._kept.rows.append(reference)

    def give(self, part: Part) -> None:
        """Have a part read."""
        self.parts += 1
        self._kept.parts.append((part.number, part.rows))

    def forget(self, part: Part) -> None:
        """Let it forget a part."""
        self.parts -= 1
        self._kept.done.append(part.number)

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over what was ordered."""
        if self._kept:
            kept, self._kept = self._kept, Draft.empty()
            loop.call_soon_threadsafe(self._accept, kept)

    def take(self, report: Report) -> list[tuple[object, Attempt]]:
        """The attempts of a report, each with its tag."""
        ended = []
        for ordinal, attempt in report.list_attempts():
            if (tag := self._given.pop(ordinal, None)) is not None:
                ended.append((tag, attempt))
                self.doubts += isinstance(attempt, NoAnswer)
        self.answered += len(ended)
        now = time.monotonic()
        if now - self._paces[-1][0] >= 1.0:
            self._paces.append((now, self.answered))
        return ended

    def look(self, lost: str = "") -> Worker:
        """What there is to show of it; any thread may ask."""
        now = time.monotonic()
        since, before = self._paces[0]
        rate = 0.0 if lost else (self.answered - before) / max(now - since, 0.1)
        silent = now - self.heard_at
        mean = self.answered / max(now - self._joined_at, 0.1)
        return Worker(self.name, self.answered, rate, self.burden, self.doubts, silent, lost, mean)

    def give_up(self, reason: str, shared: str = "") -> list[tuple[object, Attempt]]:
        """All rows that it has: those that were handed over may have been sent, the others were not.

        Args:
            reason: why.
            shared: the same without the name of the worker, see `NoAnswer`.
        """
        unsent = {ordinal for _, ordinal in read_references(b"".join(self._kept.rows))}
        given, self._given = self._given, {}
        self.doubts += len(given) - len(unsent)
        return [
            (tag, NotSent(reason) if ordinal in unsent else NoAnswer(reason, shared))
            for ordinal, tag in given.items()
        ]

    # In the loop

    def _accept(self, draft: Draft) -> None:
        self._draft.add(draft)
        self._ordered.set()

    async def serve(self) -> None:
        """Exchange orders and reports until the load ends or the worker is lost."""
        number = 0
        try:
            while not self._closing:
                await self._await_orders()
                await self._keep_interval()
                number += 1
                report = await self._exchange(self._write_orders(number))
                self._heard, self.heard_at = report.stamp, time.monotonic()
                self._tell(Heard(self, report))
                if report.over:
                    self.cut_off = report.lapsed
                    return
        except Silent as silence:
            self.cut_off = True
            self._tell(Lost(self, str(silence)))
        except Exception as error:  # noqa: BLE001 - whatever it is, its rows need an end
            self._tell(Lost(self, f"{type(error).__name__}: {error}"))

    def stop(self) -> None:
        """Begin no further exchange."""
        self._closing = True
        self._ordered.set()

    async def close(self) -> None:
        """Let the worker stop, if it hears it."""
        self.stop()
        await self._actor.close()

    async def _await_orders(self) -> None:
        try:
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._ordered.wait()
        except TimeoutError:
            pass
        self._ordered.clear()

    async def _keep_interval(self) -> None:
        """Wait if the last exchange began a moment ago: each has its price, however little it carries."""
        due = self._began + _PER_WORKER_SECONDS * self.crowd
        await asyncio.sleep(max(due - time.monotonic(), 0.0))
        self._began = time.monotonic()

    def _write_orders(self, number: int) -> Orders:
        draft, self._draft = self._draft, Draft.empty()
        busy = bool(self._given or self.parts)
        patience = max(_BUSY_SECONDS, _PER_WORKER_SECONDS * self.crowd) if busy else _IDLE_SECONDS
        return Orders(
            number, self._heard, patience, b"".join(draft.rows), tuple(draft.parts), tuple(draft.done)
        )

    async def _exchange(self, orders: Orders) -> Report:
        """One exchange; if the connection breaks, the same orders again, which are carried out once.

        Raises:
            Silent: the worker was not heard for as long as it may send.
        """
        until = self.heard_at + self._permit_seconds + permit.MARGIN_SECONDS
        reason = "it does not answer"
        while (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    report: Report = await self._actor.exchange(orders)
                    return report
            except TimeoutError:
                break
            except (OSError, RuntimeError, KeyError) as failure:
                reason = _say_failure(failure)
                await asyncio.sleep(min(_RETRY_SECONDS, max(until - time.monotonic(), 0.0)))
        raise Silent(reason)


def _say_failure(failure: Exception) -> str:
    """Why a worker could not be called, in a line; Dask's own words for the usual case name its internals."""
    said = " ".join(str(failure).split()) or type(failure).__name__
    return "its process has ended, or cannot be reached" if "Worker holding Actor" in said else said
