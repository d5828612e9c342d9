"""A vendor that answers for ever and takes nothing ends the load after a bounded time."""

from __future__ import annotations

import pytest

from loader.delivery import Policy
from loader.delivery.standstill import Standstill
from loader.model import Answer, Attempt, NoAnswer, NotSent, State, Stop, StopCode
from tests.delivery.simulation import OK, Arrival, Reply, Simulation

HOUR = 3600.0


def wall() -> float:
    """A moment in 2023."""
    return 1_700_000_000.0


def test_it_says_what_came_back_and_since_when() -> None:
    """The sentence names the moment, the answer and the setting; for everybody without the vendor's words."""
    standstill = Standstill(60.0, wall)
    assert standstill.stalled(0.0, "HTTP 429") is None
    assert standstill.stalled(59.0, "HTTP 503") is None
    stop = standstill.stalled(60.0, 'HTTP 429: "quota"')
    assert isinstance(stop, Stop)
    assert stop.reason == (
        "No row was confirmed or rejected since 2023-11-14 22:13 UTC, in 3 attempts. "
        'The last answer: HTTP 429: "quota". Load again later, or allow more time with --give-up-after.'
    )
    assert "quota" not in stop.message.spell(str, quotes=False)


def test_progress_begins_the_time_anew() -> None:
    """One row that is confirmed or rejected is enough."""
    standstill = Standstill(60.0, wall)
    for moment in range(0, 600, 50):
        assert standstill.stalled(float(moment), "HTTP 429") is None
        standstill.moved()


FOR_EVER: dict[str, Attempt] = {
    "429": Answer(429, b""),
    "429 with Retry-After": Answer(429, b"", "600"),
    "408": Answer(408, b""),
    "503 with Retry-After": Answer(503, b"", "30"),
    "status_code 429": Answer(200, b'{"status_code":429}'),
}


@pytest.mark.parametrize("name", FOR_EVER)
@pytest.mark.parametrize("kind", ["users", "events"])
def test_a_vendor_that_asks_to_wait_for_ever_ends_the_load(name: str, kind: str) -> None:
    """After six hours, a little more for the last wait, and every row is still never sent."""
    policy = Policy(resend_ambiguous=kind == "users", last_wins=kind == "users")
    load = Simulation(lambda _: Reply.of(FOR_EVER[name]), policy).run(1000)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.code is StopCode.STANDSTILL
    assert 6 * HOUR <= load.clock.now <= 6 * HOUR + 700
    assert {outcome.state for outcome in load.final.values()} <= {State.NEVER_SENT}
    assert load.landed == []


@pytest.mark.parametrize(
    "attempt", [NotSent("refused"), NoAnswer("reset"), Answer(502, b""), Answer(503, b"")], ids=repr
)
def test_no_usable_answer_at_all_ends_the_load_sooner(attempt: Attempt) -> None:
    """An outage has its own, shorter bound."""
    load = Simulation(lambda _: Reply.of(attempt)).run(1000)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.code is StopCode.OUTAGE
    assert load.clock.now < HOUR


@pytest.mark.parametrize("other", [NotSent("refused"), NoAnswer("reset"), Answer(500, b"")], ids=repr)
def test_failures_in_turn_do_not_hide_that_nothing_moves(other: Attempt) -> None:
    """A 429 between outages ends each outage; the load still ends."""

    def reply(arrival: Arrival) -> Reply:
        return Reply.of(Answer(429, b"") if int(arrival.at // 60) % 2 else other)

    load = Simulation(reply).run(1000)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.code is StopCode.STANDSTILL
    assert load.clock.now <= 6 * HOUR + 700


def test_a_row_an_hour_is_progress() -> None:
    """A vendor that is slow, but takes rows, is waited for."""

    def reply(arrival: Arrival) -> Reply:
        return Reply.of(OK if arrival.at % HOUR < 60 else Answer(429, b"", "60"))

    load = Simulation(reply, Policy(concurrency=1, standstill_seconds=2 * HOUR, rate=0.02)).run(12)
    assert load.dispatch.stopped is None
    assert len(load.landed) == 12
    assert load.clock.now > 2 * HOUR


def test_a_load_that_ran_for_as_long_as_planned_ends_itself() -> None:
    """What is on the wire is waited for, nothing is in doubt, and the rest is never sent."""
    load = Simulation(lambda _: Reply.of(OK, 5.0), Policy(longest_seconds=60.0, concurrency=4)).run(1000)
    stop = load.dispatch.stopped
    assert stop is not None
    assert (stop.code, stop.planned) == (StopCode.DURATION, True)
    assert 60 <= load.clock.now <= 66
    states = [outcome.state for outcome in load.final.values()]
    assert State.IN_DOUBT not in states
    assert len(load.landed) == states.count(State.CONFIRMED) == 48


@pytest.mark.parametrize("retry_after", ["600", None])
def test_a_planned_end_does_not_wait_for_a_pause(retry_after: str | None) -> None:
    """The time ends while the vendor asks to wait: the load ends then, not after the wait."""
    reply = Reply.of(Answer(429, b"", retry_after))
    load = Simulation(lambda _: reply, Policy(longest_seconds=100.0)).run(10)
    assert load.clock.now <= 102


def test_a_load_that_is_done_in_time_did_not_stop() -> None:
    """The last answers may come after the planned end: then nothing was left out."""
    load = Simulation(lambda _: Reply.of(OK, 50.0), Policy(longest_seconds=10.0)).run(4)
    assert load.dispatch.stopped is None
    assert len(load.landed) == 4
