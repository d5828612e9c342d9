"""The catalogue of events: names, typed attributes, and what did not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.state import StoreState
    from loader.sandbox.page.tallies import Misfit, Sum

# https://docs.pushwoosh.com, createEvent: the numbers of its types.
TYPES = {1: "integer", 2: "string", 3: "list", 4: "date", 5: "boolean", 6: "price"}
MOST_VIOLATIONS = 200


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an event; `declared` is false if its first value gave it the type."""

    name: str
    type: str
    declared: bool


@dataclass(frozen=True, slots=True)
class EventType:
    """A name of the catalogue; `declared` is false if the first event of the name made it."""

    application: str
    name: str
    description: str
    declared: bool
    attributes: list[Attribute]
    violations: int


@dataclass(frozen=True, slots=True)
class Violation:
    """Values that do not fit the type of their attribute.

    Attributes:
        declared: the type in words; "" if no type is for such a value.
        found: what came instead.
        count: how often.
        first, last: ids of events.
    """

    application: str
    event: str
    attribute: str
    declared: str
    found: str
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The view of the catalogue; `next` is where the list of names continues."""

    types: list[EventType]
    next: int | None
    violations: list[Violation]
    more_violations: int
    behind: int


def gather_catalogue(state: StoreState, asked: Asked) -> Catalogue:
    """The names of all loads, and the violations of all loads or one."""
    behind = state.catch_up(state.misfits)
    violations = list_violations(state, asked)
    skipped = max(0, asked.read_int("skip") or 0)
    rows = state.reader.list_rows(
        "SELECT application, name, description, declared FROM event_types "
        "ORDER BY application, name LIMIT ? OFFSET ?",
        (asked.limit + 1, skipped),
    )
    counts: dict[tuple[str, str], int] = {}
    for each in violations:
        counts[each.application, each.event] = counts.get((each.application, each.event), 0) + each.count
    return Catalogue(
        types=[
            EventType(
                application,
                name,
                description,
                bool(declared),
                list_attributes(state, application, name),
                counts.get((application, name), 0),
            )
            for application, name, description, declared in rows[: asked.limit]
        ],
        next=skipped + asked.limit if len(rows) > asked.limit else None,
        violations=violations[:MOST_VIOLATIONS],
        more_violations=max(0, len(violations) - MOST_VIOLATIONS),
        behind=behind,
    )


def list_attributes(state: StoreState, application: str, event: str) -> list[Attribute]:
    """The attributes of an event, by name."""
    rows = state.reader.list_rows(
        "SELECT name, type, declared FROM event_attributes WHERE application = ? AND event = ? ORDER BY name "
        "LIMIT 500",
        (application, event),
    )
    return [
        Attribute(name, TYPES.get(number, str(number)), bool(declared)) for name, number, declared in rows
    ]


def list_violations(state: StoreState, asked: Asked) -> list[Violation]:
    """The violations, the most frequent first."""
    sums: dict[Misfit, Sum] = {}
    for key, found in state.misfits.sums.items():
        if asked.load in (None, key.load):
            kind = key._replace(load="")
            sums[kind] = sums[kind].add(found) if kind in sums else found
    rows = [Violation(*kind[1:], *found) for kind, found in sums.items()]
    return sorted(rows, key=lambda row: (-row.count, row.application, row.event, row.attribute))
