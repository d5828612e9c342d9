"""Duplicates, and calls that were refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loader.sandbox.page.live import choose_load
from loader.sandbox.page.people import fetch_events
from loader.sandbox.page.timeline import EventRow, build_row

if TYPE_CHECKING:
    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.state import StoreState

MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Events that are equal in all fields; `ids` are at most 100, `loads` those of their loads."""

    event: EventRow
    count: int
    ids: list[int]
    loads: list[str]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The view of duplicates.

    Attributes:
        groups: how many events there are more than once, of all loads.
        surplus: how many events there are too many.
        duplicates: in the order in which they were seen; of a chosen load those in which it has a part.
        next: where the list continues.
        behind: events that were not compared yet.
    """

    groups: int
    surplus: int
    duplicates: list[Duplicate]
    next: int | None
    behind: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was refused; `arrived` in Unix milliseconds, `body` its beginning."""

    id: int
    arrived: int
    load: str
    method: str
    http_status: int
    status_code: int
    message: str
    body: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The latest refused calls, of which the store keeps 1,000."""

    refusals: list[Refusal]
    older: int | None


def gather_duplicates(state: StoreState, asked: Asked) -> Duplicates:
    """A page of duplicates, of all loads or one."""
    behind = state.catch_up(state.equals)
    rows = state.reader.list_rows(
        """
        SELECT number, digest FROM doubled WHERE number > ? AND (? IS NULL OR EXISTS (
            SELECT 1 FROM equals JOIN events USING (id) WHERE equals.digest = doubled.digest AND load = ?))
        ORDER BY number LIMIT ?
        """,
        (asked.read_int("after") or 0, asked.load, asked.load, asked.limit + 1),
    )
    groups, surplus = state.reader.remember("doubled", lambda: count_doubled(state))
    return Duplicates(
        groups=groups,
        surplus=surplus,
        duplicates=[found for _, mark in rows[: asked.limit] if (found := find_duplicate(state, mark))],
        next=rows[asked.limit - 1][0] if len(rows) > asked.limit else None,
        behind=behind,
    )


def count_doubled(state: StoreState) -> tuple[Any, ...]:
    """How many events there are more than once, and how many too many."""
    return state.reader.fetch_row(
        "SELECT (SELECT count(*) FROM doubled), "
        "(SELECT count(*) FROM equals WHERE digest IN (SELECT digest FROM doubled)) - "
        "(SELECT count(*) FROM doubled)"
    )


def find_duplicate(state: StoreState, mark: int) -> Duplicate | None:
    """The events with this mark."""
    count = state.reader.fetch_row("SELECT count(*) FROM equals WHERE digest = ?", (mark,))[0]
    marked = state.reader.list_rows(
        "SELECT id FROM equals WHERE digest = ? ORDER BY id LIMIT ?", (mark, MOST_IDS)
    )
    ids = [number for (number,) in marked]
    rows = [build_row(row) for row in fetch_events(state, ids)]
    if not rows:
        return None
    return Duplicate(rows[0], count, ids, sorted({row.load for row in rows}))


def gather_refused(state: StoreState, asked: Asked) -> Refused:
    """A page of refused calls, the latest first."""
    condition, values = choose_load(asked)
    rows = state.reader.list_rows(
        "SELECT id, arrived, load, method, http_status, status_code, message, body FROM refusals "  # noqa: S608
        f"WHERE id < ? AND {condition} ORDER BY id DESC LIMIT ?",
        (asked.read_int("before") or 2**63 - 1, *values, asked.limit + 1),
    )
    refusals = [Refusal(*row) for row in rows[: asked.limit]]
    return Refused(refusals, refusals[-1].id if len(rows) > asked.limit else None)
