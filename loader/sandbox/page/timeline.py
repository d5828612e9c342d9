"""Events by name and month, and the latest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loader.sandbox.page.live import choose, choose_load

if TYPE_CHECKING:
    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.state import StoreState
    from loader.sandbox.page.tallies import Key, Sum

MOST_NAMES = 200
COLUMNS = (
    "id, load, arrived, application, event, coalesce(hwid, ''), coalesce(user_id, ''), timestamp_utc, "
    "stamped, timestamp_current, device_type, attributes, matched"
)


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as the store has it: times in Unix seconds, `arrived` in milliseconds.

    `attributes` is JSON text as received; `arrived` is None in what an earlier version of the store took.
    """

    id: int
    load: str
    arrived: int | None
    application: str
    event: str
    hwid: str
    user_id: str
    timestamp_utc: int
    stamped: bool
    timestamp_current: int | None
    device_type: int | None
    attributes: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Name:
    """The events of one name; `first` and `last` are `timestampUTC`."""

    name: str
    count: int
    first: int
    last: int
    unmatched: int
    stamped: int


@dataclass(frozen=True, slots=True)
class Month:
    """The events of one month by name; `month` is "" outside of the years 0 to 9999."""

    month: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The view of events.

    Attributes:
        total: events of the chosen load and name.
        stamped: of these, those without `timestampUTC`, which are at the moment of their arrival.
        unmatched: of these, those whose device and user were not known.
        names: the most frequent first; at most 200.
        more_names: how many names are not listed.
        months: in order, without those in which nothing happened.
        latest: the events that arrived last, or before the one that `before` names.
        older: where the list continues; None at its end.
        behind: events that are not counted yet.
    """

    total: int
    stamped: int
    unmatched: int
    names: list[Name]
    more_names: int
    months: list[Month]
    latest: list[EventRow]
    older: int | None
    behind: int


def gather_timeline(state: StoreState, asked: Asked) -> Timeline:
    """The view of events, of all loads or one, of all names or the one of `event`."""
    behind = state.catch_up(state.events)
    chosen = choose(state.events, asked)
    names = sum_by_name(chosen)
    only = asked.values.get("event")
    counted = [pair for pair in chosen if only in (None, pair[0].event)]
    latest = list_latest(state, asked)
    return Timeline(
        total=sum(found.rows for _, found in counted),
        stamped=sum(found.rows for key, found in counted if key.stamped),
        unmatched=sum(found.rows for key, found in counted if not key.matched),
        names=names[:MOST_NAMES],
        more_names=max(0, len(names) - MOST_NAMES),
        months=sum_by_month(counted),
        latest=latest[: asked.limit],
        older=latest[asked.limit - 1].id if len(latest) > asked.limit else None,
        behind=behind,
    )


def sum_by_name(sums: list[tuple[Key, Sum]]) -> list[Name]:
    """The counts of each name."""
    found: dict[str, Name] = {}
    for key, each in sums:
        old = found.get(key.event, Name(key.event, 0, each.first, each.last, 0, 0))
        found[key.event] = Name(
            key.event,
            old.count + each.rows,
            min(old.first, each.first),
            max(old.last, each.last),
            old.unmatched + (0 if key.matched else each.rows),
            old.stamped + (each.rows if key.stamped else 0),
        )
    return sorted(found.values(), key=lambda name: (-name.count, name.name))


def sum_by_month(sums: list[tuple[Key, Sum]]) -> list[Month]:
    """The counts of each month by name."""
    months: dict[str, Counter[str]] = {}
    for key, each in sums:
        months.setdefault(key.month, Counter())[key.event] += each.rows
    return [Month(month, dict(months[month].most_common(MOST_NAMES))) for month in sorted(months)]


def list_latest(state: StoreState, asked: Asked) -> list[EventRow]:
    """A page of events, the last to arrive first, and one more if there is one."""
    condition, values = choose_load(asked)
    rows: list[tuple[Any, ...]] = state.reader.list_rows(
        f"SELECT {COLUMNS} FROM events WHERE id < ? AND {condition} AND (? IS NULL OR event = ?) "  # noqa: S608
        "ORDER BY id DESC LIMIT ?",
        (
            asked.read_int("before") or 2**63 - 1,
            *values,
            *[asked.values.get("event")] * 2,
            asked.limit + 1,
        ),
    )
    return [build_row(row) for row in rows]


def build_row(row: tuple[Any, ...]) -> EventRow:
    """A row of `COLUMNS`."""
    fields = list(row)
    fields[8], fields[12] = bool(row[8]), bool(row[12])
    return EventRow(*fields)
