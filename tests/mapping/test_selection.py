"""Rows that the mapping leaves out: which ones, why, and what becomes of the others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.leases import group_rows
from tests.mapping.samples import (
    EVENTS,
    chunk_of,
    mapped,
    mapper_of,
    messages,
    requests,
    text_frame,
    typed_frame,
)

if TYPE_CHECKING:
    import pandas as pd

    from loader.mapping import Mapped

NAMES = ["purchase", "screen_view", "", "signup", "Purchase"]
FRAME = text_frame(
    hwid=["d0", "d1", "d2", "d3", "d4"],
    time=["1700000000"] * 5,
    name=NAMES,
    platform=["ios", "ios", "ios", "web", ""],
)


def select(rows: str, frame: pd.DataFrame = FRAME, text: str = EVENTS) -> Mapped:
    """A frame, mapped with this table `[rows]`."""
    return mapped(f"{text}\n[rows]\n{rows}", frame)


def devices(result: Mapped) -> list[str]:
    """The devices of the rows that are sent."""
    return [request["hwid"] for request in requests(result)]


def reasons(result: Mapped) -> dict[int, str]:
    """Why each row is left out."""
    return {
        at: outside.explain(at)
        for outside in result.outside
        for at in range(result.count)
        if outside.rows[at]
    }


@pytest.mark.parametrize(
    ("rows", "sent"),
    [
        ('only = { name = ["purchase", "signup"] }', ["d0", "d3"]),
        ('only = { name = ["purchase", ""] }', ["d0", "d2"]),
        ('only = { name = ["purchase", "signup"], platform = ["ios"] }', ["d0"]),
        ('except = { name = ["screen_view"], platform = ["web"] }', ["d0", "d2", "d4"]),
        ('except = { platform = [""] }', ["d0", "d1", "d2", "d3"]),
        ('only = { name = ["purchase", "signup"] }\nexcept = { platform = ["web"] }', ["d0"]),
        ('only = { name = ["nothing like it"] }', []),
    ],
)
def test_rows_are_selected_by_exact_texts(rows: str, sent: list[str]) -> None:
    """All columns of only must hold, any of except leaves out; "" is an empty cell."""
    result = select(rows)
    assert devices(result) == sent
    assert [f"d{ordinal}" for ordinal in result.ordinals] == sent
    assert not result.rejects
    assert sorted(reasons(result)) == [at for at in range(5) if f"d{at}" not in sent]


def test_each_row_has_one_reason_with_its_cell() -> None:
    """The first rule that leaves a row out is its reason; counts go by words that repeat no cell."""
    result = select(
        'only = { name = ["purchase", "Purchase", "signup"] }\nexcept = { platform = ["web", ""] }'
    )
    assert reasons(result) == {
        1: 'selection: name is "screen_view"',
        2: "selection: name is empty",
        3: 'selection: platform is "web"',
        4: "selection: platform is empty",
    }
    assert [(part.reason, part.rows) for part in result.left_out(result.rows)] == [
        ("selection: name is not listed in only", 2),
        ("selection: platform is listed in except", 2),
    ]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (pa.array([1, 2, 3]), "2"),
        (pa.array([1.5, 2.0, 2.5]), "2"),
        (pa.array([False, True, False]), "true"),
        (pa.array(["a", "b", "c"]).dictionary_encode(), '"b"'),
        (pa.array([{"x": "a"}, {"x": "b"}, {"x": "c"}]), '"b"'),
        (pa.array(['{"x": "a"}', '{"x": "b"}', '{"x": "c"}']), '"b"'),
    ],
)
def test_typed_and_nested_cells_are_compared_as_text(cells: pa.Array, text: str) -> None:
    """Numbers, true and false, and values inside structs and JSON texts."""
    frame = typed_frame(hwid=pa.array(["d0", "d1", "d2"]), time=pa.array(["1700000000"] * 3), a=cells)
    nested = pa.types.is_struct(cells.type) or "{" in str(cells[0])
    name = '"a.x"' if nested else "a"
    assert devices(select(f"only = {{ {name} = [{text}] }}", frame)) == ["d1"]
    assert devices(select(f"except = {{ {name} = [{text}] }}", frame)) == ["d0", "d2"]


def test_null_values_are_empty_for_the_selection_too() -> None:
    """What means nothing in every column matches only the empty text."""
    frame = text_frame(hwid=["d0", "d1"], time=["1700000000"] * 2, name=["NULL", "x"])
    text = f'{EVENTS}\n[source]\nnull_values = ["NULL"]'
    assert devices(select('only = { name = ["NULL"] }', frame, text)) == []
    assert devices(select('only = { name = [""] }', frame, text)) == ["d0"]


def test_what_cannot_be_read_is_rejected_and_not_left_out() -> None:
    """Nobody knows whether a damaged record or cell belongs to the load, so it is not passed over."""
    frame = typed_frame(
        hwid=pa.array(["d0", "d1", "d2", "d3"]),
        time=pa.array(["1700000000"] * 4),
        name=pa.array([b"purchase", b"\xff", b"view", b"view"]),
    )
    text = f'{EVENTS}[attributes]\nname = "name"\n[rows]\nonly = {{ name = ["purchase"] }}'
    result = mapper_of(text, frame).map(chunk_of(frame, unreadable={3: "row 4 has too many cells."}))
    assert devices(result) == ["d0"]
    assert [reject.ordinal for reject in result.rejects] == [1, 3]
    assert list(reasons(result)) == [2]


def test_a_row_that_is_left_out_is_not_rejected() -> None:
    """Its mistakes do not matter, and the mistakes of others name their own rows."""
    frame = text_frame(
        hwid=["", "", "d2", "d3"], time=["bad", "bad", "bad", "1700000000"], name=["v", "p", "p", "p"]
    )
    result = select('except = { name = ["v"] }', frame)
    assert list(reasons(result)) == [0]
    assert [message.partition(",")[2].partition(",")[0] for message in messages(result)] == [
        " row 2",
        " row 3",
    ]
    assert devices(result) == ["d3"]
    assert result.good.tolist() == [False, False, True]
    assert result.selected.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("period", "sent"),
    [
        ("from = 2024-03-10T05:00:00Z", ["b", "c", "d"]),
        ("until = 2024-03-10T05:00:00Z", ["a"]),
        ("from = 2024-03-10T05:00:00Z\nuntil = 2024-03-11T03:59:59Z", ["b"]),
        ('from = 2024-03-10\nzone = "America/New_York"', ["b", "c", "d"]),
        ('until = 2024-03-10\nzone = "America/New_York"', ["a", "b", "c"]),
        ('from = 2024-03-10\nuntil = 2024-03-10\nzone = "America/New_York"', ["b", "c"]),
        ('from = 2024-03-10T00:00:00\nuntil = 2024-03-11T00:00:00\nzone = "America/New_York"', ["b", "c"]),
        ('from = 2024-03-11\nzone = "UTC"', ["c", "d"]),
    ],
)
def test_a_period_has_its_last_day_and_not_its_last_instant(period: str, sent: list[str]) -> None:
    """As people say it: until the 10th includes the 10th, until five o'clock does not include five o'clock.

    The day is that of the zone, here one of 23 hours.
    """
    frame = text_frame(
        hwid=["a", "b", "c", "d"],
        time=["2024-03-10T04:59:59Z", "2024-03-10T05:00:00Z", "2024-03-11T03:59:59Z", "2024-03-11T04:00:00Z"],
    )
    text = EVENTS.replace('unit = "s"', 'format = "iso"')
    assert devices(select(period, frame, text)) == sent


def test_a_time_that_cannot_be_read_belongs_to_no_period_and_is_rejected() -> None:
    """Nor does one that is not plausible: it says nothing about when the event was."""
    frame = text_frame(hwid=["a", "b", "c"], time=["never", "0", "1700000000"])
    result = select("from = 2024-01-01T00:00:00Z", frame)
    assert [reject.ordinal for reject in result.rejects] == [0, 1]
    assert reasons(result) == {2: 'selection: before 2024-01-01 00:00:00+00:00: "1700000000"'}


@pytest.mark.parametrize("others", ["", ', trim = true, case = "lower"'])
def test_unlisted_leaves_out_instead_of_rejecting(others: str) -> None:
    """A cell that is not in values; an empty one is still rejected if the field is needed."""
    text = EVENTS.replace(
        '{ const = "purchase" }',
        f'{{ column = "name", values = {{ purchase = "buy" }}, unlisted = "leave out"{others} }}',
    )
    result = mapped(text, FRAME)
    sent = ["d0", "d4"] if others else ["d0"]
    assert devices(result) == sent
    assert [reject.ordinal for reject in result.rejects] == [2]
    assert reasons(result)[1] == 'selection: name is not listed: "screen_view"'


def test_a_mapping_without_a_selection_looks_at_nothing() -> None:
    """It costs what it cost before."""
    result = mapped(EVENTS, FRAME)
    assert (result.outside, result.kept, result.left_out(result.rows)) == ((), None, [])


def test_rows_are_left_out_in_the_ranges_that_are_leased() -> None:
    """Only rows of the lease, by their ordinals, whatever the chunk begins with."""
    frame = text_frame(hwid=["d"] * 8, time=["1700000000"] * 8, name=list("ababbaab"))
    text = f'{EVENTS}\n[rows]\nonly = {{ name = ["a"] }}'
    result = mapper_of(text, frame).map(chunk_of(frame, first=100))
    (part,) = result.left_out(range(101, 104), range(106, 108))
    assert [part.first + bit for bit in range(8) if part.bits >> bit & 1] == [101, 103, 107]
    assert result.left_out(range(105, 107)) == []
    assert [request.ordinal for request in result.requests(range(101, 106))] == [102, 105]


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        ([range(100, 108)], [[range(100, 105)], [range(105, 108)]]),
        ([range(100, 103), range(104, 107)], [[range(100, 103), range(104, 105)], [range(105, 107)]]),
        ([range(103, 104)], [[range(103, 104)]]),
    ],
)
def test_a_lease_is_as_long_as_its_rows_that_are_sent(wanted: list[range], groups: list[list[range]]) -> None:
    """So a commit is worth its cost if most rows are left out: here two rows of a lease are sent."""
    frame = text_frame(hwid=["d"] * 8, time=["1700000000"] * 8, name=list("ababbaba"))
    text = f'{EVENTS}\n[rows]\nonly = {{ name = ["a"] }}'
    result = mapper_of(text, frame).map(chunk_of(frame, first=100))
    assert list(group_rows(wanted, result.kept, result.first, 2)) == groups


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(25, 2), pa.decimal128(25)]
)
@pytest.mark.parametrize("listed", ["2", "2.0", '"2"', '"2.00"', '"2e0"'])
def test_numbers_are_compared_by_value(kind: pa.DataType, listed: str) -> None:
    """In a column of numbers 2.0 and 2 are one, however the mapping and the file write them."""
    cells = pa.array([1, 2, 3, None]).cast(kind)
    frame = typed_frame(
        hwid=pa.array(["d0", "d1", "d2", "d3"]), time=pa.array(["1700000000"] * 4), price=cells
    )
    assert devices(select(f"only = {{ price = [{listed}] }}", frame)) == ["d1"]
    assert devices(select(f"except = {{ price = [{listed}] }}", frame)) == ["d0", "d2", "d3"]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.decimal128(9, 4)])
def test_fractions_are_compared_by_value(kind: pa.DataType) -> None:
    """0.1 of 32 bits is the 0.1 of the mapping; 2.5 is no whole number."""
    cells = pa.array([0.1, 2.5, 2.0]).cast(pa.float64()).cast(kind, safe=False)
    frame = typed_frame(hwid=pa.array(["d0", "d1", "d2"]), time=pa.array(["1700000000"] * 3), price=cells)
    assert devices(select("only = { price = [0.10, 2.50] }", frame)) == ["d0", "d1"]


@pytest.mark.parametrize("listed", ["2.0", '"2"', '"two"', '"nan"'])
def test_texts_are_compared_as_texts(listed: str) -> None:
    """A column of text has no values: "2.00" may be an id."""
    frame = text_frame(hwid=["d0"], time=["1700000000"], price=["2.00"])
    assert devices(select(f"only = {{ price = [{listed}] }}", frame)) == []


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_compared_whatever_their_unit_is(unit: str) -> None:
    """The unit in which a file keeps a time is not a part of it."""
    cells = pa.array([datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)])
    cells = cells.cast(pa.timestamp(unit, "UTC"))
    frame = typed_frame(hwid=pa.array(["d0", "d1"]), time=pa.array(["1700000000"] * 2), at=cells)
    assert devices(select('only = { at = ["2026-11-02 00:00:00Z"] }', frame)) == ["d0"]
