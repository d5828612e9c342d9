"""Bind a mapping to the columns of one input: decide, or refuse, everything before the first row is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.dialect import Dialect
from loader.errors import MappingError, ProblemCode
from loader.mapping import clocks, describe, instants, origins
from loader.mapping.cells import is_moment
from loader.mapping.fields import new_device_types
from loader.mapping.findings import Findings
from loader.mapping.keys import device_problems, offset_problems
from loader.mapping.lookups import NO_LOOKUPS, Matched, list_looked_up
from loader.mapping.mapper import ID_FIELDS, Mapper
from loader.mapping.nested.paths import Columns
from loader.mapping.nested.schema import Schema
from loader.mapping.rules import ColumnOf, Mapping, Rule
from loader.mapping.table import Table
from loader.mapping.values import describe_misfit, find_number_form, natural_conversion
from loader.mapping.zone_faults import zone_advice
from loader.mapping.zones import parse_zone
from loader.methods import Conversion
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from loader.mapping.lookups import LookUps
    from loader.mapping.number_forms import NumberForm, NumberForms
    from loader.mapping.rules import RowRules
    from loader.methods import Container


def bind(  # noqa: PLR0913 - what a load has at its beginning
    mapping: Mapping,
    schema: pa.Schema,
    sample: pd.DataFrame,
    *,
    application: str,
    where: str,
    now: datetime | None = None,
    lookups: LookUps = NO_LOOKUPS,
) -> Mapper:
    """Fit a mapping to an input.

    Args:
        mapping: read from a file or inferred.
        schema: columns and types of the input.
        sample: its first records.
        application: application code.
        where: what the mistakes are found in, for the message.
        now: the start of the load, with a zone; a resumed load passes the start of its first run.
        lookups: the tables in which the mapping looks up cells.

    Raises:
        MappingError: with everything that does not fit.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    binding = _Binding(mapping, schema, Table(sample, mapping.source.null_values, lookups=lookups), now)
    effective = binding.effective()
    if binding.problems:
        raise MappingError(binding.problems, where, binding.codes)
    decisions = describe.decisions(effective, binding.readings, Columns(schema))
    notices = (*mapping.notes, *binding.notices)
    forms = binding.number_forms(effective)
    notices += tuple(binding.remark_on_keys(effective))
    return Mapper(effective, decisions, notices, application, now, number_forms=forms, lookups=lookups)


