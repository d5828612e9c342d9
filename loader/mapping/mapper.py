"""Map a chunk: columns become members, members become bodies, the other rows become rejects."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode, origins
from loader.mapping.field_values import convert_field
from loader.mapping.findings import Clocks, Fault, Findings
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.nested.rows import convert_expanded
from loader.mapping.rules import NOWHERE
from loader.mapping.selection import find_outside, join_keys, mark_repeats
from loader.mapping.table import Table
from loader.mapping.values import convert_member
from loader.methods import MappedField
from loader.model import Reject, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as ReadOnlyDict
    from datetime import datetime

    from loader.mapping.encode import Member
    from loader.mapping.field_values import FieldValues
    from loader.mapping.findings import Column
    from loader.mapping.lookups import LookUps, Match
    from loader.mapping.nested.members import Expansion
    from loader.mapping.number_forms import NumberForms
    from loader.mapping.rules import Join, Mapping
    from loader.mapping.selection import Ordinals, Outside, Repeats
    from loader.mapping.table import Broken
    from loader.mapping.zones import Mask
    from loader.methods import Container, Need
    from loader.model import Chunk, LeftOut

ID_FIELDS = (MappedField.HWID, MappedField.USER_ID)


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapped chunk, by columns: every row is either a body, or a reject, or left out.

    Attributes:
        first: ordinal of the chunk's first row.
        count: rows of the chunk.
        ordinals: int64 array of the rows that became a body, ascending.
        bodies: Arrow binary array, the body of each.
        owners: Arrow string array: rows with the same text keep their order; "" if order does not matter.
        rejects: the rows that cannot be mapped, ascending.
        uses: corrections that the mapping allows, and how often each was made.
        columns: the converted values of the selected rows, for a check; a load does not use them.
        clocks: how the time of the events was read, for a check.
        outside: the rows that are left out, by the reason.
        kept: the places in the chunk of the selected rows, all others, ascending; None if none is left out.
        matches: the keys of the selected rows that were looked up.
    """

    first: int
    count: int
    ordinals: np.ndarray[Any, np.dtype[np.int64]]
    bodies: pa.Array
    owners: pa.Array
    rejects: list[Reject]
    uses: ReadOnlyDict[str, int] = field(default_factory=dict)
    columns: Iterable[Column] = ()
    clocks: Clocks = field(default_factory=Clocks)
    outside: tuple[Outside, ...] = ()
    kept: Ordinals | None = None
    matches: ReadOnlyDict[Join, Match] = field(default_factory=dict)

    @property
    def selected(self) -> Ordinals:
        """Ordinals of the rows that are not left out, one for each value of a column."""
        places = np.arange(self.count, dtype=np.int64) if self.kept is None else self.kept
        return places + self.first

    @property
    def good(self) -> Mask:
        """Which of the selected rows became a body."""
        found = np.zeros(self.count if self.kept is None else len(self.kept), np.bool_)
        found[np.searchsorted(self.selected, self.ordinals)] = True
        return found

    def find_first(self, count: int, among: range) -> range:
        """The range from the first row of another up to its row number `count` that is not left out."""
        if self.kept is None:
            return among[:count]
        inside = self.selected[(self.selected >= among.start) & (self.selected < among.stop)][:count]
        return range(among.start, int(inside[-1]) + 1) if len(inside) else among[:0]

    def left_out(self, *among: range) -> list[LeftOut]:
        """The rows in some ascending ranges that are left out, by the reason."""
        parts = (each.left_out(self.first, among) for each in self.outside) if among else ()
        return [part for part in parts if part is not None]

    @property
    def rows(self) -> range:
        """Ordinals of all rows, including rejected ones."""
        return range(self.first, self.first + self.count)

    def requests(self, *among: range) -> Iterator[Request]:
        """The rows that became a body, in order: all of them, or only the rows in some ascending ranges."""
        for rows in among or (self.rows,):
            low, high = np.searchsorted(self.ordinals, (rows.start, rows.stop)).tolist()
            ordinals, count = self.ordinals[low:high], high - low
            devices, bodies = self.owners.slice(low, count), self.bodies.slice(low, count)
            yield from map(Request, ordinals.tolist(), devices.to_pylist(), bodies.to_pylist())


