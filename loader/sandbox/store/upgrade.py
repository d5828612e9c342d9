"""A store of version 1, which had devices, events and tags but no log, becomes one of version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.sandbox.store.replay import replay
from loader.sandbox.store.schema import make_tables

if TYPE_CHECKING:
    import sqlite3

    from loader.sandbox.store.state import State

RENAMED = ("store", "devices", "events", "tags")
# Registrations come first, so that each event finds its device: in which order they came is not known.
COPIED = (
    "INSERT INTO store SELECT id FROM store_1",
    """
    INSERT INTO registrations
        SELECT row_number() OVER (ORDER BY updated), '', NULL, application, hwid, user_id,
            tz_offset, device_type
        FROM devices_1
    """,
    """
    INSERT INTO tag_calls
        SELECT row_number() OVER (ORDER BY updated) + (SELECT count(*) FROM registrations), '', NULL,
            application, user_id, hwid, json_object(tag, json(value))
        FROM tags_1
    """,
    """
    INSERT INTO events
        SELECT row_number() OVER (ORDER BY id)
                + (SELECT count(*) FROM registrations) + (SELECT count(*) FROM tag_calls),
            '', NULL, application, event, hwid, user_id, timestamp_utc, 0, timestamp_current, device_type,
            attributes, 0
        FROM events_1
    """,
)
TAGS_OF_VERSION_1 = """
CREATE TABLE IF NOT EXISTS tags (
    application TEXT, user_id TEXT, hwid TEXT, tag TEXT, value TEXT, updated INTEGER
)
"""


def upgrade(connection: sqlite3.Connection, state: State) -> None:
    """Upgrade a store, within the caller's transaction.

    When the calls came, and which events had no time of their own, is not known: `arrived` is NULL, and
    `stamped` is 0.
    """
    connection.execute("DROP VIEW users")
    connection.execute(TAGS_OF_VERSION_1)  # the first stores had none
    for table in RENAMED:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_1")
    make_tables(connection)
    for statement in COPIED:
        connection.execute(statement)
    for table in RENAMED:
        connection.execute(f"DROP TABLE {table}_1")
    replay(connection, state)
