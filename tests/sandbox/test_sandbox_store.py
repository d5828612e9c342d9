"""The store keeps what was taken, with the vendor's semantics."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.sandbox import EmbeddedSandbox, EventHoldings, count_holdings
from loader.sandbox.checks import Event, Registration, TagValues
from loader.sandbox.sandbox_store import SandboxStore, read_rows
from tests.sandbox.conftest import APPLICATION, rows

if TYPE_CHECKING:
    from pathlib import Path


def device(
    hwid: str, user: str = "", application: str = APPLICATION, tz_offset: int | None = None
) -> Registration:
    """A registration with few fields."""
    return Registration(application, hwid, user, tz_offset, None)


def event(name: str, utc: int | None, current: int | None = None) -> Event:
    """An event with few fields."""
    return Event(APPLICATION, name, "D1", "", utc, current, None, "{}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store goes."""
    return tmp_path / "store.sqlite3"


def test_last_registration_of_a_device_wins(path: Path) -> None:
    """A device keeps its last registration whole: nothing is left over from an earlier one."""
    with SandboxStore(path) as store:
        store.register(device("D1", "ann", tz_offset=3600))
        store.register(device("D1", "bob"))
    assert rows(path, "SELECT hwid, user_id, tz_offset FROM devices") == [("D1", "bob", None)]


def test_device_without_user_is_its_own(path: Path) -> None:
    """With an empty user id the hwid is the user."""
    with SandboxStore(path) as store:
        store.register(device("D1"))
    assert rows(path, "SELECT user_id FROM devices") == [("D1",)]


def test_user_exists_through_devices(path: Path) -> None:
    """A user whose last device is tied to another user is gone."""
    with SandboxStore(path) as store:
        store.register(device("D1", "ann"))
        store.register(device("D2", "ann"))
        store.register(device("D1", "bob"))
        assert rows(path, "SELECT user_id, devices FROM users ORDER BY user_id") == [("ann", 1), ("bob", 1)]
        store.register(device("D2", "bob"))
    assert rows(path, "SELECT user_id, devices FROM users") == [("bob", 2)]


def test_applications_are_apart(path: Path) -> None:
    """One device in two applications is two devices, and two users."""
    with SandboxStore(path) as store:
        store.register(device("D1", "ann"))
        store.register(device("D1", "ann", application="BBBBB-00002"))
    assert (count_holdings(path).devices, count_holdings(path).users) == (2, 2)


def test_updated_is_the_order_of_registrations(path: Path) -> None:
    """Ordering devices by `updated` gives the order in which they were last registered."""
    with SandboxStore(path) as store:
        for hwid in ("D1", "D2", "D3", "D1"):
            store.register(device(hwid))
    assert rows(path, "SELECT hwid FROM devices ORDER BY updated") == [("D2",), ("D3",), ("D1",)]


def test_ids_are_kept_byte_for_byte(path: Path) -> None:
    """Leading zeros, blanks, case and digits beyond a float's stay."""
    ids = ["00123", " 42 ", "1e5", "9007199254740993", "ABC", "abc", "a\x00b", "'"]
    with SandboxStore(path) as store:
        for number in ids:
            store.register(device(number, number))
    found = rows(path, "SELECT hwid, user_id, typeof(hwid) FROM devices ORDER BY updated")
    assert found == [(number, number, "text") for number in ids]


def test_event_without_a_time_is_stamped_now(path: Path) -> None:
    """As at the vendor, an event without `timestampUTC` happens when it arrives."""
    with SandboxStore(path) as store:
        store.post(event("purchase", None), now=1_700_000_000)
        store.post(event("purchase", 0), now=1_700_000_000)
    assert rows(path, "SELECT timestamp_utc, timestamp_current FROM events") == [
        (1_700_000_000, None),
        (0, None),
    ]


def test_holdings_count_by_name(path: Path) -> None:
    """Holdings tell devices, users, and for each event name the count and both ranges of time."""
    with SandboxStore(path) as store:
        store.register(device("D1", "ann"))
        store.register(device("D2", "ann"))
        for utc, current in ((20, 23), (10, 13), (30, None)):
            store.post(event("purchase", utc, current), now=0)
        store.post(event("Login", 5), now=0)
        held = count_holdings(path)
    assert (held.devices, held.users) == (2, 1)
    assert held.events == (
        EventHoldings("Login", 1, 5, 5, None, None),
        EventHoldings("purchase", 3, 10, 30, 13, 23),
    )
    assert count_holdings(path) == held, "the same when nobody serves the store"


