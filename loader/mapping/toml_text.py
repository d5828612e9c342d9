"""A mapping file's text to a `Mapping`, with every mistake at once, and back to one canonical text."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import date, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loader.dialect import Dialect, dialect_of, mistakes_of
from loader.errors import MappingError
from loader.mapping.keys import (
    AT_KEYS,
    ATTRIBUTE_KEYS,
    CLOCK_KEYS,
    EXPAND_KEYS,
    FIELD_KEYS,
    READERS,
    BadValue,
    consistency,
)
from loader.mapping.names import name_problems
from loader.mapping.rules import Clock, ColumnOf, Expand, Mapping, Rule
from loader.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
_TOP_KEYS = ("kind", "version", "fields", "attributes", "source")
_REQUIRED = {Kind.USERS: ("hwid",), Kind.EVENTS: ("event", "timestamp")}
_WRITTEN_KEYS = (
    *("column", "const", "template", "type"),
    *CLOCK_KEYS,
    *("values", "default", "required", "trim", "case", "at", "empty", "decimal", "separator", "currency"),
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str, where: str) -> Mapping:
    """Read the text of a mapping file.

    Raises:
        MappingError: with every mistake in it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError([f"it is not valid TOML: {error}."], where) from None
    return read(document, where)


def read(document: dict[str, Any], where: str) -> Mapping:
    """A mapping from what a mapping file holds.

    Raises:
        MappingError: with every mistake in it.
    """
    reading = _Reading()
    mapping = reading.mapping(document)
    if mapping is None or reading.problems:
        raise MappingError(reading.problems, where)
    return mapping


