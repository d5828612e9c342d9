"""The derived tables, built again from the log: after a load was forgotten, or a store was upgraded."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from loader.sandbox.calls import Event, Registration, TagValues

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from loader.sandbox.calls import Call
    from loader.sandbox.store.state import State

BATCH = 10_000
Entry = tuple[int, int | None, "Call"]  # id, arrived, what was said

REGISTRATIONS = """
SELECT id, arrived, application, hwid, user_id, tz_offset, device_type FROM registrations
WHERE id > ? ORDER BY id LIMIT ?
"""
EVENTS = """
SELECT id, arrived, application, event, coalesce(hwid, ''), coalesce(user_id, ''), timestamp_utc,
    timestamp_current, device_type, attributes
FROM events WHERE id > ? ORDER BY id LIMIT ?
"""
TAG_CALLS = """
SELECT id, arrived, application, hwid, user_id, tags FROM tag_calls WHERE id > ? ORDER BY id LIMIT ?
"""
CLEARED = (
    "DELETE FROM devices",
    "DELETE FROM tags",
    "DELETE FROM violations",
    "DELETE FROM event_attributes WHERE declared = 0",
    "DELETE FROM event_types WHERE declared = 0",
)


def replay(connection: sqlite3.Connection, state: State) -> None:
    """Build the derived tables again, within the caller's transaction, in bounded memory.

    What createEvent declared stays, as if it had been declared before all events.
    """
    for statement in CLEARED:
        connection.execute(statement)
    state.reload()
    for number, arrived, call in read_log(connection):
        apply(connection, state, number, arrived, call)


def apply(connection: sqlite3.Connection, state: State, number: int, arrived: int | None, call: Call) -> None:
    """What follows from one call of the log."""
    match call:
        case Registration():
            state.register(number, call)
        case TagValues():
            state.set_tags(number, call)
        case Event():
            state.note_attributes(number, call, arrived)
            matched = state.matches(call)
            connection.execute(
                "UPDATE events SET matched = ? WHERE id = ? AND matched <> ?", (matched, number, matched)
            )


def read_log(connection: sqlite3.Connection) -> Iterator[Entry]:
    """All calls in the order in which they were taken."""
    logs = (
        read_calls(connection, REGISTRATIONS, Registration),
        read_calls(connection, EVENTS, Event),
        read_calls(connection, TAG_CALLS, TagValues),
    )
    return heapq.merge(*logs, key=lambda entry: entry[0])


def read_calls(connection: sqlite3.Connection, query: str, kind: type[Call]) -> Iterator[Entry]:
    """The calls of one table, a page at a time, because rows that are read meanwhile change."""
    last = -1
    while rows := connection.execute(query, (last, BATCH)).fetchall():
        for number, arrived, *fields in rows:
            yield number, arrived, kind(*fields)
        last = rows[-1][0]
