"""The keys of a mapping file: where each may stand, which values it may have, which ones fit together."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from loader.mapping.fields import device_type, new_device_types
from loader.mapping.names import template_columns
from loader.mapping.rules import Clock, ColumnOf, LookUp, Rule, Scalar
from loader.mapping.timestamps import CODES, EPOCHS, EXCEL_EPOCHS, UNITS, ZONE_CODES, without_zone
from loader.mapping.zone_faults import zone_advice
from loader.mapping.zones import AMBIGUOUS, NONEXISTENT, OFFSET_UNITS, parse_zone
from loader.methods import METHODS, Conversion

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as ReadOnlyDict

    from loader.methods import Container, Method

CLOCK_KEYS: Final = tuple(field.name for field in fields(Clock))
LOOKUP_KEYS: Final = tuple(field.name for field in fields(LookUp))
_ORIGIN_KEYS: Final = (
    "column",
    "const",
    "template",
    *LOOKUP_KEYS,
    "values",
    "unlisted",
    "null_values",
    "default",
    "required",
    "trim",
    "case",
)
_TIME_KEYS: Final = (
    *("column", "const", "template", *LOOKUP_KEYS),
    *("null_values", "default", "trim", *CLOCK_KEYS),
)
AT_KEYS: Final = tuple(key for key in _TIME_KEYS if key != "const")
MEMBER_KEYS: Final = (
    *(key for key in _ORIGIN_KEYS if key not in {"required", "unlisted"}),
    *CLOCK_KEYS,
    "type",
    "empty",
    "decimal",
    "separator",
    "currency",
)
EXPAND_KEYS: Final = ("column", "prefix", "empty")
_NUMBERS: Final = {Conversion.INTEGER, Conversion.NUMBER, Conversion.PRICE}
_LISTS: Final = {Conversion.LIST, Conversion.TEXTS}
_CONVERSIONS: Final = {
    name: conversion
    for method in METHODS.values()
    if method.container
    for name, conversion in method.container.types.items()
}


def field_keys(method: Method) -> dict[str, tuple[str, ...]]:
    """The keys of `[fields]`, and which keys the table of each may have."""
    return {name: _keys_of(name, required=name in method.required) for name in method.mapped}


def _keys_of(field: str, *, required: bool) -> tuple[str, ...]:
    """The keys of one field; a field that every row needs does not take `required`."""
    if field == "timestamp":
        return _TIME_KEYS
    keys = tuple(key for key in _ORIGIN_KEYS if key != "required" or not required)
    if field == "tz_offset":  # whose cells may be in no table of values
        return (*(key for key in keys if key != "unlisted"), "unit", "at")
    return keys


class BadValue(Exception):
    """A key's value is not one it may have; the text completes ``key = value ...``."""


def _text(raw: object) -> str:
    if isinstance(raw, str) and raw:
        return raw
    raise BadValue("must be text in quotes.")


def _columns(raw: object) -> tuple[str, ...]:
    if isinstance(raw, str) and raw:
        return (raw,)
    if isinstance(raw, list) and raw and all(isinstance(name, str) and name for name in raw):
        return tuple(raw)
    raise BadValue("must be a column's name, or a list of names. The first column that is not empty counts.")


def _scalar(raw: object) -> Scalar:
    if isinstance(raw, (datetime, date)):
        return raw.isoformat()
    if isinstance(raw, (str, bool, int)) or (isinstance(raw, float) and math.isfinite(raw)):
        return raw
    raise BadValue("must be one text, number, true or false.")


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    raise BadValue("must be true or false.")


def _values(raw: object) -> ReadOnlyDict[str, Scalar]:
    if isinstance(raw, dict) and raw:
        return MappingProxyType({key: _scalar(value) for key, value in raw.items()})
    raise BadValue('must be a table such as { "Buy" = "purchase" }.')


def _texts(raw: object) -> tuple[str, ...]:
    if isinstance(raw, list) and raw and all(isinstance(text, str) for text in raw):
        return tuple(raw)
    raise BadValue('must be a list of texts, such as ["NULL", "NA"].')


