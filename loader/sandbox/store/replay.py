"""The derived tables, built again from the log: after a load was forgotten, or a store was upgraded."""

from __future__ import annotations

import heapq
from enum import Flag, auto
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from loader.sandbox.calls import Event, Registration, TagValues

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from loader.sandbox.calls import Call
    from loader.sandbox.store.state import Catalogue, State

BATCH = 10_000


class Part(Flag):
    """What can follow differently from a log of which calls were removed, and is built again.

    `PEOPLE` are devices, users and their tags; `MATCHES` which events had a known device or user; `CATALOGUE`
    the events and attributes that were seen, and the values that do not fit.
    """

    PEOPLE = auto()
    MATCHES = auto()
    CATALOGUE = auto()


EVERYTHING = Part.PEOPLE | Part.MATCHES | Part.CATALOGUE
#: What depends on the calls of each table of the log.
DEPENDS_ON = {
    "registrations": Part.PEOPLE | Part.MATCHES,
    "tag_calls": Part.PEOPLE,
    "events": Part.CATALOGUE,
}
CLEARED = {
    Part.PEOPLE: ("DELETE FROM devices", "DELETE FROM tags"),
    Part.CATALOGUE: (
        "DELETE FROM violations WHERE event_id NOT IN (SELECT id FROM events)",
        "DELETE FROM event_attributes WHERE declared = 0",
        "DELETE FROM event_types WHERE declared = 0",
    ),
}

REGISTRATIONS = """
SELECT id, arrived, NULL, application, hwid, user_id, tz_offset, device_type FROM registrations
WHERE id > ? ORDER BY id LIMIT ?
"""
EVENTS = """
SELECT id, arrived, matched, application, event, coalesce(hwid, ''), coalesce(user_id, ''), timestamp_utc,
    timestamp_current, device_type, attributes
FROM events WHERE id > ? ORDER BY id LIMIT ?
"""
TAG_CALLS = """
SELECT id, arrived, NULL, application, hwid, user_id, tags FROM tag_calls WHERE id > ? ORDER BY id LIMIT ?
"""
HAS_DECLARED = "SELECT EXISTS (SELECT 1 FROM event_attributes WHERE declared = 1)"
FORGET_VIOLATIONS = "DELETE FROM violations WHERE event_id = ?"
MATCH = "UPDATE events SET matched = ? WHERE id = ?"


class Entry(NamedTuple):
    """A call of the log.

    Attributes:
        number: its id.
        arrived: when it came, in Unix milliseconds, or None.
        matched: of an event, whether its device or its user is noted as known; else None.
        call: what was said.
    """

    number: int
    arrived: int | None
    matched: int | None
    call: Call


def replay(
    connection: sqlite3.Connection, state: State, parts: Part = EVERYTHING, known: Catalogue | None = None
) -> None:
    """Build the derived tables again, within the caller's transaction, in bounded memory.

    What createEvent declared stays, as if it had been declared before all events.

    Args:
        connection: to the store.
        state: of the same store.
        parts: what is built again. A part that cannot have changed is left out, because a store may have
            millions of calls. Matches need people.
        known: the catalogue that the violations in the store were found with; None if there are none yet, or
            if it is not only from events. As soon as the same is learned again, later events still fit or do
            not fit as before.
    """
    clear(connection, parts)
    state.reload()
    events = EventReplay(connection, state, parts, known)
    for number, arrived, matched, call in read_log(connection, parts):
        match call:
            case Registration():
                state.register(number, call)
            case TagValues():
                state.set_tags(number, call)
            case Event():
                events.apply(number, arrived, matched, call)
        if events.done and Part.PEOPLE not in parts:
            break


def clear(connection: sqlite3.Connection, parts: Part) -> None:
    """Empty what these parts build again; violations are replaced with each event."""
    for part in parts:
        for statement in CLEARED.get(part, ()):
            connection.execute(statement)


def find_known(connection: sqlite3.Connection, state: State) -> Catalogue | None:
    """The catalogue for `replay`, before calls are removed: None if createEvent may have changed a type."""
    if connection.execute(HAS_DECLARED).fetchone()[0]:
        return None
    state.reload()
    return state.copy_catalogue()


class EventReplay:
    """What follows from events, as far as these parts have it."""

    def __init__(
        self, connection: sqlite3.Connection, state: State, parts: Part, known: Catalogue | None
    ) -> None:
        self._connection, self._state, self._known = connection, state, known
        self._noting, self._matching = Part.CATALOGUE in parts, Part.MATCHES in parts

    @property
    def done(self) -> bool:
        """Whether nothing more follows from later events."""
        return not (self._noting or self._matching)

    def apply(self, number: int, arrived: int | None, matched: int | None, event: Event) -> None:
        """What follows from one event."""
        if self._noting:
            self._note(number, event, arrived)
        if self._matching and (matches := self._state.matches(event)) != matched:
            self._connection.execute(MATCH, (matches, number))

    def _note(self, number: int, event: Event, arrived: int | None) -> None:
        self._connection.execute(FORGET_VIOLATIONS, (number,))
        learned = self._state.note_attributes(number, event, arrived)
        if learned and self._known is not None:
            self._noting = self._state.copy_catalogue() != self._known


def read_log(connection: sqlite3.Connection, parts: Part) -> Iterator[Entry]:
    """The calls that these parts follow from, in the order in which they were taken."""
    logs = []
    if Part.PEOPLE in parts:
        logs += [
            read_calls(connection, REGISTRATIONS, Registration),
            read_calls(connection, TAG_CALLS, TagValues),
        ]
    if parts & (Part.MATCHES | Part.CATALOGUE):
        logs.append(read_calls(connection, EVENTS, Event))
    return heapq.merge(*logs, key=attrgetter("number"))


def read_calls(connection: sqlite3.Connection, query: str, kind: type[Call]) -> Iterator[Entry]:
    """The calls of one table, a page at a time, because rows that are read meanwhile change."""
    last = -1
    while rows := connection.execute(query, (last, BATCH)).fetchall():
        for number, arrived, matched, *fields in rows:
            yield Entry(number, arrived, matched, kind(*fields))
        last = rows[-1][0]
