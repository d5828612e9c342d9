"""One key of the bodies, against an independent count."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.profile.columns import ColumnProfile


def profiled(values: list[str], *, text: bool = True, size: int = 50) -> ColumnProfile:
    """These values, some at a time."""
    column = ColumnProfile("title", "string", text=text, member=True)
    for start in range(0, len(values), size):
        column.add(pa.array(values[start : start + size], pa.string()))
    return column


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=80))
def test_counts_and_lengths_are_those_of_python(values: list[str]) -> None:
    """Values, distinct values, the shortest and the longest are what Python counts in code points."""
    column = profiled(values, size=9)
    assert (column.values, column.distinct, column.exact) == (len(values), len(set(values)), True)
    assert (column.shortest, column.longest) == (min(map(len, values)), max(map(len, values)))
    assert column.examples == list(dict.fromkeys(values))[:3]


@pytest.mark.parametrize("distinct", [10, 256, 257, 2000])
def test_many_distinct_values_change_nothing(distinct: int) -> None:
    """Few or many distinct values: the count is the same, though it is made another way."""
    values = [f"{number % distinct:05}" for number in range(6000)]
    column = profiled(values, size=700)
    assert (column.values, column.distinct, column.exact) == (6000, distinct, True)
    assert (column.shortest, column.longest) == (5, 5)


def test_json_texts_are_shown_and_measured_without_quotes() -> None:
    """A date in an attribute is 16 characters, not 18."""
    column = profiled([json.dumps("2024-01-31 10:20")], text=False)
    assert (column.shortest, column.longest, column.examples) == (16, 16, ["2024-01-31 10:20"])
