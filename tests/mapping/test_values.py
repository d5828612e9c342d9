"""Attributes: types, empty cells, numbers that must not change on the way."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.mapping.samples import EVENTS, attribute, mapped, messages, requests, text_frame


def text(*cells: str | None) -> pa.Array:
    """A text column."""
    return pa.array(cells, pa.string())


@pytest.mark.parametrize(
    ("rule", "cells", "values"),
    [
        ('"a"', text("x", "", None, "NA", "null", " 42 "), ["x", "-", "-", "NA", "null", " 42 "]),
        ('{ column = "a", empty = "null" }', text("x", ""), ["x", None]),
        ('{ column = "a", trim = true, case = "lower" }', text(" X ", "  "), ["x", "-"]),
        ('{ column = "a", values = { Buy = 1 }, default = 0 }', text("Buy", ""), ["1", "0"]),
        ('{ const = true }', text("x"), [True]),
        ('{ const = 2.5 }', text("x"), [2.5]),
        ('{ template = "{a}-{hwid}" }', text("x", ""), ["x-d", "-"]),
        ('{ column = "a", type = "integer" }', text("0", "-7", "+5", "007", "12.00", "1e3"), [0, -7, 5, 7, 12, 1000]),
        ('{ column = "a", type = "integer" }', text("9223372036854775807", "-9223372036854775808"), [2**63 - 1, -(2**63)]),
        ('{ column = "a", type = "float" }', text("12.5", ".5", "5.", "1E-3", " 7 "), [12.5, 0.5, 5, 0.001, 7]),
        ('{ column = "a", type = "float", decimal = "," }', text("12,5", "7"), [12.5, 7]),
        ('{ column = "a", type = "boolean" }', text("true", "NO", "1", "f"), [True, False, True, False]),
        ('{ column = "a", type = "boolean", values = { Ja = true, Nein = false } }', text("Ja", "Nein"), [True, False]),
        ('{ column = "a", type = "list" }', text('["x", 1, true]', " [ ] "), [["x", 1, True], "-"]),
        ('{ column = "a", type = "list", separator = "|" }', text("x|y", "z"), [["x", "y"], ["z"]]),
        ('{ column = "a", type = "date", zone = "+05:45" }', text("2024-01-31", "1953-07-04T08:00"), ["2024-01-30 18:15", "1953-07-04 02:15"]),
        ('"a"', pa.array([1, None, 2**63 - 1]), [1, "-", 2**63 - 1]),
        ('"a"', pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        ('"a"', pa.array([1.5, float("nan"), None, 1e300, -0.0]), [1.5, "-", "-", 1e300, 0]),
        ('"a"', pa.array([0.1], pa.float32()), [0.1]),
        ('{ column = "a", type = "integer" }', pa.array([3.0, None]), [3, "-"]),
        ('"a"', pa.array([Decimal("12.00"), None]), [12.0, "-"]),
        ('"a"', pa.array([True, False, None]), [True, False, "-"]),
        ('{ column = "a", type = "string" }', pa.array([True]), ["true"]),
        ('{ column = "a", type = "string" }', pa.array([7.0, 7.25]), ["7", "7.25"]),
        ('"a"', pa.array([["x", "y"], [], None]), [["x", "y"], "-", "-"]),
        ('"a"', pa.array([{"list": [{"element": "x"}, {"element": "y"}]}, {"list": []}, None]), [["x", "y"], "-", "-"]),
        ('"a"', pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [[1, 2], "-"]),
        ('"a"', pa.array([[1.5], None], pa.large_list(pa.float32())), [[1.5], "-"]),
        ('"a"', pa.array(["x", None]).dictionary_encode(), ["x", "-"]),
        ('"a"', pa.array([7, None]).dictionary_encode(), [7, "-"]),
        ('"a"', pa.array(["é".encode(), None]), ["é", "-"]),
        ('"a"', pa.array([None, None]), ["-", "-"]),
        ('"a"', pa.array([datetime(2024, 1, 31, 10, 20, 59, tzinfo=UTC)]), ["2024-01-31 10:20"]),
        ('{ column = "a", zone = "America/New_York" }', pa.array([date(2024, 1, 31)]), ["2024-01-31 05:00"]),
    ],
)  # fmt: skip
def test_cells_become_the_values_they_stand_for(rule: str, cells: pa.Array, values: list[Any]) -> None:
    """Every type of column and of attribute arrives as the JSON value that a person means."""
    assert attribute(rule, cells) == (values, [])


def test_a_number_is_sent_as_it_is_written() -> None:
    """12.00 stays 12.00: nothing is rounded or shortened on the way."""
    frame = text_frame(hwid=["d"], time=["1700000000"], a=["12.00"])
    (body,) = mapped(
        f'{EVENTS}[attributes]\na = {{ column = "a", type = "float" }}', frame
    ).bodies.to_pylist()
    assert b'"attributes":{"a":12.00}' in body


@pytest.mark.parametrize(
    ("rule", "cells", "sentence"),
    [
        ('{ column = "a", type = "float" }', text("12,5"), 'column "a": "12,5" is not a number. Set decimal = "," in the mapping.'),
        ('{ column = "a", type = "float" }', text("nan"), 'column "a": "nan" is not a number. Set type = "string" in the mapping.'),
        ('{ column = "a", type = "float" }', text("1e999"), 'column "a": "1e999" is not a number. Set type = "string" in the mapping.'),
        ('{ column = "a", type = "float", decimal = "," }', text("1.234,5"), 'column "a": "1.234,5" is not a number. Set type = "string" in the mapping.'),
        ('{ column = "a", type = "integer" }', text("12.5"), 'column "a": "12.5" is not a whole number of at most 64 bits. Set type = "string" or "float" in the mapping.'),
        ('{ column = "a", type = "integer" }', text("1" * 30), f'column "a": "{"1" * 30}" is not a whole number of at most 64 bits. Set type = "string" or "float" in the mapping.'),
        ('"a"', pa.array([float("inf")]), 'column "a": "inf" is not finite, and JSON has no such number. Set type = "string" or leave it out.'),
        ('{ column = "a", type = "boolean" }', text("maybe"), 'column "a": "maybe" is neither true nor false. Set values in the mapping, such as { Ja = true, Nein = false }.'),
        ('{ column = "a", type = "list" }', text("x|y"), 'column "a": "x|y" is not a list of texts, numbers and booleans. Write it as a JSON list, or set separator in the mapping.'),
        ('{ column = "a", empty = "reject" }', text(""), 'column "a" is empty, and the mapping rejects that. Fill it, or set empty = "omit" in the mapping.'),
        ('{ column = "a", values = { Buy = "b" } }', text("Sell"), 'column "a": "Sell" is not listed in values. Add it to values in the mapping.'),
        ('"a"', pa.array([b"\xff"]), 'column "a" is not text in UTF-8. Fix the cell where it was exported.'),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_such_value_rejects_its_row(rule: str, cells: pa.Array, sentence: str) -> None:
    """The sentence names file, row, column, value, reason and remedy."""
    assert attribute(rule, cells) == ([], [f"x.csv, row 1, {sentence}"])


def test_a_price_is_a_pair_of_attributes() -> None:
    """An amount without a currency is rejected, no amount means no price."""
    frame = text_frame(
        hwid=["d"] * 3, time=["1700000000"] * 3, amount=["9.90", "", "5"], cur=["EUR", "EUR", ""]
    )
    rule = 'p = { column = "amount", type = "price", currency = { column = "cur" } }'
    result = mapped(f"{EVENTS}[attributes]\n{rule}", frame)
    assert [one["attributes"] for one in requests(result)] == [{"__amount": 9.9, "__currency": "EUR"}, {}]
    assert messages(result) == [
        'x.csv, row 3, column "cur" is empty, and a price needs a currency. Fill it, or set currency in the mapping.'
    ]


def test_the_amount_of_a_price_may_be_a_column_of_floats() -> None:
    """9.90 in a Parquet column or a DataFrame is an amount as it is in a CSV; an empty one is no price."""
    frame = text_frame(hwid=["d"] * 3, time=["1700000000"] * 3).assign(amount=[9.9, float("nan"), 5.0])
    rule = 'p = { column = "amount", type = "price", currency = "EUR" }'
    result = mapped(f"{EVENTS}[attributes]\n{rule}", frame)
    assert [one["attributes"] for one in requests(result)] == [
        {"__amount": 9.9, "__currency": "EUR"},
        {},
        {"__amount": 5, "__currency": "EUR"},
    ]
    assert messages(result) == []


def test_all_other_columns_become_attributes_but_some() -> None:
    """`others` takes every column that is not named, `except` leaves some out."""
    frame = text_frame(hwid=["d"], time=["1700000000"], x=["1"], y=["2"], z=["3"], _loader_reason=["r"])
    toml = f'{EVENTS}[attributes]\nwhy = "x"\nothers = true\nexcept = ["z"]'
    assert [one["attributes"] for one in requests(mapped(toml, frame))] == [{"why": "1", "y": "2"}]


def test_the_empty_cells_of_all_other_columns_are_treated_as_asked() -> None:
    """Left out, sent as null, or a reason to reject the row."""
    frame = text_frame(hwid=["d"], time=["1700000000"], x=[""], y=["2"])
    for others, expected in (("true", {"y": "2"}), ('{ empty = "null" }', {"x": None, "y": "2"})):
        result = mapped(f"{EVENTS}[attributes]\nothers = {others}", frame)
        assert [one["attributes"] for one in requests(result)] == [expected]
    assert messages(mapped(f'{EVENTS}[attributes]\nothers = {{ empty = "reject" }}', frame)) == [
        'x.csv, row 1, column "x" is empty, and the mapping rejects that. Fill it, or set empty = "omit" in the mapping.'
    ]
