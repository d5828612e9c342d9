"""What the sandbox took: one SQLite file, to be queried with any SQLite tool, also while it serves."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from loader.errors import ConfigError
from loader.methods import POST_EVENT, REGISTER_USER, TAGS
from loader.sandbox.checks import TagValues

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from loader.sandbox.checks import Event, Registration

APPLICATION_ID = 0x50575342  # "PWSB", in the file's header: tells a sandbox store from any other database
VERSION = 1
BUSY_SECONDS = 10.0

# A device is tied to a user per application. A user has no row of its own: it exists through its devices.
# `updated` counts registrations, so that ordering by it gives the order in which they were taken.
TABLES = (
    "CREATE TABLE IF NOT EXISTS store (id TEXT NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS devices (
        hwid TEXT NOT NULL,
        application TEXT NOT NULL,
        user_id TEXT NOT NULL,
        tz_offset INTEGER,
        device_type INTEGER,
        updated INTEGER NOT NULL UNIQUE,
        PRIMARY KEY (hwid, application)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY,
        application TEXT NOT NULL,
        event TEXT NOT NULL,
        hwid TEXT,
        user_id TEXT,
        timestamp_utc INTEGER NOT NULL,
        timestamp_current INTEGER,
        device_type INTEGER,
        attributes TEXT NOT NULL
    )
    """,
    """
    CREATE VIEW IF NOT EXISTS users AS
        SELECT application, user_id, count(*) AS devices FROM devices GROUP BY application, user_id
    """,
    # Of a user if one was named, else of a device; `updated` counts as in devices.
    """
    CREATE TABLE IF NOT EXISTS tags (
        application TEXT NOT NULL,
        user_id TEXT NOT NULL,
        hwid TEXT NOT NULL,
        tag TEXT NOT NULL,
        value TEXT NOT NULL,
        updated INTEGER NOT NULL,
        PRIMARY KEY (application, user_id, hwid, tag)
    ) WITHOUT ROWID
    """,
)

REGISTER = """
INSERT OR REPLACE INTO devices (hwid, application, user_id, tz_offset, device_type, updated)
VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(updated), 0) + 1 FROM devices))
"""

POST = """
INSERT INTO events
    (application, event, hwid, user_id, timestamp_utc, timestamp_current, device_type, attributes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

SET_TAG = """
INSERT OR REPLACE INTO tags (application, user_id, hwid, tag, value, updated)
VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(updated), 0) + 1 FROM tags))
"""
REMOVE_TAG = "DELETE FROM tags WHERE application = ? AND user_id = ? AND hwid = ? AND tag = ?"
# A store that an earlier version made has no table of tags until a sandbox serves it.
HAS_TAGS = "SELECT count(*) FROM sqlite_schema WHERE name = 'tags'"

COUNT_EVENTS = """
SELECT event, count(*), min(timestamp_utc), max(timestamp_utc), min(timestamp_current), max(timestamp_current)
FROM events GROUP BY event ORDER BY event
"""


COUNT_TAGS = """
SELECT coalesce(sum(tags), 0), count(*)
FROM (SELECT count(*) AS tags FROM tags GROUP BY application, user_id, hwid)
"""


@dataclass(frozen=True, slots=True)
class EventHoldings:
    """The events of one name: how many, and the first and last of their times.

    Attributes:
        event: the event's name.
        count: how many the store holds.
        first_utc, last_utc: `timestampUTC` in Unix seconds.
        first_current, last_current: `timestampCurrent`, the device's wall clock written as Unix seconds;
            None if no event of this name carried one.
    """

    event: str
    count: int
    first_utc: int
    last_utc: int
    first_current: int | None
    last_current: int | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a store holds, over all applications.

    Attributes:
        devices, users: how many.
        events: by name.
        tags: values of tags.
        tagged: users and devices that have some.
    """

    devices: int
    users: int
    events: tuple[EventHoldings, ...]
    tags: int = 0
    tagged: int = 0

    def lines(self) -> list[str]:
        """What there is beside events, a line each."""
        owners = "user or device" if self.tagged == 1 else "users and devices"
        found = [self._users()] if self.devices else []
        return [*found, f"{self._tags()} of {self.tagged:,} {owners}"] if self.tags else found

    def _users(self) -> str:
        # The sandbox shares nothing with the loader's words but those of the methods.
        devices = "device" if self.devices == 1 else "devices"
        return f"{self.devices:,} {devices} of {REGISTER_USER.count(self.users)}"

    def _tags(self) -> str:
        return TAGS.count(self.tags)

    def __str__(self) -> str:
        events = POST_EVENT.count(sum(event.count for event in self.events))
        return f"{self._users()}, {events}, {self._tags()}"


