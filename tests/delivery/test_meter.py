"""What is counted of the traffic, for the samples in the checkpoint."""

from __future__ import annotations

import pytest

from loader.delivery import Policy
from loader.latency import compute_quantile
from loader.model import Answer, Attempt, NoAnswer, NotSent
from tests.delivery.simulation import OK, Arrival, Reply, Simulation


def test_times_and_requests_on_the_wire_are_those_that_were() -> None:
    """400 rows of 50 ms, eight at a time: the median is 50 ms, and eight were on the wire all along."""
    load = Simulation(lambda _: Reply.of(OK), Policy(concurrency=8, canary=0)).run(400)
    traffic = load.dispatch.traffic()
    assert (traffic.attempts, sum(traffic.times)) == (400, 400)
    assert compute_quantile(traffic.times, 0.5) == pytest.approx(0.05, rel=0.1)
    assert traffic.wire_seconds / load.clock.now == pytest.approx(8, rel=0.05)
    assert traffic.window == 8
    assert not traffic.waited


def test_a_slow_answer_shows_in_the_percentiles() -> None:
    """One answer in ten takes half a second: p50 does not show it, p99 does."""
    load = Simulation(lambda arrival: Reply.of(OK, 0.5 if arrival.row % 10 == 0 else 0.05)).run(500)
    times = load.dispatch.traffic().times
    assert compute_quantile(times, 0.5) == pytest.approx(0.05, rel=0.1)
    assert compute_quantile(times, 0.99) == pytest.approx(0.5, rel=0.1)


def test_waits_are_counted_by_what_they_are_for() -> None:
    """A vendor that asks to wait thirty seconds, and a rate limit: each with its own seconds."""

    def reply(arrival: Arrival) -> Reply:
        asks = arrival.row == 5 and arrival.nth == 1
        return Reply.of(Answer(429, b"", retry_after="30")) if asks else Reply.of(OK)

    load = Simulation(reply, Policy(concurrency=4, rate=20.0, canary=0)).run(100)
    waited = load.dispatch.traffic().waited
    assert waited["Retry-After"] == pytest.approx(30, abs=0.5)
    assert 1 < waited["the rate limit"] < load.clock.now - 29
    assert set(waited) == {"Retry-After", "the rate limit"}


def test_only_answers_tell_how_long_the_vendor_takes() -> None:
    """A cut connection counts as a request, a refused one does not, and neither is a time of the vendor."""
    attempts: dict[int, Attempt] = {3: NoAnswer("reset"), 4: NotSent("refused")}

    def reply(arrival: Arrival) -> Reply:
        return (
            Reply.of(attempts[arrival.row]) if arrival.row in attempts and arrival.nth == 1 else Reply.of(OK)
        )

    traffic = Simulation(reply, Policy(concurrency=1, canary=0)).run(20).dispatch.traffic()
    assert traffic.attempts == 20  # row 4 went twice, once without leaving
    assert sum(traffic.times) == 19
