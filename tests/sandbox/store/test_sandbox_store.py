"""The store keeps what was taken, with the vendor's semantics."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.sandbox import EmbeddedSandbox, EventHoldings, count_holdings
from loader.sandbox.calls import Answered, Call, Event, Received, Refused, Registration, TagValues
from loader.sandbox.store import COLUMNS, SandboxStore, read_batches, read_rows
from loader.sandbox.store.files import explain_unusable
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


def keep(store: SandboxStore, call: Call, load: str = "", arrived: int = 0) -> None:
    """Keep one call."""
    store.write([Received(load, arrived, call)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store goes."""
    return tmp_path / "store.sqlite3"


def test_last_registration_of_a_device_wins(path: Path) -> None:
    """A device keeps its last registration whole: nothing is left over from an earlier one."""
    with SandboxStore(path) as store:
        keep(store, device("D1", "ann", tz_offset=3600))
        keep(store, device("D1", "bob"))
    assert rows(path, "SELECT hwid, user_id, tz_offset FROM devices") == [("D1", "bob", None)]


def test_device_without_user_is_its_own(path: Path) -> None:
    """With an empty user id the hwid is the user."""
    with SandboxStore(path) as store:
        keep(store, device("D1"))
    assert rows(path, "SELECT user_id FROM devices") == [("D1",)]


def test_user_exists_through_devices(path: Path) -> None:
    """A user whose last device is tied to another user is gone."""
    with SandboxStore(path) as store:
        keep(store, device("D1", "ann"))
        keep(store, device("D2", "ann"))
        keep(store, device("D1", "bob"))
        assert rows(path, "SELECT user_id, devices FROM users ORDER BY user_id") == [("ann", 1), ("bob", 1)]
        keep(store, device("D2", "bob"))
    assert rows(path, "SELECT user_id, devices FROM users") == [("bob", 2)]


def test_applications_are_apart(path: Path) -> None:
    """One device in two applications is two devices, and two users."""
    with SandboxStore(path) as store:
        keep(store, device("D1", "ann"))
        keep(store, device("D1", "ann", application="BBBBB-00002"))
    assert (count_holdings(path).devices, count_holdings(path).users) == (2, 2)


def test_updated_is_the_order_of_registrations(path: Path) -> None:
    """Ordering devices by `updated` gives the order in which they were last registered."""
    with SandboxStore(path) as store:
        for hwid in ("D1", "D2", "D3", "D1"):
            keep(store, device(hwid))
    assert rows(path, "SELECT hwid FROM devices ORDER BY updated") == [("D2",), ("D3",), ("D1",)]


def test_ids_are_kept_byte_for_byte(path: Path) -> None:
    """Leading zeros, blanks, case and digits beyond a float's stay."""
    ids = ["00123", " 42 ", "1e5", "9007199254740993", "ABC", "abc", "a\x00b", "'"]
    with SandboxStore(path) as store:
        for number in ids:
            keep(store, device(number, number))
    found = rows(path, "SELECT hwid, user_id, typeof(hwid) FROM devices ORDER BY updated")
    assert found == [(number, number, "text") for number in ids]


def test_event_without_a_time_is_stamped_now(path: Path) -> None:
    """As at the vendor, an event without `timestampUTC` happens when it arrives."""
    with SandboxStore(path) as store:
        keep(store, event("purchase", None), arrived=1_700_000_000_999)
        keep(store, event("purchase", 0), arrived=1_700_000_000_999)
    assert rows(path, "SELECT timestamp_utc, timestamp_current FROM events") == [
        (1_700_000_000, None),
        (0, None),
    ]


def test_holdings_count_by_name(path: Path) -> None:
    """Holdings tell devices, users, and for each event name the count and both ranges of time."""
    with SandboxStore(path) as store:
        keep(store, device("D1", "ann"))
        keep(store, device("D2", "ann"))
        for utc, current in ((20, 23), (10, 13), (30, None)):
            keep(store, event("purchase", utc, current))
        keep(store, event("Login", 5))
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
        keep(store, device("D1"))
        keep(store, event("purchase", 1))
    with SandboxStore(path) as store:
        assert store.id == first
        keep(store, device("D2"))
    assert (count_holdings(path).devices, count_holdings(path).events[0].count) == (2, 1)


def test_two_stores_have_two_ids(tmp_path: Path) -> None:
    """A checkpoint can tell a store from another."""
    with SandboxStore(tmp_path / "a") as one, SandboxStore(tmp_path / "b") as other:
        assert one.id != other.id


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_store_is_private(path: Path) -> None:
    """User ids are personal: only the owner reads the store and SQLite's files beside it."""
    with SandboxStore(path) as store:
        keep(store, device("D1"))
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


