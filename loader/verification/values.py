"""When two JSON values are the same: by what they mean, not by how they are written.

A number is its exact value (RFC 8259, section 6, knows one kind of number): 15.280 and 15.28 are the same,
1 and 1.0 too, and integers beyond 2^53 are told apart. ``true`` is not a number, "1" is text. The order of
keys means nothing, the order in a list does; a key with null is not a key that is missing.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

from loader.verification.differences import Change

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

Value: TypeAlias = "Hashable"

# Deeper JSON is compared as text: to walk through it would exhaust the stack.
_DEEPEST = 100
# Objects of the request whose members are compared one by one.
CONTAINERS = frozenset({"attributes", "tags"})


class _Broken(str):
    """Text in the place of JSON that cannot be read."""

    __slots__ = ()


def read_form(form: bytes) -> dict[str, Any]:
    """The keys of a form with their values; members of a container as ``attributes.price``.

    What is no JSON object is one value under the key "".
    """
    try:
        whole = json.loads(form, parse_float=_read_decimal)
    except (ValueError, RecursionError):
        return {"": _Broken(form.decode(errors="backslashreplace"))}
    if not _is_flat(whole, _DEEPEST):
        return {"": _Broken(form.decode(errors="backslashreplace"))}
    if not isinstance(whole, dict):
        return {"": whole}
    request = whole["request"] if set(whole) == {"request"} else whole
    return flatten(request) if isinstance(request, dict) else {"": whole}


def _read_decimal(text: str) -> Decimal | _Broken:
    """The exact value of a number; one with an exponent beyond those of decimals stays text."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return _Broken(text)


def _is_flat(value: Any, levels: int) -> bool:
    """Whether lists and objects are at most that many levels deep."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat(member, levels - 1) for member in members)


def flatten(request: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a request, those of its containers one by one."""
    found: dict[str, Any] = {}
    for key, value in request.items():
        if key in CONTAINERS and isinstance(value, dict):
            found |= {f"{key}.{name}": member for name, member in value.items()}
        else:
            found[key] = value
    return found


def canonical(value: Any) -> Value:
    """What two values have in common exactly if they are the same."""
    match value:
        case bool() | None:
            return ("constant", str(value))
        case int() | float() | Decimal():
            return ("number", Decimal(value))
        case list():
            return ("list", tuple(map(canonical, value)))
        case dict():
            return ("object", frozenset((key, canonical(member)) for key, member in value.items()))
        case _Broken():
            return ("broken", str(value))
        case _:
            return ("text", str(value))


def canonical_row(row: Mapping[str, Any]) -> frozenset[tuple[str, Value]]:
    """What two rows have in common exactly if they are the same."""
    return frozenset((key, canonical(value)) for key, value in row.items())


def list_changes(expected: Mapping[str, Any], landed: Mapping[str, Any]) -> tuple[Change, ...]:
    """The keys whose values differ, in the order of the expected row."""
    keys = dict.fromkeys([*expected, *landed])
    return tuple(
        Change(key, write_value(expected, key), write_value(landed, key))
        for key in keys
        if (key in expected) != (key in landed)
        or (key in expected and canonical(expected[key]) != canonical(landed[key]))
    )


def write_value(row: Mapping[str, Any], key: str) -> str | None:
    """The value of a key as JSON, numbers digit for digit; None if the key is not there."""
    return write_json(row[key]) if key in row else None


def write_json(value: Any) -> str:
    """A value as JSON, a decimal as it was written."""
    match value:
        case Decimal():
            return str(value)
        case list():
            return f"[{', '.join(map(write_json, value))}]"
        case dict():
            members = (f"{write_json(key)}: {write_json(member)}" for key, member in value.items())
            return f"{{{', '.join(members)}}}"
        case str():
            return escape_halves(json.dumps(str(value), ensure_ascii=False))
        case _:
            return json.dumps(value)


def escape_halves(text: str) -> str:
    """A text in which half of a surrogate pair, which no file can hold, is escaped as in JSON."""
    return "".join(f"\\u{ord(char):04x}" if "\ud800" <= char <= "\udfff" else char for char in text)
