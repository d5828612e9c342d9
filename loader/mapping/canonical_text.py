"""The canonical text of a mapping: TOML that reads back as an equal mapping."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from loader.mapping.keys import CLOCK_KEYS, LOOKUP_KEYS
from loader.mapping.rules import ALL_ROWS, Clock, ColumnOf, Expand, LookUp, Rule, Unique

if TYPE_CHECKING:
    from loader.mapping.rules import Mapping, RowRules

VERSION = 1
_WRITTEN_KEYS = (
    *("column", "const", "template", *LOOKUP_KEYS, "type"),
    *CLOCK_KEYS,
    *("values", "unlisted", "null_values", "default", "required", "trim", "case", "at"),
    *("empty", "decimal", "separator", "currency"),
)
_NO_LOOKUP = LookUp("", "", "")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_mapping(mapping: Mapping) -> str:
    """Write the canonical text of a mapping. It reads back as an equal mapping; members keep their order."""
    container = mapping.method.container
    lines = [f"version = {VERSION}", f'kind = "{mapping.kind}"', *_write_unique(mapping.unique)]
    lines += [f"key = {toml(list(mapping.key))}"] if mapping.key else []
    lines += ["", "[fields]"]
    lines += [
        f"{name} = {rule_text(mapping.fields[name])}"
        for name in mapping.method.mapped
        if name in mapping.fields
    ]
    if container is not None:
        lines += ["", f"[{container.name}]", *_write_members(mapping)]
    if mapping.rows != ALL_ROWS:
        lines += ["", "[rows]", *_write_row_rules(mapping.rows)]
    for name, dialect in mapping.lookups.items():
        entries = (f"{key} = {toml(value)}" for key, value in dialect.table.items())
        lines += ["", f"[lookups.{key_text(name)}]", *entries]
    if source := mapping.source.table:
        lines += ["", "[source]", *(f"{name} = {toml(value)}" for name, value in source.items())]
    return "\n".join(lines) + "\n"


def _write_unique(unique: Unique | None) -> list[str]:
    if unique is None:
        return []
    lines = [f"unique = {toml(list(unique.columns)) if unique.columns else 'true'}"]
    return [*lines, f'unique_keep = "{unique.keep}"'] if unique.keep != Unique().keep else lines


def _write_row_rules(rules: RowRules) -> list[str]:
    lists = {"only": rules.only, "except": rules.excluded}
    lines = [
        f"{key} = {toml({column: list(texts) for column, texts in columns.items()})}"
        for key, columns in lists.items()
        if columns
    ]
    moments = {"from": rules.start, "until": rules.end, "zone": rules.zone}
    return lines + [f"{key} = {toml(value)}" for key, value in moments.items() if value is not None]


def _write_members(mapping: Mapping) -> list[str]:
    lines = [f"{key_text(name)} = {rule_text(rule)}" for name, rule in mapping.members.items()]
    lines += [f"others = {_others_text(mapping.others)}"] if mapping.others else []
    if mapping.expand:
        lines.append("expand = [" + ", ".join(map(expand_text, mapping.expand)) + "]")
    if mapping.excluded:
        lines.append(f"except = {toml(list(mapping.excluded))}")
    return lines


def rule_text(rule: Rule) -> str:
    """A rule as a table of one line."""
    entries: list[tuple[str, object]] = []
    blank, blank_clock = Rule(), Clock()
    holder: Rule | Clock | LookUp
    empty: Rule | Clock | LookUp
    for key in _WRITTEN_KEYS:
        holder, empty = (rule.clock, blank_clock) if key in CLOCK_KEYS else (rule, blank)
        if key in LOOKUP_KEYS:
            holder, empty = rule.lookup or _NO_LOOKUP, _NO_LOOKUP
        value = getattr(holder, key)
        if value != getattr(empty, key):
            entries.append((key, list(value) if key == "null_values" else value))
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
            entries = {"column": value.column, "unit": value.unit, "values": value.values}
            return _container({key: entry for key, entry in entries.items() if entry is not None})
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
    """A name as the key of a table, in quotes if TOML needs them."""
    return name if _BARE_KEY.fullmatch(name) else toml(name)