def test_a_damaged_store_is_said_to_be_damaged(path: Path) -> None:
    """A file of which a part is lost is not a matter of its folder."""
    with SandboxStore(path) as store:
        keep(store, device("D1"))
    with path.open("r+b") as file:
        file.truncate(3_000)
    for use in (SandboxStore, count_holdings):
        with pytest.raises(ConfigError, match=r"The file is damaged\. Name another file for the store\."):
            use(path)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_kept_in_a_store_that_was_deleted(path: Path, *, replaced: bool) -> None:
    """What would be written to a deleted file would be acknowledged, and gone when the sandbox ends."""
    with SandboxStore(path) as store:
        keep(store, device("D1"))
        path.unlink()
        if replaced:
            path.touch()
        with pytest.raises(sqlite3.OperationalError, match="its file was deleted or replaced"):
            keep(store, device("D2"))


def test_a_full_disk_is_said_to_be_full(path: Path) -> None:
    """The advice is to make room."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error) as full:
            connection.execute("CREATE TABLE t (x)")
    for error in (full.value, OSError(errno.ENOSPC, "No space left on device")):
        assert str(explain_unusable(path, error)).endswith("Make room, or name a file on another disk.")


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
    with pytest.raises(ConfigError, match="version 99, and this program knows versions up to 2"):
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
    return TagValues(APPLICATION, hwid, user, json.dumps(values))


def test_tags_merge_and_null_removes_one(path: Path) -> None:
    """A tag that is not named stays, one that is set again is replaced, one that is null is gone."""
    with SandboxStore(path) as store:
        keep(store, tags("ann", plan="gold", visits=3, old="x"))
        keep(store, tags("ann", plan="silver", old=None, list=["a"]))
    assert read_rows(path, "tags") == [
        ("ann", "", "visits", "3", APPLICATION),
        ("ann", "", "plan", '"silver"', APPLICATION),
        ("ann", "", "list", '["a"]', APPLICATION),
    ]
    assert (count_holdings(path).tags, count_holdings(path).tagged) == (3, 1)


def test_tags_are_of_the_user_if_one_is_named_else_of_the_device(path: Path) -> None:
    """A user's tags are one set, whichever device they were set from."""
    with SandboxStore(path) as store:
        keep(store, tags("ann", "D1", plan="gold"))
        keep(store, tags("ann", "D2", plan="silver"))
        keep(store, tags("", "D1", plan="none"))
    assert [row[:4] for row in read_rows(path, "tags")] == [
        ("ann", "", "plan", '"silver"'),
        ("", "D1", "plan", '"none"'),
    ]


def test_events_tell_whether_their_device_or_user_was_known(path: Path) -> None:
    """An event of a device or a user that is not registered is kept, and noted as unmatched."""
    with SandboxStore(path) as store:
        keep(store, event("before", 1))
        keep(store, device("D1", "ann"))
        keep(store, event("after", 1))
        keep(store, Event(APPLICATION, "of the user", "", "ann", 1, None, None, "{}"))
        keep(store, Event(APPLICATION, "of both", "D9", "ann", 1, None, None, "{}"))
        keep(store, Event("BBBBB-00002", "elsewhere", "D1", "ann", 1, None, None, "{}"))
    assert rows(path, "SELECT event, matched FROM events ORDER BY id") == [
        ("before", 0),
        ("after", 1),
        ("of the user", 1),
        ("of both", 1),
        ("elsewhere", 0),
    ]


def test_a_user_who_is_gone_takes_the_tags_along(path: Path) -> None:
    """Tags of a user go with the user's last device; those of others and of devices stay."""
    with SandboxStore(path) as store:
        keep(store, device("D1", "ann"))
        keep(store, device("D2", "ann"))
        for owner in (("ann", ""), ("bob", ""), ("", "D1")):
            keep(store, tags(*owner, plan="gold"))
        keep(store, device("D1", "bob"))
        assert rows(path, "SELECT count(*) FROM tags WHERE user_id = 'ann'") == [(1,)]
        keep(store, device("D2", "bob"))
    assert rows(path, "SELECT user_id, hwid FROM tags ORDER BY 1") == [("", "D1"), ("bob", "")]


