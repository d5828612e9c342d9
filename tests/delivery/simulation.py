"""A simulated vendor in simulated time: the dispatcher is the real one, no second really passes."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from loader.delivery import Brake, Dispatch, Policy
from loader.model import Answer, Attempt, Outcome, Request, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from queue import SimpleQueue

T = TypeVar("T")

OK = Answer(200, b'{"status_code":200}')


class SimulatedClock:
    """Time that continues only while someone waits, from one appointment to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._appointments: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self.now

    def wall(self) -> float:
        """Unix time."""
        return 1_700_000_000 + self.now

    def at(self, moment: float, act: Callable[[], object]) -> None:
        """Do something then."""
        heapq.heappush(self._appointments, (max(moment, self.now), next(self._numbers), act))

    def receive(self, inbox: SimpleQueue[T], timeout: float | None) -> T | None:
        """Let time pass until there is a letter, or for so long."""
        end = None if timeout is None else self.now + timeout
        while inbox.empty():
            if not self._appointments or (end is not None and self._appointments[0][0] > end):
                assert end is not None, "waiting for ever"
                self.now = end
                return None
            self.now, _, act = heapq.heappop(self._appointments)
            act()
        return inbox.get()


@dataclass(frozen=True)
class Reply:
    """What the vendor does with one request: what comes back, when, and when it takes the record."""

    attempt: Attempt = OK
    seconds: float = 0.05
    lands_after: float | None = None

    @classmethod
    def of(cls, attempt: Attempt, seconds: float = 0.05, *, landed: bool = False) -> Reply:
        """A reply; a confirmation has landed in any case."""
        return cls(attempt, seconds, seconds / 2 if landed or attempt == OK else None)


class Promise(Future[Attempt]):
    """A future in one thread: without the locks, in which simulated loads spent a third of their time."""

    def __init__(self) -> None:
        self._attempt: Attempt | None = None
        self._heard: list[Callable[[Future[Attempt]], object]] = []

    def add_done_callback(self, fn: Callable[[Future[Attempt]], object]) -> None:
        """Call it with the result."""
        self._heard.append(fn)

    def set_result(self, result: Attempt) -> None:
        """Tell whoever asked."""
        self._attempt = result
        for hear in self._heard:
            hear(self)

    def result(self, timeout: float | None = None) -> Attempt:
        """What came."""
        assert self._attempt is not None, "waiting for ever"
        return self._attempt


@dataclass
class Arrival:
    """A request that reached the transport."""

    row: int
    at: float
    nth: int


@dataclass
class Simulation:
    """One load against a vendor that replies by a function of the arrival.

    Attributes:
        landed: rows in the order in which the vendor took them.
        arrivals: every attempt.
        outcomes: every outcome in order; `final` the last one of each row.
        pulled, settled: rows taken, and rows with a final outcome.
        most_in_flight: the largest number of requests on the wire.
        most_ahead: the largest number of rows taken and not settled.
    """

    reply: Callable[[Arrival], Reply]
    policy: Policy = field(default_factory=Policy)
    seed: int = 1
    landed: list[int] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    groups: list[list[Outcome]] = field(default_factory=list)
    pulled: int = 0
    settled: int = 0
    most_in_flight: int = 0
    most_ahead: int = 0

    def __post_init__(self) -> None:
        self.clock = SimulatedClock()
        self.brake = Brake()
        self.sent: list[int] = []
        self._in_flight = 0
        self._times: Counter[int] = Counter()
        self.dispatch = Dispatch(
            self,
            policy=self.policy,
            brake=self.brake,
            sending=self.sent.append,
            clock=self.clock,
            chance=random.Random(self.seed),
        )

    def post(self, body: bytes) -> Future[Attempt]:
        """The transport: the body is the row's number."""
        row = int(body)
        self._times[row] += 1
        assert self.sent[-1] == row
        arrival = Arrival(row, self.clock.now, self._times[row])
        self.arrivals.append(arrival)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        reply = self.reply(arrival)
        future = Promise()
        if reply.lands_after is not None:
            self.clock.at(self.clock.now + reply.lands_after, lambda: self.landed.append(row))
        self.clock.at(self.clock.now + reply.seconds, lambda: self._answer(future, reply.attempt))
        return future

    def close(self) -> None:
        """Nothing to free."""

    def _answer(self, future: Promise, attempt: Attempt) -> None:
        self._in_flight -= 1
        future.set_result(attempt)

    def run(self, requests: int | Iterable[Request]) -> Simulation:
        """Deliver rows to the end of the load, and check what holds for every load."""
        rows = numbered(requests) if isinstance(requests, int) else requests
        for group in self.dispatch.deliver(self._counted(rows)):
            assert len({outcome.ordinal for outcome in group}) == len(group)
            self.groups.append(group)
            self.outcomes += group
            self.settled += sum(not outcome.resending for outcome in group)
        self.check()
        return self

    def _counted(self, requests: Iterable[Request]) -> Iterator[Request]:
        for request in requests:
            self.pulled += 1
            self.most_ahead = max(self.most_ahead, self.pulled - self.settled)
            yield request

    def check(self) -> None:
        """The promise: one final outcome for each row taken, and none that the vendor's store contradicts."""
        assert len(self.final) == self.pulled
        finals = [outcome.ordinal for outcome in self.outcomes if not outcome.resending]
        assert len(finals) == len(set(finals))
        landed = Counter(self.landed)
        flagged = {outcome.ordinal for outcome in self.outcomes if outcome.resending}
        for ordinal, outcome in self.final.items():
            assert not outcome.resending
            if outcome.state is State.CONFIRMED:
                assert landed[ordinal] >= 1
            if outcome.state in {State.REJECTED, State.NEVER_SENT}:
                assert not landed[ordinal]
            assert landed[ordinal] <= 1 or ordinal in flagged

    @property
    def final(self) -> dict[int, Outcome]:
        """The last outcome of each row."""
        return {outcome.ordinal: outcome for outcome in self.outcomes}

    def count(self, state: State) -> int:
        """How many rows ended in that state."""
        return sum(outcome.state is state for outcome in self.final.values())


def numbered(rows: int, device: Callable[[int], str] = lambda _: "") -> Iterator[Request]:
    """Rows from 0, each with its number as its body."""
    return (Request(row, device(row), b"%d" % row) for row in range(rows))
