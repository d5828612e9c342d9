"""What was decided about a mapping, one line for each field, for the user to read before sending."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from loader.mapping import timestamps
from loader.mapping.instants import UNIT_NAMES
from loader.mapping.origins import scalar_text
from loader.mapping.rules import ColumnOf, LookUp, Mapping, Rule
from loader.mapping.zone_faults import OFFSET_UNIT_NAMES
from loader.mapping.zones import parse_zone, zone_text
from loader.methods import Conversion
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict
    from collections.abc import Sequence

    from loader.mapping.clocks import Reading
    from loader.mapping.lookups import LookedUp
    from loader.mapping.nested.paths import Columns
    from loader.methods import Container

#: Characters of the column of names before the words of a decision.
WIDTH = 12
# Texts of a list that are shown.
_MOST_TEXTS = 5
_BARE = Rule()
_FORMATS = {
    timestamps.DAY: "days as YYYYMMDD",
    timestamps.MOMENT: "times as YYYYMMDDHHMMSS",
    timestamps.MAIL: "times as in mail headers",
    "iso": "ISO dates and times",
    "excel": "Excel serial days (from 1900)",
    "excel1904": "Excel serial days (from 1904)",
    **{form: epoch.name for form, epoch in timestamps.EPOCHS.items()},
}


def decisions(mapping: Mapping, readings: ReadOnlyDict[str, Reading], types: Columns) -> tuple[str, ...]:
    """One line for each field and attribute, and one for the columns that are not used."""
    lines = [f"{name:<{WIDTH}}{_field(name, rule, readings, types)}" for name, rule in mapping.fields.items()]
    if (container := mapping.method.container) is not None:
        lines += _describe_members(mapping, container, readings, types)
    lines += _describe_rows(mapping)
    if nothing := mapping.source.null_values:
        lines.append(f"{'null_values':<{WIDTH}}{_nothing(nothing)} in every column")
    return tuple(lines)


def _describe_rows(mapping: Mapping) -> list[str]:
    """Which rows are part of the load, if not all."""
    rules, unique = mapping.rows, mapping.unique
    found = [f"only if {quote(column)} is {_list_texts(texts)}" for column, texts in rules.only.items()]
    found += [f"not if {quote(column)} is {_list_texts(texts)}" for column, texts in rules.excluded.items()]
    found += [
        f"not if {name} is not listed in values"
        for name, rule in mapping.fields.items()
        if rule.unlisted != "reject"
    ]
    if rules.timed:
        ends = {"from": rules.start, "until": rules.end}
        period = " ".join(f"{word} {end}" for word, end in ends.items() if end is not None)
        found.append(f"{period} in {rules.zone}" if rules.zoneless else period)
    if unique is not None:
        key = ", ".join(map(quote, unique.columns)) or "all that is sent"
        found.append(f"the {unique.keep} of the rows with the same {key}")
    labels = ["rows", *[""] * len(found)]
    return [f"{label:<{WIDTH}}{line}" for label, line in zip(labels, found, strict=False)]


def _list_texts(texts: Sequence[str]) -> str:
    """``"a", "b" or 3 others``; the empty text is an empty cell."""
    shown = [quote(text) if text else "empty" for text in texts[:_MOST_TEXTS]]
    if len(texts) > _MOST_TEXTS:
        return f"{', '.join(shown)} or {len(texts) - _MOST_TEXTS:,} others"
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _nothing(words: Sequence[str]) -> str:
    return f"{', '.join(map(quote, words))} mean{'s' if len(words) == 1 else ''} nothing"


def _describe_members(
    mapping: Mapping, container: Container, readings: ReadOnlyDict[str, Reading], types: Columns
) -> list[str]:
    label = f"{container.name:<{WIDTH}}"
    if not mapping.members and not mapping.expand:
        return [f"{label}none"]
    lines = []
    for name, rule in mapping.members.items():
        text = (
            f"{name} as {rule.type}"
            if rule == replace(_BARE, column=(name,), type=rule.type)
            else (f"{name} {_origin(rule)} as {rule.type}")
        )
        if container.types[rule.type or "string"] is Conversion.DATE:
            text += f", {_dates(rule, readings.get(member_key(container, name)), types)}"
        if rule.empty != "omit":
            text += f", {'null if empty' if rule.empty == 'null' else 'never empty'}"
        lines.append(label + text)
        label = " " * WIDTH
    for expand in mapping.expand:
        named = f' under names that begin with "{expand.prefix}"' if expand.prefix else ""
        lines.append(f'{label}each member of "{expand.column}"{named}, with the type that it has in each row')
        label = " " * WIDTH
    return lines


def member_key(container: Container, name: str) -> str:
    """The name of a member among the readings of times, and in messages."""
    return f'{container.one} "{name}"'


def _field(name: str, rule: Rule, readings: ReadOnlyDict[str, Reading], types: Columns) -> str:
    text = _origin(rule)
    if name == "timestamp":
        text += f": {_times(rule, readings.get(name), types)}"
    elif name == "tz_offset":
        text += f": {_offset(rule)}"
    elif name == "device_type":
        text += ": vendor's numbers, or names in any case" if rule.const is None else ""
    return text


def _origin(rule: Rule) -> str:
    if rule.const is not None:
        return f'is "{scalar_text(rule.const)}" in every row'
    if rule.template is not None:
        found = f", {_describe_lookup(rule.lookup)}" if rule.lookup is not None else ""
        return f'from the template "{rule.template}"{found}'
    text = "from " + ", else ".join(f'"{column}"' for column in rule.column)
    changes = [_nothing(rule.null_values)] if rule.null_values else []
    changes += ["trimmed"] if rule.trim else []
    changes += [f"in {rule.case} case"] if rule.case else []
    changes += [_describe_lookup(rule.lookup)] if rule.lookup is not None else []
    changes += [f"by a table of {len(rule.values)} values"] if rule.values is not None else []
    changes += [f'"{scalar_text(rule.default)}" if empty'] if rule.default is not None else []
    return ", ".join([text, *changes])


def _describe_lookup(lookup: LookUp) -> str:
    keep = f", of rows with one key the {lookup.keep}" if lookup.keep else ""
    return f'"{lookup.value}" of {lookup.lookup} by its "{lookup.key}"{keep}'


def missing_keys(found: LookedUp, of: str) -> str:
    """How many keys are in a look-up, with keys of both sides; `of` says of which rows."""
    matched = found.matched
    hits = (
        "none has its"
        if not matched.found
        else f"{matched.found:,} {'has its' if matched.found == 1 else 'have their'}"
    )
    there = f'"{found.key}" of {found.lookup}'
    if not found.keys:
        return f"{of}{hits} {_list_names(found.columns)} in {there}, which is empty in every row"
    advice = f". {found.advice}" if found.advice else ""
    return (
        f"{of}{hits} {_list_names(found.columns)} in {there}. Missing are {_list_names(matched.examples)}; "
        f"its keys are {_list_names(found.first_keys)}{advice}"
    )


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(map(quote, names))


def _times(rule: Rule, reading: Reading | None, types: Columns) -> str:
    clock = rule.clock
    zone = _zone(clock.zone)
    local = f"local midnight in {zone}" if reading and reading.days else f"local time in {zone}"
    if clock.unit is not None:
        where = local if clock.local else "counted in UTC"
        text = f"{UNIT_NAMES[clock.unit]} since 1970, {where}"
        return text if clock.local or clock.zone is None else f"{text}, shown to users in {zone}"
    form = _written(rule, types)
    if reading is None or not reading.own:
        return f"{form}, {local}"
    return f"{form} with their own offset" + ("" if clock.zone is None else f", shown to users in {zone}")


def _dates(rule: Rule, reading: Reading | None, types: Columns) -> str:
    if reading and reading.days and rule.clock.zone is None:
        return f"{_written(rule, types)}, sent as the same days"
    return f"{_times(rule, reading, types)}, sent in UTC"


def _written(rule: Rule, types: Columns) -> str:
    if rule.clock.format is None:
        kind = types[rule.direct] if rule.direct else "times"
        return "days" if pa.types.is_date(kind) else f"{kind} values"
    return _FORMATS.get(rule.clock.format, f'times as "{rule.clock.format}"')


def _zone(zone: str | int | ColumnOf | None) -> str:
    if isinstance(zone, ColumnOf):
        return f'the zone of column "{zone.column}"'
    parsed = parse_zone(str(zone)) if zone is not None else None
    if parsed is None:
        return "their own zone"
    return zone_text(parsed) if isinstance(parsed, ZoneInfo) else f"UTC{zone_text(parsed)}"


def _offset(rule: Rule) -> str:
    if isinstance(rule.at, Rule):
        when = f"at the time {_origin(rule.at)}"
    else:
        when = f"on {datetime.fromisoformat(str(rule.at)):%Y-%m-%d %H:%M} UTC"
    given = "as given" if rule.clock.unit is None else f"in {OFFSET_UNIT_NAMES[rule.clock.unit]}"
    return f"offsets {given}, zone names as their offset {when}"
