"""The actor in a worker: each order is carried out once, and nothing leaves after it has said so."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import loader
from loader.cluster.messages import Assignment, Orders, Secrets
from loader.cluster.sender import Sender
from loader.delivery import Target
from loader.methods import Kind
from loader.pipeline import prepare
from loader.settings import Endpoint, Settings
from tests.faultserver import FaultServer, answer, hang

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from loader.cluster.messages import Report
    from loader.model import Attempt
    from loader.planning import Plan

ROWS = 20
NO_SECRETS = Secrets(None, None, {}, withheld=False)
_PATIENCE = 60.0


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A load of some events."""
    source = tmp_path / "events.csv"
    lines = [f"u{row},D{row},purchase,20240229,UTC\n" for row in range(ROWS)]
    source.write_text("user_id,device_id,event,timestamp,timezone\n" + "".join(lines))
    endpoint = Endpoint.parse("http://127.0.0.1:9/")
    return prepare(Settings(Kind.EVENTS, (str(source),), "AAAAA-BBBBB", endpoint, tmp_path / "events.ckpt"))


def assign(plan: Plan, server: FaultServer, permit_seconds: float = _PATIENCE) -> Assignment:
    """What a worker is told of the load, if its rows go to a server of this test."""
    target = replace(Target.of(plan.settings), url=server.url + "postEvent")
    work = pickle.dumps((plan.source, plan.mapper, None))
    return Assignment(loader.__version__, work, target, permit_seconds)


class Talk:
    """The coordinator's side of what is said to one sender."""

    def __init__(self, sender: Sender, stamp: float) -> None:
        self.sender = sender
        self.ended: list[tuple[int, Attempt]] = []
        self.over = ""
        self._heard = stamp
        self._number = 0

    def write(self, rows: bytes = b"", parts: tuple[tuple[int, tuple[range, ...]], ...] = ()) -> Orders:
        """The next orders."""
        self._number += 1
        return Orders(self._number, self._heard, 0.05, rows, parts)

    async def say(self, orders: Orders) -> Report:
        """Give orders, and hear the report."""
        report = await self.sender.exchange(orders)
        self.note(report)
        return report

    def note(self, report: Report) -> None:
        """A report was heard."""
        self._heard = report.stamp
        self.ended += report.list_attempts()
        self.over = self.over or report.over

    async def read(self, number: int, rows: range) -> bytes:
        """Have a part read; the references to its bodies."""
        report = await self.say(self.write(parts=((number, (rows,)),)))
        while not report.parts:
            report = await self.say(self.write())
        (read,) = report.parts
        return b"".join(body for piece in read.pieces for body in piece.mapped.bodies.to_pylist())

    async def until(self, done: Callable[[], bool]) -> None:
        """Exchange until something is so."""
        async with asyncio.timeout(_PATIENCE):
            while not done():
                await self.say(self.write())


async def meet(assignment: Assignment) -> Talk:
    """Open a sender."""
    sender = Sender()
    stamp, refusal = await sender.open(assignment, NO_SECRETS)
    assert refusal is None
    return Talk(sender, stamp)


def run(talking: Awaitable[None]) -> None:
    """Run a talk to its end."""

    async def bounded() -> None:
        async with asyncio.timeout(2 * _PATIENCE):
            await talking

    asyncio.run(bounded())


def test_orders_that_come_again_while_they_are_carried_out_are_carried_out_once(plan: Plan) -> None:
    """A connection that breaks in the middle of an exchange neither doubles a row nor loses its outcome."""

    async def talk(server: FaultServer) -> None:
        at = await meet(assign(plan, server))
        rows = await at.read(0, range(ROWS))
        orders = at.write(rows)
        lost = asyncio.create_task(at.sender.exchange(orders))
        await asyncio.sleep(0)
        at.note(await at.sender.exchange(orders))
        await lost  # and nobody hears it
        await at.until(lambda: len(at.ended) >= ROWS)
        assert Counter(ordinal for ordinal, _ in at.ended) == Counter(range(ROWS))
        await at.sender.close()

    with FaultServer() as server:
        run(talk(server))
        assert len(server.bodies) == ROWS


def test_both_who_wait_for_the_same_orders_hear_the_same(plan: Plan) -> None:
    """The answer to orders that came twice is one report, not the one before it."""

    async def talk(server: FaultServer) -> None:
        at = await meet(assign(plan, server))
        orders = at.write(parts=((0, (range(ROWS),)),))
        first, second = await asyncio.gather(at.sender.exchange(orders), at.sender.exchange(orders))
        assert first is second
        await at.sender.close()

    with FaultServer() as server:
        run(talk(server))


def test_orders_that_arrive_after_newer_ones_are_not_carried_out(plan: Plan) -> None:
    """What lay about in a broken connection, or in the scheduler, sends no row a second time."""

    async def talk(server: FaultServer) -> None:
        at = await meet(assign(plan, server))
        orders = at.write(await at.read(0, range(ROWS)))
        await at.say(orders)
        await at.until(lambda: len(at.ended) >= ROWS)
        await at.say(at.write())
        await at.sender.exchange(orders)
        for _ in range(5):
            await at.say(at.write())
        await at.sender.close()

    with FaultServer() as server:
        run(talk(server))
        assert len(server.bodies) == ROWS


def test_a_worker_says_that_it_is_over_only_after_its_connections_are_cut(plan: Plan) -> None:
    """From then on another worker may send its rows, and none of its own may arrive later."""

    async def talk(server: FaultServer) -> None:
        at = await meet(assign(plan, server))
        rows = await at.read(0, range(ROWS))
        await at.say(at.write(rows))
        server.await_accepted(1)
        gate, cut = asyncio.Event(), at.sender._line.close
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def close() -> object:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(_PATIENCE)
            given_up = cut()
            loop.call_soon_threadsafe(closed.set)
            return given_up

        at.sender._line.close = close  # type: ignore[method-assign]
        await at.sender.close()
        for _ in range(3):
            await at.say(at.write())
        assert not at.over
        gate.set()
        await closed.wait()
        await at.until(lambda: bool(at.over))

    with FaultServer([hang]) as server:
        run(talk(server))


@pytest.mark.parametrize("broken", ["_mapper", "_bodies"])
def test_a_fault_in_a_worker_ends_it_with_the_reason(plan: Plan, broken: str) -> None:
    """Nobody waits for a worker that cannot continue."""

    async def talk(server: FaultServer) -> None:
        at = await meet(assign(plan, server))
        rows = await at.read(0, range(ROWS))
        setattr(at.sender, broken, {})
        await at.say(at.write(rows if broken == "_bodies" else b"", ((1, (range(ROWS),)),)))
        await at.until(lambda: bool(at.over))
        assert "Error" in at.over

    with FaultServer([answer()]) as server:
        run(talk(server))
