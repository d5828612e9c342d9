"""The limits in numbers, without any real time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.limits import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Breaker,
    Canary,
    Ceiling,
    Outage,
    RetryBudget,
    TokenBucket,
    full_jitter,
)
from loader.message import Message, spell_option
from loader.model import Confirmed, InDoubt, Rejected, Retry, Stop, StopCode, Verdict


class Highest(random.Random):
    """Chance that always gives the upper end, so that pauses can be told beforehand."""

    def uniform(self, a: float, b: float) -> float:
        """The upper end."""
        return b


def breaker(concurrency: int = 16) -> Breaker:
    """A breaker with pauses that can be told beforehand."""
    return Breaker(concurrency, Highest())


@given(st.integers(1, 10_000), st.integers())
def test_pauses_grow_and_are_capped(failures: int, seed: int) -> None:
    """A pause lies between nothing and a ceiling that doubles up to a minute."""
    pause = full_jitter(failures, random.Random(seed))
    assert 0 <= pause <= min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 20))


def test_pauses_use_the_whole_range() -> None:
    """Full jitter: pauses spread evenly, so that loaders of one outage do not come back together."""
    chance = random.Random(5)
    pauses = [full_jitter(20, chance) for _ in range(4000)]
    assert min(pauses) < 1
    assert max(pauses) > LONGEST_PAUSE - 1
    assert sum(pauses) / len(pauses) == pytest.approx(LONGEST_PAUSE / 2, rel=0.05)


@given(
    st.floats(0.1, 5000),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_no_more_attempts_than_the_rate(rate: float, gaps: list[float]) -> None:
    """However impatiently it is asked, a bucket gives at most rate * t and its size."""
    now, taken = 0.0, 0
    bucket = TokenBucket(rate, now)
    for gap in gaps:
        for _ in range(100):
            if bucket.wait(now):
                break
            bucket.take()
            taken += 1
        assert taken <= rate * now + max(1.0, rate / 10) + 1e-3
        now += gap


def test_the_rate_is_reached() -> None:
    """Who waits as long as the bucket says gets the whole rate."""
    bucket, now, taken = TokenBucket(50.0, 0.0), 0.0, 0
    while now < 10.0:
        if wait := bucket.wait(now):
            now += wait
            continue
        bucket.take()
        taken += 1
    assert 500 <= taken <= 506


def test_without_a_rate_nothing_waits() -> None:
    """No rate is no limit."""
    bucket = TokenBucket(None, 0.0)
    for _ in range(1000):
        assert bucket.wait(0.0) == 0.0
        bucket.take()


def test_a_refusal_pauses_the_sender_and_then_lets_one_probe_out() -> None:
    """After Retry-After the window is one, and grows by one with each success: no herd."""
    limit = breaker(4)
    limit.refused(limit.epoch, now=10.0, after=30.0)
    assert limit.wait(10.0) == 30.0
    assert limit.wait(39.0) == 1.0
    assert limit.wait(40.0) == 0.0
    windows = [limit.window]
    for _ in range(5):
        limit.succeeded(limit.epoch)
        windows.append(limit.window)
    assert windows == [1, 2, 3, 4, 4, 4]


def test_a_whole_window_of_refusals_is_one_failure() -> None:
    """What was on the wire when the pause began does not lengthen it, but its Retry-After counts."""
    limit = breaker(16)
    epoch = limit.epoch
    limit.refused(epoch, 0.0, None)
    assert limit.wait(0.0) == FIRST_PAUSE
    for _ in range(15):
        limit.refused(epoch, 0.1, None)
    assert limit.wait(0.0) == FIRST_PAUSE
    limit.refused(epoch, 0.1, 9.9)
    assert limit.wait(0.0) == pytest.approx(10.0)
    limit.succeeded(epoch)  # an answer to an old request does not end the pause's caution
    assert limit.window == 1


def test_consecutive_refusals_double_the_pause_up_to_a_minute() -> None:
    """Each failed probe doubles the ceiling; a success starts over."""
    limit, now, pauses = breaker(), 0.0, []
    for _ in range(10):
        limit.refused(limit.epoch, now, None)
        pauses.append(limit.wait(now))
        now += pauses[-1]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    limit.succeeded(limit.epoch)
    limit.refused(limit.epoch, now, None)
    assert limit.wait(now) == FIRST_PAUSE


def test_a_vendor_that_asks_for_no_wait_again_and_again_is_spared() -> None:
    """Retry-After: 0 is honoured once; repeated, pauses of our own grow."""
    limit, pauses = breaker(), []
    for _ in range(4):
        limit.refused(limit.epoch, 0.0, 0.0)
        pauses.append(limit.wait(0.0))
    assert pauses == [0.0, 1.0, 2.0, 4.0]


def test_three_doubts_in_a_row_open_the_breaker() -> None:
    """Each doubt takes a place out of the window; three in a row pause the sender."""
    limit = breaker(16)
    limit.failed(limit.epoch, 0.0)
    limit.failed(limit.epoch, 0.0)
    assert (limit.window, limit.wait(0.0)) == (14, 0.0)
    limit.failed(limit.epoch, 0.0)
    assert (limit.window, limit.wait(0.0)) == (1, FIRST_PAUSE)


def test_few_doubts_between_successes_do_not_open_the_breaker() -> None:
    """One lost answer in ten costs a place in the window for a moment, no pause."""
    limit = breaker(16)
    for _ in range(100):
        limit.failed(limit.epoch, 0.0)
        for _ in range(9):
            limit.succeeded(limit.epoch)
    assert limit.wait(0.0) == 0.0
    assert limit.window == 16


def test_ten_doubts_among_fifty_attempts_open_the_breaker() -> None:
    """A brown-out, in which successes come in between, pauses the sender too."""
    limit = breaker(16)
    for _ in range(9):
        limit.failed(limit.epoch, 0.0)
        for _ in range(4):
            limit.succeeded(limit.epoch)
    assert (limit.window, limit.wait(0.0)) == (16, 0.0)
    limit.failed(limit.epoch, 0.0)
    assert (limit.window, limit.wait(0.0)) == (1, FIRST_PAUSE)


def test_after_doubts_a_vendor_has_to_prove_itself() -> None:
    """The window stays at one for eight successes, and a doubt among the first thirty opens again."""
    limit = breaker(16)
    for _ in range(3):
        limit.failed(limit.epoch, 0.0)
    windows = []
    for _ in range(29):
        limit.succeeded(limit.epoch)
        windows.append(limit.window)
    assert windows[:9] == [1] * 7 + [2, 3]
    limit.failed(limit.epoch, 1.0)
    assert (limit.window, limit.wait(1.0)) == (1, 2 * FIRST_PAUSE)
    for _ in range(30):
        limit.succeeded(limit.epoch)
    assert limit.trusted
    limit.failed(limit.epoch, 3.0)
    assert (limit.window, limit.wait(3.0)) == (15, 0.0)


def test_half_open_a_single_doubt_opens_again() -> None:
    """A probe that fails costs one row, and the pause grows."""
    limit = breaker(16)
    for _ in range(3):
        limit.failed(limit.epoch, 0.0)
    limit.failed(limit.epoch, 1.0)
    assert limit.wait(1.0) == 2 * FIRST_PAUSE


def test_an_outage_is_counted_from_its_first_failure() -> None:
    """A quarter of an hour without a usable answer stops; any usable answer starts it over."""
    outage = Outage(900.0)
    assert outage.failed(1000.0, "refused") is None
    assert outage.failed(1899.0, "refused") is None
    outage.answered()
    assert outage.failed(1950.0, "refused") is None
    stop = outage.failed(2850.0, "connection refused")
    assert stop is not None
    assert stop.code is StopCode.OUTAGE
    assert stop.reason == "No usable answer for 15 minutes. The last failure: connection refused."
    assert stop.message.spell(spell_option, quotes=False) == "No usable answer for 15 minutes."


def test_a_server_that_was_never_reached_may_be_the_wrong_one() -> None:
    """The stop names the setting, unless the server was there earlier in the run."""
    stops = []
    for reached in (False, True):
        outage = Outage(900.0)
        assert outage.failed(0.0, "cut", reached=reached) is None
        stops.append(outage.failed(900.0, "Failed to connect to 127.0.0.1 port 9"))
    lost, down = stops
    assert lost is not None
    assert down is not None
    assert lost.message.settings == ("endpoint",)
    assert lost.reason == (
        "No usable answer for 15 minutes. The last failure: Failed to connect to 127.0.0.1 port 9. "
        "The server was never reached in this run: check --endpoint."
    )
    assert down.message.settings == ()


def test_a_proxy_may_be_what_was_never_reached() -> None:
    """Through a proxy, the stop names that setting first."""
    outage = Outage(900.0, proxied=True)
    assert outage.failed(0.0, "cut") is None
    stop = outage.failed(900.0, "Could not resolve proxy")
    assert stop is not None
    assert stop.message.settings == ("proxy", "endpoint")
    assert stop.reason.endswith("The server was never reached in this run: check --proxy and --endpoint.")


def test_a_stray_answer_does_not_end_a_brown_out() -> None:
    """Usable answers of a vendor that is not trusted yet do not start the count over, and are not hidden."""
    outage = Outage(900.0)
    assert outage.failed(0.0, "HTTP 500") is None
    outage.answered(trusted=False)
    stop = outage.failed(900.0, "HTTP 500")
    assert stop is not None
    assert stop.reason == "Too few usable answers for 15 minutes. The last failure: HTTP 500."


REJECTED = Rejected(200, 210, "Application not found")


def seen(verdicts: list[Verdict], first: int = 20) -> list[Stop | None]:
    """What a canary says to each."""
    canary = Canary(first)
    return [canary.see(verdict) for verdict in verdicts]


def test_the_first_records_all_rejected_alike_stop_the_load() -> None:
    """Exactly the twentieth equal rejection stops, with the vendor's words."""
    stops = seen([REJECTED] * 20)
    assert stops[:19] == [None] * 19
    assert stops[19] is not None
    assert stops[19].code is StopCode.REJECTED_ALIKE
    assert (
        stops[19].reason
        == 'The first 20 rows were all rejected for the same reason: "Application not found". '
        "Check --app. With the right one, the load begins again with these rows."
    )
    unquoted = stops[19].message.spell(spell_option, quotes=False)
    assert unquoted == (
        "The first 20 rows were all rejected for the same reason. "
        "Check --app. With the right one, the load begins again with these rows."
    )


