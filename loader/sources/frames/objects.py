"""Cells that are Python objects: the one Arrow type that fits all of a column, or text for each."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import SourceError
from loader.sources.frames.arrow import Unsendable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Objects: TypeAlias = "np.ndarray[Any, np.dtype[np.object_]]"

_EXACT = 2**53  # up to here a float tells neighbouring integers apart

_MOST_DIGITS = 76  # of a decimal of Arrow

_AT_A_TIME = 65_536

# In the order in which they are asked: a bool is an int, a datetime is a date, a NumPy float64 is a float.
_FAMILIES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("bytes", (bytes,)),
    ("boolean", (bool, np.bool_)),
    ("span", (dt.timedelta, np.timedelta64)),
    ("integer", (int, np.integer)),
    ("float", (float, np.floating)),
    ("decimal", (Decimal,)),
    ("time", (dt.datetime, np.datetime64)),
    ("date", (dt.date,)),
    ("clock", (dt.time,)),
    ("uuid", (UUID,)),
    ("list", (list, tuple, np.ndarray)),
    ("object", (dict,)),
)


def decide(cells: Objects, column: str) -> pa.DataType:
    """The type that all cells of a column fit without loss; text where there is none.

    Raises:
        Unsendable: a cell has no form in JSON.
    """
    present = cells[~missing(cells)]
    families = {family(kind) for kind in set(map(type, present))}
    if families & {"", "span"}:
        raise _unsendable(cells, column)
    for wanted, find in _TYPES:
        if families <= wanted and (found := find(present)) is not None:
            return found
    return pa.string()


def converted(cells: Objects, kind: pa.DataType) -> pa.Array:
    """Some cells of a column as the type that was decided for all of it.

    Texts that are no UTF-8 (lone surrogates) come as bytes; the mapping rejects their rows.
    """
    nothing = missing(cells)
    values = [None if empty else cell for cell, empty in zip(cells, nothing, strict=True)]
    if pa.types.is_string(kind):
        return _texts(values)
    if pa.types.is_binary(kind):
        return pa.array([_bytes(value) for value in values], kind)
    if pa.types.is_decimal(kind):
        values = [None if value is None else _decimal(value) for value in values]
    elif pa.types.is_timestamp(kind):
        values = [pd.Timestamp(value) if isinstance(value, np.datetime64) else value for value in values]
    elif pa.types.is_list(kind):
        values = [list(value) if isinstance(value, (tuple, np.ndarray)) else value for value in values]
    elif pa.types.is_boolean(kind):
        values = [None if value is None else bool(value) for value in values]
    return pa.array(values, kind)


def missing(cells: Objects) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The cells that hold nothing: None, NaN, NaT, NA."""
    return np.asarray(pd.isna(cells), dtype=np.bool_)


def has_floats(cells: Objects) -> bool:
    """Whether one of the cells is a float that is a number."""
    return "float" in {family(kind) for kind in set(map(type, cells[~missing(cells)]))}


def inexact(cells: Objects) -> list[int]:
    """The places of floats that may stand for several integers."""
    return [
        place
        for place, cell in enumerate(cells)
        if isinstance(cell, (float, np.floating)) and _EXACT <= abs(float(cell)) < float("inf")
    ]


def family(kind: type) -> str:
    """What kind of thing a Python type is; "" where it is none that can be sent."""
    if kind.__module__.startswith("pandas.") and issubclass(kind, (pd.Period, pd.Interval)):
        return ""
    return next((name for name, kinds in _FAMILIES if issubclass(kind, kinds)), "")


def text(cell: Any) -> str:
    """A cell as text: whole numbers without a fraction, times in ISO form, lists and objects as JSON."""
    return _TEXTS.get(family(type(cell)), str)(cell)


def _float_text(cell: Any) -> str:
    whole = float(cell).is_integer() and abs(cell) < _EXACT
    return str(int(cell)) if whole else repr(float(cell))


