"""Rows whose ids, or names of events, look wrong: how many, where, and what to do, in a sentence."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.mapping import ids
from loader.mapping.canonical_text import rule_text
from loader.message import Message, Quote, Setting
from loader.profile.sketch import Distinct
from loader.text.escape import escape_toml, quote, quote_for_shell
from loader.text.nouns import count_rows, count_things

if TYPE_CHECKING:
    from loader.mapping.ids import Sign
    from loader.mapping.rules import Rule
    from loader.sieve import Positions

EXAMPLES = 3


@dataclass(slots=True)
class Tally:
    """Rows with one sign, or with one value.

    Attributes:
        rows: their number.
        first: where the first of them is, as ``orders.csv, row 1,042``.
        examples: the first few distinct values.
        devices: of a user's id, the distinct devices of these rows.
    """

    rows: int = 0
    first: str = ""
    examples: list[str] = field(default_factory=list)
    devices: Distinct = field(default_factory=Distinct)

    def add(self, texts: pa.Array, places: Positions, file: str, first: int) -> None:
        """Count the rows in these places of a slab whose first row is row `first` of its file, from 0."""
        if not self.rows:
            self.first = f"{file}, row {first + int(places[0]) + 1:,}"
        self.rows += len(places)
        if len(self.examples) < EXAMPLES:
            met = texts.take(pa.array(places[:64])).unique().to_pylist()
            new = [text for text in met if text not in self.examples]
            self.examples += new[: EXAMPLES - len(self.examples)]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Rows whose ids, or names of events, look wrong for one reason.

    Attributes:
        field: of the mapping.
        kind: the reason, for a program.
        rule: of the field.
        tally: the rows.
        value: the one value of these rows, if they have one.
        sign: what their values have in common, if not the value.
    """

    field: str
    kind: str
    rule: Rule
    tally: Tally
    value: str = ""
    sign: Sign | None = None

    @property
    def message(self) -> Message:
        """A sentence on what was found, and what to do."""
        if self.sign is not None:
            return self._sign_message(self.sign)
        return self._word_message() if self.kind == ids.WORD.name else self._holder_message()

    def _sign_message(self, sign: Sign) -> Message:
        found = ", ".join(map(quote, self.tally.examples))
        fate = ""
        if sign is not ids.UNSEEN:
            fate = " These rows are rejected." if sign.fault else " They are sent as they are."
        remedy = sign.remedy
        if sign is ids.AROUND:
            rule = rule_text(replace(self.rule, trim=True))
            remedy = f"To remove them, write {self.field} = {rule} in a mapping file."
        return Message(
            "{field}, {rows}: {things} that {says}{examples}; the first is {first}.{fate} {remedy}",
            field=self.field,
            rows=count_rows(self.tally.rows),
            things="names" if self.field == "event" else "ids",
            says=sign.says,
            examples=Quote(f" ({found})"),
            first=self.tally.first,
            fate=fate,
            remedy=Quote(remedy),
        )

    def _word_message(self) -> Message:
        devices = self.tally.devices.count
        return Message(
            "{field}, {rows}: {value}{devices}; the first is {first}. Many programs write this for nothing. "
            "It is sent as it is. {remedy}",
            field=self.field,
            rows=count_rows(self.tally.rows),
            value=Quote(quote(self.value)),
            devices=f" on {count_things(devices, 'device')}" if devices else "",
            first=self.tally.first,
            remedy=self._remedy(),
        )

    def _holder_message(self) -> Message:
        return Message(
            "{field}, {rows}: {value} has at least {devices}; the first is {first}. If it stands for users "
            "without an id, they all become one user, and the vendor cannot take them apart again. {remedy}",
            rows=count_rows(self.tally.rows),
            field=self.field,
            value=Quote(quote(self.value)),
            devices=count_things(_rounded_down(self.tally.devices), "device"),
            first=self.tally.first,
            remedy=self._remedy(),
        )

    def _remedy(self) -> Message:
        return Message(
            "If it means nothing, set {setting} {shell}, or write null_values = [{toml}] in a mapping file, "
            "under [source] or for {field} alone.",
            setting=Setting("null_values"),
            shell=Quote(quote_for_shell(self.value)),
            toml=Quote(escape_toml(json.dumps(self.value, ensure_ascii=False))),
            field=self.field,
        )

    @property
    def record(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "field": self.field,
            "kind": self.kind,
            "rows": self.tally.rows,
            "first": self.tally.first,
            "examples": self.tally.examples,
            "devices": self.tally.devices.count or None,
        }


def _rounded_down(devices: Distinct) -> int:
    """A number that is surely not too high: beyond a bound distinct values are estimated."""
    return devices.count if devices.exact else int(float(f"{devices.count * 0.95:.1e}"))
