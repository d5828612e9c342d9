"""Propose a mapping file for an input from its columns and a sample, with a reason for each line.

What the input does not say is left open and marked, never guessed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

import pyarrow as pa

from loader.mapping import ids
from loader.mapping.canonical_text import rule_text
from loader.mapping.cells import is_nested, is_text
from loader.mapping.fields import DEVICE_TYPES, SYNONYMS, device_type, plain
from loader.mapping.inference import VAGUE, candidates, wanted_fields
from loader.mapping.known_keys import find_known_key
from loader.mapping.nested.paths import Columns
from loader.mapping.proposing import by_content
from loader.mapping.proposing.nothing import doubt_words, find_marks, find_words
from loader.mapping.proposing.presets import PRESETS, Hint, Preset
from loader.mapping.proposing.proposal import NO_ZONE, Line, Proposal, doubting
from loader.mapping.proposing.proposed_members import ProposedMembers, used_columns
from loader.mapping.proposing.proposed_times import SampledTimes
from loader.mapping.rules import NO_CLOCK, ColumnOf, Rule
from loader.mapping.table import Table
from loader.mapping.zones import OFFSET_UNITS, is_number, parse_zone
from loader.methods import MappedField
from loader.model import OWN_COLUMNS
from loader.sieve import Sieve
from loader.text.escape import quote as shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from loader.mapping.ids import Sign
    from loader.methods import Kind, Need

_AT = "a zone's name is sent as its offset at the start of the load; at = { column = ... } uses another time"
_BY_NAME = "by its name"
_SIGNS = Sieve([sign for sign in ids.ID_SIGNS if sign is not ids.WORD])
#: An id of a row that stands in more rows of a sample than this is hardly one that was delivered again.
_MOST_DELIVERIES = 5
#: A column with more distinct values than this is not a list of platforms.
_MOST_VALUES = 40


def propose(
    kind: Kind,
    schema: pa.Schema,
    sample: pd.DataFrame,
    *,
    zone: str | None = None,
    now: datetime,
    nothing: Sequence[str] = (),
) -> Proposal:
    """Propose a mapping.

    Args:
        kind: what is to be loaded.
        schema: columns and types of the input.
        sample: its first records.
        zone: of times that carry none, if the user knows it.
        now: the latest plausible time.
        nothing: cells that are exactly one of these texts mean nothing, as the user says.
    """
    columns, table = Columns(schema), Table(sample, nothing)
    marks = find_marks(table, [name for name in columns if is_text(columns[name])])
    table = Table(sample, (*nothing, *marks)) if marks else table
    return _Proposing(kind, columns, table, zone, now).proposal(marks)


class _Proposing:
    def __init__(self, kind: Kind, columns: Columns, table: Table, zone: str | None, now: datetime) -> None:
        self._method = kind.method
        self._columns = columns
        self._table = table
        self._zone = zone
        self._now = now

    def proposal(self, marks: tuple[str, ...]) -> Proposal:
        """All lines; `marks` mean nothing in every column."""
        preset = self._preset()
        hints = dict(preset.fields) if preset else self._named()
        result = Proposal(self._method.kind, preset.name if preset else "", self._table.rows)
        result.null_values = marks
        if self._method.timed:
            result.unique = self._unique(preset)
        result.fields = [line for name, hint in hints.items() if (line := self._field(name, hint))]
        result.automatic = self._automatic(preset, result.fields)
        order = wanted_fields(self._method)
        result.fields += self._open_fields({line.key for line in result.fields})
        result.fields.sort(key=lambda line: order.index(line.key))
        if (container := self._method.container) is not None:
            members = ProposedMembers(container, self._columns, self._table, result, self._zone)
            members.add(preset, self._has)
        else:
            used = used_columns(result.fields, self._columns)
            rest = [name for name in self._columns if name not in used and not name.startswith(OWN_COLUMNS)]
            result.unused = dict.fromkeys(rest, f"because {self._method.name} has no place for them")
        return result

    def _unique(self, preset: Preset | None) -> Line | None:
        """The id of each row, by which repeats are left out: nobody means to send the same event twice."""
        keys = preset.keys if preset else ()
        column = next(filter(self._has, keys), "") or find_known_key(self._has)
        if not column or is_nested(self._columns[column]):
            return None
        line = Line(column, None, "an id of each row; a row that repeats one is left out")
        counts = self._table.text(column).drop_null().value_counts().field("counts")
        if len(counts) and max(counts.to_pylist()) > _MOST_DELIVERIES:
            doubt = "the same id stands in many rows of the sample, so it may be the id of something else."
            return doubting(line, doubt)
        return line

    def _automatic(self, preset: Preset | None, fields: Sequence[Line]) -> tuple[str, tuple[str, ...]]:
        """The column of the events, and the vendor's own events, if the sample has any."""
        rule = next((line.rule for line in fields if line.key == "event"), None)
        if preset is None or not isinstance(rule, Rule) or len(rule.column) != 1:
            return "", ()
        found = self._table.text(rule.column[0]).drop_null().unique().to_pylist()
        own = [name for name in found if preset.prefix and name.startswith(preset.prefix)]
        if not own and not set(found) & set(preset.automatic):
            return "", ()
        return rule.column[0], tuple(dict.fromkeys((*preset.automatic, *own)))

    def _has(self, name: str) -> bool:
        """Whether the input has a column; inside JSON text, whether a sampled row has it."""
        if name not in self._columns:
            return False
        holder = self._columns.json_holder(name)
        if holder is None:
            return True
        if self._table.cells(holder[0]).wrong.any():
            return False
        return bool(self._table.text(name).null_count < self._table.rows)

    def _preset(self) -> Preset | None:
        """The recognised export with the most signs."""
        known = [
            preset.of(self._method)
            for preset in PRESETS
            if self._method.kind in {preset.kind, *preset.also}
            and all(any(map(self._has, sign)) for sign in preset.signs)
        ]
        return max(known, key=lambda preset: len(preset.signs), default=None)

    def _named(self) -> dict[str, Hint]:
        """Hints from the names of the columns, if no known export was recognised."""
        types = {name: self._columns[name] for name in self._columns}
        zones = tuple(candidates("zone", types))
        hints = {}
        for name in wanted_fields(self._method):
            found = candidates(name, types) if name in SYNONYMS and name != "zone" else []
            if found:
                others = ", ".join(f'"{other}"' for other in found[1:])
                doubt = f"{others} would fit too." if others else ""
                hints[name] = Hint((found[0],), _BY_NAME, doubt, zones=zones)
        return hints | self._by_content(hints, zones)

    def _by_content(self, named: dict[str, Hint], zones: tuple[str, ...]) -> dict[str, Hint]:
        """Hints for ids and the time if no name is known for them."""
        taken = {column for hint in named.values() for column in (*hint.columns, *zones)}
        free = [name for name in self._columns if name not in taken and not name.startswith(OWN_COLUMNS)]
        found = {
            name: hint
            for name in ("hwid", "userId")
            if name in self._method.mapped and name not in named
            if (hint := by_content.find_ids(name, self._columns, free))
        }
        if self._method.timed and "timestamp" not in named:
            free = [name for name in free if all(name not in hint.columns for hint in found.values())]
            if hint := by_content.find_time(self._columns, free, self._times):
                found["timestamp"] = replace(hint, zones=zones)
        return found

    def _open_fields(self, given: set[str]) -> list[Line]:
        """Lines for what is needed and not found: each field that would do, the first with the doubt."""
        return [
            Line(name, None, "", "" if number else _describe_need(need))
            for need in self._method.needs
            if not set(need.fields) & given
            for number, name in enumerate(need.fields)
        ]

    def _field(self, name: str, hint: Hint) -> Line | None:
        found = [column for column in hint.columns if self._has(column)]
        if not found:
            return None
        columns = tuple(found if hint.all_of else found[:1])
        words = tuple(dict.fromkeys(word for column in columns for word in self._words(column)))
        line = Line(name, Rule(column=columns, null_values=words), hint.why, hint.unsure)
        match field := MappedField(name):
            case MappedField.TIMESTAMP:
                return self._timestamp(line, columns[0], hint)
            case MappedField.DEVICE_TYPE:
                return self._device_type(line, columns, hint)
            case MappedField.TZ_OFFSET:
                return self._tz_offset(line, columns, hint)
            case MappedField.HWID | MappedField.USER_ID:
                return self._id(line, columns)
            case MappedField.EVENT:
                return doubting(line, doubt_words(words))
        assert_never(field)

    def _words(self, column: str) -> tuple[str, ...]:
        """The words for nothing in the sample of a column."""
        return () if is_nested(self._columns[column]) else find_words(self._table.text(column))

    def _values(self, columns: tuple[str, ...]) -> list[str]:
        """The distinct sampled values of some columns, without words for nothing."""
        texts = [
            self._table.text(column, self._words(column)).drop_null().unique().to_pylist()
            for column in columns
        ]
        return [text for column in texts for text in column]

    def _id(self, line: Line, columns: tuple[str, ...]) -> Line:
        line = doubting(line, doubt_words(_rule_of(line).null_values))
        for sign, places in _SIGNS.find(values := pa.array(self._values(columns), pa.string())):
            if sign is not ids.UNSEEN:
                line = doubting(line, _doubt_sign(sign, values[int(places[0])].as_py(), line))
        if any(pa.types.is_floating(self._columns[column]) for column in columns):
            return doubting(line, "these ids are floating-point numbers; from 2^53 on they are rejected.")
        return line

    def _tz_offset(self, line: Line, columns: tuple[str, ...], hint: Hint) -> Line:
        rule = replace(_rule_of(line), clock=replace(NO_CLOCK, unit=hint.clock.unit))
        line = replace(line, rule=rule, why=f"{line.why}; {_AT}")
        return doubting(line, _doubt_offsets(self._values(columns), rule.clock.unit))

    def _device_type(self, line: Line, columns: tuple[str, ...], hint: Hint) -> Line | None:
        if hint.values is not None:
            return replace(line, rule=replace(_rule_of(line), values=hint.values))
        values = self._values(columns)
        unknown = [value for value in values if device_type(value) is None]
        if values and all(value.isdigit() for value in values) and hint.why == _BY_NAME:
            return self._numbers(line, unknown)
        if not unknown:
            return line
        vague = plain(columns[0]) in VAGUE and len(unknown) == len(values)
        if vague or len(values) > _MOST_VALUES:
            return None
        table = {value: DEVICE_TYPES.get(device_type(value) or 0, "") for value in sorted(values)}
        listed = ", ".join(shown(value) for value in sorted(unknown))
        doubt = (
            f"{listed}: this vendor has no such device type, so none is sent. Values not listed are rejected."
        )
        return doubting(replace(line, rule=replace(_rule_of(line), values=table)), doubt)

    def _numbers(self, line: Line, unknown: list[str]) -> Line:
        """Mark numbers as unsure, because other vendors number differently: OneSignal's 0 is iOS."""
        if not unknown:
            return doubting(
                line, "the numbers are read as this vendor's: 1 is iOS, 3 is Android. Is that right?"
            )
        doubt = f"{shown(unknown[0])} is not a device type of this vendor: these numbers mean something else."
        return doubting(replace(line, rule=None, why=""), doubt)

    def _timestamp(self, line: Line, column: str, hint: Hint) -> Line:
        times = self._times(column)
        clock, doubt = times.choose_clock(replace(hint.clock, zone=None))
        line = doubting(line, doubt)
        line = replace(line, rule=replace(_rule_of(line), clock=clock))
        if NO_CLOCK not in {clock, hint.clock} and clock != replace(hint.clock, zone=None):
            line = replace(line, why=f"the time, but not as usual in such exports: {hint.why}")
        zones = [ColumnOf(name, hint.zone_unit) for name in hint.zones if self._has(name)]
        if not times.carry_zone(clock):
            return self._in_zone(line, hint.clock.zone or self._zone, zones)
        if not zones:
            return line
        why = f'{line.why}; the time on the user\'s clock by "{zones[0].column}"'
        return self._in_zone_column(replace(line, why=why), zones[0])

    def _times(self, column: str) -> SampledTimes:
        words = self._words(column)
        return SampledTimes(self._table.column(column, words), self._table.text(column, words), self._now)

    def _in_zone_column(self, line: Line, zone: ColumnOf) -> Line:
        return doubting(_zoned(line, zone), _doubt_offsets(self._values((zone.column,)), zone.unit))

    def _in_zone(self, line: Line, known: str | int | ColumnOf | None, zones: list[ColumnOf]) -> Line:
        """Times that carry no zone."""
        if known is not None:
            return _zoned(line, known)
        if zones:
            doubt = (
                f'read as local times of "{zones[0].column}". If they are UTC, write zone = "UTC" instead.'
            )
            return self._in_zone_column(doubting(line, doubt), zones[0])
        return doubting(line, NO_ZONE)


