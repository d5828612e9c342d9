"""Values that `[rows]` lists and no cell has: a check names them, because a mistake selects nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from loader.profile.unmatched import UnmatchedValues
from tests.mapping.samples import EVENTS, chunk_of, mapper_of, text_frame, typed_frame


def remarks(rows: str, *frames: object) -> list[str]:
    """What is said of these chunks."""
    mapper = mapper_of(f"{EVENTS}\n[rows]\n{rows}", frames[0])  # type: ignore[arg-type] # frames of samples
    found = UnmatchedValues(mapper)
    for frame in frames:
        found.add(chunk_of(frame))  # type: ignore[arg-type] # as above
    return found.list_remarks()


def prices(*cells: str) -> object:
    """A chunk of texts."""
    count = len(cells)
    return text_frame(hwid=["d"] * count, time=["1700000000"] * count, price=list(cells))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('only = { price = ["2.00", "3"] }', []),
        (
            "only = { price = [2.0] }",
            ['[rows] only "price": no cell is "2.0"; some are "2.00", so list that.'],
        ),
        ('except = { price = ["9"] }', ['[rows] except "price": no cell is "9".']),
        (
            'except = { price = ["GOLD"] }',
            ['[rows] except "price": no cell is "GOLD"; some are "Gold ", so list that.'],
        ),
        ('only = { price = ["", "3"] }', ['[rows] only "price": no cell is empty.']),
    ],
)
def test_a_value_that_no_cell_has_is_named(rows: str, said: list[str]) -> None:
    """Over all chunks together, with a cell that was probably meant."""
    assert remarks(rows, prices("2.00", "Gold "), prices("3", "4")) == said


def test_numbers_of_a_typed_column_match_by_value() -> None:
    """As they are selected."""
    frame = typed_frame(hwid=pa.array(["d"]), time=pa.array(["1700000000"]), price=pa.array([2.0]))
    assert remarks('only = { price = ["2.00"] }', frame) == []
    assert remarks("only = { price = [2.5] }", frame) == ['[rows] only "price": no cell is "2.5".']


def test_a_time_is_shown_as_it_is_compared() -> None:
    """Nobody can guess how the text of a typed time is written."""
    at = pa.array([datetime(2026, 11, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    frame = typed_frame(hwid=pa.array(["d"]), time=pa.array(["1700000000"]), at=at)
    assert remarks('only = { at = ["2026-11-01 00:00:00Z"] }', frame) == []
    assert remarks('only = { at = ["2026-11-01"] }', frame) == [
        '[rows] only "at": no cell is "2026-11-01"; a time there is written "2026-11-01 00:00:00Z".'
    ]
