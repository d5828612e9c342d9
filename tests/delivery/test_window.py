"""The window in numbers: when it grows, when it shrinks, and by how much."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.window import FIRST_WINDOW, ConcurrencyWindow, lower_bound_of_median

MODEST = 80


def rounds(window: ConcurrencyWindow, count: int, seconds: float, now: float, *, full: bool = True) -> float:
    """Let a number of rounds of equally long answers pass; the time after them.

    Short trips are rounds only together, because a round takes 20 ms or more.
    """
    for _ in range(count * math.ceil(0.021 / seconds)):
        if full:
            window.note_full()
        now += seconds
        for _ in range(max(window.limit, 8)):
            window.answered(seconds, now)
    return now


def auto() -> ConcurrencyWindow:
    """A window between 1 and 256."""
    return ConcurrencyWindow(1, 256, 0.0)


def test_a_fixed_window_never_moves() -> None:
    """Equal bounds are kept, whatever happens."""
    window = ConcurrencyWindow(20, 20, 0.0)
    rounds(window, 50, 0.05, 0.0)
    window.refused(1.0, 2.0)
    window.lost(3.0, 4.0)
    rounds(window, 50, 5.0, 10.0)
    assert window.limit == 20


def test_at_first_each_round_doubles_the_window() -> None:
    """While the time holds, a window that is used up doubles up to its largest."""
    window, now, limits = auto(), 0.0, []
    for _ in range(6):
        limits.append(window.limit)
        now = rounds(window, 1, 0.05, now)
    assert limits == [FIRST_WINDOW, 32, 64, 128, 256, 256]


def test_a_window_that_is_not_used_up_does_not_grow() -> None:
    """With too few rows to fill it, a good time says nothing about a wider window."""
    window = auto()
    rounds(window, 20, 0.05, 0.0, full=False)
    assert window.limit == FIRST_WINDOW


def test_one_slow_round_is_no_sign_but_two_are() -> None:
    """A pause of this machine makes one round slow; a queue at the vendor makes every round slow."""
    window = auto()
    now = rounds(window, 1, 0.05, 0.0)
    now = rounds(window, 1, 0.5, now)
    assert window.limit == 32
    now = rounds(window, 1, 0.05, now)
    assert window.limit == 64
    rounds(window, 2, 0.1, now)
    assert window.limit == 48  # 1.5 times the shortest time is accepted; it was twice


def test_a_few_milliseconds_are_no_queue() -> None:
    """A server on this machine answers in no time, or some milliseconds later when either was held up."""
    window, now = auto(), 0.0
    for seconds, until in ((0.0032, 2.0), (0.0104, 4.0)):
        while now < until:
            took = 0.0005 if window.limit <= FIRST_WINDOW else seconds
            now = rounds(window, 1, took, now)
        assert window.limit == MODEST


def test_a_near_window_grows_beyond_a_modest_one_only_if_that_costs_nothing() -> None:
    """The state of many connections is in no cache: with a near server a wide window is a slow one."""
    window = auto()
    now = rounds(window, 20, 0.0005, 0.0)
    assert window.limit > MODEST
    rounds(window, 40, 0.003, now)
    assert MODEST / 2 < window.limit <= MODEST


def test_the_time_of_connections_that_are_made_is_forgotten() -> None:
    """While the first connections are made all answers are late; a near server is soon measured again."""
    window, now = auto(), 0.0
    while now < 3.0:
        window.note_full()
        connecting = 0.012 if now < 0.2 else 0.0005
        seconds = max(connecting, window.limit / 20_000)  # the server answers 20,000 a second
        now += seconds
        for _ in range(window.limit):
            window.answered(seconds, now)
    assert window.limit == MODEST


def test_a_wait_for_a_core_is_no_queue() -> None:
    """Answers of a near server that were held up in several trips in a row are fewer than the others."""
    window = ConcurrencyWindow(1, 64, 0.0)
    now = rounds(window, 20, 0.006, 0.0)
    for _ in range(5):
        for seconds in [0.012, 0.012, *[0.006] * 20]:
            now += seconds
            window.note_full()
            for _ in range(window.limit):
                window.answered(seconds, now)
            assert window.limit == 64


def test_a_near_window_is_not_halved_within_a_moment() -> None:
    """Its rounds follow each other fast: two bad ones take little of it, those of a second more than half."""
    window = ConcurrencyWindow(1, 64, 0.0)
    now = rounds(window, 20, 0.006, 0.0)
    now = rounds(window, 3, 0.021, now)
    assert 50 < window.limit < 64
    rounds(window, 44, 0.021, now)
    assert window.limit < 32


def test_a_window_shrinks_at_most_by_half_at_a_time() -> None:
    """Even a very slow round is only one sign."""
    window = auto()
    now = rounds(window, 2, 0.05, 0.0)
    rounds(window, 2, 5.0, now)
    assert window.limit == 32


def test_a_burst_of_refusals_shrinks_once() -> None:
    """What was sent before the window shrank tells nothing about the smaller one."""
    window = auto()
    for _ in range(16):
        window.refused(sent_at=1.0, now=1.1)
    assert window.limit == int(FIRST_WINDOW * 0.85)
    window.refused(sent_at=1.2, now=1.3)
    assert window.limit == int(FIRST_WINDOW * 0.85**2)


def test_after_a_refusal_the_window_rests_and_then_grows_slowly() -> None:
    """A vendor that refuses is not asked for more within five seconds, and then for a little at a time."""
    window = auto()
    window.refused(1.0, 1.0)
    now = rounds(window, 90, 0.05, 1.0)
    assert window.limit == 13
    rounds(window, 40, 0.05, now)
    assert window.limit in {14, 15}


def test_many_lost_answers_narrow_the_window() -> None:
    """Four in a row take a tenth, once for all that was on the wire."""
    window = auto()
    for moment in range(3):
        window.lost(float(moment + 1), 31.0)
    assert window.limit == FIRST_WINDOW
    for moment in range(6):
        window.lost(float(moment + 4), 31.0)
    assert window.limit == int(FIRST_WINDOW * 0.9)


def test_now_and_then_a_lost_answer_says_nothing() -> None:
    """One in a hundred, all the time, leaves the window as wide as it is."""
    window, now = auto(), 0.0
    for number in range(3000):
        now += 0.001
        if number % 100:
            window.note_full()
            window.answered(0.05, now)
        else:
            window.lost(now - 0.05, now)
    assert window.limit == 256


def test_what_the_vendor_took_before_is_soon_reached_again() -> None:
    """After lost answers the window grows fast up to where it was refused, and slowly from there."""
    window = auto()
    now = rounds(window, 3, 0.05, 0.0)
    window.refused(now, now)
    kept = window.limit
    assert kept == int(128 * 0.85)
    for _ in range(60):
        now += 0.01
        window.lost(now, now)
    assert window.limit < kept / 2
    now = rounds(window, 20, 0.05, now)
    assert window.limit == kept
    rounds(window, 90, 0.05, now)
    assert kept < window.limit < kept * 1.1


def test_a_vendor_that_became_slower_for_good_is_measured_anew() -> None:
    """After half a minute the shortest time is forgotten: the window grows again at the new pace."""
    window = auto()
    now = rounds(window, 2, 0.05, 0.0)
    now = rounds(window, 60, 0.2, now)
    slow = window.limit
    assert slow <= 2
    rounds(window, 200, 0.2, now)
    assert window.limit > 64


def test_the_time_is_measured_with_a_narrow_window() -> None:
    """So that a queue which the window itself made does not pass for the vendor's time."""
    window = auto()
    now = rounds(window, 4, 0.05, 0.0)
    assert window.limit == 256
    now = rounds(window, 1, 0.05, now + 31)
    assert window.limit == 64
    rounds(window, 2, 0.05, now)
    assert window.limit > 256 - 64