@dataclass(frozen=True, slots=True)
class Mapper:
    """A mapping, bound to the columns of one input.

    Attributes:
        mapping: the effective mapping, with every format, zone and type written out.
        decisions: one line for each field and member, to be read before the first send.
        notices: warnings for the user.
        application: application code.
        now: the start of the load: limits plausible times, and is the instant `at = "run"`.
        ordered: rows of one device, or of one user if no device is known, keep their order; rows of a method
            whose last call wins always do.
        number_forms: how the numbers of the sample are written; they decide what is advised.
        repeats: the rows that repeat another one, if the mapping leaves them out; None before they are known.
        lookups: the tables in which cells are looked up.
    """

    mapping: Mapping
    decisions: tuple[str, ...]
    notices: tuple[str, ...]
    application: str
    now: datetime
    ordered: bool = False
    number_forms: NumberForms = field(default_factory=dict)
    repeats: Repeats | None = None
    lookups: LookUps = NO_LOOKUPS

    def __reduce__(self) -> tuple[type[Mapper], tuple[object, ...]]:
        """How it travels: bound as it is. The tables in memory that its names stand for stay at home."""
        travelling = replace(self, mapping=replace(self.mapping, nearby=NOWHERE))
        return Mapper, tuple(getattr(travelling, each.name) for each in fields(Mapper))

    def read(self, chunk: Chunk) -> Table:
        """A chunk by columns; what was read of it is kept with it."""
        nothing = self.mapping.source.null_values
        key = (nothing, id(self.lookups))
        if key not in chunk.memo:
            chunk.memo[key] = Table(chunk.frame, nothing, lookups=self.lookups)
        table: Table = chunk.memo[key]
        return table

    def map(self, chunk: Chunk) -> Mapped:
        """Map every row of a chunk."""
        table, outside, kept = self._select(chunk)
        findings = Findings(chunk, self.number_forms, kept)
        fields = self._convert_fields(table, findings)
        for broken in self._find_broken(table):
            findings.add(broken.rows, [broken.column], broken.texts, broken.fault)
        bodies = self._write_bodies(fields, table, findings)
        good = ~findings.bad
        owners = self._order_keys(fields, table.rows)
        if not good.all():
            bodies, owners = bodies.filter(pa.array(good)), owners.filter(pa.array(good))
        places = np.flatnonzero(good) if kept is None else kept[good]
        return Mapped(
            first=chunk.first,
            count=len(chunk.frame),
            ordinals=places.astype(np.int64) + chunk.first,
            bodies=bodies.cast(pa.binary()),
            owners=owners,
            rejects=findings.rejects,
            uses=findings.uses,
            columns=findings.columns,
            clocks=findings.clocks,
            outside=outside,
            kept=kept,
            matches=findings.matches,
        )

    def show_fields(self, chunk: Chunk, last: MappedField) -> Mapped:
        """Map the fields of a chunk up to one of them, for a caller who only reads their columns.

        No row of the result became a body, and rows that what follows rejects are not among the rejects.
        """
        table, outside, kept = self._select(chunk)
        findings = Findings(chunk, self.number_forms, kept)
        self._convert_fields(table, findings, last)
        return Mapped(
            first=chunk.first,
            count=len(chunk.frame),
            ordinals=np.empty(0, np.int64),
            bodies=pa.array([], pa.binary()),
            owners=pa.array([], pa.string()),
            rejects=findings.rejects,
            uses=findings.uses,
            columns=findings.columns,
            clocks=findings.clocks,
            outside=outside,
            kept=kept,
        )

    def _select(self, chunk: Chunk) -> tuple[Table, tuple[Outside, ...], Ordinals | None]:
        """The selected rows of a chunk; the rows that are left out; and the places of the selected rows."""
        table = self.read(chunk)
        outside = tuple(self.find_outside(table, chunk))
        if not outside:
            return table, outside, None
        kept = np.flatnonzero(~np.logical_or.reduce([each.rows for each in outside]))
        return table.keep(kept), outside, kept

    def find_outside(self, table: Table, chunk: Chunk) -> list[Outside]:
        """Find the rows of a chunk that are no part of the load; each is in one of the results."""
        found = find_outside(self.mapping, table, chunk, self.now) if self.mapping.selects else []
        return found if self.repeats is None else [*found, *mark_repeats(self.repeats, chunk)]

    def find_keys(self, chunk: Chunk) -> tuple[Ordinals, pa.Array]:
        """The rows of a chunk that have a key by which rows are unique, and their keys as bytes.

        A row that is left out, or cannot be read, has none.
        """
        unique = self.mapping.unique
        if unique is None or not unique.columns:
            mapped = self.map(chunk)
            return mapped.ordinals, mapped.bodies
        table = self.read(chunk)
        left = np.ones(table.rows, np.bool_)
        left[[*chunk.unreadable, *chunk.no_data]] = False
        for outside in self.find_outside(table, chunk):
            left &= ~outside.rows
        for broken in self._find_broken(table):
            left &= ~broken.rows
        known, keys = join_keys(unique.columns, table, left)
        return np.flatnonzero(known) + chunk.first, keys

    def find_owners(self, chunk: Chunk) -> pa.Array:
        """The device, or else the user, of every row of a chunk, also of those that are rejected or left out.

        As in `Mapped.owners`; "" for a row that has none.
        """
        table, method = self.read(chunk), self.mapping.method
        findings = Findings.of_rows(table.rows)
        fields: dict[str, FieldValues] = {}
        for name in ID_FIELDS:
            if rule := self.mapping.fields.get(name):
                known = next(each for each in method.fields if each.source == name)
                fields[name] = convert_field(name, known, rule, table, findings, self.now)
        return self._order_keys(fields, table.rows)

    def _find_broken(self, table: Table) -> Iterator[Broken]:
        """Find the cells that nobody can compare: whether their rows belong to the load is not known."""
        unique = self.mapping.unique
        columns = (*self.mapping.rows.columns, *(unique.columns if unique else ()), *self.mapping.key)
        for column in dict.fromkeys(columns):
            yield from table.broken(column)

    def _convert_fields(
        self, table: Table, findings: Findings, last: MappedField | None = None
    ) -> dict[str, FieldValues]:
        """Convert the fields, ids first, so that a row without an id is rejected for that reason."""
        method, rules = self.mapping.method, self.mapping.fields
        makes = {known.source: known for known in reversed(method.fields) if known.source in rules}
        fields: dict[str, FieldValues] = {}
        for name in (*ID_FIELDS, *(name for name in method.mapped if name not in ID_FIELDS)):
            if name in makes:
                fields[name] = convert_field(name, makes[name], rules[name], table, findings, self.now)
            for need in method.needs:
                if need.fields[-1] == name:
                    self._reject_lacking(need, fields, table, findings)
            if name == last:
                break
        return fields

    def _reject_lacking(
        self, need: Need, fields: dict[str, FieldValues], table: Table, findings: Findings
    ) -> None:
        """Reject rows that need one of some fields and have none of them."""
        given = [name for name in need.fields if name in fields]
        columns = [column for name in given for column in origins.columns_of(self.mapping.fields[name])]
        lacking: Mask = ~np.logical_or.reduce([fields[name].known for name in given])
        for name in given:
            origins.reject_missing(self.mapping.fields[name], lacking, table, findings, need.lacking)
        several = len(columns) > 1
        fault = Fault(
            f"{'are' if several else 'is'} empty, and {need.lacking}",
            need.remedy or ("Fill at least one." if several else "Fill it."),
        )
        findings.add(lacking, columns, None, fault)

    def _write_bodies(self, fields: dict[str, FieldValues], table: Table, findings: Findings) -> pa.Array:
        """The whole bodies, their keys in the order of the vendor's documentation."""
        made = {name: member for values in fields.values() for name, member in values.members.items()}
        if (container := self.mapping.method.container) is not None:
            made[container.name] = self._make_container(container, table, findings)
        members = [made[known.name] for known in self.mapping.method.fields if known.name in made]
        application = encode.scalar_json(self.application)
        inner = encode.join_members(members, table.rows)
        return encode.write(('{"request":{"application":' + application + ",", *inner, "}}"), table.rows)

    def _make_container(self, container: Container, table: Table, findings: Findings) -> Member:
        """The object with names of the user's own, such as `attributes`."""
        members = [
            member
            for name, rule in self.mapping.members.items()
            for member in convert_member(name, rule, container, table, findings)
        ]
        expanded = convert_expanded(self.mapping, container, table, findings)
        if container.needed or container.most is not None:
            _check_count(container, members, expanded, findings)
        members += [encode.Member((one.fragments,)) for one in expanded]
        return encode.Member((f'"{container.name}":{{', *encode.join_members(members, table.rows), "}"))

    def _order_keys(self, fields: dict[str, FieldValues], rows: int) -> pa.Array:
        """The key by which rows keep their order."""
        method = self.mapping.method
        if not (self.ordered or method.last_wins):
            return encode.repeated("", rows)
        keys = []
        for name in method.order_key:
            if name in fields:
                texts = fields[name].texts
                keys.append(texts if name == "hwid" else encode.enclosed("user ", texts, ""))
        return pc.coalesce(*keys, "")


def _check_count(
    container: Container, members: list[Member], expanded: list[Expansion], findings: Findings
) -> None:
    """Reject rows with more members than one call may have, and rows with none if the method needs one."""
    count = np.zeros(len(findings.bad), dtype=np.int64)
    for member in members:
        count += member.known
    for one in expanded:
        count += pc.fill_null(one.names().value_lengths(), 0).to_numpy(zero_copy_only=False)
    if container.needed:
        fault = Fault(
            f"gives this row no {container.one}",
            "It sets nothing, so it can stay rejected. To remove what is empty in it at the vendor, set "
            'empty = "null" in the mapping.',
        )
        findings.add(count == 0, (), None, fault)
    if container.most is not None:
        fault = Fault(
            f"gives this row more than the {container.most} {container.many} that one call may set",
            f"Write two mappings with a part of the {container.many} each, and load the file with both: each "
            "load needs a checkpoint of its own.",
        )
        findings.add(count > container.most, (), None, fault)
