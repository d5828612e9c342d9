"""Dispatcher and transport together, on real sockets and in real time."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from loader.delivery import Brake, Dispatch, Policy, Transport
from loader.delivery.transports.contract import Timeouts
from loader.delivery.transports.curl.curl_line import open_line
from loader.model import Outcome, State
from tests.delivery.conftest import TRANSPORTS
from tests.delivery.simulation import numbered
from tests.faultserver import (
    Behaviour,
    FaultServer,
    Visit,
    answer,
    close_after_request,
    close_idle_as_request_comes,
    hang,
    http,
    raw,
    reset_after_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.addresses import Proxy
    from loader.delivery.transports.contract import PolledLine

    AnyOpener = Callable[..., Transport | PolledLine]


def line(
    url: str,
    *,
    timeouts: Timeouts,
    ca_bundle: str | None = None,
    proxy: Proxy | None = None,
    concurrency: int,
) -> PolledLine:
    """What a load opens by default."""
    return open_line(url, None, concurrency=concurrency, timeouts=timeouts, ca_bundle=ca_bundle, proxy=proxy)


@pytest.fixture(params=[*TRANSPORTS, "line"])
def opened(request: pytest.FixtureRequest) -> Iterator[AnyOpener]:
    """Opens a transport, or the line that a load really uses, and closes it afterwards."""
    opener: AnyOpener = TRANSPORTS.get(request.param, line)
    with ExitStack() as held:

        def open_(url: str, **options: object) -> Transport | PolledLine:
            return held.enter_context(closing(opener(url, **options)))

        yield open_


PATIENCE_SECONDS = 60.0
QUICK = Timeouts(connect=1.0, read=0.3, total=0.5)


class NoJitter(random.Random):
    """Draws the shortest of all pauses, each time."""

    def uniform(self, a: float, b: float) -> float:
        """The lower end."""
        return a


def deliver(
    transport: Transport | PolledLine,
    rows: int,
    policy: Policy,
    brake: Brake | None = None,
    chance: random.Random | None = None,
) -> tuple[dict[int, Outcome], set[int], Dispatch]:
    """Deliver numbered rows; the final outcomes, the rows that were flagged as resent, and the dispatcher."""
    dispatch = Dispatch(
        transport, policy=policy, brake=brake or Brake(), sending=lambda _: None, chance=chance
    )
    outcomes = [outcome for group in dispatch.deliver(numbered(rows)) for outcome in group]
    flagged = {outcome.ordinal for outcome in outcomes if outcome.resending}
    return {outcome.ordinal: outcome for outcome in outcomes}, flagged, dispatch


def in_state(final: dict[int, Outcome], state: State) -> set[int]:
    """Rows in that state."""
    return {ordinal for ordinal, outcome in final.items() if outcome.state is state}


def taken_and_refused(visit: Visit) -> None:
    """Refuse a request for good; a refused row is no accepted one."""
    visit.take()
    visit.server.accepted.pop()
    visit.send(http(400, b""))


FAULTS: list[Behaviour] = [
    close_after_request,
    close_idle_as_request_comes,
    reset_after_request,
    hang,
    raw(http(200) + http(200)),
    raw(http(200, b"<html>")),
    raw(http(502, b"")),
    raw(http(200)[:-5], close=True),
    taken_and_refused,
]


@pytest.mark.parametrize("resend", [False, True])
def test_the_account_is_true_on_a_lying_network(opened: AnyOpener, resend: bool) -> None:
    """Every tenth request meets a fault; what the loader says agrees with what the server took."""
    chance = random.Random(7)
    script = [chance.choice(FAULTS) if chance.random() < 0.1 else answer() for _ in range(900)]
    with FaultServer(script) as server:
        transport = opened(server.url, concurrency=1, timeouts=QUICK)
        # On a busy machine an answer more is late. That may be the third doubt in a row, and with a fault in
        # each ten requests the pauses would then grow to a minute.
        policy = Policy(concurrency=1, resend_ambiguous=resend)
        final, flagged, _ = deliver(transport, 300, policy, chance=NoJitter())
        landed = Counter(int(body) for body in server.bodies)
    assert len(final) == 300
    assert in_state(final, State.CONFIRMED) <= set(landed)
    assert not in_state(final, State.REJECTED) & set(landed)
    assert not in_state(final, State.NEVER_SENT)
    assert {row for row, times in landed.items() if times > 1} <= flagged
    assert bool(flagged) is resend


def throttled(visit: Visit) -> None:
    """Ask to wait for a very long time."""
    visit.take()
    visit.send(http(429, b"", "Retry-After: 500"))


@pytest.mark.parametrize("pull", ["thread", "signal"])
def test_the_brake_ends_a_real_wait_at_once(opened: AnyOpener, pull: str) -> None:
    """Ctrl-C during a Retry-After wait ends the load within a moment; every row was never sent."""
    # A busy machine may be late now and then; a brake that waits for something is late each time.
    assert any(pull_brake_in_a_wait(opened, pull) < 0.8 for _ in range(5))


def pull_brake_in_a_wait(opened: AnyOpener, pull: str) -> float:
    """Pull the brake 0.3 seconds after a load begins that is asked to wait; how long the load took."""
    brake = Brake()

    def act() -> None:
        if pull == "thread":
            brake.drain()
        else:
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: brake.drain())
    timer = threading.Timer(0.3, act)
    try:
        with FaultServer([throttled]) as server:
            transport = opened(server.url, concurrency=16, timeouts=Timeouts())
            timer.start()
            began = time.monotonic()
            final, _, dispatch = deliver(transport, 100, Policy(), brake)
            took = time.monotonic() - began
    finally:
        timer.join(PATIENCE_SECONDS)
        signal.signal(signal.SIGUSR1, before)
    assert took < 10, "the brake was not noticed"
    assert in_state(final, State.NEVER_SENT) == set(final)
    assert dispatch.stopped is None
    return took


def test_a_halt_gives_up_what_is_on_the_wire_in_real_time(opened: AnyOpener) -> None:
    """The second Ctrl-C does not wait for the read timeout, and neither does closing the transport."""
    brake = Brake()
    began = time.monotonic()
    with FaultServer([hang]) as server:
        transport = opened(server.url, concurrency=4, timeouts=Timeouts())

        def pull() -> None:
            server.await_accepted(4)
            brake.halt()

        thread = threading.Thread(target=pull)
        thread.start()
        final, _, _ = deliver(transport, 100, Policy(concurrency=4), brake)
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert time.monotonic() - began < 5
    assert in_state(final, State.IN_DOUBT) == set(final) == {0, 1, 2, 3}
