"""The pace: rates and times left, on numbers."""

from __future__ import annotations

import pytest

from loader.progress.pace import Pace, Pauses, Silence, Speed


def run(pace: Pace, seconds: range, rate: float, *, start: int = 0, goal: int = 1_000_000) -> Speed:
    """A quarter of a second after the other; what is seen at the end."""
    speed = Speed()
    for quarter in range(seconds.start * 4, seconds.stop * 4 + 1):
        done = start + round((quarter / 4 - seconds.start) * rate)
        speed = pace.see(done, goal, quarter / 4)
    return speed


def test_a_steady_load_is_told_exactly() -> None:
    """Rate, mean and time left of a steady load are what arithmetic says."""
    speed = run(Pace(0, 0.0), range(100), 500, goal=100_000)
    assert speed.now == pytest.approx(500)
    assert speed.mean == pytest.approx(500)
    assert speed.left == pytest.approx((100_000 - 50_000) / 500)


def test_nothing_is_told_from_less_than_a_second() -> None:
    """A rate from a few milliseconds would be a guess: there is none yet."""
    assert Pace(0, 0.0).see(40, 100, 0.5) == Speed(None, None, None)


def test_the_rate_now_forgets_what_is_ten_seconds_old() -> None:
    """After a change of speed the present rate has followed within about ten seconds; the mean is of all."""
    pace = Pace(0, 0.0)
    run(pace, range(100), 1000)
    speed = run(pace, range(100, 111), 100, start=100_000)
    assert speed.now == pytest.approx(100, rel=0.01)
    assert speed.mean == pytest.approx((100_000 + 1100) / 111)


def test_rows_of_earlier_runs_are_no_speed_of_this_one() -> None:
    """A resumed load with a million rows behind it does not seem a million rows fast."""
    speed = run(Pace(1_000_000, 0.0), range(10), 50, start=1_000_000, goal=1_001_000)
    assert speed.now == pytest.approx(50)
    assert speed.mean == pytest.approx(50)
    assert speed.left == pytest.approx(500 / 50)


def test_a_stall_lowers_the_rate_to_nothing_and_the_time_left_becomes_unknown() -> None:
    """Where nothing moves, no time left is made up."""
    pace = Pace(0, 0.0)
    run(pace, range(30), 100)
    speed = run(pace, range(30, 42), 0, start=3000)
    assert speed.now == 0
    assert speed.left is not None
    assert run(pace, range(42, 120), 0, start=3000).left is None


def test_rows_rejected_on_this_machine_give_no_time_left() -> None:
    """Before the vendor has answered, nobody knows how long the others will take: days are not made up."""
    pace = Pace(0, 0.0)
    pace.see(1, 100_000, 1.0, answered=False)
    assert pace.see(1, 100_000, 5.0, answered=False).left is None
    assert pace.see(100, 100_000, 6.0).left is not None


def test_a_pause_does_not_count_against_the_time_left() -> None:
    """In a pause the time left is the rest of it, and then the speed from before."""
    pace = Pace(0, 0.0)
    run(pace, range(60), 100, goal=12_000)
    for second in range(60, 360):
        speed = pace.see(6000, 12_000, float(second), 360.0 - second)
    assert speed.now == 0
    assert speed.mean == pytest.approx(6000 / 359)
    assert speed.left == pytest.approx(6000 / 100 + 1, rel=0.02)
    after = run(pace, range(360, 370), 100, start=6000, goal=12_000)
    assert after.left == pytest.approx((6000 - 1000) / 100, rel=0.1)


def test_a_finished_load_has_no_time_left() -> None:
    """All done is no time left, even where nothing was to be done."""
    assert Pace(0, 0.0).see(0, 0, 0.0).left == 0
    assert run(Pace(0, 0.0), range(10), 10, goal=100).left == 0
    assert Pace(100, 5.0).see(100, 100, 5.0) == Speed(None, None, 0.0)


def test_memory_does_not_grow_with_the_length_of_a_load() -> None:
    """A week of observations keeps a few samples."""
    pace = Pace(0, 0.0)
    run(pace, range(2000), 7)
    assert max(len(window._samples) for window in (pace._recent, pace._steady)) <= 22


def test_each_pause_is_told_when_it_begins_and_when_it_ends() -> None:
    """One pause is one pause and one resume, however often it is looked at."""
    pauses = Pauses()
    seen = [pauses.see("an outage" if 3 <= second < 20 else "", second) for second in range(25)]
    assert [(second, told) for second, told in enumerate(seen) if told] == [(3, "pause"), (20, "resume")]


def test_short_pauses_in_a_row_are_told_once_in_ten_seconds() -> None:
    """A vendor that throttles every second does not fill the log; another reason is told at once."""
    pauses = Pauses()
    told = [pauses.see("Retry-After" if second % 2 else "", second) for second in range(40)]
    assert told.count("pause") == told.count("resume") <= 5
    assert pauses.see("an outage", 40.5) == "pause"


def test_silence_is_measured_from_the_last_answer() -> None:
    """It grows while nothing is heard and begins again with each answer; a pause is not silence."""
    silence = Silence(0.0)
    assert silence.see((5, 5), 1.0, waits=True) == 0
    assert silence.see((5, 5), 13.0, waits=True) == 12
    assert silence.see((5, 6), 14.0, waits=True) == 0
    assert silence.see((5, 6), 20.0, waits=False) == 0
    assert silence.see((5, 6), 21.0, waits=True) == 1
