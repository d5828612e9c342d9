"""A store that version 1 made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.sandbox import count_holdings
from loader.sandbox.calls import Event, Received
from loader.sandbox.store import SandboxStore, read_batches, read_rows
from tests.sandbox.conftest import APPLICATION, rows

if TYPE_CHECKING:
    from pathlib import Path

VERSION_1 = """
CREATE TABLE store (id TEXT NOT NULL);
CREATE TABLE devices (
    hwid TEXT NOT NULL, application TEXT NOT NULL, user_id TEXT NOT NULL, tz_offset INTEGER,
    device_type INTEGER, updated INTEGER NOT NULL UNIQUE, PRIMARY KEY (hwid, application)
) WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, application TEXT NOT NULL, event TEXT NOT NULL, hwid TEXT, user_id TEXT,
    timestamp_utc INTEGER NOT NULL, timestamp_current INTEGER, device_type INTEGER, attributes TEXT NOT NULL
);
CREATE VIEW users AS
    SELECT application, user_id, count(*) AS devices FROM devices GROUP BY application, user_id;
INSERT INTO store VALUES ('the id');
INSERT INTO devices VALUES
    ('D2', 'AAAAA-00001', 'ann', 3600, 1, 9), ('D1', 'AAAAA-00001', 'bob', NULL, 3, 12);
INSERT INTO events VALUES
    (4, 'AAAAA-00001', 'purchase', 'D1', NULL, 100, 200, 3, '{"cds": 2}'),
    (7, 'AAAAA-00001', 'purchase', NULL, 'nobody', 300, NULL, NULL, '{"cds": "two"}');
PRAGMA application_id = 1347900226;
PRAGMA user_version = 1;
"""
TAGS = """
CREATE TABLE tags (
    application TEXT NOT NULL, user_id TEXT NOT NULL, hwid TEXT NOT NULL, tag TEXT NOT NULL,
    value TEXT NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (application, user_id, hwid, tag)
) WITHOUT ROWID;
INSERT INTO tags VALUES
    ('AAAAA-00001', 'ann', '', 'plan', '"gold"', 8), ('AAAAA-00001', '', 'D1', 'list', '["a"]', 3);
"""


@pytest.fixture(params=["", TAGS], ids=["without tags", "with tags"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of version 1; the first of them had no table of tags."""
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA journal_mode = WAL; {VERSION_1} {request.param}")
    return path


def read_all(store: Path) -> list[object]:
    """What is shown of a store."""
    return [count_holdings(store), *(read_rows(store, table) for table in ("devices", "events", "tags"))]


def test_a_store_that_is_served_is_upgraded_and_loses_nothing(store: Path) -> None:
    """After an upgrade the store shows what it showed before, has its id, and is continued."""
    before = read_all(store)
    assert before[0].devices == 2  # type: ignore[attr-defined]  # the holdings
    with SandboxStore(store) as opened:
        assert opened.id == "the id"
        assert read_all(store) == before
        event = Event(APPLICATION, "purchase", "D1", "", 1, None, None, "{}")
        opened.write([Received("a", 5, event)])
    assert rows(store, "SELECT load, arrived, matched FROM events ORDER BY id") == [
        ("", None, 1),
        ("", None, 0),
        ("a", 5, 1),
    ]
    assert rows(store, "SELECT attribute, declared, found FROM violations") == [("cds", "integer", "string")]
    assert rows(store, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%1'") == []


def test_reading_alone_changes_nothing(store: Path) -> None:
    """A store of version 1 that nobody serves can be read in batches too, and stays as it is."""
    before = store.read_bytes()
    counts = [
        sum(len(batch) for batch in read_batches(store, table))
        for table in ("registrations", "events", "devices")
    ]
    assert counts == [2, 2, 2]
    tag_calls = [row[4:] for batch in read_batches(store, "tag_calls") for row in batch]
    assert [tuple(row[:2]) for row in tag_calls] == [row[:2] for row in read_rows(store, "tags")]
    assert list(read_batches(store, "events", loads=["a"])) == []
    assert store.read_bytes() == before


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(store: Path) -> None:
    """A store with an unreadable event is refused, and can still be read as before."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE events SET attributes = '{' WHERE id = 7")
    before = read_all(store)
    with pytest.raises(ValueError, match="Expecting property name"):
        SandboxStore(store)
    assert read_all(store) == before
