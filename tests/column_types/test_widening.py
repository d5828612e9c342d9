"""Types of one column in several files: one table if they mean the same, whichever file comes first."""

from __future__ import annotations

from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.column_types import fit_cells, plain_type, widen_types
from tests.column_types.samples import PLAIN, TYPES

KINDS = sorted({plain_type(array.type) for array in TYPES.values()}, key=str)
NUMBERS = [
    kind
    for kind in KINDS
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
]


@pytest.mark.parametrize(
    ("first", "second", "wide"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int8(), pa.uint32(), pa.int64()),
        (pa.uint8(), pa.uint64(), pa.uint64()),
        (pa.int64(), pa.uint64(), pa.decimal128(20, 0)),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.decimal128(10, 2), pa.decimal128(12, 2), pa.decimal128(12, 2)),
        (pa.decimal128(10, 2), pa.decimal128(38, 9), pa.decimal128(38, 9)),
        (pa.decimal128(38, 0), pa.decimal128(38, 9), pa.decimal256(47, 9)),
        (pa.decimal256(76, 0), pa.decimal256(76, 30), pa.float64()),
        (pa.int32(), pa.decimal128(10, 2), pa.decimal128(22, 2)),
        (pa.string(), pa.binary(), pa.binary()),
        (pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC")),
        (pa.time32("s"), pa.time64("us"), pa.time64("us")),
        (pa.list_(pa.int32()), pa.large_list(pa.int64()), pa.large_list(pa.int64())),
        (pa.list_(pa.null()), pa.list_(pa.string()), pa.large_list(pa.string())),
        (
            pa.struct([("a", pa.int32()), ("b", pa.null())]),
            pa.struct([("b", pa.string()), ("a", pa.int64())]),
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
        ),
        (
            pa.map_(pa.string(), pa.int32()),
            pa.map_(pa.string(), pa.int64()),
            pa.map_(pa.string(), pa.int64()),
        ),
        *((pa.null(), kind, kind) for kind in KINDS),
    ],
    ids=str,
)
def test_types_that_mean_the_same_are_widened(
    first: pa.DataType, second: pa.DataType, wide: pa.DataType
) -> None:
    """A file that was written with another width is a part of the same table."""
    assert widen_types(first, second) == wide


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.string(), pa.int64()),
        (pa.bool_(), pa.int8()),
        (pa.date32(), pa.timestamp("us")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us", "Europe/Berlin"), pa.timestamp("us", "UTC")),
        (pa.time32("s"), pa.int32()),
        (pa.list_(pa.string()), pa.string()),
        (pa.list_(pa.string()), pa.list_(pa.int64())),
        (pa.struct([("a", pa.int32())]), pa.struct([("b", pa.int32())])),
        (pa.struct([("a", pa.int32())]), pa.struct([("a", pa.string())])),
        (pa.map_(pa.string(), pa.int32()), pa.map_(pa.string(), pa.string())),
    ],
    ids=str,
)
def test_types_that_differ_in_meaning_are_not(first: pa.DataType, second: pa.DataType) -> None:
    """A number is not a text, a day not an instant, one zone not another."""
    assert widen_types(first, second) is widen_types(second, first) is None


def test_the_order_of_files_does_not_matter() -> None:
    """Each pair has the same type in either order, and that type is wide enough for both."""
    wide = {(first, second): widen_types(first, second) for first, second in product(KINDS, KINDS)}
    assert [pair for pair, kind in wide.items() if kind != wide[pair[::-1]]] == []
    assert [
        (pair, kind)
        for pair, kind in wide.items()
        if kind is not None and any(widen_types(kind, one) != kind for one in pair)
    ] == []


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.integers(-100, 100))
def test_a_small_number_fits_every_wide_type(first: pa.DataType, second: pa.DataType, number: int) -> None:
    """What is looked at beside other files is still the number."""
    wide = widen_types(first, second)
    assert wide is not None
    try:
        cells = pa.array([number, None], pa.int64()).cast(first)
    except pa.ArrowInvalid:  # a negative number, or a decimal of too few digits
        return
    assert fit_cells(cells, wide).to_pylist() == [number, None]


def test_members_in_another_order_fit() -> None:
    """Structs are compared by the names of their members."""
    cells = pa.array([{"b": "x", "a": 1}, None])
    wide = pa.struct([("a", pa.int64()), ("b", pa.string())])
    assert fit_cells(cells, wide).to_pylist() == [{"a": 1, "b": "x"}, None]


def test_every_plain_type_stands_alone() -> None:
    """A column that is the same in all files keeps its type."""
    assert all(widen_types(array.type, array.type) == array.type for array in PLAIN.values())
