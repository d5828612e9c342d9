"""How much a store holds: the counts that are shown after a load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.methods import POST_EVENT, REGISTER_USER, TAGS
from loader.sandbox.store.files import open_read_only
from loader.sandbox.store.reading import HAS_TAGS

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

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


def count_holdings(path: Path) -> Holdings:
    """Count what the store at `path` holds, without writing to it, also while a sandbox serves it.

    Raises:
        ConfigError: the file is missing, unreadable, or no sandbox store.
    """
    with open_read_only(path) as connection:
        return count_all(connection)


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