@pytest.mark.parametrize("other", [Confirmed(), Rejected(400, None, "HTTP 400")])
def test_one_record_that_fares_otherwise_ends_the_canary(other: Verdict) -> None:
    """Once anything else happened, rejections are the records' own fault."""
    assert seen([*[REJECTED] * 19, other, *[REJECTED] * 50]) == [None] * 70


def test_doubts_and_retries_say_nothing_about_the_settings() -> None:
    """Only settled records count for the canary."""
    between: list[Verdict] = [InDoubt("reset"), Retry("HTTP 429"), REJECTED]
    assert seen(between * 20)[-1] is not None


def test_a_canary_can_be_off() -> None:
    """Zero records never stop a load."""
    assert seen([REJECTED] * 50, first=0) == [None] * 50


def test_repeats_stay_a_tenth_of_the_load() -> None:
    """In an outage of everything the budget gives its reserve and a tenth of what is new."""
    budget = RetryBudget(reserve=64)
    given = 0
    for _ in range(1000):
        budget.earn()
        given += budget.spend()
        given += budget.spend()
    assert 64 + 90 <= given <= 64 + 101


def test_a_ceiling_counts_what_was_there_before() -> None:
    """Exactly the accepted number is accepted; one more stops."""

    def stop(most: int) -> Stop:
        return Stop(StopCode.TOO_MANY_REJECTED, Message(f"> {most}"))

    ceiling = Ceiling(10, 8, stop)
    assert [ceiling.add(), ceiling.add(), ceiling.add()] == [None, None, stop(10)]
    assert Ceiling(None, 0, stop).add(10**9) is None
