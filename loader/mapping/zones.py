"""Time zones: names and offsets, local time to UTC and back, with the IANA database that ships in `tzdata`.

The offset of *now* is never used: each offset is the one in force at the given instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from loader.mapping.transitions import Offsets
from loader.mapping.zone_names import iana_name

Zone = ZoneInfo | int
Seconds = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

AMBIGUOUS = ("reject", "earlier", "later")
NONEXISTENT = ("reject", "earlier", "later", "shift")
MAX_OFFSET = 18 * 3600
#: What the plain numbers of offsets can count -> in seconds.
OFFSET_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}
#: Since 1980 every zone of the IANA database has been off a multiple of this (`tests/mapping/test_zones.py`).
QUARTER = 900

_DAY = 86_400
_CLOCK_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_SHORT_OFFSET = re.compile(r"([+-])(0\d)(\d\d)?|(?:UTC|GMT)([+-])(\d\d)(\d\d)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,8})(?:\.\d{1,9})?", re.ASCII)


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Every zone name of the shipped database."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def shipped(name: str) -> ZoneInfo:
    """A zone of the shipped database, not the system's, so that a load resumes alike on another machine."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=4096)
def parse_zone(text: str, unit: str | None = None) -> Zone | None:
    """An IANA, Windows or Rails name, ``Z``, ``+05:45``, ``+0545``, or a number; None if it is none of these.

    Digits after a sign that begin with 0 are hours, or hours and minutes (``-08``, ``-0800``), because no
    number is written like this. Any other number is seconds east of UTC only if a zone can be off by it:
    ``-1200``, ``330`` and ``-5`` count something else, which only the mapping can say.

    Args:
        text: the cell.
        unit: what its number counts, a key of `OFFSET_UNITS`; None: the mapping does not say.
    """
    if text in {"Z", "z"}:
        return 0
    if text in known_zones():
        return shipped(text)
    if name := iana_name(text):
        return shipped(name)
    return parse_offset(text, unit)


def parse_offset(text: str, unit: str | None = None) -> int | None:
    """Seconds east of UTC, as `parse_zone` reads them."""
    if match := _CLOCK_OFFSET.fullmatch(text) or _SHORT_OFFSET.fullmatch(text):
        sign, *parts = (part for part in match.groups() if part is not None)
        hours, minutes, seconds = (*map(int, parts), 0, 0)[:3]
        if minutes > 59 or seconds > 59:
            return None
        offset = hours * 3600 + minutes * 60 + seconds
        return _within(-offset if sign == "-" else offset)
    return _counted_offset(text, unit) if is_number(text) else None


def is_number(text: str) -> bool:
    """Whether an offset is written as a plain number."""
    return _NUMBER.fullmatch(text) is not None


def _counted_offset(text: str, unit: str | None) -> int | None:
    """An offset from a plain number; the user who says that it counts seconds may give any (-2917)."""
    exact = Decimal(text) * OFFSET_UNITS[unit or "s"]
    seconds = int(exact)
    # 900 and -900 are no zone's seconds, but they are how +0900 and -0900 look as numbers.
    impossible = seconds % QUARTER != 0 or (unit is None and abs(seconds) == QUARTER)
    if seconds != exact or (impossible and unit != "s"):
        return None
    return _within(seconds)


def _within(offset: int) -> int | None:
    return offset if abs(offset) <= MAX_OFFSET else None


def zone_text(zone: Zone) -> str:
    """A zone as a user reads it."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    sign, rest = "-" if zone < 0 else "+", abs(zone)
    text = f"{sign}{rest // 3600:02}:{rest % 3600 // 60:02}"
    return text if rest % 60 == 0 else f"{text}:{rest % 60:02}"


@dataclass(frozen=True, slots=True)
class Located:
    """Wall clock times as instants.

    Attributes:
        utc: seconds since 1970; 0 if there is no such instant.
        ambiguous: the wall clock time came twice.
        nonexistent: the wall clock time was skipped.
    """

    utc: Seconds
    ambiguous: Mask
    nonexistent: Mask


def locate(wall: Seconds, zone: Zone, *, ambiguous: str, nonexistent: str) -> Located:
    """The instants of wall clock times in a zone.

    Args:
        wall: seconds since 1970 as a clock on the wall counts them.
        zone: the zone of that clock.
        ambiguous: "reject" (0 is returned), "earlier" or "later" of the two instants.
        nonexistent: "reject" (0 is returned), "earlier" or "later" (moved by the length of the gap) or
            "shift" (to the end of the gap).
    """
    neither = np.zeros(len(wall), dtype=np.bool_)
    if isinstance(zone, int):
        return Located(wall - zone, neither, neither)
    if not len(wall):
        return Located(wall, neither, neither)
    table = Offsets.around(wall, zone)
    # One of the offsets a day before and a day after was in force, because no zone changes twice in two days.
    both = [wall - table.at(wall + shift) for shift in (-_DAY, _DAY)]
    real = [utc + table.at(utc) == wall for utc in both]
    low, high = np.minimum(*both), np.maximum(*both)
    twice, skipped = real[0] & real[1] & (low != high), ~(real[0] | real[1])
    utc = np.where(real[0], *both)
    for rows, choice in ((twice, ambiguous), (skipped, nonexistent)):
        if rows.any():
            utc[rows] = _chosen(choice, low[rows], high[rows], table)
    return Located(utc, twice, skipped)


def _chosen(choice: str, low: Seconds, high: Seconds, table: Offsets) -> Seconds:
    if choice == "reject":
        return np.zeros_like(low)
    if choice == "shift":
        return table.next(low)
    return low if choice == "earlier" else high


def offsets(utc: Seconds, zone: Zone) -> Seconds:
    """Seconds east of UTC in force in the zone at each instant."""
    if isinstance(zone, int):
        return np.full(len(utc), zone, dtype=np.int64)
    return Offsets.around(utc, zone).at(utc) if len(utc) else utc
