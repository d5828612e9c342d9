"""What follows from each call: users, tags, the catalogue. The same code for a new call and for a replay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from loader.sandbox.calls import Denial
from loader.sandbox.store.catalogue import AttributeType, fits, infer_type, name_kind

if TYPE_CHECKING:
    import sqlite3

    from loader.sandbox.calls import CreateEvent, Event, Outcome, Registration, TagValues

OWNER = "SELECT user_id FROM devices WHERE hwid = ? AND application = ?"
REGISTER = """
INSERT OR REPLACE INTO devices (hwid, application, user_id, tz_offset, device_type, updated)
VALUES (?, ?, ?, ?, ?, ?)
"""
HAS_USER = "SELECT 1 FROM devices WHERE application = ? AND user_id = ? LIMIT 1"
FORGET_TAGS = "DELETE FROM tags WHERE application = ? AND user_id = ? AND hwid = ''"
SET_TAG = """
INSERT OR REPLACE INTO tags (application, user_id, hwid, tag, value, updated, position)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
REMOVE_TAG = "DELETE FROM tags WHERE application = ? AND user_id = ? AND hwid = ? AND tag = ?"
ADD_EVENT = """
INSERT OR IGNORE INTO event_types (application, name, description, declared, arrived) VALUES (?, ?, '', 0, ?)
"""
ADD_ATTRIBUTE = "INSERT OR IGNORE INTO event_attributes VALUES (?, ?, ?, ?, 0)"
ADD_VIOLATION = "INSERT OR REPLACE INTO violations VALUES (?, ?, ?, ?)"

FIND_EVENT = "SELECT declared FROM event_types WHERE application = ? AND name = ?"
COUNT_EVENTS = "SELECT count(*) FROM event_types WHERE application = ?"
DECLARE_EVENT = """
INSERT INTO event_types (application, name, description, declared, arrived) VALUES (?, ?, ?, 1, ?)
ON CONFLICT (application, name) DO UPDATE SET description = excluded.description, declared = 1
RETURNING rowid
"""
DECLARE_ATTRIBUTE = "INSERT OR REPLACE INTO event_attributes VALUES (?, ?, ?, ?, 1)"

#: The types of the attributes of each event, by application and name.
Catalogue = dict[tuple[str, str], dict[str, int]]

_decode_members = msgspec.json.Decoder(dict[str, Any]).decode


class Violation(NamedTuple):
    """An attribute whose value does not fit; `declared` is None if no type is for such a value."""

    attribute: str
    declared: str | None
    found: str


