"""Whole tables as CSV and Parquet."""

from __future__ import annotations

import csv
import io
import os
import signal
import sqlite3
import tracemalloc
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow.parquet
import pytest

from loader.sandbox.calls import Answered, Refused
from loader.sandbox.page import downloads
from loader.sandbox.page.downloads import write_download
from loader.sandbox.page.reading import Reader
from loader.sandbox.page.tables import FORMS, TABLES
from tests.sandbox.page.conftest import (
    HOSTILE,
    LONG,
    NIGHTLY,
    REPAIR,
    answered,
    children_of,
    drawn,
    event,
    fetch,
    fill,
    fill_loads,
    linux,
    wait_until,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


def read_table(form: str, body: bytes) -> list[dict[str, Any]]:
    """The rows of a download, as texts."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return [{name: spell(value) for name, value in row.items()} for row in rows]


def spell(value: object) -> str:
    """A value as CSV has it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A store with rows in each table, and the address of its page."""
    store = fill_loads(tmp_path_factory.mktemp("whole") / "store.sqlite3")
    refused = Refused(1_700_000_000_000, NIGHTLY, "postEvent", 200, 210, "reason", "{}")
    answered(store, {Answered(1, NIGHTLY, "postEvent", "refused 210"): 1}, [refused])
    with drawn(store) as address:
        yield address, store


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", TABLES)
def test_a_download_has_every_row_of_its_table(whole: tuple[str, Path], table: str, form: str) -> None:
    """Each table comes whole, with the values that are in the store."""
    base, store = whole
    answer = fetch(base, f"/download/{table}.{form}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{table}.{form}"'
    rows = read_table(form, answer.body)
    with closing(sqlite3.connect(store)) as connection:
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        column = TABLES[table].key[0]
        values = {str(value) for (value,) in connection.execute(f"SELECT {column} FROM {table}")}
    assert len(rows) == count > 0
    assert {row[column] for row in rows} == values


@pytest.mark.parametrize("form", FORMS)
def test_a_download_is_of_one_load(base: str, form: str) -> None:
    """The filter of the page acts on the download too."""
    rows = read_table(form, fetch(base, f"/download/events.{form}?load={REPAIR}").body)
    assert {row["load"] for row in rows} == {REPAIR}
    assert len(rows) == 3


@pytest.mark.parametrize("form", FORMS)
def test_hostile_values_come_back_as_they_were(tmp_path: Path, form: str) -> None:
    """Quotes, line ends, control characters and long texts survive; nothing and an empty text differ."""
    hostile = HOSTILE + '\r\n",;\t'
    fill(tmp_path / "s", [event(user_id=hostile, hwid="", attributes=f'{{"x": "{LONG}"}}')], hostile)
    sink = io.BytesIO()
    write_download(Reader(tmp_path / "s"), "events", form, None, sink)
    (row,) = read_table(form, sink.getvalue())
    assert (row["user_id"], row["load"]) == (hostile, hostile)
    assert LONG in row["attributes"]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 11])
@pytest.mark.parametrize("form", FORMS)
def test_pages_join_without_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, count: int
) -> None:
    """A table is read a page at a time, and no row is lost or doubled where two meet."""
    monkeypatch.setattr(downloads, "ROWS", 5)
    fill(tmp_path / "s", [event(number) for number in range(count)])
    for table in ("events", "answers", "devices"):
        sink = io.BytesIO()
        write_download(Reader(tmp_path / "s"), table, form, None, sink)
        if table == "events":
            ids = [int(row["id"]) for row in read_table(form, sink.getvalue())]
            assert ids == sorted(set(ids))
            assert len(ids) == count


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, part: bytes) -> None:
        """Nothing."""


def test_memory_does_not_grow_with_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many rows need no more memory."""
    monkeypatch.setattr(downloads, "ROWS", 500)
    peaks = []
    for count in (1_000, 10_000):
        store = tmp_path / str(count)
        fill(store, [event(number, attributes=f'{{"n": "{"x" * 200}"}}') for number in range(count)])
        reader = Reader(store)
        tracemalloc.start()
        write_download(reader, "events", "csv", None, Nowhere())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        reader.close()
    assert peaks[1] < 1.5 * peaks[0]


@linux
def test_a_download_ends_when_the_browser_leaves(tmp_path: Path, foreground: subprocess.Popen[str]) -> None:
    """Nobody waits for a download that nobody takes: its process ends, and calls are answered."""
    assert foreground.stdout is not None
    with foreground:
        endpoint = foreground.stdout.readline().strip()
        url = urlsplit(endpoint)
        fill_many(tmp_path / "store.sqlite3")
        with closing(HTTPConnection(url.hostname or "", url.port, timeout=20)) as connection:
            connection.request("GET", "/download/events.csv")
            assert len(connection.getresponse().read(1000)) == 1000
            assert len(children_of(foreground.pid)) == 1
        assert wait_until(lambda: not children_of(foreground.pid))
        foreground.terminate()


@linux
def test_a_download_that_breaks_off_is_not_taken_for_whole(
    tmp_path: Path, foreground: subprocess.Popen[str]
) -> None:
    """If its process dies, the browser sees an answer without an end, and not a shorter table."""
    assert foreground.stdout is not None
    with foreground:
        url = urlsplit(foreground.stdout.readline().strip())
        fill_many(tmp_path / "store.sqlite3")
        with closing(HTTPConnection(url.hostname or "", url.port, timeout=20)) as connection:
            connection.request("GET", "/download/events.csv")
            answer = connection.getresponse()
            answer.read(1000)
            (child,) = children_of(foreground.pid)
            os.kill(child, signal.SIGKILL)
            with pytest.raises((IncompleteRead, ConnectionError)):
                answer.read()
        foreground.terminate()


def fill_many(store: Path) -> None:
    """Enough events that no buffer on the way takes all."""
    fill(store, [event(number, attributes=f'{{"n": "{"x" * 1000}"}}') for number in range(30_000)])
