"""Typed cells as text: exact, without what only the type adds, and never a garbled time."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping.cells import as_text
from tests.mapping.samples import EVENTS, attribute, mapped, messages, requests, typed_frame

LACKING = "with an empty member, and JSON's null has no meaning in a list"


@given(
    st.integers(0, 38).flatmap(
        lambda scale: st.tuples(
            st.just(scale), st.lists(st.none() | st.integers(-(10**38) + 1, 10**38 - 1), min_size=1)
        )
    )
)
def test_a_decimal_is_written_with_its_own_digits_alone(given: tuple[int, list[int | None]]) -> None:
    """The text is the number, has no exponent and no zeros at its end, and is the same beside any other row."""
    scale, digits = given
    numbers = [None if one is None else Decimal(f"{one}E-{scale}") for one in digits]
    texts = as_text(pa.array(numbers, pa.decimal128(38, scale))).to_pylist()
    for number, text in zip(numbers, texts, strict=True):
        assert (number is None) is (text is None)
        if number is not None:
            assert (Decimal(text), "E" in text) == (number, False)
            assert not ("." in text and text.endswith(("0", ".")))
            assert text in as_text(pa.array([number], pa.decimal128(38, scale))).to_pylist()


WIDE = [pa.decimal256(76, 20), pa.decimal128(20, 0), pa.decimal128(30, 9), pa.decimal128(20, 2), pa.float64()]


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(1, 9))
def test_a_whole_id_is_the_same_text_from_every_type(number: int, other: int) -> None:
    """One row's id depends neither on the type of its column nor on the other rows."""
    for kind in WIDE:
        beside = Decimal(other) / 8 if kind == pa.decimal256(76, 20) else Decimal(other)
        cells = [float(number), float(other) / 8] if kind == pa.float64() else [Decimal(number), beside]
        assert as_text(pa.array(cells, kind))[0].as_py() == str(number)


GARBLED = [
    pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()),
    pa.array([2**62, 0]).cast(pa.timestamp("s")),
    pa.array([-(2**62), 0]).cast(pa.timestamp("us", "UTC")),
    pa.array([-1, 0], pa.int32()).cast(pa.time32("s")),
    pa.array([86_400, 0], pa.int32()).cast(pa.time32("s")),
    pa.array([2**62, 0]).cast(pa.time64("ns")),
]


@pytest.mark.parametrize("cells", GARBLED, ids=lambda cells: str(cells.type))
@pytest.mark.parametrize("place", ["field", "attribute"])
def test_a_time_beyond_all_calendars_rejects_its_row(place: str, cells: pa.Array) -> None:
    """Nothing that only looks like text is sent for it; the other rows are."""
    frame = typed_frame(hwid=pa.array(["d1", "d2"]), time=pa.array(["1700000000"] * 2), a=cells)
    rule = 'userId = "a"' if place == "field" else '[attributes]\na = { column = "a", type = "string" }'
    result = mapped(EVENTS + rule, frame)
    assert messages(result) == [
        'x.csv, row 1, column "a" is a date or time beyond all calendars. Fix the cell where it was exported.'
    ]
    assert [request["hwid"] for request in requests(result)] == ["d2"]


@pytest.mark.parametrize(
    ("rule", "cells", "sentence"),
    [
        ('a = "a"', pa.array([[1, None]]), f"holds a list {LACKING}. Remove the empty member where the list was exported."),
        ('a = "a"', pa.array([["x", None]], pa.large_list(pa.string())), f"holds a list {LACKING}. Remove the empty member where the list was exported."),
        ('a = "a"', pa.array([[1.5, float("nan")]]), f"holds a list {LACKING}. Remove the empty member where the list was exported."),
        ('expand = ["a"]', pa.array(['{"x": [1, null]}']), f'has a member "x", a list {LACKING}. Remove the empty member where the list was exported, or name the list under except.'),
        ('expand = ["a"]', pa.array([{"x": [1, None]}]), None),
        ('a = "a"', pa.array([[b"\xff"]]), "is not a list of texts, numbers and booleans. Write it as a JSON list, or set separator in the mapping."),
        ('a = "a"', pa.array([[float("inf")]]), "is not a list of texts, numbers and booleans. Write it as a JSON list, or set separator in the mapping."),
    ],
)  # fmt: skip
def test_a_list_that_is_not_one_of_values_rejects_its_row(
    rule: str, cells: pa.Array, sentence: str | None
) -> None:
    """An empty member has one outcome, whatever the list was written in; the remedy is the one that helps."""
    frame = typed_frame(hwid=pa.array(["d"]), time=pa.array(["1700000000"]), a=cells)
    result = mapped(f"{EVENTS}[attributes]\n{rule}", frame)
    if sentence is None:
        sentence, column = (
            f"holds a list {LACKING}. Remove the empty member where the list was exported.",
            "a.x",
        )
    else:
        column = "a"
    assert messages(result) == [f'x.csv, row 1, column "{column}" {sentence}']


def test_the_way_out_of_an_empty_member_works() -> None:
    """Named under except, the list is left out and the row is sent."""
    frame = typed_frame(
        hwid=pa.array(["d"]), time=pa.array(["1700000000"]), a=pa.array(['{"x": [1, null], "y": 1}'])
    )
    result = mapped(f'{EVENTS}[attributes]\nexpand = ["a"]\nexcept = ["a.x"]', frame)
    assert [request["attributes"] for request in requests(result)] == [{"y": 1}]


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (pa.array([[0.1, 1.0, 1e300]], pa.list_(pa.float64())), [0.1, 1, 1e300]),
        (pa.array([[0.1]], pa.list_(pa.float32())), [0.1]),
        (pa.array([[Decimal("1.50"), Decimal(2)]]), [1.5, 2]),
        (pa.array([[True, False]]), [True, False]),
        (pa.array([["ä\n", ""]]), ["ä\n", ""]),
        (pa.array([[b"x"]]), ["x"]),
        (pa.array([[2**64 - 1]], pa.list_(pa.uint64())), [2**64 - 1]),
    ],
)
def test_the_members_of_a_list_are_written_as_cells_are(cells: pa.Array, value: list[object]) -> None:
    """A number in a list is the number that it would be in a column of its own."""
    assert attribute('"a"', cells) == ([value], [])
