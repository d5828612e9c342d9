"""Events counted by hour, for getResults."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from loader.sandbox.store.files import open_read_only

if TYPE_CHECKING:
    from pathlib import Path

    from loader.sandbox.calls import Condition, Question

HOUR = 3600
TIMES = {"timestamp": "timestamp_utc", "arrival": "arrived / 1000"}
HAS_EVENT = "SELECT 1 FROM event_types WHERE application = ? AND name = ?"


class HourCount(NamedTuple):
    """How many events an hour has; `date` is its beginning, `YYYY-MM-DD HH:MM` in UTC."""

    date: str
    events: int


def has_event(path: Path, application: str, name: str) -> bool:
    """Whether an application has an event of this name."""
    with open_read_only(path) as connection:
        return connection.execute(HAS_EVENT, (application, name)).fetchone() is not None


def count_hours(path: Path, question: Question, time: str) -> list[HourCount]:
    """Count events by hour, from the first hour to the last one, also where there are none.

    Args:
        path: the store.
        question: which events, and when.
        time: by which time, a key of `TIMES`.

    Raises:
        ConfigError: the store cannot be read.
    """
    column = TIMES[time]
    query = (
        f"SELECT {column} / {HOUR}, count(*) FROM events WHERE application = ? AND event = ?"  # noqa: S608 - our own words
        f" AND {column} BETWEEN ? AND ?{''.join(map(write_condition, question.conditions))} GROUP BY 1"
    )
    values: list[object] = [question.application, question.event, question.first, question.last]
    for condition in question.conditions:
        values += [condition.name, *condition.values]
    with open_read_only(path) as connection:
        counted = dict(connection.execute(query, values))
    hours = range(question.first // HOUR, question.last // HOUR + 1)
    return [HourCount(write_hour(hour), counted.get(hour, 0)) for hour in hours]


def write_condition(condition: Condition) -> str:
    """One more part of the query's condition, with a mark for the name and for each value."""
    marks = ", ".join("?" * len(condition.values))
    return (
        f" AND EXISTS (SELECT 1 FROM json_each(attributes) WHERE key = ? AND CAST(atom AS TEXT) IN ({marks}))"  # noqa: S608 - only marks
    )


def write_hour(hour: int) -> str:
    """An hour since 1970 as the vendor writes it."""
    return datetime.fromtimestamp(hour * HOUR, UTC).strftime("%Y-%m-%d %H:%M")