def test_reopened_store_keeps_its_rows_and_id(path: Path) -> None:
    """A store served again is the same store."""
    with SandboxStore(path) as store:
        first = store.id
        store.register(device("D1"))
        store.post(event("purchase", 1), now=0)
    with SandboxStore(path) as store:
        assert store.id == first
        store.register(device("D2"))
    assert (count_holdings(path).devices, count_holdings(path).events[0].count) == (2, 1)


def test_two_stores_have_two_ids(tmp_path: Path) -> None:
    """A checkpoint can tell a store from another."""
    with SandboxStore(tmp_path / "a") as one, SandboxStore(tmp_path / "b") as other:
        assert one.id != other.id


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_store_is_private(path: Path) -> None:
    """User ids are personal: only the owner reads the store and SQLite's files beside it."""
    with SandboxStore(path) as store:
        store.register(device("D1"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


def test_foreign_files_are_refused_unchanged(path: Path) -> None:
    """A file that is no sandbox store is named in the error, and left as it is."""
    path.write_text("customer,date\n" * 100)
    for use in (SandboxStore, count_holdings, lambda path: EmbeddedSandbox(path).__enter__()):
        with pytest.raises(ConfigError, match=r"store\.sqlite3 is not a sandbox's store"):
            use(path)
    assert path.read_text() == "customer,date\n" * 100


def test_foreign_database_is_refused_unchanged(path: Path) -> None:
    """Another program's SQLite database gets no tables of the sandbox."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    for use in (SandboxStore, count_holdings):
        with pytest.raises(ConfigError, match="is a database, but not a sandbox's store"):
            use(path)
    assert path.read_bytes() == before


def test_newer_store_is_refused(path: Path) -> None:
    """A store that a later version made is not written by this one."""
    SandboxStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="version 99, and this program knows version 1"):
        SandboxStore(path)


def test_missing_folder(tmp_path: Path) -> None:
    """A store in a folder that is not there is an error in words, as is the count of a store that is not."""
    with pytest.raises(ConfigError, match=r"nowhere.*cannot be opened: No such file or directory"):
        SandboxStore(tmp_path / "nowhere" / "store.sqlite3")
    with pytest.raises(ConfigError, match="cannot be opened"):
        count_holdings(tmp_path / "missing.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    """A folder's name for the store is an error in words."""
    with pytest.raises(ConfigError, match="cannot be opened"):
        SandboxStore(tmp_path)


def tags(user: str, hwid: str = "", **values: object) -> TagValues:
    """A call that sets tags."""
    return TagValues(APPLICATION, hwid, user, values)


def test_tags_merge_and_null_removes_one(path: Path) -> None:
    """A tag that is not named stays, one that is set again is replaced, one that is null is gone."""
    with SandboxStore(path) as store:
        store.keep(tags("ann", plan="gold", visits=3, old="x"))
        store.keep(tags("ann", plan="silver", old=None, list=["a"]))
    assert read_rows(path, "tags") == [
        ("ann", "", "visits", "3", APPLICATION),
        ("ann", "", "plan", '"silver"', APPLICATION),
        ("ann", "", "list", '["a"]', APPLICATION),
    ]
    assert (count_holdings(path).tags, count_holdings(path).tagged) == (3, 1)


def test_tags_are_of_the_user_if_one_is_named_else_of_the_device(path: Path) -> None:
    """A user's tags are one set, whichever device they were set from."""
    with SandboxStore(path) as store:
        store.keep(tags("ann", "D1", plan="gold"))
        store.keep(tags("ann", "D2", plan="silver"))
        store.keep(tags("", "D1", plan="none"))
    assert [row[:4] for row in read_rows(path, "tags")] == [
        ("ann", "", "plan", '"silver"'),
        ("", "D1", "plan", '"none"'),
    ]


def test_a_store_of_an_earlier_version_gets_its_table_of_tags(path: Path) -> None:
    """A rehearsal that was begun before tags were known can be looked at, and continued with tags."""
    with SandboxStore(path) as store:
        store.register(device("D1", "ann"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE tags")
    assert (count_holdings(path).devices, count_holdings(path).tags, read_rows(path, "tags")) == (1, 0, [])
    with SandboxStore(path) as store:
        store.keep(tags("ann", plan="gold"))
    assert count_holdings(path).tags == 1
