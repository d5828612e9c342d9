"""The arithmetic behind the charts."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.report import axes
from loader.report.course import MOST_POINTS, sum_traffic, thin_stretches, trace_course
from tests.report.conftest import BEGAN, run, stretches


def test_thinned_time_loses_nothing() -> None:
    """Rows, requests, waits and answers are the same in sum, however few points are drawn."""
    long = stretches(1, BEGAN, count=5000, seconds=1.0)
    few = list(thin_stretches(long, 25.0))
    assert len(few) == 200
    assert sum_traffic(few) == pytest.approx(sum_traffic(long)) or sum_traffic(few) == sum_traffic(long)
    assert {each.window for each in few} == {40}


def test_a_page_has_few_points_however_long_the_load() -> None:
    """Many runs share the points of a page, each with at least one."""
    runs = [run(number, BEGAN, stretches=stretches(number, BEGAN, 300)) for number in range(1, 41)]
    drawn = trace_course(runs)
    assert len(drawn) == 40
    assert sum(map(len, drawn)) <= MOST_POINTS + 40


def test_a_pause_between_runs_is_a_gap_and_short() -> None:
    """Twelve hours in which nothing ran take two hundredths of the axis."""
    first, second = trace_course([run(1, BEGAN), run(2, BEGAN + timedelta(hours=12))])
    end = first[-1].x + first[-1].width / 2
    assert end == pytest.approx(300)
    assert axes.start(second[0]) - end == pytest.approx(0.02 * 600)
    assert second[0].at - first[0].at == pytest.approx(12 * 3600)


def test_marks_say_the_time_of_day_of_each_run() -> None:
    """Each run's beginning is marked with its own time, with the date where there are several days."""
    marks = axes.mark_moments(trace_course([run(1, BEGAN), run(2, BEGAN + timedelta(hours=30))]), 6)
    assert marks[0][1] == "28 Mar 22:00"
    assert "30 Mar 04:00" in [text for _, text in marks]
    assert all(after > before for (before, _), (after, _) in pairwise(marks))


def test_a_short_load_is_marked_in_seconds() -> None:
    """A load of two seconds has marks that can be told apart."""
    marks = axes.mark_moments(trace_course([run(1, BEGAN, stretches=stretches(1, BEGAN, 10, 0.2))]), 6)
    assert [text for _, text in marks] == ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"]


@given(st.integers(1, 200), st.floats(0.01, 5000), st.integers(1, 5))
def test_marks_are_few_and_ascend(count: int, seconds: float, runs: int) -> None:
    """Whatever the lengths, the marks of time do not overlap."""
    chance = random.Random(count)
    facts = [
        run(number, began, stretches=stretches(number, began, chance.randint(1, count), seconds))
        for number in range(runs)
        for began in [BEGAN + timedelta(hours=number)]
    ]
    marks = axes.mark_moments(trace_course(facts), 6)
    assert 1 <= len(marks) <= 6 + runs + 2
    assert all(after > before for (before, _), (after, _) in pairwise(marks))


def test_marks_of_a_run_are_at_even_steps() -> None:
    """Whenever a run began, its marks are round times with the same step between them."""
    for seconds in range(0, 600, 37):
        began = BEGAN + timedelta(seconds=seconds)
        runs = trace_course([run(1, began, stretches=stretches(1, began, 60, 30.0))])
        marks = axes.mark_moments(runs, 7)
        steps = {round(after - before, 3) for (before, _), (after, _) in pairwise(marks)}
        assert len(steps) == 1
        assert all(int(text[-2:]) % 5 == 0 for _, text in marks)
