"""Queries from Python, and tables that can be read only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import loader
from loader.queries import streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORDERS = "user_id,event,timestamp\n0042,buy,2024-03-01T10:00:00Z\n0043,buy,2024-03-01T11:00:00Z\n"
ROWS = pa.table(
    {"user_id": ["0042", "0043"], "event": ["buy", "buy"], "timestamp": ["2024-03-01T10:00:00Z"] * 2}
)
JOIN = "SELECT o.*, hwid FROM o JOIN d USING (user_id) ORDER BY user_id"


class Capsule:
    """A table of some library that only hands it over as a stream."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows."""
        return ROWS.__arrow_c_stream__(requested_schema)


class Cursor:
    """A cursor as drivers of ADBC have it."""

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        """The rows."""
        return ROWS.to_reader()


def relate() -> Any:
    """A relation of DuckDB."""
    return duckdb.from_arrow(ROWS)


STREAMS: list[Callable[[], Any]] = [
    ROWS.to_reader,
    lambda: pl.DataFrame(pl.from_arrow(ROWS)).lazy(),
    relate,
    Capsule,
    Cursor,
]


@pytest.fixture(autouse=True)
def _orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS)


@pytest.fixture
def sandbox() -> Iterator[loader.Sandbox]:
    """A sandbox."""
    with loader.Sandbox() as running:
        yield running


def test_a_query_joins_files_and_frames(sandbox: loader.Sandbox, tmp_path: Path) -> None:
    """A frame is a table under the name that it is given; the same call again resumes."""
    devices = pd.DataFrame({"user_id": ["0042", "0043"], "hwid": ["AB01", "CD02"]})
    call: dict[str, Any] = {"query": JOIN, "sandbox": sandbox, "checkpoint": "c.ckpt", "progress": False}
    tables: dict[str, Any] = {"o": "orders.csv", "d": devices}
    assert loader.load_events(tables, **call, limit=1).account.confirmed == 1
    result = loader.load_events(tables, **call)
    assert result.frame["state"].tolist() == ["confirmed", "confirmed"]
    assert result.rejected.columns[:4].tolist() == ["user_id", "event", "timestamp", "hwid"]
    assert (tmp_path / "c.ckpt.input.parquet").is_file()


def test_a_check_and_a_proposal_leave_nothing_behind(tmp_path: Path) -> None:
    """What a check gave can be read as long as its result is there."""
    found = loader.check_events("orders.csv", query="SELECT user_id, '' AS event, timestamp FROM orders")
    assert found.rejected["user_id"].tolist() == ["0042", "0043"]
    assert found.rejected["_loader_message"][1].startswith("the query, row 1, ")
    assert 'userId = "user_id"' in loader.Mapping.propose("events", "orders.csv", query="FROM orders")
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_text_files_are_read_as_the_mapping_says(tmp_path: Path) -> None:
    """[source] of a mapping is for the tables of a query too."""
    (tmp_path / "orders.csv").write_text(ORDERS.replace(",", "|"))
    (tmp_path / "m.toml").write_text(
        'kind = "events"\nsource = { delimiter = "|" }\n[fields]\nuserId = "user_id"\nevent = "event"\n'
        'timestamp = { column = "timestamp", format = "iso" }\n'
    )
    assert loader.check_events("orders.csv", query="FROM orders", mapping="m.toml").ok


@pytest.mark.parametrize("make", STREAMS)
def test_a_table_that_is_read_once_is_kept_beside_the_checkpoint(
    sandbox: loader.Sandbox, tmp_path: Path, make: Callable[[], Any]
) -> None:
    """The same rows again resume, in whatever parts they come; nothing is sent twice."""
    call: dict[str, Any] = {"sandbox": sandbox, "checkpoint": "c.ckpt", "progress": False, "keep": True}
    assert loader.load_events(make(), **call, limit=1).account.confirmed == 1
    result = loader.load_events(make(), **call)
    assert result.frame["state"].tolist() == ["confirmed", "confirmed"]
    assert sorted(path.name for path in tmp_path.glob("c.ckpt.input*")) == ["c.ckpt.input.parquet"]
    assert loader.check_events(make()).ok


def test_other_rows_are_refused_once_some_were_sent(sandbox: loader.Sandbox, tmp_path: Path) -> None:
    """As another file is; what was kept stays as it was."""
    call: dict[str, Any] = {"sandbox": sandbox, "checkpoint": "c.ckpt", "progress": False, "keep": True}
    loader.load_events(ROWS.to_reader(), **call, limit=1)
    with pytest.raises(loader.CheckpointDiffers, match=r"load c\.ckpt\.input\.parquet in its place"):
        loader.load_events(ROWS.slice(1).to_reader(), **call)
    assert sorted(path.name for path in tmp_path.glob("c.ckpt.input*")) == ["c.ckpt.input.parquet"]
    assert loader.load_events("c.ckpt.input.parquet", **call).account.confirmed == 2


def test_a_table_that_breaks_off_is_not_kept(sandbox: loader.Sandbox, tmp_path: Path) -> None:
    """The error says after how many rows, in the words of what raised it."""

    def break_off() -> Iterator[pa.RecordBatch]:
        yield ROWS.to_batches()[0]
        raise ValueError("the source is gone")

    reader = pa.RecordBatchReader.from_batches(ROWS.schema, break_off())
    with pytest.raises(loader.SourceError, match="to its end after 2 rows:\nthe source is gone"):
        loader.load_events(reader, sandbox=sandbox, checkpoint="c.ckpt", progress=False)
    assert not list(tmp_path.glob("c.ckpt.input*"))


def test_the_same_rows_are_known_in_other_parts(tmp_path: Path) -> None:
    """A file is compared by its rows, NaN among them, and not by how it was written."""
    table = pa.table({"a": [1.5, float("nan"), None, 2.0], "b": ["x", "", None, "y"]})
    other = table.set_column(1, "b", pa.array(["x", "", None, "z"]))
    written = {"one": (table, 4), "same": (table, 1), "shorter": (table.slice(1), 2), "other": (other, 4)}
    for name, (rows, size) in written.items():
        with parquet.ParquetWriter(tmp_path / name, table.schema) as writer:
            writer.write_table(rows, row_group_size=size)
    same = {name: streams.has_same_rows(tmp_path / "one", tmp_path / name) for name in written}
    assert same == {"one": True, "same": True, "shorter": False, "other": False}


@pytest.mark.parametrize(
    ("source", "keywords", "words"),
    [
        (None, {}, "give a source, or a query"),
        ("orders.csv", {"database": "sqlite:///a.db"}, "database goes with query"),
        ("orders.csv", {"requery": True}, "requery goes with query"),
        ({"o": "orders.csv"}, {}, "Tables with names are for a query"),
        (pd.DataFrame({"a": [1]}), {"query": "SELECT 1"}, "needs the name by which the query calls it"),
        ("orders.csv", {"query": "FROM orders"}, "give checkpoint= to say where"),
        (None, {"query": "FROM t", "database": "postgresql://a:hunter2@b/c"}, "database holds a password"),
    ],
)
def test_what_does_not_go_together_is_refused(
    sandbox: loader.Sandbox, source: Any, keywords: dict[str, Any], words: str
) -> None:
    """In the words of Python."""
    with pytest.raises(loader.ConfigError, match=words) as error:
        loader.load_events(source, sandbox=sandbox, **keywords)
    assert "hunter2" not in str(error.value)
    assert "--" not in str(error.value)
