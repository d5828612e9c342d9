"""What runs in a worker, without Dask: it reads, maps and sends, and stops by itself."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from loader._version import __version__
from loader.cluster import permit, sender
from loader.cluster.messages import Assignment, Orders, Report, Secrets, make_references, read_references
from loader.cluster.sender import Sender
from loader.delivery import Target
from loader.methods import Kind
from loader.model import Answer, NoAnswer, NotSent
from loader.planning import draw_up
from loader.settings import Endpoint, Settings
from tests.faultserver import FaultServer, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from loader.message import Message
    from loader.planning import Plan

ROWS = 6
NO_SECRETS = Secrets(None, None, {}, withheld=False)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Six events."""
    path = tmp_path / "events.csv"
    rows = "".join(f"purchase,d{row},2026-03-01T00:00:0{row}Z\n" for row in range(ROWS))
    path.write_text("event,hwid,timestamp\n" + rows)
    settings = Settings(Kind.EVENTS, (str(path),), "XXXXX-XXXXX", Endpoint.parse("http://127.0.0.1:9/"))
    return draw_up(settings, None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The worker's clock: it stands still until a test moves it."""
    now = [1000.0]
    monkeypatch.setattr(sender, "read_clock", lambda: now[0])
    yield now
    now[0] += 1e6  # what still runs comes to its end


def assign(plan: Plan, server: FaultServer, version: str = __version__) -> Assignment:
    """What the worker is told first."""
    settings = replace(plan.settings, endpoint=Endpoint.parse(server.url))
    work = pickle.dumps((plan.source, plan.mapper, None))
    return Assignment(version, work, Target.of(settings), permit_seconds=10.0)


def drive(plan: Plan, server: FaultServer, act: Callable[[Sender, bytes], Coroutine[Any, Any, None]]) -> None:
    """Open a sender, have it read all rows, and act with the references to them."""

    async def run() -> None:
        worker = Sender()
        stamp, refusal = await worker.open(assign(plan, server), NO_SECRETS)
        assert refusal is None
        report = await worker.exchange(Orders(1, stamp, 30.0, parts=((0, (range(ROWS),)),)))
        ((piece,),) = (part.pieces for part in report.parts)
        await act(worker, b"".join(piece.mapped.bodies.to_pylist()))
        await worker.close()

    asyncio.run(run())


async def gather(worker: Sender, number: int, heard: float, rows: int) -> dict[int, object]:
    """Exchange until that many attempts have ended."""
    ended: dict[int, object] = {}
    while len(ended) < rows:
        number += 1
        ended |= dict((await worker.exchange(Orders(number, heard, 30.0))).list_attempts())
    return ended


def test_it_sends_the_rows_that_it_is_told_and_reports_each(plan: Plan, clock: list[float]) -> None:
    """The bodies are those of the mapping, and no row goes that nobody ordered."""

    async def act(worker: Sender, references: bytes) -> None:
        await worker.exchange(Orders(2, clock[0], 0.0, rows=references[: len(references) // 2]))
        ended = await gather(worker, 2, clock[0], 3)
        assert sorted(ended) == [0, 1, 2]
        assert all(isinstance(attempt, Answer) and attempt.seconds for attempt in ended.values())

    with FaultServer() as server:
        drive(plan, server, act)
        mapped = [plan.mapper.map(chunk) for chunk in plan.source.chunks()]
        assert sorted(server.bodies) == sorted(mapped[0].bodies.to_pylist()[:3])


def test_orders_that_come_twice_are_carried_out_once(plan: Plan, clock: list[float]) -> None:
    """If the connection broke before the report came, the same exchange again gives it, and sends nothing."""

    async def act(worker: Sender, references: bytes) -> None:
        orders = Orders(2, clock[0], 30.0, rows=references)
        first = await worker.exchange(orders)
        assert await worker.exchange(orders) == first
        await gather(worker, 2, clock[0], ROWS - len(first.list_attempts()))

    with FaultServer() as server:
        drive(plan, server, act)
        assert len(server.bodies) == ROWS


def test_a_worker_that_was_cut_off_sends_nothing_more(plan: Plan, clock: list[float]) -> None:
    """Orders that reach it after its permit ran out, because it stood still, are not carried out."""

    async def act(worker: Sender, references: bytes) -> None:
        heard = clock[0]
        clock[0] += 10.1
        report = await until_over(worker, 1, heard, references)
        attempts = [attempt for _, attempt in report.list_attempts()]
        assert len(attempts) == ROWS
        assert all(isinstance(attempt, NotSent) for attempt in attempts)

    with FaultServer() as server:
        drive(plan, server, act)
        assert server.bodies == []


def test_a_permit_that_runs_out_among_some_rows_holds_for_the_next(clock: list[float]) -> None:
    """A process may stand still while it hands rows over: the clock is read before each of them."""
    worker, sent = Sender(), list[int]()

    def send(body: bytes, ordinal: int) -> None:
        sent.append(ordinal)
        clock[0] += 10.1

    worker._line = SimpleNamespace(send=send)
    worker._loop = SimpleNamespace(call_soon_threadsafe=lambda call: call())  # type: ignore[assignment]
    worker._news = worker._urgent = asyncio.Event()
    worker._until = clock[0] + 10.0
    worker._bodies = {0: dict.fromkeys(range(3), b"{}")}
    worker._inbox.append(b"".join(make_references(0, np.arange(3)).to_pylist()))
    worker._hand_over()
    assert sent == [0]
    assert [(ordinal, type(attempt)) for ordinal, attempt, _ in worker._ended] == [(1, NotSent), (2, NotSent)]


def test_what_was_on_the_wire_when_the_permit_ran_out_is_in_doubt(plan: Plan, clock: list[float]) -> None:
    """Its connections are cut, so that nothing leaves later, and each row has an end."""

    async def act(worker: Sender, references: bytes) -> None:
        heard = clock[0]
        await worker.exchange(Orders(2, heard, 0.0, rows=references))
        await asyncio.to_thread(server.await_accepted, ROWS)
        clock[0] += 10.1
        report = await until_over(worker, 2, heard)
        ended = report.list_attempts()
        assert sorted(ordinal for ordinal, _ in ended) == list(range(ROWS))
        assert all(isinstance(attempt, NoAnswer) for _, attempt in ended)

    with FaultServer([hang]) as server:
        drive(plan, server, act)


async def until_over(worker: Sender, number: int, heard: float, rows: bytes = b"") -> Report:
    """Order rows, and exchange until the worker says that it does no more; all its attempts in one report."""
    ended: list[Report] = []
    while True:
        number += 1
        ended.append(await worker.exchange(Orders(number, heard, 0.05, rows=rows)))
        rows = b""
        if ended[-1].over:
            ordinals, kinds, times = (
                b"".join(getattr(each, name) for each in ended) for name in ("ordinals", "kinds", "times")
            )
            assert sum(bool(each.attempts) for each in ended) <= 1
            attempts = next((each.attempts for each in ended if each.attempts), ())
            return Report(0.0, ordinals, kinds, attempts, times, over=ended[-1].over)


def test_hearing_from_the_coordinator_lets_it_go_on(plan: Plan, clock: list[float]) -> None:
    """As long as its reports are heard it sends, however long the load takes."""

    async def act(worker: Sender, references: bytes) -> None:
        number = 1
        for place in range(0, len(references), len(references) // ROWS):
            clock[0] += 9.0
            number += 1
            await worker.exchange(Orders(number, clock[0], 0.0))
            row = references[place : place + len(references) // ROWS]
            number += 1
            first = await worker.exchange(Orders(number, clock[0], 0.0, rows=row))
            left = 1 - len(first.list_attempts())
            await gather(worker, number, clock[0], left)
            number += 100

    with FaultServer() as server:
        drive(plan, server, act)
        assert len(server.bodies) == ROWS


def test_another_version_says_so(plan: Plan) -> None:
    """A worker with another version does not take part, and names both versions."""

    async def run() -> Message | None:
        return (await Sender().open(assign(plan, server, "0.0.1"), NO_SECRETS))[1]

    with FaultServer() as server:
        assert "the coordinator has 0.0.1" in str(asyncio.run(run()))


def test_a_token_that_may_not_travel_comes_from_the_environment(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a way that others can read no token is sent; the worker has one of its own, or says what to do."""
    monkeypatch.delenv("PUSHWOOSH_API_TOKEN", raising=False)

    async def run() -> Message | None:
        return (await Sender().open(assign(plan, server), replace(NO_SECRETS, withheld=True)))[1]

    with FaultServer() as server:
        assert "has no PUSHWOOSH_API_TOKEN" in str(asyncio.run(run()))
        monkeypatch.setenv("PUSHWOOSH_API_TOKEN", "made-up")
        assert asyncio.run(run()) is None


def test_the_clock_of_a_permit_counts_sleep() -> None:
    """A machine that sleeps, a lid that is closed: the permit runs out meanwhile."""
    before = permit.read_clock()
    assert permit.read_clock() >= before
    assert list(read_references(b"")) == []
