"""What a mapping says: one frozen rule for each field, and for each attribute or tag."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from loader.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict
    from datetime import date
    from pathlib import Path

    from loader.methods import Kind, Method
    from loader.stores.address import Address

#: A value written in the mapping file. A time is kept as its ISO text.
Scalar = str | int | float | bool


def _protect(entries: dict[str, object]) -> MappingProxyType[str, object]:
    return MappingProxyType(entries)


# A mapping travels to other processes, and Python's pickle does not know read-only dictionaries.
copyreg.pickle(MappingProxyType, lambda proxy: (_protect, (dict(proxy),)))


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A column where a constant could stand: ``zone = { column = "tz" }``.

    Attributes:
        column: its name.
        unit: of a column of zones: what its plain numbers count, "ms", "s", "min" or "h".
        values: of a column of zones: what its words mean; other cells are read as they are.
    """

    column: str
    unit: str | None = None
    values: ReadOnlyDict[str, Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time is read.

    Attributes:
        format: strptime codes, "iso", or a key of `timestamps.EXCEL_EPOCHS` or `timestamps.EPOCHS`; None: not
            declared.
        unit: "s", "ms", "us" or "ns" since 1970; None: the time is not a count. For `tz_offset` what its
            plain numbers count: "ms", "s", "min" or "h".
        local: the count was made from the local wall clock, not from UTC (old Mixpanel projects).
        zone: IANA name, offset (``+05:45``), seconds east, or a column of these; None: the values
            carry their own.
        ambiguous: how a wall clock time that came twice is read.
        nonexistent: how a wall clock time that was skipped is read.
        earliest, latest: plausibility window; None: 1990, and one day after the start of the load.
    """

    format: str | None = None
    unit: str | None = None
    local: bool = False
    zone: str | int | ColumnOf | None = None
    ambiguous: str = "reject"
    nonexistent: str = "reject"
    earliest: date | datetime | None = None
    latest: date | datetime | None = None


NO_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class LookUp:
    """Another table, in which a cell is a key: the value beside that key takes the place of the cell.

    Attributes:
        lookup: the file, or the name of a table in memory, as the mapping writes it.
        key: the column of the other table that holds the keys; they are compared as text, byte for byte.
        value: the column of the other table that holds the values.
        keep: which row counts if a key stands in several: "first", "last", or "" if that is refused.
    """

    lookup: str
    key: str
    value: str
    keep: str = ""


class Join(NamedTuple):
    """How keys are made of cells, and where they are looked up: what rules with the same keys share."""

    columns: tuple[str, ...]
    template: str | None
    null_values: tuple[str, ...]
    trim: bool
    case: str | None
    lookup: str
    key: str
    keep: str


@dataclass(frozen=True, slots=True)
class Nearby:
    """What the names of look-ups in a mapping mean, if it says so itself.

    Attributes:
        folder: the paths of files are relative to it; None if nobody knows where the mapping stood.
        tables: tables in memory, by their names.
    """

    folder: Path | Address | None = None
    tables: ReadOnlyDict[str, object] = field(default_factory=dict, repr=False)


NOWHERE = Nearby()


@dataclass(frozen=True, slots=True)
class Rule:
    """Where one field or attribute comes from, and how it is read.

    Exactly one of `column`, `const` and `template` is given. For each row: take the first column that is
    not empty, trim it and change its case if requested, find it in the look-up, then in `values`, and use
    `default` if there is no value. A cell that is listed in `null_values` is empty. In `tz_offset` a cell
    that is not in `values` is read as it is.

    Attributes:
        column: one column, or several: the first that is not empty counts.
        const: the same value for every row.
        template: text with column names in braces; empty if one of them is empty.
        values: what each cell becomes; a cell that is not listed is rejected.
        unlisted: "leave out" if a row whose cell is not listed is not part of the load.
        default: the value if the row has none; empty text counts as no value, here and in a cell.
        required: a row without a value is rejected.
        trim: blanks and other invisible characters around the cell are removed.
        case: "lower" or "upper".
        null_values: a cell that is exactly one of these texts means nothing.
        lookup: the table in which the cell is a key; None if the cell is the value.
        clock: how a time is read; for `timestamp`, and for attributes of the type "date".
        at: for `tz_offset`, the instant at which a zone's offset is taken: "run", an instant as ISO
            text, or a rule for a column of times.
        type: the type of an attribute.
        empty: what becomes of an attribute without a value: "omit", "null" or "reject".
        decimal: the decimal mark in text.
        separator: what stands between the members of a list in text; None: the text is a JSON list.
        currency: the currency of a price.
    """

    column: tuple[str, ...] = ()
    const: Scalar | None = None
    template: str | None = None
    values: ReadOnlyDict[str, Scalar] | None = None
    unlisted: Literal["reject", "leave out"] = "reject"
    default: Scalar | None = None
    required: bool = False
    trim: bool = False
    case: Literal["lower", "upper"] | None = None
    null_values: tuple[str, ...] = ()
    lookup: LookUp | None = None
    clock: Clock = NO_CLOCK
    at: str | Rule | None = None
    type: str | None = None
    empty: str = "omit"
    decimal: str = "."
    separator: str | None = None
    currency: str | ColumnOf | None = None

    @property
    def constants(self) -> list[Scalar]:
        """The values that the mapping itself gives to rows."""
        given = (self.const, *(self.values or {}).values(), self.default)
        return [value for value in given if value is not None]

    @property
    def direct(self) -> str | None:
        """The one column whose cells are taken unchanged, with their own type; None if cells are changed."""
        changed = self.values is not None or self.default is not None or self.trim or self.case
        return self.column[0] if len(self.column) == 1 and not changed and not self.lookup else None

    @property
    def join(self) -> Join | None:
        """How the keys of its look-up are made; None if it has none."""
        other = self.lookup
        if other is None:
            return None
        cells = (self.column, self.template, self.null_values, self.trim, self.case)
        return Join(*cells, other.lookup, other.key, other.keep)


@dataclass(frozen=True, slots=True)
class Expand:
    """A column that holds several attributes: JSON text, a struct, a map, or a list of keys and values.

    Attributes:
        column: the column.
        prefix: put before each member's name.
        empty: what becomes of a member without a value: "omit", "null" or "reject".
    """

    column: str
    prefix: str = ""
    empty: str = "omit"


@dataclass(frozen=True, slots=True)
class RowRules:
    """Which rows are part of the load. The cells of a column are compared as text; "" is an empty cell.

    Attributes:
        only: column -> texts; a row belongs to the load if the cell of each of these columns is listed.
        excluded: column -> texts; a row does not belong to it if the cell of any of these columns is listed.
        start: the first instant, or the first day.
        end: the first instant that no longer belongs to it, or the last day, which does.
        zone: of days, and of instants without an offset.
    """

    only: ReadOnlyDict[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    excluded: ReadOnlyDict[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    start: date | datetime | None = None
    end: date | datetime | None = None
    zone: str | None = None

    @property
    def timed(self) -> bool:
        """Whether rows are selected by their time."""
        return self.start is not None or self.end is not None

    @property
    def zoneless(self) -> bool:
        """Whether a day, or an instant without an offset, needs a zone."""
        return any(end is not None and getattr(end, "tzinfo", None) is None for end in (self.start, self.end))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose cells are compared."""
        return (*self.only, *self.excluded)


ALL_ROWS = RowRules()


@dataclass(frozen=True, slots=True)
class Unique:
    """Of rows with the same key only one is part of the load.

    Attributes:
        columns: the key; no column if it is all that would be sent of a row.
        keep: which of them it is, in the order of the input.
    """

    columns: tuple[str, ...] = ()
    keep: Literal["first", "last"] = "first"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which columns become which fields, and which attributes or tags, of one API method.

    `loader.mapping.file` reads it, `canonical_text` writes it, and the checkpoint keeps what was written;
    `infer` makes one from the names of the columns.

    Attributes:
        kind: what is loaded.
        fields: name of the mapping field (`timestamp` stands for both API fields) -> its rule.
        members: name of an attribute or tag, a member of the method's container -> its rule.
        others: every column that is not named becomes a member under its own name; "omit", "null" or
            "reject" tells what becomes of its empty cells. "": there are no others.
        excluded: columns that `others` leaves out, and members that `expand` does, by their dotted names.
        expand: columns whose contents become members.
        source: how the text files of the input are written, as far as the mapping says; and which texts mean
            nothing, in input of any form.
        notes: what the user should know about how this mapping was made; not part of its identity.
        rows: which rows are part of the load.
        unique: by which key repeated rows are left out; None if they are not.
        key: the columns by which a ledger knows a row again; none if it is the device or user of the row.
        lookups: how the text files of look-ups are written, by the names that the rules have for them.
        nearby: where its look-ups are; not part of its identity, because the content of each is.
    """

    kind: Kind
    fields: ReadOnlyDict[str, Rule]
    members: ReadOnlyDict[str, Rule] = field(default_factory=lambda: MappingProxyType({}))
    others: str = ""
    excluded: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    source: Dialect = field(default=Dialect())
    notes: tuple[str, ...] = field(default=(), compare=False)
    rows: RowRules = field(default=ALL_ROWS)
    unique: Unique | None = None
    key: tuple[str, ...] = ()
    lookups: ReadOnlyDict[str, Dialect] = field(default_factory=lambda: MappingProxyType({}))
    nearby: Nearby = field(default=NOWHERE, compare=False)

    def beside(self, tables: ReadOnlyDict[str, object]) -> Mapping:
        """The mapping with tables in memory for its look-ups, next to those that it has."""
        return replace(self, nearby=replace(self.nearby, tables={**tables, **self.nearby.tables}))

    @property
    def joining(self) -> list[tuple[str, Rule]]:
        """The rules that have a look-up, each with the name of its field, attribute or tag."""
        rules = [*self.fields.items(), *self.members.items()]
        rules += [(f"{name} at", rule.at) for name, rule in rules if isinstance(rule.at, Rule)]
        return [(name, rule) for name, rule in rules if rule.lookup is not None]

    @property
    def method(self) -> Method:
        """The API method that the rows are sent to."""
        return self.kind.method

    @property
    def selects(self) -> bool:
        """Whether rows are left out for what is in them, repeats aside."""
        return self.rows != ALL_ROWS or any(rule.unlisted != "reject" for rule in self.fields.values())

    @property
    def instant(self) -> datetime | None:
        """The constant instant at which the offsets of zone names are taken, if there is one."""
        at = self.fields["tz_offset"].at if "tz_offset" in self.fields else None
        return datetime.fromisoformat(at) if isinstance(at, str) and at != "run" else None
