"""Counts of the logs, brought up to date by what was appended: no row is counted twice, or read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from loader.sandbox.page.following import Follower

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.sandbox.page.reading import Reader

# A month is the sender's: of `timestampUTC`, not of the arrival. SQLite has months of the years 0 to 9999.
GROUP_EVENTS = """
SELECT load, application, event,
    CASE WHEN timestamp_utc BETWEEN -62167219200 AND 253402300799
        THEN strftime('%Y-%m', timestamp_utc, 'unixepoch') ELSE '' END,
    stamped, matched,
    count(*), min(timestamp_utc), max(timestamp_utc)
FROM events WHERE id > :low AND id <= :high GROUP BY 1, 2, 3, 4, 5, 6
"""
GROUP_REGISTRATIONS = """
SELECT load, application, '', '', 0, 1, count(*), 0, 0
FROM registrations WHERE id > :low AND id <= :high GROUP BY 1, 2
"""
GROUP_TAG_CALLS = """
SELECT load, application, '', '', 0, 1, count(*), 0, 0
FROM tag_calls WHERE id > :low AND id <= :high GROUP BY 1, 2
"""
GROUP_VIOLATIONS = """
SELECT events.load, events.application, events.event, attribute, coalesce(violations.declared, ''), found,
    count(*), min(event_id), max(event_id)
FROM violations JOIN events ON events.id = event_id
WHERE event_id > :low AND event_id <= :high GROUP BY 1, 2, 3, 4, 5, 6
"""

K = TypeVar("K", bound=tuple[object, ...])


class Key(NamedTuple):
    """What rows are counted by; `event`, `month`, `stamped` and `matched` are those of events."""

    load: str
    application: str
    event: str
    month: str
    stamped: int
    matched: int


class Misfit(NamedTuple):
    """What violations are counted by: an attribute, the type that it should have, and what was sent.

    `declared` is "" if no type is for such a value.
    """

    load: str
    application: str
    event: str
    attribute: str
    declared: str
    found: str


class Sum(NamedTuple):
    """How many rows, and the first and last of their times (of violations: of the ids of their events)."""

    rows: int
    first: int
    last: int

    def add(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.rows + other.rows, min(self.first, other.first), max(self.last, other.last))


class Tally(Follower, Generic[K]):
    """The counts of one log.

    Args:
        reader: of the store.
        log: the table, whose ids ascend.
        group: the query for a slice of it, see `GROUP_EVENTS`: the columns of a key, then those of `Sum`.
        key: makes a key of the columns before.
    """

    def __init__(self, reader: Reader, log: str, group: str, key: Callable[..., K]) -> None:
        self._group, self._key = group, key
        super().__init__(reader, log)

    def forget(self) -> None:
        """Count from 0."""
        self.sums: dict[K, Sum] = {}

    def read_slice(self, low: int, high: int) -> None:
        """Add the counts of a slice."""
        for row in self._reader.list_rows(self._group, (low, high)):
            key, found = self._key(*row[:-3]), Sum(*row[-3:])
            known = self.sums.get(key)
            self.sums[key] = known.add(found) if known else found