class _Binding:
    """The decisions on one mapping; collects what does not fit."""

    def __init__(self, mapping: Mapping, schema: pa.Schema, table: Table, now: datetime) -> None:
        self.problems: list[str] = []
        self.codes: set[ProblemCode] = set()
        self.notices: list[str] = []
        self.readings: dict[str, clocks.Reading] = {}
        self._mapping = mapping
        self._types = Columns(schema)
        self._table = table
        # Mistakes in the sample do not matter here, because its rows are mapped again with all others.
        self._findings = Findings.of_rows(table.rows)
        self._now = now

    def effective(self) -> Mapping:
        """The mapping with every format, zone and type written out."""
        mapping = self._mapping
        wide = Schema(mapping, self._types, self._table)
        self.problems += wide.problems
        self.codes |= wide.codes
        self.notices += wide.notices
        if self.problems:
            return mapping
        container = mapping.method.container
        fields = {name: self._decide_field(name, rule) for name, rule in mapping.fields.items()}
        decided = (
            {}
            if container is None
            else {
                name: self._decide_member(container, name, rule, fields.get("timestamp"))
                for name, rule in wide.members.items()
            }
        )
        return Mapping(
            mapping.kind,
            MappingProxyType(fields),
            MappingProxyType(decided),
            excluded=wide.excluded,
            expand=wide.expand,
            # How the files are written, the identity of the files says; this is part of what rows become.
            source=Dialect(null_values=mapping.source.null_values),
            notes=mapping.notes,
            rows=self._decide_rows(mapping.rows, fields.get("timestamp")),
            unique=mapping.unique,
            key=mapping.key,
            lookups=mapping.lookups,
            nearby=mapping.nearby,
        )

    def _decide_rows(self, rules: RowRules, timestamp: Rule | None) -> RowRules:
        """The rules with the zone of their days written out: it is the timestamp's if they have none."""
        if not rules.zoneless or rules.zone is not None:
            return rules
        zone = timestamp.clock.zone if timestamp is not None else None
        if zone is None or isinstance(zone, ColumnOf):
            self.problems.append(
                "[rows]: from and until are days, or times without an offset, and no one zone says which. "
                'Set zone in [rows], for example zone = "America/New_York".'
            )
            return rules
        return replace(rules, zone=str(zone))

    def remark_on_keys(self, effective: Mapping) -> Iterator[str]:
        """Say if many keys of the sample are missing: then the look-up is perhaps not the right one."""
        for _, rule in effective.joining:
            origins.texts(rule, self._table, self._findings)
        matched = {join: Matched.of(match) for join, match in self._findings.matches.items()}
        for each in list_looked_up(effective, self._table.lookups, matched):
            if each.matched.missing > each.matched.found:
                yield describe.missing_keys(each, f"of the first {count_rows(each.matched.rows)} ")

    def number_forms(self, effective: Mapping) -> NumberForms:
        """How the texts of the sample are written that become numbers."""
        forms: dict[tuple[str, ...], NumberForm] = {}
        if (container := effective.method.container) is None:
            return forms
        for rule in effective.members.values():
            if form := find_number_form(rule, container, self._table, self._findings):
                forms[origins.columns_of(rule)] = form
        return forms

    def _decide_field(self, name: str, rule: Rule) -> Rule:
        if name == "timestamp":
            return self._timed(name, rule)
        if name in ID_FIELDS:
            self._check_id(name, rule)
        if name == "device_type":
            constants = rule.constants
            self.problems += [f"device_type: {problem}" for problem in device_problems(constants)]
            self.notices += [
                f"device_type {number} is sent because the mapping says it; this loader does not know it."
                for number in new_device_types(constants)
            ]
        if name == "tz_offset":
            return self._offset(rule)
        return rule

    def _check_id(self, name: str, rule: Rule) -> None:
        """Refuse ids in 16 bits: 2,048 and 2,049 are one number there, and nothing tells which was meant."""
        self.problems += [
            f'{name}: column "{column}" holds floating-point numbers of 16 bits, which tell ids only up to '
            "2,048 apart. Export the ids as text or integers."
            for column in origins.columns_of(rule)
            if self._types.type_of(column) == pa.float16()
        ]

    def _offset(self, rule: Rule) -> Rule:
        problems = offset_problems(rule.constants, rule.clock.unit)
        self.problems += [f"tz_offset: {problem}" for problem in problems]
        if isinstance(rule.at, Rule):
            return replace(rule, at=self._timed("tz_offset at", rule.at))
        if rule.at in {None, "run"}:
            return replace(rule, at=self._now.replace(microsecond=0).isoformat())
        return rule

    def _timed(self, name: str, rule: Rule, *, days_are_fixed: bool = False) -> Rule:
        cells, texts = instants.cells_and_texts(rule, self._table, self._findings)
        clock = rule.clock
        kind = cells.type
        if is_moment(kind):
            if clock.unit is not None or clock.format not in {None, "iso"}:
                self.problems.append(f"{name}: the column holds {kind} already. Remove format and unit.")
                return rule
            clock = replace(clock, format=None)
            if pa.types.is_timestamp(kind) and kind.tz not in {None, "UTC"} and clock.zone is None:
                if parse_zone(kind.tz) is None:
                    self.problems.append(f'{name}: the column is in "{kind.tz}". {zone_advice(kind.tz)}')
                    return rule
                clock = replace(clock, zone=kind.tz)
        try:
            reading = clocks.decide(cells, texts, clock, self._now, days_are_fixed=days_are_fixed)
        except clocks.Undecided as undecided:
            origin = ", ".join(f'"{column}"' for column in origins.columns_of(rule)) or "its constant"
            self.problems.append(f"{name} from {origin}: {undecided}")
            if isinstance(undecided, clocks.NoZone):
                self.codes.add(ProblemCode.NO_ZONE)
            return rule
        self.readings[name] = reading
        if reading.own and reading.clock.zone is None and name == "timestamp":
            self.notices.append(
                "timestampCurrent, the time on the user's own clock, follows the offset that each time "
                "carries (a count since 1970 is UTC), because no column or constant names the users' zone."
            )
        return replace(rule, clock=reading.clock)

    def _decide_member(self, container: Container, name: str, rule: Rule, timestamp: Rule | None) -> Rule:
        kind = self._types[rule.direct] if rule.direct else pa.string()
        if rule.lookup is not None and rule.values is None:
            kind = self._table.lookups.find_type(rule.lookup)
        natural = natural_conversion(kind) if rule.const is None else _conversion_of_constant(rule)
        rule = replace(rule, type=rule.type or container.type_for(natural))
        conversion = container.types[str(rule.type)]
        if rule.direct and (misfit := describe_misfit(kind, conversion, rule)):
            self.problems.append(
                f'{describe.member_key(container, name)}: column "{rule.direct}" holds {kind}; these '
                f'{misfit}. Remove type, or set type = "string".'
            )
        if conversion is not Conversion.DATE:
            return rule
        if timestamp is not None and rule.clock.zone is None and self._holds_times(rule):
            rule = replace(rule, clock=replace(rule.clock, zone=timestamp.clock.zone))
        return self._timed(describe.member_key(container, name), rule, days_are_fixed=True)

    def _holds_times(self, rule: Rule) -> bool:
        """Whether the dates of a member have a time of day, which is one in the event's zone."""
        cells, texts = instants.cells_and_texts(rule, self._table, self._findings)
        if is_moment(cells.type):
            return bool(pa.types.is_timestamp(cells.type))
        if texts.null_count == len(texts):
            return False
        try:
            reading = clocks.decide(cells, texts, replace(rule.clock, zone="UTC"), self._now)
        except clocks.Undecided:
            return False
        return not reading.days


def _conversion_of_constant(rule: Rule) -> Conversion:
    match rule.const:
        case bool():
            return Conversion.BOOLEAN
        case int():
            return Conversion.INTEGER
        case float():
            return Conversion.NUMBER
    return Conversion.TEXT