def _one_of(*allowed: str) -> Callable[[object], str]:
    listed = ", ".join(f'"{word}"' for word in allowed[:-1]) + f' or "{allowed[-1]}"'

    def read(raw: object) -> str:
        if isinstance(raw, str) and raw in allowed:
            return raw
        raise BadValue(f"is not known. Use {listed}.")

    return read


def _template(raw: object) -> str:
    text = _text(raw)
    try:
        names = template_columns(text)
    except ValueError as error:
        raise BadValue(
            f'is not a template ({error}). Write "{{first}}-{{second}}" with column names.'
        ) from None
    if not names:
        raise BadValue("names no column. Use const for a fixed text.")
    return text


_FORMAT_NAMES: Final = ", ".join(f'"{name}"' for name in ("iso", *EXCEL_EPOCHS, *EPOCHS))


def _format(raw: object) -> str:
    text = _text(raw)
    if text == "iso" or text in EXCEL_EPOCHS or text in EPOCHS:
        return text
    codes = [piece[1] for piece in _codes(text)]
    for code in codes:
        if code not in CODES:
            raise BadValue(f"holds %{code}, which is not supported. Supported are %{' %'.join(CODES)}.")
    if not codes:
        raise BadValue(f'is not a format. Use {_FORMAT_NAMES} or strptime codes such as "%Y%m%d".')
    if len(set(codes) & set(ZONE_CODES)) > 1 or any(codes.count(code) > 1 for code in ZONE_CODES):
        raise BadValue("names the time zone twice. Keep one of %z and %Z.")
    sample, bare = datetime(2001, 12, 23, 4, 5, 6), without_zone(text)
    parsed = pd.to_datetime(sample.strftime(bare), format=bare, errors="coerce")
    if pd.isna(parsed) or parsed.date() != sample.date():
        raise BadValue("does not read a whole date: it needs a year, a month and a day.")
    return text


def _codes(text: str) -> list[str]:
    position, found = 0, []
    while (position := text.find("%", position)) >= 0:
        found.append(text[position : position + 2].ljust(2))
        position += 2
    return found


def _zone(raw: object) -> str | int | ColumnOf:
    if isinstance(raw, dict):
        return _zone_column(raw)
    if isinstance(raw, bool) or not isinstance(raw, (str, int)):
        raise BadValue('must be a zone\'s name, an offset such as "+05:45", seconds, or { column = "tz" }.')
    if parse_zone(str(raw)) is None:
        raise BadValue(f"is not a time zone. {zone_advice(str(raw))}")
    return raw


def _column_of(raw: dict[str, Any]) -> ColumnOf:
    if set(raw) == {"column"} and isinstance(raw["column"], str) and raw["column"]:
        return ColumnOf(raw["column"])
    raise BadValue('must be written { column = "name" }.')


def _zone_column(raw: dict[str, Any]) -> ColumnOf:
    if not {"column"} <= set(raw) <= {"column", "unit", "values"} or not isinstance(raw["column"], str):
        raise BadValue('must be written { column = "name" }; it may also have unit and values.')
    unit = _OFFSET_UNIT(raw["unit"]) if "unit" in raw else None
    values = _values(raw["values"]) if "values" in raw else None
    for problem in offset_problems(list((values or {}).values()), unit):
        raise BadValue(f"cannot be used: {problem}")
    return ColumnOf(_text(raw["column"]), unit, values)


def _currency(raw: object) -> str | ColumnOf:
    return _column_of(raw) if isinstance(raw, dict) else _text(raw)


def _moment(raw: object) -> date | datetime:
    if isinstance(raw, (date, datetime)):
        return raw
    raise BadValue("must be a date without quotes, such as 2015-01-31.")


def _at(raw: object) -> str:
    if raw == "run":
        return "run"
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            raw = None
    if isinstance(raw, datetime) and raw.tzinfo is not None:
        return raw.isoformat()
    raise BadValue(
        'must be "run", an instant with its offset such as 2024-07-01T00:00:00Z, or { column = "created" }.'
    )


