"""Why JSON is not one record a line, or a line is not a record: one sentence a cause, each with a way out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from loader.message import Message, Quote, Setting
from loader.model import Unreadable
from loader.text.escape import quote, quote_for_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OBJECT = re.compile(r"\s*\{")
_LIST_INSIDE = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{')
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")


_Found: TypeAlias = "tuple[str | Message, str | Message]"  # what is wrong with a row, and what to do
_Look: TypeAlias = "Callable[[str], _Found | None]"


class TwiceNamed(ValueError):
    """An object that has a key twice."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a line is not a record.

    Attributes:
        reason: a sentence about the row.
        way_on: what to do if all rows are so; "" if that is not known.
    """

    reason: Unreadable
    way_on: str | Message = ""


def find_cause(failure: ValueError | RecursionError, line: bytes) -> Cause:
    """The cause for which the line could not be decoded."""
    what, way_on = _name_cause(failure, line.decode(errors="replace").strip(" \t\r\n"))
    return Cause(Unreadable.of(Message("the row {what}", what=what), f": {show_line(line)}."), way_on)


def _name_cause(failure: ValueError | RecursionError, text: str) -> _Found:
    """What is wrong with the row, and what to do."""
    if isinstance(failure, RecursionError):
        return "is nested too deeply", ""
    if isinstance(failure, TwiceNamed):
        return Message("has the key {key} twice", key=Quote(quote(str(failure)))), (
            "Rename one of them where it is exported. To keep the last one of each row, write the file with "
            "jq -c ."
        )
    looks: tuple[_Look, ...] = (_find_constant, _find_separator, _find_python, _find_comma)
    for look in looks:
        if found := look(text):
            return found
    if isinstance(failure, json.JSONDecodeError):
        return f"is not JSON ({failure.msg} at character {failure.pos + 1})", ""
    return f"is not JSON ({failure})", ""


def _find_constant(text: str) -> _Found | None:
    """NaN or an infinity, by the key that holds it."""
    if "NaN" not in text and "Infinity" not in text:
        return None
    try:
        record = json.loads(text, parse_constant=_Constant)
    except (ValueError, RecursionError):
        return None
    return next((_describe_constant(key, name) for key, name in _list_constants(record, "")), None)


def _describe_constant(key: str, name: str) -> _Found:
    has = "has {name} in {key}, and JSON has no such number"
    return (
        Message(has, name=name, key=Quote(quote(key))),
        Message(
            'Write null in its place. In pandas, to_json(..., orient="records", lines=True) does so. If it '
            "means nothing here, give {null_values} {name}.",
            null_values=Setting("null_values"),
            name=name,
        ),
    )


def _find_separator(text: str) -> _Found | None:
    """The sign before each record of a JSON text sequence (RFC 7464)."""
    if not text.startswith("\x1e"):
        return None
    return "begins with the control character 1e", r"Remove it from all rows: tr -d '\036'."


def _find_python(text: str) -> _Found | None:
    """What Python prints of a dict."""
    if not re.match(r"\{\s*'", text):
        return None
    return (
        "is written as Python shows a dict, and not as JSON",
        "Write json.dumps(record) in place of str(record).",
    )


def _find_comma(text: str) -> _Found | None:
    """Rows cut out of a list."""
    try:
        record = json.loads(text.rstrip(", "))
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    return "has a comma after its end", "Remove it from all rows: sed 's/,[[:space:]]*$//'."


def holds_several_records(failure: ValueError | RecursionError, line: bytes) -> bool:
    """Whether a line could not be decoded because an object follows an object: two rows that would be one."""
    if not isinstance(failure, json.JSONDecodeError) or failure.msg != "Extra data":
        return False
    text = line.decode(errors="replace")
    return text.lstrip().startswith("{") and _OBJECT.match(text.lstrip(), failure.pos) is not None


def describe_shape(start: str, name: str, *, packed: bool) -> str | None:
    """What a text is that is JSON and does not have one record a line, with the command that writes it so.

    Args:
        start: its beginning, without blanks in front.
        name: the file, for the command.
        packed: whether it must be unpacked for that.
    """
    if start.startswith("["):
        return f"is one JSON list, not one record a line. {_advise('.[]', name, packed=packed)}"
    first, _, rest = start.partition("\n")
    if first.strip() != "{" and (rest.strip() or not _is_envelope(first)):
        return None
    inside = _LIST_INSIDE.match(start)
    if inside is None:
        return f"is JSON over several lines, not one record a line. {_advise('.', name, packed=packed)}"
    key = inside[1] if _PLAIN_KEY.fullmatch(inside[1]) else f'"{inside[1]}"'
    return (
        f"is one JSON object that holds records under {quote(inside[1])}, not one record a line. "
        f"{_advise(f'.{key}[]', name, packed=packed)}"
    )


def advise_one_a_line(name: str, *, packed: bool) -> str:
    """The command that puts each record on a line of its own."""
    return _advise(".", name, packed=packed)


def show_line(line: bytes) -> str:
    """The beginning of a line, for a message."""
    return quote(line[:200].decode(errors="replace"))


def _advise(path: str, name: str, *, packed: bool) -> str:
    program = path if path == "." else quote_for_shell(path)
    if packed:
        return f"Unpack it and write it so: jq -c {program}."
    return f"Write it so: jq -c {program} {quote_for_shell(name)} > records.jsonl"


def _is_envelope(line: str) -> bool:
    """Whether a line is an object whose only member is a list of objects."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict) or len(record) != 1:
        return False
    (member,) = record.values()
    return isinstance(member, list) and bool(member) and all(isinstance(one, dict) for one in member)


class _Constant(str):
    """A word that stands for a number which JSON does not have."""

    __slots__ = ()


def _list_constants(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Constant):
        yield path, str(value)
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from _list_constants(member, f"{path}.{key}" if path else str(key))
