"""The tables of a store: a log of what was taken, and what follows from it.

`registrations`, `events` and `tag_calls` are the log. Their ids come from one sequence, so that the order of
all calls is known. Everything that follows from the log can be built again from it (`replay`): `devices`, the
view `users`, `tags`, what the catalogue has from events, `violations`, and `matched` of an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x50575342  # "PWSB", in the file's header: tells a sandbox store from any other database
VERSION = 2
#: A store of this version is read as it is, and upgraded when it is served.
EARLIER_VERSION = 1

LOG = (
    "CREATE TABLE store (id TEXT NOT NULL)",
    """
    CREATE TABLE registrations (
        id INTEGER PRIMARY KEY,
        load TEXT NOT NULL,
        arrived INTEGER, -- Unix milliseconds; NULL if it came before the store had this column
        application TEXT NOT NULL,
        hwid TEXT NOT NULL,
        user_id TEXT NOT NULL, -- as sent, '' if none was
        tz_offset INTEGER,
        device_type INTEGER
    )
    """,
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        load TEXT NOT NULL,
        arrived INTEGER,
        application TEXT NOT NULL,
        event TEXT NOT NULL,
        hwid TEXT,
        user_id TEXT,
        timestamp_utc INTEGER NOT NULL,
        stamped INTEGER NOT NULL, -- 1: the call had no timestampUTC, and the time is that of its arrival
        timestamp_current INTEGER,
        device_type INTEGER,
        attributes TEXT NOT NULL, -- JSON as received
        matched INTEGER NOT NULL -- 0: neither its device nor its user was known
    )
    """,
    """
    CREATE TABLE tag_calls (
        id INTEGER PRIMARY KEY,
        load TEXT NOT NULL,
        arrived INTEGER,
        application TEXT NOT NULL,
        user_id TEXT NOT NULL,
        hwid TEXT NOT NULL,
        tags TEXT NOT NULL -- JSON as received
    )
    """,
)

# A device is tied to a user per application. A user has no row of its own: it exists through its devices.
# `updated` is the id of the call in the log, so that ordering by it gives the order in which they were taken.
DERIVED = (
    """
    CREATE TABLE devices (
        hwid TEXT NOT NULL,
        application TEXT NOT NULL,
        user_id TEXT NOT NULL,
        tz_offset INTEGER,
        device_type INTEGER,
        updated INTEGER NOT NULL,
        PRIMARY KEY (hwid, application)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX devices_by_user ON devices (application, user_id)",
    """
    CREATE VIEW users AS
        SELECT application, user_id, count(*) AS devices FROM devices GROUP BY application, user_id
    """,
    # Of a user if one was named, else of a device; `position` is the tag's place in its call.
    """
    CREATE TABLE tags (
        application TEXT NOT NULL,
        user_id TEXT NOT NULL,
        hwid TEXT NOT NULL,
        tag TEXT NOT NULL,
        value TEXT NOT NULL,
        updated INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (application, user_id, hwid, tag)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE event_types (
        application TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        declared INTEGER NOT NULL, -- 1 by createEvent, 0 on first sight
        arrived INTEGER,
        UNIQUE (application, name)
    )
    """,
    # 1 integer, 2 string, 3 list, 4 date, 5 boolean, 6 price
    """
    CREATE TABLE event_attributes (
        application TEXT NOT NULL,
        event TEXT NOT NULL,
        name TEXT NOT NULL,
        type INTEGER NOT NULL,
        declared INTEGER NOT NULL, -- as in event_types
        PRIMARY KEY (application, event, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE violations (
        event_id INTEGER NOT NULL,
        attribute TEXT NOT NULL,
        declared TEXT, -- the type in words; NULL if there is none for such a value
        found TEXT NOT NULL,
        PRIMARY KEY (event_id, attribute)
    ) WITHOUT ROWID
    """,
)

ANSWERS = (
    """
    CREATE TABLE answers (
        second INTEGER NOT NULL,
        load TEXT NOT NULL,
        method TEXT NOT NULL,
        verdict TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (second, load, method, verdict)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE refusals (
        id INTEGER PRIMARY KEY,
        arrived INTEGER NOT NULL,
        load TEXT NOT NULL,
        method TEXT NOT NULL,
        http_status INTEGER NOT NULL,
        status_code INTEGER, -- NULL if the body had none
        message TEXT NOT NULL,
        body TEXT NOT NULL
    )
    """,
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Make all tables, within the caller's transaction."""
    for table in (*LOG, *DERIVED, *ANSWERS):
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def read_version(connection: sqlite3.Connection) -> int:
    """The version that a store was made with."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
