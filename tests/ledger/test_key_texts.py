"""What cells of a key are the same key, whatever type a file keeps them in."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from loader.mapping.selection import join_keys
from loader.mapping.table import Table

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
ODD = datetime(2024, 1, 1, 12, 0, 10, 120000, tzinfo=UTC)


def read_keys(*cells: pa.Array) -> list[bytes]:
    """The keys of rows, each of its own table."""
    tables = [Table(pa.table({"k": each})) for each in cells]
    return [
        key
        for table in tables
        for key in join_keys(["k"], table, np.ones(table.rows, np.bool_))[1].to_pylist()
    ]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Oslo"])
@pytest.mark.parametrize("moment", [NOON, ODD])
def test_a_time_is_the_same_key_in_any_unit(moment: datetime, zone: str | None) -> None:
    """An export that begins to write microseconds, or nanoseconds, does not send every row again."""
    units = ["ms", "us", "ns"] if moment is ODD else ["s", "ms", "us", "ns"]
    wall = moment if zone else moment.replace(tzinfo=None)
    keys = read_keys(*(pa.array([wall], pa.timestamp(unit, zone)) for unit in units))
    assert len(set(keys)) == 1
    other = wall.replace(minute=30)
    assert read_keys(pa.array([other], pa.timestamp("us", zone)))[0] not in keys


def test_a_number_is_the_same_key_in_any_type() -> None:
    """A number has one key as text, integer, float or decimal; 01 is another."""
    cells = [["1"], [1], [1.0], [Decimal("1.00")]]
    assert set(read_keys(*map(pa.array, cells))) == {b"1"}
    assert read_keys(pa.array(["01", "1.0", " 1"])) == [b"01", b"1.0", b" 1"]


def test_long_and_odd_texts_are_keys() -> None:
    """Ten megabytes, a NUL, and two spellings of one letter are kept apart as they are."""
    texts = ["x" * 10_000_000, "x" * 9_999_999 + "y", "a\0b", "a", "\u00e9", "e\u0301"]
    assert len(set(read_keys(pa.array(texts)))) == len(texts)
