"""A frame arrives as it is: its own types, its own index, no detour through text."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas
import polars as pl
import pyarrow as pa
import pytest

import loader
from loader.sources import open_source
from tests.api.conftest import counts, purchases

if TYPE_CHECKING:
    from pathlib import Path

pd: Any = pandas  # the stubs know fewer ways to make an array than pandas
BERLIN = ZoneInfo("Europe/Berlin")
HOLDS_ITSELF: dict[str, Any] = {}
HOLDS_ITSELF["self"] = HOLDS_ITSELF
NOON = pd.Timestamp("2024-07-01 12:00", tz="UTC")


def bodies(frame: Any, **more: Any) -> list[dict[str, Any]]:
    """The requests that a frame of events would make; numbers as they are written."""
    checked = loader.check_events(frame, **more)
    assert checked.ok, checked
    return [json.loads(body, parse_float=str)["request"] for body in checked.bodies]


def sent(column: Any, **more: Any) -> list[Any]:
    """What becomes of a column as an attribute; a missing one is None."""
    frame = pd.DataFrame({"user_id": "u", "event": "e", "timestamp": NOON, "a": column})
    return [body["attributes"].get("a") for body in bodies(frame, **more)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.array([1, None, 2**53 + 1], "Int64"), [1, None, 2**53 + 1]),
        (np.array([1, 2**63, 2], dtype=np.uint64), [1, 2**63, 2]),
        (np.array([1.5, np.nan, 3.0]), ["1.5", None, 3]),
        (np.array([0.1, np.nan, 2], dtype=np.float32), ["0.1", None, 2]),
        (pd.array([True, None, False], "boolean"), [True, None, False]),
        (pd.array(["007", None, "NA"], "string"), ["007", None, "NA"]),
        (pd.Series(["007", None, "é"], dtype=object), ["007", None, "é"]),
        (pd.Series(["x", None, "y"], dtype="string[pyarrow]"), ["x", None, "y"]),
        (pd.Categorical([7, 8, 7]), [7, 8, 7]),
        (pd.Categorical(["b", None, "a"], categories=["z", "b", "a"], ordered=True), ["b", None, "a"]),
        (pd.array([0, 0, 5], pd.SparseDtype("int64", 0)), [0, 0, 5]),
        (pd.Series([Decimal("12.30"), None, Decimal("1")], dtype=object), ["12.3", None, 1]),
        (pd.Series([1, None, 2**62 + 1], dtype=object), [1, None, 2**62 + 1]),
        (pd.Series([1, 2.5, None], dtype=object), [1, "2.5", None]),
        (pd.Series([True, None, np.False_], dtype=object), [True, None, False]),
        (pd.Series([2**70, 1, None], dtype=object), [2**70, 1, None]),
        (pd.Series([["a", "b"], None, ("c",)], dtype=object), [["a", "b"], None, ["c"]]),
        (pd.Series([{"k": [1, np.nan]}, None, {}], dtype=object), ['{"k": [1, null]}', None, "{}"]),
        (pd.Series(["a", 1, 2.0], dtype=object), ["a", "1", "2"]),
        (pd.Series([pd.NA, pd.NaT, None], dtype=object), [None, None, None]),
        (pd.Series([UUID(int=1), None, None], dtype=object), [str(UUID(int=1)), None, None]),
        (pd.array([1.5, None, 2], pd.ArrowDtype(pa.float64())), ["1.5", None, 2]),
        (pd.array(["x", "y", "x"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))), ["x", "y", "x"]),
        (
            pd.to_datetime(["2024-01-31 10:20:30", None, "2024-02-01 00:00:00"], utc=True),
            ["2024-01-31 10:20", None, "2024-02-01 00:00"],
        ),
        (
            pd.Series([dt.date(2024, 1, 31), None, dt.date(1999, 12, 31)], dtype=object),
            ["2024-01-31 00:00", None, "1999-12-31 00:00"],
        ),
        (pd.Series([dt.time(10, 20), None, None], dtype=object), ["10:20:00", None, None]),
    ],
    ids=str,
)
def test_each_type_arrives_as_it_is(column: Any, expected: list[Any]) -> None:
    """Numbers stay numbers, truths truths, text text to the letter; a missing cell is not sent."""
    zone = loader.Mapping(
        "events",
        fields={"userId": "user_id", "event": "event", "timestamp": {"column": "timestamp", "zone": "UTC"}},
        attributes={"others": True},
    )
    assert sent(column, mapping=zone) == expected


@pytest.mark.parametrize(
    ("times", "utc", "local"),
    [
        (pd.date_range("2024-07-01 12:00", periods=1, tz="Europe/Berlin"), 1719828000, 7200),
        (pd.date_range("2024-07-01 12:00", periods=1, tz="UTC").as_unit("ns"), 1719835200, 0),
        (pd.Series([dt.datetime(2024, 7, 1, 12, tzinfo=BERLIN)], dtype=object), 1719828000, 7200),
        (pd.Series([dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)], dtype=object), 1719835200, 0),
        (pd.Series([pd.Timestamp("2024-07-01 12:00+05:45")], dtype=object), 1719814500, 20700),
    ],
    ids=["zone", "UTC in ns", "objects in a zone", "objects in UTC", "an odd offset"],
)
def test_times_keep_their_instant_and_their_clock(times: Any, utc: int, local: int) -> None:
    """A time is the same instant at the vendor, and its own zone gives the time on the user's clock."""
    body = bodies(pd.DataFrame({"user_id": ["u"], "event": "e", "timestamp": times}))[0]
    assert (body["timestampUTC"], body["timestampCurrent"] - body["timestampUTC"]) == (utc, local)


