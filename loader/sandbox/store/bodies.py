"""The log of a store as request bodies, written as the loader writes them, for a comparison row by row.

SQLite puts the bodies together: 1.8 µs a row, of which the columns alone take 1.4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from loader.sandbox.store.files import open_read_only
from loader.sandbox.store.reading import COLUMNS, build_query
from loader.sandbox.store.schema import VERSION, read_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from loader.sandbox.store.reading import Row

# The columns that are keys of the request, in the order of a body: the column, the key, what it holds.
_TEXT, _NUMBER, _JSON, _TIME = "text", "number", "JSON", "time"
KEYS: Final = {
    "events": (
        ("application", "application", _TEXT),
        ("event", "event", _TEXT),
        ("attributes", "attributes", _JSON),
        ("hwid", "hwid", _TEXT),
        ("user_id", "userId", _TEXT),
        ("timestamp_utc", "timestampUTC", _TIME),
        ("timestamp_current", "timestampCurrent", _NUMBER),
        ("device_type", "device_type", _NUMBER),
    ),
    "registrations": (
        ("application", "application", _TEXT),
        ("hwid", "hwid", _TEXT),
        ("user_id", "userId", _TEXT),
        ("tz_offset", "tz_offset", _NUMBER),
        ("device_type", "device_type", _NUMBER),
    ),
    "tag_calls": (
        ("application", "application", _TEXT),
        ("hwid", "hwid", _TEXT),
        ("user_id", "userId", _TEXT),
        ("tags", "tags", _JSON),
    ),
}
#: The table that keeps the calls of each method.
TABLES: Final = {"postEvent": "events", "registerUser": "registrations", "setTags": "tag_calls"}


def keeps_log(path: Path) -> bool:
    """Whether the store keeps every call of each method; one of version 1 does so only for events.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        return read_version(connection) >= VERSION


def read_store_id(path: Path) -> str:
    """The store's own id.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        return str(connection.execute("SELECT id FROM store").fetchone()[0])


def read_bodies(
    path: Path, table: str, *, loads: Collection[str] | None = None, size: int = 5_000
) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """The ids and the bodies of a table of the log, in the order in which they were taken.

    Args:
        path: the store.
        table: a table of `KEYS`.
        loads: only what loads of these labels did; None for all.
        size: of a batch, in rows.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        query = build_query(connection, table, loads)
        if query is None:
            return
        cursor = connection.execute(f"SELECT id, {_write_sql(table)} FROM ({query})", tuple(loads or ()))  # noqa: S608 - no value of a user's
        while rows := cursor.fetchmany(size):
            ids, bodies = zip(*rows, strict=True)
            yield ids, bodies


def _write_sql(table: str) -> str:
    """The expression for a body."""
    first, *others = (_write_member(*key) for key in KEYS[table])
    pieces = " || ".join([first.replace("',\"", "'\"", 1), *others])
    return f"CAST('{{\"request\":{{' || {pieces} || '}}}}' AS BLOB)"


def _write_member(column: str, key: str, holds: str) -> str:
    """The expression for a key and its value with a comma before it, or for "" if there is none."""
    name = f"',\"{key}\":'"
    match holds:
        case "text":
            empty = f"{column} IS NULL OR {column} = ''"
            return f"iif({empty}, '', {name} || json_quote({column}))"
        case "time":
            return f"iif(stamped, '', {name} || {column})"
        case "number":
            return f"coalesce({name} || {column}, '')"
        case _:
            return f"{name} || {column}"


def read_calls(path: Path, table: str, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The bodies of some rows of the log, each value exactly as it is stored.

    `read_bodies` is faster, and leaves a few strange values (text in a column of numbers, JSON that is none)
    to this.

    Args:
        path: the store.
        table: a table of `KEYS`.
        ids: at most some thousands.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        query = build_query(connection, table, None)
        if query is None:
            return
        marks = ", ".join("?" * len(ids))
        for row in connection.execute(f"SELECT * FROM ({query}) WHERE id IN ({marks}) ORDER BY id", ids):  # noqa: S608 - as above
            yield int(row[0]), write_body(table, row)


def write_body(table: str, row: Row) -> bytes:
    """A row of the log as a body."""
    cells = dict(zip(COLUMNS[table], row, strict=True))
    members = []
    for column, key, holds in KEYS[table]:
        cell = cells[column]
        stamped = holds == _TIME and cells["stamped"]
        if cell is not None and not stamped and (holds != _TEXT or cell != ""):
            members.append(f"{json.dumps(key)}:{_write_cell(cell, holds)}")
    return f'{{"request":{{{",".join(members)}}}}}'.encode(errors="backslashreplace")


def _write_cell(cell: object, holds: str) -> str:
    if holds == _JSON and isinstance(cell, str):
        try:
            json.loads(cell)
        except ValueError:
            return json.dumps(cell, ensure_ascii=False)
        return cell
    if isinstance(cell, bytes):
        return json.dumps(cell.decode(errors="backslashreplace"), ensure_ascii=False)
    return json.dumps(cell, ensure_ascii=False)
