"""The rows that a mapping selects, as its file says it: `[rows]`, `unique` and `unique_keep`."""

from __future__ import annotations

from datetime import date, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

from loader.mapping.origins import scalar_text
from loader.mapping.rules import RowRules, Unique
from loader.mapping.zone_faults import zone_advice
from loader.mapping.zones import parse_zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as ReadOnlyDict

    from loader.methods import Kind, Method

    _Lists = ReadOnlyDict[str, tuple[str, ...]]

ROW_KEYS = ("only", "except", "from", "until", "zone")
UNIQUE_KEYS = ("unique", "unique_keep", "key")
#: Where these belong: below the head of a table, TOML takes them as a part of that.
OUTSIDE = "It belongs at the top of the file, above [fields]."
_KEEPS = ("first", "last")
_LISTS = 'must be a table of columns with lists of texts, such as { event_name = ["purchase", "signup"] }.'
_MOMENTS = "must be a day such as 2024-01-31, or an instant such as 2024-01-31T12:00:00Z."


def read_row_rules(table: dict[str, Any], method: Method, complain: Callable[[str], None]) -> RowRules:
    """Read the table `[rows]`.

    Args:
        table: its keys and values.
        method: the API method, which may have no time.
        complain: takes a sentence about each mistake.
    """
    for key in table:
        if key not in ROW_KEYS:
            near = get_close_matches(key, ROW_KEYS, n=1, cutoff=0.6)
            meant = f'Did you mean "{near[0]}"?' if near else f"It takes {', '.join(ROW_KEYS)}."
            meant = OUTSIDE if key in UNIQUE_KEYS else meant
            complain(f'[rows] does not take "{key}". {meant}')
    only, excluded = (_read_lists(key, table, complain) for key in ("only", "except"))
    for column in only.keys() & excluded.keys():
        if both := [text for text in only[column] if text in excluded[column]]:
            complain(
                f'[rows] has "{both[0]}" of the column "{column}" under only and under except. Keep one.'
            )
    start, end = (_read_moment(key, table, complain) for key in ("from", "until"))
    zone = _read_zone(table, complain)
    rules = RowRules(only, excluded, start, end, zone)
    if rules.timed and not method.timed:
        complain(f"[rows]: from and until select by the time of an event, and {method.kind} have none.")
    if is_reversed(start, end):
        complain(f"[rows]: from = {start} is after until = {end}, so no row would be left.")
    return rules


def _read_lists(key: str, table: dict[str, Any], complain: Callable[[str], None]) -> _Lists:
    raw = table.get(key, {})
    if not isinstance(raw, dict) or (key in table and not raw):
        complain(f"[rows] {key} {_LISTS}")
        return MappingProxyType({})
    found = {
        column: _read_texts(f'[rows] {key} "{column}"', cells, complain) for column, cells in raw.items()
    }
    return MappingProxyType(found)


def _read_texts(where: str, raw: object, complain: Callable[[str], None]) -> tuple[str, ...]:
    cells = raw if isinstance(raw, list) else [raw]
    if not cells:
        complain(f"{where} is an empty list. Name the texts, or remove the column.")
    elif not all(isinstance(cell, (str, bool, int, float)) for cell in cells):
        complain(f"{where} must be a list of texts, numbers, true or false.")
        return ()
    return tuple(map(scalar_text, cells))


def _read_moment(key: str, table: dict[str, Any], complain: Callable[[str], None]) -> date | datetime | None:
    raw = table.get(key)
    if isinstance(raw, str):
        try:
            raw = date.fromisoformat(raw) if len(raw) <= len("2024-01-31") else datetime.fromisoformat(raw)
        except ValueError:
            complain(f'[rows] {key} = "{raw}" {_MOMENTS}')
            return None
    if raw is not None and not isinstance(raw, date):
        complain(f"[rows] {key} {_MOMENTS}")
        return None
    return raw


def _read_zone(table: dict[str, Any], complain: Callable[[str], None]) -> str | None:
    if "zone" not in table:
        return None
    text = str(table["zone"])
    if isinstance(table["zone"], bool) or parse_zone(text) is None:
        complain(f'[rows] zone = "{text}" is not a time zone. {zone_advice(text)}')
    elif not table.keys() & {"from", "until"}:
        complain("[rows]: zone does nothing without from or until.")
    return text


def is_reversed(start: date | datetime | None, end: date | datetime | None) -> bool:
    """Whether a period surely ends before it begins, whatever the zone is."""
    if start is None or end is None:
        return False
    days = [type(each) is date for each in (start, end)]
    if all(days):
        return start > end
    if any(days) or (cast("datetime", start).tzinfo is None) != (cast("datetime", end).tzinfo is None):
        first, last = (each if type(each) is date else cast("datetime", each).date() for each in (start, end))
        return (first - last).days > 1
    return start >= end


def read_unique(document: dict[str, Any], complain: Callable[[str], None]) -> Unique | None:
    """Read the keys `unique` and `unique_keep` of the file."""
    raw, keep = document.get("unique"), document.get("unique_keep", "first")
    if keep not in _KEEPS:
        complain('unique_keep must be "first" or "last".')
        keep = "first"
    if raw in (None, False):
        if "unique_keep" in document:
            complain("unique_keep does nothing without unique.")
        return None
    columns = [] if raw is True else [raw] if isinstance(raw, str) else raw
    if not isinstance(columns, list) or not all(isinstance(each, str) and each for each in columns):
        complain('unique must be a list of columns, such as ["insert_id"], or true for all that is sent.')
        return None
    if not columns and raw is not True:
        complain("unique is an empty list. Name the columns, or write true for all that is sent.")
    return Unique(tuple(columns), cast("Literal['first', 'last']", keep))


def say_no_key(kind: Kind) -> str:
    """Say that rows of which the last one counts have no key of the user's choice."""
    return f"key is for events. A ledger always knows {kind} by their device, or else their user. Remove it."


def read_key(document: dict[str, Any], method: Method, complain: Callable[[str], None]) -> tuple[str, ...]:
    """Read the key `key` of the file: the columns by which a ledger knows an event again.

    If the last call wins, it has to be the device or user: with any other key a row could be taken for
    unchanged although a row with another key has changed its device since.
    """
    if "key" in document and method.last_wins:
        complain(say_no_key(method.kind))
        return ()
    raw = document.get("key", [])
    columns = [raw] if isinstance(raw, str) else raw
    if not isinstance(columns, list) or not all(isinstance(each, str) and each for each in columns):
        complain('key must be a list of columns, such as ["insert_id"].')
        return ()
    if not columns and "key" in document:
        complain("key is an empty list. Name the columns by which a row is known again.")
    return tuple(columns)
