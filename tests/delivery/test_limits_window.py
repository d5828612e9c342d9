"""The window in numbers: when it grows, when it shrinks, and by how much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.limits_window import FIRST_WINDOW, Window


def rounds(window: Window, count: int, seconds: float, now: float, *, full: bool = True) -> float:
    """Let so many rounds of equally long answers pass; the time after them."""
    for _ in range(count):
        if full:
            window.filled()
        now += seconds
        for _ in range(max(window.limit, 8)):
            window.answered(seconds, now)
    return now


def auto() -> Window:
    """A window between 1 and 256."""
    return Window(1, 256, 0.0)


def test_a_fixed_window_never_moves() -> None:
    """Equal bounds are kept, whatever happens."""
    window = Window(20, 20, 0.0)
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


def test_a_window_shrinks_at_most_by_half_at_a_time() -> None:
    """Even a very slow round is only one sign."""
    window = auto()
    now = rounds(window, 2, 0.05, 0.0)
    rounds(window, 2, 50.0, now)
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


def test_lost_answers_narrow_the_window() -> None:
    """A time-out takes a tenth, once for all that was on the wire."""
    window = auto()
    window.lost(1.0, 31.0)
    window.lost(2.0, 31.0)
    assert window.limit == int(FIRST_WINDOW * 0.9)


def test_a_vendor_that_became_slower_for_good_is_measured_anew() -> None:
    """After half a minute the shortest time is forgotten: the window grows again at the new pace."""
    window = auto()
    now = rounds(window, 2, 0.05, 0.0)
    now = rounds(window, 60, 0.2, now)
    slow = window.limit
    assert slow <= 2
    rounds(window, 200, 0.2, now)
    assert window.limit > 64


def test_the_time_is_measured_with_half_a_window() -> None:
    """So that a queue which the window itself made does not pass for the vendor's time."""
    window = auto()
    now = rounds(window, 3, 0.05, 0.0)
    before = window.limit
    rounds(window, 1, 0.05, now + 31)
    assert window.limit <= before


@given(
    st.integers(1, 50),
    st.integers(0, 300),
    st.lists(st.tuples(st.sampled_from("aafrl"), st.floats(0.001, 30)), max_size=300),
)
def test_the_bounds_always_hold(lowest: int, more: int, happenings: list[tuple[str, float]]) -> None:
    """Whatever happens, the window stays between its bounds."""
    window, now = Window(lowest, lowest + more, 0.0), 0.0
    for what, seconds in happenings:
        now += seconds / 10
        match what:
            case "a":
                window.answered(seconds, now)
            case "f":
                window.filled()
            case "r":
                window.refused(now - seconds, now)
            case "l":
                window.lost(now - seconds, now)
        assert lowest <= window.limit <= lowest + more
