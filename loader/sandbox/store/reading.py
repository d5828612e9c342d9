"""What a store holds, read without writing to it, also while a sandbox serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.sandbox.store.files import open_read_only
from loader.sandbox.store.schema import VERSION, read_version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator
    from pathlib import Path

Row = tuple[object, ...]

# What is shown of each table, in the order in which it was taken.
SHOWN = {
    "devices": "SELECT hwid, user_id, tz_offset, device_type, application FROM devices ORDER BY updated",
    "events": """
        SELECT event, hwid, user_id, timestamp_utc, timestamp_current, device_type, attributes, application
        FROM events ORDER BY id
    """,
    "tags": "SELECT user_id, hwid, tag, value, application FROM tags ORDER BY updated, position",
}
TAGS_OF_VERSION_1 = "SELECT user_id, hwid, tag, value, application FROM tags ORDER BY updated"
# A store that an earlier version made has no table of tags.
HAS_TAGS = "SELECT count(*) FROM sqlite_schema WHERE name = 'tags'"

#: The columns of each table as `read_batches` yields them.
COLUMNS = {
    "registrations": ("id", "load", "arrived", "application", "hwid", "user_id", "tz_offset", "device_type"),
    "events": (
        "id", "load", "arrived", "application", "event", "hwid", "user_id", "timestamp_utc", "stamped",
        "timestamp_current", "device_type", "attributes", "matched",
    ),
    "tag_calls": ("id", "load", "arrived", "application", "user_id", "hwid", "tags"),
    "devices": ("hwid", "application", "user_id", "tz_offset", "device_type", "updated"),
}  # fmt: skip
# What the columns of a log are in a store of version 1, which kept no log.
VERSION_1 = {
    "registrations": (
        "SELECT updated AS id, '' AS load, NULL AS arrived, application, hwid, user_id, tz_offset,"
        " device_type FROM devices"
    ),
    "events": (
        "SELECT id, '' AS load, NULL AS arrived, application, event, hwid, user_id, timestamp_utc,"
        " 0 AS stamped, timestamp_current, device_type, attributes, 1 AS matched FROM events"
    ),
    "tag_calls": (
        "SELECT updated AS id, '' AS load, NULL AS arrived, application, user_id, hwid,"
        " json_object(tag, json(value)) AS tags FROM tags"
    ),
    "devices": "SELECT hwid, application, user_id, tz_offset, device_type, updated FROM devices",
}
ORDERED_BY = {"registrations": "id", "events": "id", "tag_calls": "id", "devices": "updated"}


def read_rows(path: Path, table: str) -> list[Row]:
    """All rows of ``devices``, ``events`` or ``tags``, in the order in which they were taken.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        if table == "tags" and not connection.execute(HAS_TAGS).fetchone()[0]:
            return []
        query = SHOWN[table]
        if table == "tags" and read_version(connection) < VERSION:
            query = TAGS_OF_VERSION_1
        return connection.execute(query).fetchall()


def read_batches(
    path: Path, table: str, *, loads: Collection[str] | None = None, size: int = 10_000
) -> Iterator[list[Row]]:
    """The rows of ``registrations``, ``events``, ``tag_calls`` or ``devices``, in bounded memory.

    They come in the order in which they were taken, all from one moment, with the columns in `COLUMNS`.

    Args:
        path: the store.
        table: which rows.
        loads: only what loads of these labels did; None for all. Devices belong to no load.
        size: of a batch, in rows.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        query = build_query(connection, table, loads)
        if query is None:
            return
        cursor = connection.execute(query, tuple(loads or ()))
        while rows := cursor.fetchmany(size):
            yield rows


def build_query(connection: sqlite3.Connection, table: str, loads: Collection[str] | None) -> str | None:
    """The query for the rows of a table in a store of either version; None if it has no such table."""
    columns = ", ".join(COLUMNS[table])
    source = table
    if read_version(connection) < VERSION:
        if table == "tag_calls" and not connection.execute(HAS_TAGS).fetchone()[0]:
            return None
        source = f"({VERSION_1[table]})"
    chosen = "" if loads is None else f" WHERE load IN ({', '.join('?' * len(loads))})"
    return f"SELECT {columns} FROM {source}{chosen} ORDER BY {ORDERED_BY[table]}"  # noqa: S608 - no value of a user's