class SandboxStore:
    """The one writing end of a store; it keeps what the file already has.

    Each registration or event is one committed transaction when its call returns. In WAL mode with
    `synchronous=NORMAL` a commit is in the page cache, so it survives a kill of this process, though not a
    power cut: https://www.sqlite.org/pragma.html#pragma_synchronous.

    Args:
        path: the SQLite file; created, readable by its owner alone, if there is none.

    Raises:
        ConfigError: the file cannot be made or written, or is not a sandbox store.
    """

    def __init__(self, path: Path) -> None:
        make_private(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        except sqlite3.Error as error:
            raise explain_unusable(path, error) from error
        try:
            self.id = prepare(self._connection, path)
        except sqlite3.Error as error:
            self._connection.close()
            raise explain_unusable(path, error) from error
        except ConfigError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def keep(self, call: Registration | TagValues) -> None:
        """Keep a call that can be repeated."""
        if isinstance(call, TagValues):
            self.set_tags(call)
        else:
            self.register(call)

    def register(self, device: Registration) -> None:
        """Tie a device to a user; the last call for a device wins, whole."""
        self._connection.execute(
            REGISTER,
            (
                device.hwid,
                device.application,
                device.user_id or device.hwid,
                device.tz_offset,
                device.device_type,
            ),
        )

    def set_tags(self, call: TagValues) -> None:
        """Merge tags: those that are not named stay, null removes one. All of a call, or none of it.

        They are the user's if the call names one, else the device's. Which of both the vendor takes, if both
        are named, follows from the tag's definition in the control panel; the sandbox has none.
        """
        owner = (call.application, call.user_id, "" if call.user_id else call.hwid)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for name, value in call.tags.items():
                if value is None:
                    self._connection.execute(REMOVE_TAG, (*owner, name))
                else:
                    self._connection.execute(SET_TAG, (*owner, name, json.dumps(value, ensure_ascii=False)))

    def post(self, event: Event, *, now: int) -> None:
        """Keep an event; one without `timestampUTC` is stamped `now` (Unix seconds), as the vendor does."""
        self._connection.execute(
            POST,
            (
                event.application,
                event.event,
                event.hwid or None,
                event.user_id or None,
                now if event.timestamp_utc is None else event.timestamp_utc,
                event.timestamp_current,
                event.device_type,
                event.attributes,
            ),
        )

    def close(self) -> None:
        """Close the file; the store can be opened again."""
        self._connection.close()


# What is shown of each table, in the order in which it was taken.
SHOWN = {
    "devices": "SELECT hwid, user_id, tz_offset, device_type, application FROM devices ORDER BY updated",
    "events": """
        SELECT event, hwid, user_id, timestamp_utc, timestamp_current, device_type, attributes, application
        FROM events ORDER BY id
    """,
    "tags": "SELECT user_id, hwid, tag, value, application FROM tags ORDER BY updated",
}


def read_rows(path: Path, table: str) -> list[tuple[object, ...]]:
    """All rows of ``devices``, ``events`` or ``tags``, in the order in which they were taken.

    Raises:
        ConfigError: the file is missing, unreadable, or no sandbox store.
    """
    with open_read_only(path) as connection:
        if table == "tags" and not connection.execute(HAS_TAGS).fetchone()[0]:
            return []
        return connection.execute(SHOWN[table]).fetchall()


def count_holdings(path: Path) -> Holdings:
    """Count what the store at `path` holds, without writing to it, also while a sandbox serves it.

    Raises:
        ConfigError: the file is missing, unreadable, or no sandbox store.
    """
    with open_read_only(path) as connection:
        return count_all(connection)


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, in one transaction, also while a sandbox serves the store.

    Raises:
        ConfigError: the file is missing, unreadable, or no sandbox store.
    """
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            refuse_foreign(connection, path)
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise explain_unusable(path, error) from error


def count_all(connection: sqlite3.Connection) -> Holdings:
    """The three counts, read within the caller's transaction."""
    devices, users = connection.execute(
        "SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM users)"
    ).fetchone()
    events = tuple(EventHoldings(*row) for row in connection.execute(COUNT_EVENTS))
    tags = tagged = 0
    if connection.execute(HAS_TAGS).fetchone()[0]:
        tags, tagged = connection.execute(COUNT_TAGS).fetchone()
    return Holdings(devices, users, events, tags, tagged)


def make_private(path: Path) -> None:
    """Make the file with mode 0600 before SQLite would by the umask; the -wal file takes it over."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise explain_unusable(path, error) from error


def prepare(connection: sqlite3.Connection, path: Path) -> str:
    """Make the tables in an empty file, verify any other; returns the store's id."""
    if is_empty(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        make_tables(connection)
    refuse_foreign(connection, path)
    if not connection.execute(HAS_TAGS).fetchone()[0]:
        make_tables(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    store_id: str = connection.execute("SELECT id FROM store").fetchone()[0]
    return store_id


def make_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file a store, in one transaction; harmless where another sandbox was faster."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            connection.execute(table)
        connection.execute(
            "INSERT INTO store SELECT ? WHERE NOT EXISTS (SELECT 1 FROM store)", (str(uuid.uuid4()),)
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def is_empty(connection: sqlite3.Connection) -> bool:
    """A file that nobody has put a table into, for example one that this process has just made."""
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Let nothing pass but a sandbox store of the version that this program writes."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigError(
            f"{path} is a database, but not a sandbox's store. Name another file for the store."
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise ConfigError(
            f"{path} is a sandbox store of version {version}, and this program knows version {VERSION}. "
            "Name another file for the store, or use the program that made it."
        )


def explain_unusable(path: Path, error: Exception) -> ConfigError:
    """The sentence for a store that cannot be opened."""
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return ConfigError(
            f"{path} is not a sandbox's store, and not an SQLite file. Name another file for the store."
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError(
        f"The sandbox's store {path} cannot be opened: {reason}. "
        "Name a file in a folder that exists and can be written to."
    )