def _rule_of(line: Line) -> Rule:
    return line.rule if isinstance(line.rule, Rule) else Rule()


def _doubt_sign(sign: Sign, example: str, line: Line) -> str:
    """What looks wrong about sampled ids."""
    trimmed = rule_text(replace(_rule_of(line), trim=True))
    remedy = f"To remove them, write {line.key} = {trimmed}." if sign is ids.AROUND else sign.remedy
    return f"ids such as {shown(example)} {sign.says}. {remedy}"


def _doubt_offsets(values: list[str], unit: str | None) -> str:
    """What is unsure about the zones and offsets of a sample, or ""."""
    odd = _unread_offsets(values, unit)
    if not odd:
        return ""
    units = [unit for unit in OFFSET_UNITS if unit != "s" and not _unread_offsets(odd, unit)]
    if is_number(odd[0]) and units:
        listed = " and ".join(f'unit = "{unit}"' for unit in units)
        return (
            f"{shown(odd[0])} is not an offset in seconds. {listed} reads all of the sample. Is that right?"
        )
    return f"{shown(odd[0])} is not a time zone; such rows are rejected."


def _unread_offsets(values: list[str], unit: str | None) -> list[str]:
    return [text for text in values if parse_zone(text, unit) is None]


def _describe_need(need: Need) -> str:
    constant = f" For a constant, write {need.constant}." if need.constant else ""
    return f"{need.why}, and no column is known to hold {need.holds}.{constant}"


def _zoned(line: Line, zone: str | int | ColumnOf) -> Line:
    """The line of a time with a zone."""
    rule = _rule_of(line)
    return replace(line, rule=replace(rule, clock=replace(rule.clock, zone=zone)))
