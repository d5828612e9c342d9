"""Time zones: names and offsets, local time to UTC and back, with the IANA database that ships in `tzdata`.

The offset of *now* is never used: each offset is the one in force at the given instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from loader.mapping.transitions import Offsets

Zone = ZoneInfo | int
Seconds = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

AMBIGUOUS = ("reject", "earlier", "later")
NONEXISTENT = ("reject", "earlier", "later", "shift")
MAX_OFFSET = 18 * 3600

_DAY = 86_400
_CLOCK_OFFSET = re.compile(r"([+-])(\d{1,2}):(\d\d)(?::(\d\d))?")
_SHORT_OFFSET = re.compile(r"([+-])(0\d)(\d\d)?")
_SECONDS = re.compile(r"[+-]?\d{1,5}")


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
def parse_zone(text: str) -> Zone | None:
    """An IANA name, ``Z``, ``+05:45``, ``+0545``, or seconds east of UTC; None if it is none of these.

    Four digits after a sign are read as hours and minutes only if they begin with 0 (``-0800``), because
    seconds are never written like this. ``-1200`` could be either, so it is refused.
    """
    if text in {"Z", "z"}:
        return 0
    if text in known_zones():
        return shipped(text)
    return parse_offset(text)


def parse_offset(text: str) -> int | None:
    """Seconds east of UTC, as `parse_zone` reads them."""
    if match := _CLOCK_OFFSET.fullmatch(text) or _SHORT_OFFSET.fullmatch(text):
        sign, *parts = match.groups(default="0")
        hours, minutes, seconds = (*map(int, parts), 0)[:3]
        if minutes > 59 or seconds > 59:
            return None
        offset = hours * 3600 + minutes * 60 + seconds
        return _within(-offset if sign == "-" else offset)
    if _SECONDS.fullmatch(text) and text.isascii() and not _could_be_hours(text):
        return _within(int(text))
    return None


def _could_be_hours(text: str) -> bool:
    signed_four = len(text) == 5 and text[0] in "+-"
    return signed_four and int(text[1:3]) <= 14 and int(text[3:]) < 60


def _within(offset: int) -> int | None:
    return offset if abs(offset) <= MAX_OFFSET else None


ZONE_FORMS = 'Use an IANA name such as "Europe/Berlin", an offset such as "+05:45", or seconds.'


def suggest_zone(text: str) -> str:
    """A question that suggests a similar known zone, or ""."""
    near = get_close_matches(text, known_zones(), n=1, cutoff=0.85)
    return f'Did you mean "{near[0]}"?' if near else ""


def zone_advice(text: str) -> str:
    """What to write instead of an unknown zone."""
    return " ".join(filter(None, [suggest_zone(text), ZONE_FORMS]))


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