def test_what_was_sent_with_the_wide_window_is_not_measured() -> None:
    """Answers that stood in the long queue come first when the window narrows: they do not tell its time."""
    window = auto()
    now = rounds(window, 2, 0.05, 31.0)
    narrow = window.limit
    for _ in range(300):
        window.answered(2.0, now + 1.0)
    assert window.limit == narrow
    now = rounds(window, 1, 0.05, now + 1.5)
    assert window.limit > narrow
    rounds(window, 2, 2.0, now)
    assert window.limit < 64


def scattered(
    window: ConcurrencyWindow, spread: float, seconds: float, *, at_once: float = math.inf
) -> list[int]:
    """Let a vendor answer for some seconds in lognormal times of 50 ms; the window after each answer.

    Args:
        window: what is judged.
        spread: p99 divided by the median.
        seconds: how long the vendor answers.
        at_once: more requests than this at a time make all answers as much slower.
    """
    chance, limits, now = random.Random(3), [], 0.0
    while now < seconds:
        time = 0.05 * math.exp(math.log(spread) / 2.326 * chance.gauss(0, 1))
        time *= max(1.0, window.limit / at_once)
        now += time / window.limit
        window.note_full()
        window.answered(time, now)
        limits.append(window.limit)
    return limits


@pytest.mark.parametrize("spread", [2, 5, 10, 20, 40])
@pytest.mark.parametrize("highest", [24, 256])
def test_times_that_scatter_are_no_overload(spread: float, highest: int) -> None:
    """A heavy tail without more load is just how a vendor answers: the window grows, and stays wide."""
    limits = scattered(ConcurrencyWindow(1, highest, 0.0), spread, 25.0)
    assert min(limits) >= 12
    assert median(limits[len(limits) // 2 :]) > highest * 0.75


@pytest.mark.parametrize("spread", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("at_once", [8, 32])
def test_an_overload_is_seen_through_the_scatter(spread: float, at_once: int) -> None:
    """Times that grow with the load keep the window within some times what the vendor can take at once."""
    limits = scattered(auto(), spread, 150.0, at_once=at_once)
    late = limits[len(limits) // 2 :]
    assert at_once * 0.75 < median(late) < at_once * 4


@given(st.lists(st.floats(0.001, 30), min_size=1, max_size=300))
def test_the_lower_bound_lies_between_the_shortest_time_and_the_median(times: list[float]) -> None:
    """The bound is one of the times, at most the median, and nearer to it the more of them there are."""
    ordered = sorted(times)
    assert ordered[0] <= lower_bound_of_median(ordered) <= median(ordered)
    assert lower_bound_of_median(list(range(len(times)))) >= len(times) / 2 - 2 * len(times) ** 0.5 - 1


@given(
    st.integers(1, 50),
    st.integers(0, 300),
    st.lists(st.tuples(st.sampled_from("aafrl"), st.floats(0.001, 30)), max_size=300),
)
def test_the_bounds_always_hold(lowest: int, more: int, happenings: list[tuple[str, float]]) -> None:
    """Whatever happens, the window stays between its bounds."""
    window, now = ConcurrencyWindow(lowest, lowest + more, 0.0), 0.0
    for what, seconds in happenings:
        now += seconds / 10
        match what:
            case "a":
                window.answered(seconds, now)
            case "f":
                window.note_full()
            case "r":
                window.refused(now - seconds, now)
            case "l":
                window.lost(now - seconds, now)
        assert lowest <= window.limit <= lowest + more