class State:
    """The derived tables of a store, within a transaction of the caller's.

    The catalogue is also kept in memory, because each event looks at it. `reload` reads it again.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._catalogue: Catalogue = {}

    def copy_catalogue(self) -> Catalogue:
        """The types of the attributes of each event, as they are now."""
        return {event: dict(types) for event, types in self._catalogue.items()}

    def reload(self) -> None:
        """Read the catalogue again: another process may have written, or a transaction was undone."""
        names = self._connection.execute("SELECT application, name FROM event_types")
        self._catalogue = {(application, name): {} for application, name in names}
        for application, event, name, kind in self._connection.execute(
            "SELECT application, event, name, type FROM event_attributes"
        ):
            self._catalogue[application, event][name] = kind

    def register(self, number: int, device: Registration) -> None:
        """Tie a device to a user; the last call wins, whole. A user who loses the last device is gone."""
        key = (device.hwid, device.application)
        user = device.user_id or device.hwid
        before = self._connection.execute(OWNER, key).fetchone()
        self._connection.execute(REGISTER, (*key, user, device.tz_offset, device.device_type, number))
        if before is not None and before[0] != user:
            self._drop_if_gone(device.application, before[0])

    def _drop_if_gone(self, application: str, user: str) -> None:
        if self._connection.execute(HAS_USER, (application, user)).fetchone() is None:
            self._connection.execute(FORGET_TAGS, (application, user))

    def set_tags(self, number: int, call: TagValues) -> None:
        """Merge tags: those that are not named stay, null removes one.

        They are the user's if the call names one, else the device's. Which of both the vendor takes, if both
        are named, follows from the tag's definition in the control panel; the sandbox has none.
        """
        owner = (call.application, call.user_id, "" if call.user_id else call.hwid)
        for position, (name, value) in enumerate(decode_members(call.tags).items()):
            if value is None:
                self._connection.execute(REMOVE_TAG, (*owner, name))
            else:
                self._connection.execute(SET_TAG, (*owner, name, write_value(value), number, position))

    def matches(self, event: Event) -> bool:
        """Whether the device or the user of an event is known."""
        device = (event.hwid, event.application)
        if event.hwid and self._connection.execute(OWNER, device).fetchone() is not None:
            return True
        user = (event.application, event.user_id)
        return bool(event.user_id) and self._connection.execute(HAS_USER, user).fetchone() is not None

    def note_attributes(self, number: int, event: Event, arrived: int | None) -> bool:
        """Hold an event against the catalogue, which learns what it sees first; note what does not fit.

        Returns:
            Whether the catalogue has learned something.
        """
        learned = False
        key = (event.application, event.event)
        known = self._catalogue.get(key)
        if known is None:
            self._connection.execute(ADD_EVENT, (*key, arrived))
            known = self._catalogue[key] = {}
            learned = True
        for name, value in decode_members(event.attributes).items():
            declared = known.get(name)
            if declared is None:
                declared = self._learn(key, known, name, value)
                learned = learned or declared is not None
            if declared is None or not fits(name, declared, value):
                self._note(number, name, declared, value)
        return learned

    def create_event(self, call: CreateEvent, arrived: int, limit: int | None) -> Outcome:
        """Declare an event; its number, or why it cannot be.

        Args:
            call: the event and its attributes.
            arrived: when the call came, in Unix milliseconds.
            limit: events that an application may have, or None.
        """
        key = (call.application, call.name)
        known = self._connection.execute(FIND_EVENT, key).fetchone()
        if known is not None and known[0]:
            return Denial(210, f"Event {call.name!r} already exists")
        events: int = self._connection.execute(COUNT_EVENTS, key[:1]).fetchone()[0]
        if known is None and limit is not None and events >= limit:
            return Denial(403, "Events limit is exceeded")
        number: int = self._connection.execute(DECLARE_EVENT, (*key, call.description, arrived)).fetchone()[0]
        types = self._catalogue.setdefault(key, {})
        for name, kind in call.attributes:
            self._connection.execute(DECLARE_ATTRIBUTE, (*key, name, kind))
            types[name] = kind
        return number

    def find_undeclared(self, event: Event) -> Denial | None:
        """What an event has that the catalogue does not know, as a refusal."""
        known = self._catalogue.get((event.application, event.event))
        if known is None:
            return Denial(210, f"event: {event.event!r} is not an event of this application")
        for name in decode_members(event.attributes):
            if name not in known:
                return Denial(210, f"attributes: {name!r} is not an attribute of the event {event.event!r}")
        return None

    def _learn(
        self, key: tuple[str, str], known: dict[str, int], name: str, value: object
    ) -> AttributeType | None:
        learned = infer_type(name, value)
        if learned is not None:
            self._connection.execute(ADD_ATTRIBUTE, (*key, name, learned.value))
            known[name] = learned.value
        return learned

    def _note(self, number: int, name: str, declared: int | None, value: object) -> None:
        if value is None:
            return
        word = None if declared is None else AttributeType(declared).word
        self._connection.execute(ADD_VIOLATION, (number, name, word, name_kind(value)))


def write_value(value: object) -> str:
    """A value as JSON, readable if it is of characters; half of a surrogate pair is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def decode_members(text: str) -> dict[str, Any]:
    """The members of a JSON object that was checked before."""
    try:
        return _decode_members(text)
    except msgspec.MsgspecError:
        # Half of a surrogate pair is JSON, and so is a number beyond a float's range.
        members: dict[str, Any] = json.loads(text)
        return members