def test_times_of_several_zones_keep_each_its_own() -> None:
    """Objects with different offsets: each keeps its instant, and its own clock."""
    times = [dt.datetime(2024, 7, 1, 12, tzinfo=zone) for zone in (BERLIN, ZoneInfo("America/New_York"))]
    found = bodies(
        pd.DataFrame({"user_id": ["u", "v"], "event": "e", "timestamp": pd.Series(times, dtype=object)})
    )
    assert [body["timestampUTC"] for body in found] == [int(time.timestamp()) for time in times]
    assert [body["timestampCurrent"] - body["timestampUTC"] for body in found] == [7200, -14400]


def test_times_without_a_zone_are_refused_not_guessed() -> None:
    """Naive times need a zone in the mapping; nothing is taken for UTC in silence."""
    frame = purchases(2).assign(timestamp=pd.to_datetime("2024-07-01 12:00"))
    with pytest.raises(loader.MappingError, match=r"(?s)carries no time zone.*tz_localize"):
        loader.check_events(frame)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (np.array([123.0, 124.0]), ["123", "124"]),
        (pd.Series([123, 7.0], dtype=object), ["123", "7"]),
        (pd.Series(["0012", 7.0], dtype=object), ["0012", "7"]),
        (pd.array([2**53 + 1, 2], "Int64"), [str(2**53 + 1), "2"]),
        (pd.Categorical([123.0, 124.0]), ["123", "124"]),
    ],
    ids=["floats", "mixed numbers", "text and floats", "large integers", "categorical"],
)
def test_ids_are_whole(ids: Any, expected: list[str]) -> None:
    """An id that a join has turned into a float is sent without a fraction."""
    found = bodies(pd.DataFrame({"user_id": ids, "event": "e", "timestamp": NOON}))
    assert [body["userId"] for body in found] == expected


def test_ids_that_are_numbers_are_pointed_out(tmp_path: Path) -> None:
    """`read_csv` makes 00042 a 42, which is another user: check and load say how to read it as text."""
    (tmp_path / "a.csv").write_text("user_id,event,timestamp\n00042,e,2024-01-01T00:00:00Z\n")
    checked = loader.check_events(pd.read_csv("a.csv"))
    for shown in (repr(checked), checked._repr_html_()):
        assert "leading zeros" in shown
        assert "dtype=" in shown
    assert "leading zeros" not in repr(loader.check_events(pd.read_csv("a.csv", dtype={"user_id": str})))
    assert "leading zeros" not in repr(loader.check_events("a.csv"))


def test_an_id_that_lost_digits_is_rejected() -> None:
    """A float from 2^53 on may be another user's id: its row is rejected, the others are not."""
    checked = loader.check_events(pd.DataFrame({"user_id": [2.0**53, 1.0], "event": "e", "timestamp": NOON}))
    assert (checked.would_send, checked.would_reject) == (1, 1)
    assert "lost digits" in checked.profile["rejects"][0]["reason"]


def test_an_inexact_float_among_texts_rejects_its_row() -> None:
    """Texts and floats in one column, as spreadsheets give: what may have lost digits is never sent."""
    ids = pd.Series(["a", 12345678901234567890.0, 7.0], dtype=object)
    checked = loader.check_events(pd.DataFrame({"user_id": ids, "event": "e", "timestamp": NOON}))
    assert (checked.would_send, list(checked.rejected.index)) == (2, [1])
    assert "lost digits" in checked.rejected["_loader_reason"].iloc[0]


