"""The attributes or tags of a proposal: each column that nothing else takes, typed by the sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.column_types import find_refusal
from loader.mapping import timestamps
from loader.mapping.cells import is_text
from loader.mapping.fields import plain
from loader.mapping.inference import COMPUTED
from loader.mapping.names import columns_used, name_problems
from loader.mapping.nested import keyed
from loader.mapping.nested.schema import sendable
from loader.mapping.proposing import sampling
from loader.mapping.proposing.nothing import doubt_words, find_words
from loader.mapping.proposing.proposal import NO_ZONE, Line, doubting
from loader.mapping.rules import Clock, Expand, Rule
from loader.methods import Conversion
from loader.model import OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.mapping.nested.paths import Columns
    from loader.mapping.proposing.presets import Preset
    from loader.mapping.proposing.proposal import Proposal
    from loader.mapping.table import Table
    from loader.methods import Container


def used_columns(lines: list[Line], columns: Columns) -> set[str]:
    """The columns of the input that the fields of a proposal read."""
    rules = [line.rule for line in lines if isinstance(line.rule, Rule)]
    return {columns.top(column) for rule in rules for column in columns_used(rule)}


class ProposedMembers:
    """Adds them to a proposal whose fields are known.

    Args:
        container: where they go.
        columns: those of the input.
        table: the sample.
        proposal: takes the lines.
        zone: of dates that carry none, if the user knows it.
    """

    def __init__(
        self, container: Container, columns: Columns, table: Table, proposal: Proposal, zone: str | None
    ) -> None:
        self._container = container
        self._columns = columns
        self._table = table
        self._proposal = proposal
        self._zone = zone
        self._used = used_columns(proposal.fields, columns)

    def add(self, preset: Preset | None, has: Callable[[str], bool]) -> None:
        """Add the members of a known export, or every remaining column."""
        opened = [column for column in (preset.opened if preset else ()) if has(column)]
        left_out = preset.left_out if preset else ()
        self._proposal.opened = [
            Line(column, Expand(column), f"{self._proposal.export} keeps the properties there")
            for column in opened
        ]
        self._proposal.excluded = [
            name for name in left_out if any(name.startswith(f"{one}.") for one in opened) and has(name)
        ]
        for name in self._columns:
            if name in self._used or name in opened or name.startswith(OWN_COLUMNS):
                continue
            if name in left_out:
                self._proposal.unused[name] = f"because {self._container.left_out}"
            elif preset and not preset.others:
                self._proposal.unused[name] = f"unless you name them as {self._container.many}"
            else:
                self._column(name)

    def _column(self, name: str) -> None:
        kind, unused = self._columns[name], self._proposal.unused
        if why := COMPUTED.get(plain(name)):
            unused[name] = f"because {why}"
        elif problems := name_problems(self._container, name):
            unused[name] = f"because {str(problems[0]).rstrip('.')}"
        elif find_refusal(kind) is None and (pa.types.is_struct(kind) or keyed.value_type(kind) is not None):
            self._open(name, f"several values in one column: each is sent as {self._container.a}")
        elif not sendable(kind):
            unused[name] = f"because no {self._container.one} can hold {kind}"
        elif is_text(kind):
            self._text(name)
        else:
            self._typed(name, kind)

    def _open(self, name: str, why: str) -> None:
        self._proposal.opened.append(Line(name, Expand(name, prefix=f"{name}."), why))

    def _typed(self, name: str, kind: pa.DataType) -> None:
        line = Line(name, Rule(column=(name,)), f"{kind} in the file")
        own = pa.types.is_timestamp(kind) and kind.tz is not None
        if pa.types.is_timestamp(kind) and not own and not self._inherits_zone():
            line = self._in_zone(line, Clock()) or doubting(
                replace(line, rule=Rule(column=(name,), type="string")), NO_ZONE
            )
        self._proposal.members.append(line)

    def _text(self, name: str) -> None:
        words = find_words(self._table.text(name))
        seen = sampling.look(self._table.text(name, words))
        if seen.type == "object":
            self._open(name, seen.why)
            return
        if seen.type == "integer" and sampling.names_a_code(name):
            seen = sampling.Look("string", "digits, but the name says that they are a code, not a number")
        # The sample tells numbers with fractions by the word that attributes have for them.
        number = self._container.type_for(Conversion.NUMBER)
        types = {"string": None, "float": number}
        rule = Rule((name,), null_values=words, type=types.get(seen.type, seen.type), decimal=seen.decimal)
        line = Line(name, rule, seen.why, seen.unsure)
        if seen.type == "date":
            line = self._date(line, rule, Clock(format=seen.format))
        elif seen.type == "string":
            line = doubting(line, doubt_words(words))
        self._proposal.members.append(line)

    def _date(self, line: Line, rule: Rule, clock: Clock) -> Line:
        """A date that needs no zone, carries its zone or has one from elsewhere; else text."""
        texts = self._table.text(rule.column[0], rule.null_values)
        times = timestamps.read(texts, texts, clock).with_fixed_days()
        if times.carried[times.good].all() or self._inherits_zone():
            return replace(line, rule=replace(rule, clock=clock))
        doubt = 'no time zone, so it is sent as text. To send a date, set type = "date" and zone.'
        return self._in_zone(line, clock) or doubting(replace(line, rule=replace(rule, type=None)), doubt)

    def _in_zone(self, line: Line, clock: Clock) -> Line | None:
        """The line of a date that the user's own zone makes certain; None without such a zone."""
        if self._zone is None:
            return None
        clock = replace(clock, zone=self._zone)
        rule = line.rule if isinstance(line.rule, Rule) else Rule()
        return replace(line, rule=replace(rule, type="date", clock=clock))

    def _inherits_zone(self) -> bool:
        """Whether dates without a zone are read in the zone of the event's time, because it has one."""
        rules = [line.rule for line in self._proposal.fields if line.key == "timestamp"]
        return any(isinstance(rule, Rule) and rule.clock.zone is not None for rule in rules)
