"""Concurrency against simulated servers with a capacity of their own, one file of `scenarios/` each."""

from __future__ import annotations

import math
import random
import tomllib
from bisect import bisect_left
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from statistics import NormalDist, median
from typing import Any

import pytest

from loader.delivery import Policy
from loader.delivery.limits import TokenBucket
from loader.model import Answer, Attempt, NoAnswer, State
from tests.delivery.simulation import OK, Arrival, Reply, Simulation

_P99 = NormalDist().inv_cdf(0.99)
FOLDER = Path(__file__).parent / "scenarios"
AUTO = Policy(concurrency=256, least_concurrency=1, canary=0)
FIXED = (16, 64, 128, 256)


@dataclass(frozen=True)
class Phase:
    """A stretch of time in which the server can do so much.

    Attributes:
        until: when it ends.
        rate: records a second that it can take.
        latency: seconds that one takes; half of them take less if there is a `spread`.
        spread: how many times the median the 99th percentile is, of lognormal times.
        latency_at_end: the latency drifts to this in the course of the phase.
        at_once: how many at a time take no longer than one; more of them share, and all take longer.
        busy_every, busy_for, slice: for some seconds of each stretch of others the server, which is on this
            machine, has a core only now and then: what it does meanwhile comes at the end of a slice of
            `slice` seconds, more or less.
        refuses: whether what is too much is refused with 429; otherwise it waits its turn.
        retry_after: seconds that a refusal asks to wait, or None.
        loses: the share of records that it takes and whose answer is lost.
    """

    until: float
    rate: float
    latency: float
    refuses: bool = False
    retry_after: int | None = None
    loses: float = 0.0
    spread: float = 1.0
    latency_at_end: float | None = None
    at_once: float = math.inf
    busy_every: float = math.inf
    busy_for: float = 0.0
    slice: float = 0.0
    since: float = 0.0

    def median(self, now: float) -> float:
        """Of the times of answers, at that moment, in seconds."""
        end = self.latency if self.latency_at_end is None else self.latency_at_end
        return self.latency + (end - self.latency) * (now - self.since) / (self.until - self.since)


class Server:
    """A server with a capacity that changes with time."""

    def __init__(self, phases: list[Phase], seed: int = 1) -> None:
        self._phases = phases
        self._next = 0.0
        self._core_at = 0.0
        self._chance = random.Random(seed)
        self._chance_of_times = random.Random(-seed)
        self._buckets = {phase: TokenBucket(phase.rate, 0.0) for phase in phases}
        self.taken: list[float] = []  # when records were taken
        self.times: list[tuple[float, float]] = []  # when they arrived, and how long it took
        self.attempts: list[float] = []
        self._in_flight: list[float] = []  # heap: when what is on its way comes back

    def phase(self, now: float) -> Phase:
        """What holds now."""
        return next((phase for phase in self._phases if now < phase.until), self._phases[-1])

    def reply(self, arrival: Arrival) -> Reply:
        """Take the record, now or when it is its turn, or refuse it."""
        now, phase = arrival.at, self.phase(arrival.at)
        self.attempts.append(now)
        while self._in_flight and self._in_flight[0] <= now:
            heappop(self._in_flight)
        latency = self._draw(phase, now)
        if phase.refuses:
            bucket = self._buckets[phase]
            if bucket.wait(now):
                after = None if phase.retry_after is None else str(phase.retry_after)
                return Reply.of(Answer(429, b"", after), latency)
            bucket.take()
            return self._take(now, latency)
        self._next = max(self._next + 1 / phase.rate, now)
        answered = self._await_core(phase, self._next)
        lost = self._chance.random() < phase.loses
        return self._take(now, answered - now + latency, NoAnswer("lost") if lost else OK)

    def _await_core(self, phase: Phase, ready: float) -> float:
        """When the server has the core that it needs to answer."""
        if (ready - phase.since) % phase.busy_every >= phase.busy_for:
            return ready
        while self._core_at < ready:
            self._core_at = max(self._core_at, ready - phase.slice / 2)
            self._core_at += phase.slice * self._chance.uniform(0.5, 1.5)
        return self._core_at

    def _draw(self, phase: Phase, now: float) -> float:
        """Seconds that this one takes, without the wait for its turn."""
        latency = phase.median(now) * max(1.0, (len(self._in_flight) + 1) / phase.at_once)
        return latency * math.exp(math.log(phase.spread) / _P99 * self._chance_of_times.gauss(0, 1))

    def _take(self, now: float, seconds: float, attempt: Attempt = OK) -> Reply:
        self.taken.append(now + seconds)
        heappush(self._in_flight, now + seconds)
        self.times.append((now, seconds))
        return Reply.of(attempt, seconds, landed=True)


def phases(scenario: dict[str, Any]) -> list[Phase]:
    """The phases of a scenario file."""
    until, found = 0.0, []
    for table in scenario["phases"]:
        since, until = until, until + table.pop("seconds")
        found.append(Phase(until, since=since, **table))
    return found


def run(server: Server, end: float, policy: Policy = AUTO) -> Simulation:
    """A load that has more to send than there is time for."""
    load = Simulation(server.reply, policy)
    load.clock.at(end, load.brake.drain)
    return load.run(1_000_000)


def between(moments: list[float], start: float, stop: float) -> int:
    """How many moments lie in a stretch of time."""
    ordered = sorted(moments)
    return bisect_left(ordered, stop) - bisect_left(ordered, start)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_concurrency_finds_what_the_server_can_take(path: Path) -> None:
    """Each scenario's expectations: share of the capacity, repeated attempts, time of an answer."""
    scenario = tomllib.loads(path.read_text())
    found = phases(scenario)
    for expect in scenario["expect"]:
        if "of_best_fixed" in expect:
            expect["least_per_second"] = expect["of_best_fixed"] * best_fixed(found)
    for seed in range(1, scenario.get("seeds", 1) + 1):
        judge(Server(found, seed), scenario["expect"])


def best_fixed(found: list[Phase]) -> float:
    """Find how many records a second the best of some fixed numbers gets from the server."""
    end, rates = found[-1].until, []
    for number in FIXED:
        server = Server(found)
        run(server, end, Policy(concurrency=number, canary=0))
        rates.append(between(server.taken, 0, end) / end)
    return max(rates)


def judge(server: Server, expected: list[dict[str, Any]]) -> None:
    """Load into the server, and compare the load with what is expected of stretches of it."""
    load = run(server, server._phases[-1].until)
    assert not load.count(State.REJECTED)
    assert not load.count(State.IN_DOUBT) or any(phase.loses for phase in server._phases)
    for expect in expected:
        start, stop = expect["from"], expect["to"]
        taken = between(server.taken, start, stop)
        capacity = server.phase(start).rate * (stop - start)
        assert taken >= expect.get("share", 0) * capacity, (taken, capacity)
        assert taken >= expect.get("least_per_second", 0) * (stop - start)
        assert between(server.attempts, 0, stop) <= expect.get("most_attempts", 1.2) * between(
            server.taken, 0, stop + 1
        )
        seconds = [seconds for at, seconds in server.times if start <= at < stop] or [0.0]
        assert max(seconds) <= expect.get("most_seconds", 60.0)
        assert median(seconds) <= expect.get("most_median_seconds", 60.0)