def test_text_that_is_no_utf8_rejects_its_row_alone() -> None:
    """A lone surrogate cannot be sent; the rows beside it are."""
    frame = pd.DataFrame(
        {"user_id": pd.Series(["a", "\ud800", "c"], dtype=object), "event": "e", "timestamp": NOON}
    )
    checked = loader.check_events(frame)
    assert (checked.would_send, list(checked.rejected.index)) == (2, [1])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"x": pd.period_range("2024", periods=1, freq="M")}), "periods.*to_timestamp"),
        (pd.DataFrame({"x": pd.interval_range(0, 1)}), "intervals.*astype"),
        (pd.DataFrame({"x": pd.cut([1, 2], 2)}), "intervals.*astype"),
        (pd.DataFrame({"x": [1j]}), "complex"),
        (pd.DataFrame({"x": [object()]}), "in row 1 a object"),
        (pd.DataFrame({"x": ["a", dt.timedelta(1)]}), "in row 2 a datetime.timedelta"),
        (pd.DataFrame({0: [1]}), r"is 0 \(int\).*astype\(str\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), 'two columns with the name "a"'),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
        (pd.DataFrame([[1]], columns=[" "]), "column 1 has no name"),
        (pd.DataFrame(index=[1, 2]), "no columns.*reset_index"),
        (pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)), "no text in UTF-8"),
        (pd.DataFrame({"x": [{1, 2}]}), "in row 1 a set"),
        (pd.DataFrame({"x": [HOLDS_ITSELF]}), "holds itself"),
    ],
    ids=lambda given: given if isinstance(given, str) else "frame",
)
def test_what_cannot_be_sent_is_refused_with_a_way_out(frame: Any, words: str) -> None:
    """A column without a form in JSON, or without a usable name, is refused before anything is sent."""
    with pytest.raises(loader.SourceError, match=words):
        loader.check_events(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_spans_of_time_are_refused_where_they_would_be_sent(library: str) -> None:
    """Their unit would have to be guessed; a column of them that nobody sends is in nobody's way."""
    frame = purchases(2).assign(x=pd.to_timedelta([1, None], unit="s")).reset_index(drop=True)
    table = pl.from_pandas(frame) if library == "polars" else frame
    with pytest.raises(loader.MappingError, match='column "x" holds duration') as error:
        loader.check_events(table)
    assert ("total_seconds" in str(error.value)) is (library == "pandas")
    fields = {"userId": "user_id", "event": "event", "timestamp": "timestamp"}
    assert loader.check_events(table, mapping=loader.Mapping("events", fields=fields)).ok


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (pd.Series([1]), "to_frame"),
        ({"x": [1]}, "for a query: give query="),
        ([1, 2], "is a list"),
        ([pd.DataFrame()], "pandas.concat"),
        ([], "empty list"),
    ],
    ids=["series", "dict", "list", "frames", "nothing"],
)
def test_what_is_no_table_is_refused_with_a_way_out(source: Any, words: str) -> None:
    """Something that is neither paths nor a table says what to give instead."""
    with pytest.raises(loader.ConfigError, match=words):
        loader.check_events(source)


def test_the_index_is_kept_and_never_sent(sandbox: loader.Sandbox, tmp_path: Path) -> None:
    """Every row is found again under its own label, and no label reaches the vendor."""
    frame = purchases(4, event="indexed")
    result = loader.load_events(frame, sandbox=sandbox, checkpoint="c", progress=False)
    assert list(result.frame.index) == list(frame.index)
    held = sandbox.events().query("event == 'indexed'")
    assert list(held["attributes"]) == [{"amount": n + 0.5} for n in range(4)]
    assert "row-" not in repr(held.to_dict())


@pytest.mark.parametrize(
    "index", [[5, 5, 5], pd.MultiIndex.from_product([["a"], [1, 1, 2]]), [None, None, 3]], ids=str
)
def test_labels_may_repeat(index: Any) -> None:
    """A label is only a label: duplicates, several levels and missing ones are carried as they are."""
    frame = purchases(3).set_axis(index).assign(user_id=["a", None, None])
    checked = loader.check_events(frame)
    assert checked.rejected.index.equals(frame.index[1:])
    assert list(checked.rejected["amount"]) == [1.5, 2.5]


def test_an_index_that_holds_the_ids_is_pointed_out() -> None:
    """Where the needed column is the index, the message says how to make it a column."""
    with pytest.raises(loader.MappingError, match=r'index "user_id".*reset_index'):
        loader.check_events(purchases(2).set_index("user_id"))


