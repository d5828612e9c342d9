"""Why a text is not a time zone, and which setting says what it means."""

from __future__ import annotations

import re
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from loader.mapping.findings import Fault
from loader.mapping.zone_names import AMBIGUOUS_NAMES
from loader.mapping.zones import known_zones

#: Unit of an offset -> its name.
OFFSET_UNIT_NAMES: Final = MappingProxyType(
    {"ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours"}
)
ZONE_FORMS: Final = 'Use an IANA name such as "Europe/Berlin", an offset such as "+05:45", or seconds.'
_DECIMAL = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)
# Nearly all end in "time"; any other short word is no zone's at all.
_ABBREVIATION = re.compile(r"[A-Z]{1,4}T|MSK|WIB")


def suggest_zone(text: str) -> str:
    """A question that suggests a similar known zone, or ""."""
    near = get_close_matches(text, known_zones(), n=1, cutoff=0.85)
    return f'Did you mean "{near[0]}"?' if near else ""


def zone_advice(text: str) -> str:
    """What to write instead of an unknown zone, where the mapping or an option names it."""
    if _DECIMAL.fullmatch(text):
        return 'No zone is off UTC by this many seconds. Write hours and minutes, such as "+05:45".'
    return " ".join(filter(None, [suggest_zone(text), ZONE_FORMS]))


def zone_fault(text: str, key: str, unit: str | None) -> Fault:
    """Why a cell is neither a time zone nor an offset.

    Args:
        text: the cell, which `parse_zone` cannot read.
        key: "zone" or "tz_offset", which takes the settings.
        unit: what plain numbers count, if the mapping says it.
    """
    if _DECIMAL.fullmatch(text):
        return _not_an_offset(key, unit)
    if _ABBREVIATION.fullmatch(text) or text in AMBIGUOUS_NAMES:
        return Fault("can mean several time zones", _translate(key))
    reason = "is not a time zone" if key == "zone" else "is neither an offset nor a time zone"
    return Fault(reason, f"{ZONE_FORMS} {_translate(key)}", suggest_zone(text))


def _not_an_offset(key: str, unit: str | None) -> Fault:
    if unit is not None:
        reason = f"is not an offset that a time zone has, counted in {OFFSET_UNIT_NAMES[unit]}"
        return Fault(reason, f"Set another unit of {key} in the mapping. {_translate(key)}")
    return Fault(
        "is not an offset that a time zone has, counted in seconds",
        f'If these numbers count hours, set unit = "h" of {key} in the mapping; if they count minutes, '
        f'unit = "min"; if they are seconds all the same, unit = "s". {_translate(key)}',
    )


def _translate(key: str) -> str:
    return f'To translate a word, set values of {key} in the mapping, such as {{ "HQ" = "Europe/Berlin" }}.'
