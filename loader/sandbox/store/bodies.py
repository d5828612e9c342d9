"""The log of a store as request bodies, written as the loader writes them, for a comparison row by row.

SQLite puts the bodies together: 1.8 µs a row, of which the columns alone take 1.4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

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
        except (ValueError, RecursionError):
            return json.dumps(cell, ensure_ascii=False)
        return cell
    if isinstance(cell, bytes):
        return json.dumps(cell.decode(errors="backslashreplace"), ensure_ascii=False)
    return json.dumps(cell, ensure_ascii=False)


class Standing(NamedTuple):
    """What is stored in the end: of a device, or of one tag of a user or device.

    Attributes:
        number: the id of the call that left it.
        label: of the load that made that call; None if it is not in the log.
        owner: whose it is, and for a tag also its name, with zero bytes between them.
        value: the body of the last registration; the value of a tag as JSON.
    """

    number: int
    label: str | None
    owner: str
    value: bytes


def read_standing(path: Path, table: str, *, size: int = 5_000) -> Iterator[list[Standing]]:
    """What is stored in the end, by batches.

    A device that is its own user has no ``userId`` in its body, as if none had been sent.

    Args:
        path: the store, which keeps a log.
        table: the table of the log: `registrations` or `tag_calls`.
        size: of a batch, in rows.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        cursor = connection.execute(_STANDING[table])
        while rows := cursor.fetchmany(size):
            yield [Standing(*row) for row in rows]


def list_excused(path: Path, labels: Collection[str]) -> set[str]:
    """Owners of tags that may be gone although nothing of these loads removed them.

    Users without a device lose their tags, and other loads may have set or removed some.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    with open_read_only(path) as connection:
        gone = connection.execute(
            f"SELECT {_OWNER} FROM (SELECT application, user_id, '' AS hwid FROM registrations"  # noqa: S608 - no value of a user's
            " EXCEPT SELECT application, user_id, '' FROM devices)"
        )
        others = connection.execute(f"SELECT load, {_OWNER} FROM tag_calls")  # noqa: S608 - as above
        return {owner for (owner,) in gone} | {owner for load, owner in others if load not in labels}


_OWNER = "application || char(0) || user_id || char(0) || iif(user_id = '', hwid, '')"
_STANDING: Final = {
    "registrations": (
        "SELECT devices.updated, log.load, devices.application || char(0) || devices.hwid,"
        ' CAST(\'{"request":{"application":\' || json_quote(devices.application)'
        " || ',\"hwid\":' || json_quote(devices.hwid)"
        " || iif(devices.user_id = devices.hwid, '', ',\"userId\":' || json_quote(devices.user_id))"
        " || coalesce(',\"tz_offset\":' || devices.tz_offset, '')"
        " || coalesce(',\"device_type\":' || devices.device_type, '') || '}}' AS BLOB)"
        " FROM devices LEFT JOIN registrations AS log ON log.id = devices.updated ORDER BY devices.updated"
    ),
    "tag_calls": (
        "SELECT tags.updated, log.load, tags.application || char(0) || tags.user_id || char(0) || tags.hwid"
        " || char(0) || tags.tag, CAST(tags.value AS BLOB)"
        " FROM tags LEFT JOIN tag_calls AS log ON log.id = tags.updated ORDER BY tags.updated, tags.position"
    ),
}