def test_polars_and_arrow_arrive_as_pandas_does(sandbox: loader.Sandbox) -> None:
    """The same table in three libraries is the same input: the second and third send nothing again."""
    frame = purchases(5, event="three libraries").reset_index(drop=True)
    first = loader.load_events(frame, sandbox=sandbox, checkpoint="c", progress=False)
    for table in (pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        again = loader.load_events(table, sandbox=sandbox, checkpoint="c", progress=False)
        assert (counts(again.account), again.account.attempts) == ((5, 0, 0, 0), first.account.attempts)
        assert list(again.frame.index) == [0, 1, 2, 3, 4]
    assert len(sandbox.events().query("event == 'three libraries'")) == 5


def test_a_polars_table_gives_its_rejected_rows_back() -> None:
    """Rows of a polars.DataFrame that cannot be mapped come back with their cells, by position."""
    table = pl.from_pandas(purchases(3).assign(user_id=["a", None, "c"]))
    rejected = loader.check_events(table).rejected
    assert (list(rejected.index), list(rejected["amount"])) == ([1], [1.5])


def test_a_polars_table_keeps_its_types() -> None:
    """Lists, categoricals, enums, decimals and text of polars arrive as those of pandas do."""
    table = pl.DataFrame(
        {
            "user_id": pl.Series(["u", "v"], dtype=pl.Categorical),
            "event": pl.Series(["e", "e"], dtype=pl.Enum(["e"])),
            "timestamp": pl.Series([dt.datetime(2024, 7, 1), None])
            .fill_null(strategy="forward")
            .dt.replace_time_zone("UTC"),
            "list": [["a", "b"], None],
            "price": pl.Series(["1.5", "2.25"]).cast(pl.Decimal(10, 2)),
            "nothing": [None, None],
            "struct": [{"x": "a"}, None],
        }
    )
    found = bodies(table)
    assert [body["attributes"] for body in found] == [
        {"list": ["a", "b"], "price": "1.5"},
        {"price": "2.25"},
    ]
    assert [body["userId"] for body in found] == ["u", "v"]


def test_an_empty_frame_is_a_load_of_nothing(sandbox: loader.Sandbox) -> None:
    """No rows: nothing to send, and nothing wrong."""
    result = loader.load_events(purchases(0), sandbox=sandbox, checkpoint="c", progress=False)
    assert (result.exit_code, len(result.frame), result.account.read) == (0, 0, 0)
    result.raise_for_failures()


def test_own_columns_of_an_earlier_load_are_not_sent() -> None:
    """Rejected rows, fixed, load as they are: what the loader added to them is ignored."""
    frame = purchases(2).assign(user_id=["a", None])
    rejected = loader.check_events(frame).rejected
    fixed = rejected.assign(user_id="b")
    assert bodies(fixed)[0]["attributes"] == {"amount": "1.5"}


def test_a_checkpoint_is_found_again_by_every_version() -> None:
    """The hash of a content is a contract: were it made otherwise, no frame could be resumed any more.

    Made with pandas 2.2.3 and pyarrow 17, and with pandas 3.1.1 and pyarrow 26.
    """
    rows = 10_000
    frame = pd.DataFrame(
        {
            "text": [f"u{n}é" if n % 5 else None for n in range(rows)],
            "integer": pd.array([None if n % 7 == 0 else n for n in range(rows)], "Int64"),
            "float": [n * 0.1 if n % 3 else np.nan for n in range(rows)],
            "boolean": [n % 2 == 0 for n in range(rows)],
            "category": pd.Categorical([["x", "y", None][n % 3] for n in range(rows)]),
            "time": pd.date_range("2024-01-01", periods=rows, freq="s", tz="Europe/Berlin"),
            "date": pd.Series([dt.date(2024, 1, 31), None] * (rows // 2), dtype=object),
            "decimal": pd.Series([Decimal("1.10"), None] * (rows // 2), dtype=object),
            "list": pd.Series([["a", "b"], None] * (rows // 2), dtype=object),
            "object": pd.Series([{"a": [1]}, 2.0] * (rows // 2), dtype=object),
        }
    )
    record = open_source((), table=frame).survey().files[0]
    assert (record.rows, record.size, record.sha256[:32]) == (
        rows,
        1_046_779,
        "0c3ee79b89a312b2dee874c8a9ebf94b",
    )


@pytest.mark.parametrize("field", ["userId", "hwid", "event", "timestamp", "device_type"])
def test_a_field_cannot_be_a_list(field: str) -> None:
    """A column of lists as a field is a mistake in the mapping, told before the first row."""
    frame = purchases(2).assign(lists=[["a"], ["b"]])
    fields = {"userId": "user_id", "event": "event", "timestamp": "timestamp", field: "lists"}
    with pytest.raises(loader.MappingError, match=f'{field}: column "lists" holds list<'):
        loader.check_events(frame, mapping=loader.Mapping("events", fields=fields))