def test_calls_of_all_methods_share_one_order(path: Path) -> None:
    """Ids tell in which order calls of all methods were taken, also after the store was opened again."""
    with SandboxStore(path) as store:
        store.write([Received("a", 5, call) for call in (device("D1"), event("e", 1), tags("ann", t=1))])
    with SandboxStore(path) as store:
        keep(store, event("e", 2), load="b", arrived=7)
    query = "SELECT id, load, arrived FROM {}"
    found = [rows(path, query.format(table)) for table in ("registrations", "events", "tag_calls")]
    assert found == [[(1, "a", 5)], [(2, "a", 5), (4, "b", 7)], [(3, "a", 5)]]


def test_two_sandboxes_can_serve_one_store(path: Path) -> None:
    """What one writes, the other knows: devices, the order of calls, the catalogue."""
    with SandboxStore(path) as one, SandboxStore(path) as other:
        keep(one, Event(APPLICATION, "e", "D1", "", 1, None, None, '{"a": 1}'))
        keep(other, Event(APPLICATION, "e", "D1", "", 1, None, None, '{"a": "text"}'))
        keep(one, Event(APPLICATION, "e", "D1", "", 1, None, None, '{"a": true}'))
        keep(other, Event(APPLICATION, "e", "D1", "", 1, None, None, '{"b": 1}'))
        keep(one, Event(APPLICATION, "e", "D1", "", 1, None, None, '{"b": true}'))
    assert rows(path, "SELECT * FROM violations") == [
        (2, "a", "integer", "string"),
        (3, "a", "integer", "boolean"),
        (5, "b", "integer", "boolean"),
    ]


def test_a_failed_write_keeps_nothing(path: Path) -> None:
    """Calls that are written together are kept together, or none of them; afterwards all works as before."""
    wrong = Event(APPLICATION, "e", "D1", "", 1, None, None, '{"b": ')
    good = Event(APPLICATION, "e", "D1", "", 1, None, None, '{"a": 1}')
    with SandboxStore(path) as store:
        with pytest.raises(ValueError, match="Expecting value"):
            store.write([Received("", 0, good), Received("", 0, wrong)])
        assert rows(path, "SELECT * FROM events") == rows(path, "SELECT * FROM event_types") == []
        keep(store, good)
    assert rows(path, "SELECT event, name, type FROM event_attributes") == [("e", "a", 1)]


def test_answers_are_counted_and_the_latest_refusals_kept(path: Path) -> None:
    """Answers of one second add up, and of refused calls the latest 1,000 can be read."""
    key = Answered(7, "a", "postEvent", "ok")
    with SandboxStore(path) as store:
        store.write([], {key: 3})
        store.write([], {key: 2, key._replace(verdict="refused 210"): 1})
        for first in (0, 600):
            refused = [Refused(n, "a", "postEvent", 200, 210, "no", "{}") for n in range(first, first + 600)]
            store.write([], refusals=refused)
    assert rows(path, "SELECT * FROM answers") == [
        (7, "a", "postEvent", "ok", 5),
        (7, "a", "postEvent", "refused 210", 1),
    ]
    assert rows(path, "SELECT count(*), min(arrived), max(arrived) FROM refusals") == [(1000, 200, 1199)]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_batches_have_the_rows_of_the_chosen_loads(path: Path, size: int) -> None:
    """All rows of a table, or those of some loads, come in their order, in batches of the given size."""
    with SandboxStore(path) as store:
        for load in "abcab":
            for call in (device("D1", "ann"), event("e", 1), tags("ann", t=1)):
                keep(store, call, load=load)
        for table in ("registrations", "events", "tag_calls"):
            batches = list(read_batches(path, table, loads=["a", "c"], size=size))
            assert [row[1] for batch in batches for row in batch] == ["a", "c", "a"]
            assert all(len(batch) <= size for batch in batches)
            everything = [row for batch in read_batches(path, table, size=size) for row in batch]
            assert everything == rows(path, f"SELECT {', '.join(COLUMNS[table])} FROM {table} ORDER BY id")
            assert list(read_batches(path, table, loads=[])) == []
    assert list(read_batches(path, "devices")) == [[("D1", APPLICATION, "ann", None, None, 13)]]


OUTSIDE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("SELECT count(*) FROM events").fetchone()
connection.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="locks of a process are POSIX")
def test_a_store_that_is_opened_twice_keeps_its_locks(path: Path) -> None:
    """Another program that looks into a store which one process has open twice takes nothing away from it."""
    with SandboxStore(path) as store:
        keep(store, event("e", 1))
        SandboxStore(path).close()
        subprocess.run([sys.executable, "-c", OUTSIDE, str(path)], check=True, timeout=60)
        keep(store, event("e", 2))
        assert rows(path, "SELECT count(*) FROM events") == [(2,)]
