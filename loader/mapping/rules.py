"""What a mapping says: one frozen rule for each field and attribute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from loader.dialect import Dialect
from loader.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict
    from datetime import date

    from loader.model import Kind

#: A value written in the mapping file. A time is kept as its ISO text.
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A column where a constant could stand: ``zone = { column = "tz" }``."""

    column: str


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time is read.

    Attributes:
        format: strptime codes, "iso", "excel" (days since 1900) or "excel1904"; None: not declared.
        unit: "s", "ms", "us" or "ns" since 1970; None: the time is not a count.
        local: the count was made from the local wall clock, not from UTC (old Mixpanel projects).
        zone: IANA name, offset (``+05:45``), seconds east, or a column of these; None: the values
            carry their own.
        ambiguous: what a wall clock time becomes that came twice.
        nonexistent: what a wall clock time becomes that was skipped.
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
class Rule:
    """Where one field or attribute comes from, and how it is read.

    Exactly one of `column`, `const` and `template` is given. The order of events for one row: take
    the first column that is not empty, trim and change case if asked, look it up in `values`, use
    `default` if there is nothing.

    Attributes:
        column: one column, or several of which the first that is not empty counts.
        const: the same value for every row.
        template: text with column names in braces; empty if one of them is empty.
        values: what each cell becomes; a cell that is not listed is rejected.
        default: the value where there is none; empty text is no value, here as in a cell.
        required: a row without a value is rejected.
        trim: blanks around the cell are removed.
        case: "lower" or "upper".
        clock: how a time is read: of `timestamp`, and of attributes of the type "date".
        at: of `tz_offset`, the instant at which a zone's offset is taken: "run", an instant as ISO
            text, or a rule for a column of times.
        type: of an attribute.
        empty: of an attribute: "omit", "null" or "reject".
        decimal: the decimal mark in text.
        separator: what stands between the members of a list in text; None: the text is a JSON list.
        currency: of a price.
    """

    column: tuple[str, ...] = ()
    const: Scalar | None = None
    template: str | None = None
    values: ReadOnlyDict[str, Scalar] | None = None
    default: Scalar | None = None
    required: bool = False
    trim: bool = False
    case: Literal["lower", "upper"] | None = None
    clock: Clock = NO_CLOCK
    at: str | Rule | None = None
    type: str | None = None
    empty: str = "omit"
    decimal: str = "."
    separator: str | None = None
    currency: str | ColumnOf | None = None

    @property
    def direct(self) -> str | None:
        """The one column whose cells are taken as they are, with their own type; None if they are not."""
        changed = self.values is not None or self.default is not None or self.trim or self.case
        return self.column[0] if len(self.column) == 1 and not changed else None


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
class Mapping:
    """Which columns become which fields and attributes of one kind of load.

    Made by `read` (a file), `parse` (its text), `of` (a dictionary of the same shape) or `infer`, which check
    it as a whole. `to_toml` writes it, and the checkpoint keeps that text.

    Attributes:
        kind: users or events.
        fields: name of the mapping field (`timestamp` stands for both API fields) -> its rule.
        attributes: name of the attribute -> its rule.
        others: every column that is not named becomes an attribute under its own name; "omit", "null" or
            "reject" tells what becomes of its empty cells. "": there are no others.
        excluded: columns that `others` leaves out, and members that `expand` does, by their dotted names.
        expand: columns whose members become attributes.
        source: how the text files of the input are written, as far as the mapping says.
        notes: what a person should know about how this mapping came to be; no part of its identity.
    """

    kind: Kind
    fields: ReadOnlyDict[str, Rule]
    attributes: ReadOnlyDict[str, Rule] = field(default_factory=lambda: MappingProxyType({}))
    others: str = ""
    excluded: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    source: Dialect = field(default=Dialect())
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, path: Path | str, kind: Kind | None = None) -> Mapping:
        """Read a mapping file; with `kind`, it must be for that kind of load.

        Raises:
            MappingError: the file cannot be read, or with every mistake in it.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MappingError([f"it is not UTF-8 text ({error}). Save it as UTF-8."], str(path)) from None
        except OSError as error:
            raise MappingError([f"the mapping file cannot be read: {error.strerror}."], str(path)) from None
        mapping = cls.parse(text, str(path))
        if kind is not None and mapping.kind is not kind:
            raise MappingError(
                [f'it is for {mapping.kind} (kind = "{mapping.kind}"), but {kind} are to be loaded.'],
                str(path),
            )
        return mapping

    @classmethod
    def parse(cls, text: str, where: str) -> Mapping:
        """Read the text of a mapping file; `where` names it in messages.

        Raises:
            MappingError: with every mistake in it.
        """
        from loader.mapping.toml_text import parse  # noqa: PLC0415 - that module builds these records

        return parse(text, where)

    @classmethod
    def of(cls, document: dict[str, Any], where: str = "the mapping") -> Mapping:
        """A mapping from a dictionary that holds what a mapping file would (`docs/reference/mapping.md`).

        For example ``Mapping.of({"kind": "users", "fields": {"hwid": "device", "userId": "customer"}})``.

        Raises:
            MappingError: with every mistake in it.
        """
        from loader.mapping.toml_text import read  # noqa: PLC0415 - that module builds these records

        return read(document, where)

    @property
    def instant(self) -> datetime | None:
        """The constant instant at which the offsets of zone names are taken, if there is one."""
        at = self.fields["tz_offset"].at if "tz_offset" in self.fields else None
        return datetime.fromisoformat(at) if isinstance(at, str) and at != "run" else None

    def to_toml(self) -> str:
        """The canonical text; it reads back as an equal mapping. The order of attributes is kept."""
        from loader.mapping.toml_text import write  # noqa: PLC0415 - that module reads these records

        return write(self)