def _decimal_text(cell: Decimal) -> str:
    """All digits without an exponent or zeros at the end, as a decimal of Arrow is written."""
    if not cell.is_finite() or abs(cell.adjusted()) > _MOST_DIGITS:
        return str(cell)
    written = format(cell, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _json_text(cell: Any) -> str:
    try:
        return json.dumps(_jsonable(cell), ensure_ascii=False)
    except RecursionError:
        raise SourceError(
            f"A cell of the frame is a {type(cell).__name__} that holds itself, or is nested too deeply. "
            "Leave its column out."
        ) from None


_TEXTS: dict[str, Callable[[Any], str]] = {
    "text": lambda cell: str(cell.value if isinstance(cell, Enum) else cell),
    "boolean": lambda cell: "true" if cell else "false",
    "float": _float_text,
    "decimal": _decimal_text,
    "time": lambda cell: (pd.Timestamp(cell) if isinstance(cell, np.datetime64) else cell).isoformat(),
    "date": lambda cell: str(cell.isoformat()),
    "clock": lambda cell: str(cell.isoformat()),
    "bytes": lambda cell: bytes(cell).decode("utf-8", "surrogateescape"),
    "list": _json_text,
    "object": _json_text,
}


def _jsonable(value: Any) -> Any:
    """A value inside a list or an object, for JSON."""
    match family(type(value)):
        case "list":
            return [_jsonable(member) for member in value]
        case "object":
            return {str(key): _jsonable(member) for key, member in value.items()}
        case "boolean":
            return bool(value)
        case "integer":
            return int(value)
        case "float":
            return float(value) if np.isfinite(value) else None
    return None if value is None or value is pd.NA or value is pd.NaT else text(value)


def _texts(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeEncodeError):
        texts = [None if value is None else text(value) for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([_bytes(value) for value in texts], pa.binary())


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return text(value).encode("utf-8", "surrogatepass")


def _written(present: Objects) -> pa.DataType:
    """Text, or bytes where one of the texts cannot be written in UTF-8: the mapping rejects its row."""
    try:
        for start in range(0, len(present), _AT_A_TIME):
            pa.array(present[start : start + _AT_A_TIME], pa.string())
    except UnicodeEncodeError:
        return pa.binary()
    return pa.string()


def _integers(present: Iterable[Any]) -> pa.DataType | None:
    low, high = min(present, default=0), max(present, default=0)
    if low >= -(2**63) and high < 2**63:
        return pa.int64()
    return pa.uint64() if low >= 0 and high < 2**64 else None


def _floats(present: Iterable[Any]) -> pa.DataType | None:
    """No integer among them may lose a digit."""
    whole = (abs(int(cell)) for cell in present if family(type(cell)) == "integer")
    return pa.float64() if max(whole, default=0) <= _EXACT else None


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return Decimal(int(value)) if family(type(value)) == "integer" else Decimal(repr(float(value)))


def _decimals(present: Iterable[Any]) -> pa.DataType | None:
    """Wide enough for the most digits before and behind the point."""
    before = behind = 0
    for value in map(_decimal, present):
        if not value.is_finite():
            return None
        _, digits, exponent = value.as_tuple()
        behind = max(behind, -int(exponent))
        before = max(before, len(digits) + int(exponent))
    width = max(before + behind, 1)
    if width > _MOST_DIGITS:
        return None
    return pa.decimal128(width, behind) if width <= 38 else pa.decimal256(width, behind)


def _times(present: Iterable[Any]) -> pa.DataType | None:
    """Of one zone, or of none. Where zones differ, each keeps its own offset as ISO text."""
    zones = {str(zone): zone for zone in (getattr(cell, "tzinfo", None) for cell in present)}
    if len(zones) != 1:
        return None
    (zone,) = zones.values()
    if zone is None:
        return pa.timestamp("us")
    try:
        return pa.array([], pa.timestamp("us", tz=pa.lib.tzinfo_to_string(zone))).type
    except (ValueError, pa.ArrowException):
        return None


def _lists(present: Iterable[Any]) -> pa.DataType | None:
    """Lists of one kind of value; others are sent as their JSON text."""
    try:
        found = pa.array([list(cell) for cell in present]).type
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None
    inner = found.value_type
    flat = pa.types.is_primitive(inner) or pa.types.is_string(inner) or pa.types.is_null(inner)
    return found if flat and not pa.types.is_temporal(inner) else None


_TYPES: tuple[tuple[set[str], Callable[[Any], pa.DataType | None]], ...] = (
    (set(), lambda _: pa.null()),
    ({"text"}, _written),
    ({"text", "bytes"}, lambda _: pa.binary()),
    ({"boolean"}, lambda _: pa.bool_()),
    ({"integer"}, _integers),
    ({"integer", "float"}, _floats),
    ({"integer", "float", "decimal"}, _decimals),
    ({"time"}, _times),
    ({"date"}, lambda _: pa.date32()),
    ({"list"}, _lists),
)


def _unsendable(cells: Objects, column: str) -> Unsendable:
    """The error for the first cell that cannot be sent."""
    row, cell = next(
        (row, cell)
        for row, (cell, empty) in enumerate(zip(cells, missing(cells), strict=True), start=1)
        if not empty and family(type(cell)) in {"", "span"}
    )
    name = f"{type(cell).__module__}.{type(cell).__qualname__}".removeprefix("builtins.")
    return Unsendable(
        column, f"in row {row:,} a {name}, which has no form in JSON", "Make it text, a number or a time"
    )