_OFFSET_UNIT: Final = _one_of(*OFFSET_UNITS)
READERS: Final[ReadOnlyDict[str, Callable[[object], Any]]] = MappingProxyType(
    {
        "column": _columns,
        "const": _scalar,
        "template": _template,
        "lookup": _text,
        "key": _text,
        "value": _text,
        "keep": _one_of("first", "last"),
        "values": _values,
        "unlisted": _one_of("reject", "leave out"),
        "null_values": _texts,
        "default": _scalar,
        "required": _flag,
        "trim": _flag,
        "case": _one_of("lower", "upper"),
        "format": _format,
        "unit": _one_of(*UNITS),
        "local": _flag,
        "zone": _zone,
        "ambiguous": _one_of(*AMBIGUOUS),
        "nonexistent": _one_of(*NONEXISTENT),
        "earliest": _moment,
        "latest": _moment,
        "at": _at,
        "type": _one_of(*_CONVERSIONS),
        "empty": _one_of("omit", "null", "reject"),
        "decimal": _one_of(".", ","),
        "separator": _text,
        "currency": _currency,
        "prefix": _text,
    }
)


#: What differs in `tz_offset`.
OFFSET_READERS: Final[ReadOnlyDict[str, Callable[[object], Any]]] = MappingProxyType(
    {**READERS, "unit": _OFFSET_UNIT}
)


def consistency(rule: Rule, given: set[str]) -> list[str]:
    """The contradictions in one rule; `given` are the keys that were written."""
    clock, timed = rule.clock, sorted(given & set(CLOCK_KEYS))
    conversion = _CONVERSIONS.get(rule.type or "")
    wrong = {
        "give exactly one of column, const and template.": len(given & {"column", "const", "template"}) != 1,
        "const stands alone: values, null_values, default, required, trim and case are for columns.": (
            "const" in given
        )
        and bool(given & {"values", "null_values", "default", "required", "trim", "case"}),
        'a look-up needs all three of lookup, key and value, such as lookup = "devices.csv", '
        'key = "user_id", value = "hwid".': bool(given & set(LOOKUP_KEYS))
        and not {"lookup", "key", "value"} <= given,
        "const is no cell that could be looked up: name its column.": "const" in given and "lookup" in given,
        'unlisted is for cells that are not in values: write values = { "Buy" = "purchase" } beside it.': (
            "unlisted" in given and "values" not in given
        ),
        "give format or unit, not both.": bool(clock.format and clock.unit),
        "local = true needs unit and zone.": clock.local and (clock.unit is None or clock.zone is None),
        f'set type = "date" to use {", ".join(timed)}.': bool(timed)
        and rule.type is not None
        and conversion is not Conversion.DATE,
        'decimal needs type = "integer", "float" or "price".': "decimal" in given
        and conversion not in _NUMBERS,
        'separator needs type = "list".': "separator" in given and conversion not in _LISTS,
        'type = "price" and currency go together: currency = "USD" or { column = "currency" }.': (
            "currency" in given
        )
        != (conversion is Conversion.PRICE),
        'a price is a pair of attributes, so it cannot have empty = "null".': conversion is Conversion.PRICE
        and rule.empty == "null",
    }
    return [problem for problem, applies in wrong.items() if applies]


def type_problems(container: Container, rule: Rule) -> list[str]:
    """A problem if the type belongs to the members of another method."""
    if rule.type is None or rule.type in container.types:
        return []
    return [f'type = "{rule.type}" is not a type of {container.many}. Use {list_types(container)}.']


def list_types(container: Container) -> str:
    """The types that a member may have, for a sentence."""
    *most, last = (f'"{name}"' for name in container.types)
    return f"{', '.join(most)} or {last}"


def offset_problems(constants: list[Scalar], unit: str | None) -> list[str]:
    """Problems with constants that stand for a zone or an offset; "" stands for none."""
    return [
        f"{value!r} is not a time zone. {zone_advice(str(value))}"
        for value in constants
        if value != "" and parse_zone(str(value), unit) is None
    ]


def device_problems(values: list[Scalar]) -> list[str]:
    """Problems with the constants of a device_type rule that cannot be device types."""
    return [
        f'{value!r} is not a device type. Use a name such as "iOS" or "Android", or the vendor\'s number.'
        for value in values
        if value != ""
        and (isinstance(value, bool) or (device_type(str(value)) is None and not new_device_types([value])))
    ]
