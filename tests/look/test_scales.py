"""The marks of an axis."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.look import scales


@given(st.floats(1e-6, 1e9))
def test_counts_reach_over_the_highest_value(highest: float) -> None:
    """Nothing is drawn above the axis, which has a handful of marks."""
    marks = scales.scale_counts(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest * (1 - 1e-6)
    assert 2 <= len(marks) <= 6


@given(st.floats(1e-4, 100), st.floats(1, 1e5))
def test_a_logarithmic_axis_holds_both_ends(lowest: float, factor: float) -> None:
    """Every time lies within the marks, and they do not crowd."""
    marks = scales.scale_decades(lowest, lowest * factor)
    assert marks[0] <= lowest
    assert marks[-1] >= lowest * factor * (1 - 1e-9)
    assert len(marks) <= 9
    assert marks == sorted(set(marks))


@pytest.mark.parametrize("first", [1, 2, 5, 11])
def test_months_are_marked_at_even_steps(first: int) -> None:
    """Marks stand where quarters and years begin, whichever month the input begins with."""
    months = [f"{2020 + n // 12}-{n % 12 + 1:02}" for n in range(first - 1, first + 40)]
    marked = scales.mark_names(months, 11)
    steps = {months.index(after) - months.index(before) for before, after in pairwise(marked)}
    assert len(steps) == 1
    assert f"{2022}-01" in marked
    assert len(marked) <= 11