class _Reading:
    """One document on its way to a mapping; collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def mapping(self, document: dict[str, Any]) -> Mapping | None:
        self._unknown("The file", document, _TOP_KEYS)
        if document.get("version", VERSION) != VERSION:
            self.problems.append(
                f"version = {document['version']!r} is not known; this loader reads version {VERSION}."
            )
        try:
            kind = Kind(document.get("kind", ""))
        except ValueError:
            self.problems.append('kind must be "users" or "events".')
            return None
        fields = self._fields(kind, self._table(document, "fields"))
        attributes = dict(self._table(document, "attributes"))
        if kind is Kind.USERS and "attributes" in document:
            self.problems.append("[attributes] is for events; registerUser takes none. Remove it.")
        expand = self._expand(attributes)
        others, excluded = self._others(attributes, expand)
        rules = self._attributes(attributes)
        source = self._source(self._table(document, "source"))
        return Mapping(
            kind, MappingProxyType(fields), MappingProxyType(rules), others, excluded, expand, source
        )

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        table = document.get(name, {})
        if isinstance(table, dict):
            return table
        self.problems.append(f"{name} must be a table: write [{name}] on a line of its own.")
        return {}

    def _fields(self, kind: Kind, table: dict[str, Any]) -> dict[str, Rule]:
        allowed = FIELD_KEYS[kind]
        self._unknown("[fields]", table, allowed)
        rules = {
            name: rule
            for name in allowed
            if name in table and (rule := self._rule(f"[fields] {name}", table[name], allowed[name]))
        }
        for name in _REQUIRED[kind]:
            if name not in table:
                self.problems.append(f"[fields] has no {name}: {_WHY_REQUIRED[name]}")
        if kind is Kind.EVENTS and not {"hwid", "userId"} & set(table):
            self.problems.append(f"[fields] has neither hwid nor userId: {_WHY_REQUIRED['ids']}")
        return rules

    def _source(self, table: dict[str, Any]) -> Dialect:
        mistakes = mistakes_of(table)
        self.problems += [f"[source]: {mistake}" for mistake in mistakes]
        return Dialect() if mistakes else dialect_of(table)

    def _expand(self, attributes: dict[str, Any]) -> tuple[Expand, ...]:
        if not isinstance(attributes.get("expand"), list):
            return ()
        found = []
        for entry in attributes.pop("expand"):
            table = {"column": entry} if isinstance(entry, str) else entry
            if not isinstance(table, dict) or not isinstance(table.get("column"), str) or not table["column"]:
                self.problems.append(
                    "[attributes] expand must be a list of columns, each a name in quotes or a table such as "
                    '{ column = "name", prefix = "its_" }.'
                )
                continue
            before = len(self.problems)
            self._unknown("[attributes] expand", table, EXPAND_KEYS)
            known = {
                key: self._value("[attributes] expand", key, raw)
                for key, raw in table.items()
                if key in EXPAND_KEYS and key != "column"
            }
            if len(self.problems) == before:
                found.append(Expand(table["column"], **known))
        return tuple(found)

    def _others(self, attributes: dict[str, Any], expand: tuple[Expand, ...]) -> tuple[str, tuple[str, ...]]:
        others, excluded = "", ()
        match attributes.get("others"):
            case bool(wanted):
                others = "omit" if wanted else ""
                del attributes["others"]
            case dict() as table if set(table) == {"empty"}:
                others = self._value("[attributes] others", "empty", table["empty"]) or "omit"
                del attributes["others"]
        if isinstance(attributes.get("except"), list):
            names = attributes.pop("except")
            if all(isinstance(name, str) for name in names):
                excluded = tuple(names)
            else:
                self.problems.append("[attributes] except must be a list of column names.")
            if not others and not expand:
                self.problems.append("[attributes] except does nothing without others = true or expand.")
        return others, excluded

    def _attributes(self, table: dict[str, Any]) -> dict[str, Rule]:
        rules = {}
        for name, value in table.items():
            where = f"[attributes] {name}"
            self.problems += [f"{where}: {problem}" for problem in name_problems(name)]
            if rule := self._rule(where, value, ATTRIBUTE_KEYS):
                rules[name] = rule
        return rules

    def _rule(self, where: str, value: object, allowed: Iterable[str]) -> Rule | None:
        if isinstance(value, str):
            value = {"column": value}
        if not isinstance(value, dict):
            self.problems.append(
                f'{where} must be a column\'s name in quotes, or a table such as {{ column = "name" }}; '
                f"for a constant write {{ const = {toml(value)} }}."
            )
            return None
        before = len(self.problems)
        self._unknown(where, value, allowed)
        known = {key: self._value(where, key, raw) for key, raw in value.items() if key in set(allowed)}
        if len(self.problems) > before:
            return None
        clock = {key: known.pop(key) for key in CLOCK_KEYS if key in known}
        rule = Rule(**known, clock=Clock(**clock))
        if where.startswith("[attributes]") and clock and rule.type is None:
            rule = replace(rule, type="date")
        self.problems += [f"{where}: {problem}" for problem in consistency(rule, set(value))]
        return rule

    def _value(self, where: str, key: str, raw: object) -> Any:
        if key == "at" and isinstance(raw, dict):
            return self._rule(f"{where} at", raw, AT_KEYS)
        try:
            return READERS[key](raw)
        except BadValue as problem:
            self.problems.append(f"{where}: {key} = {toml(raw)} {problem}")
            return None

    def _unknown(self, where: str, table: dict[str, Any], allowed: Iterable[str]) -> None:
        names = list(allowed)
        for key in table:
            if key not in names:
                near = get_close_matches(key, names, n=1, cutoff=0.6)
                meant = f'Did you mean "{near[0]}"?' if near else f"It takes {', '.join(names)}."
                self.problems.append(f'{where} takes no "{key}". {meant}')


_WHY_REQUIRED = {
    "hwid": "a user is registered on a device. Name the column of device ids.",
    "event": 'the name of the event. Name its column, or write event = { const = "purchase" }.',
    "timestamp": "without it the vendor would stamp each event with the moment it arrives. Name its column.",
    "ids": "an event belongs to a device, a user, or both. Name at least one column.",
}


def write(mapping: Mapping) -> str:
    """The canonical text of a mapping."""
    lines = [f"version = {VERSION}", f'kind = "{mapping.kind}"', "", "[fields]"]
    lines += [
        f"{name} = {rule_text(mapping.fields[name])}"
        for name in FIELD_KEYS[mapping.kind]
        if name in mapping.fields
    ]
    if mapping.kind is Kind.EVENTS:
        lines += ["", "[attributes]"]
        lines += [f"{key_text(name)} = {rule_text(rule)}" for name, rule in mapping.attributes.items()]
        lines += [f"others = {_others_text(mapping.others)}"] if mapping.others else []
        if mapping.expand:
            lines.append("expand = [" + ", ".join(map(expand_text, mapping.expand)) + "]")
        if mapping.excluded:
            lines.append(f"except = {toml(list(mapping.excluded))}")
    if said := mapping.source.table:
        lines += ["", "[source]", *(f"{name} = {toml(value)}" for name, value in said.items())]
    return "\n".join(lines) + "\n"


def rule_text(rule: Rule) -> str:
    """A rule as a table of one line."""
    entries: list[tuple[str, object]] = []
    blank, blank_clock = Rule(), Clock()
    for key in _WRITTEN_KEYS:
        holder, empty = (rule.clock, blank_clock) if key in CLOCK_KEYS else (rule, blank)
        value = getattr(holder, key)
        if value != getattr(empty, key):
            entries.append((key, value))
    return "{ " + ", ".join(f"{key} = {toml(value)}" for key, value in entries) + " }"


def _others_text(empty: str) -> str:
    return "true" if empty == "omit" else f"{{ empty = {toml(empty)} }}"


def expand_text(expand: Expand) -> str:
    """One entry of ``expand``."""
    if expand == Expand(expand.column):
        return toml(expand.column)
    entries = [f"column = {toml(expand.column)}"]
    entries += [f"prefix = {toml(expand.prefix)}"] if expand.prefix else []
    entries += [f"empty = {toml(expand.empty)}"] if expand.empty != "omit" else []
    return "{ " + ", ".join(entries) + " }"


def toml(value: object) -> str:
    """A value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case datetime() | date():
            return value.isoformat()
        case ColumnOf():
            return f"{{ column = {toml(value.column)} }}"
        case Rule():
            return rule_text(value)
    return _container(value)


def _container(value: object) -> str:
    match value:
        case tuple() if len(value) == 1:
            return toml(value[0])
        case list() | tuple():
            return "[" + ", ".join(toml(member) for member in value) + "]"
        case dict() | MappingProxyType():
            return (
                "{ " + ", ".join(f"{key_text(key)} = {toml(member)}" for key, member in value.items()) + " }"
            )
    return repr(value)


def key_text(name: str) -> str:
    """A name as the key of a table, in quotes where TOML needs them."""
    return name if _BARE_KEY.fullmatch(name) else toml(name)
