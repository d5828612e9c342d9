"""A mapping from the names of the columns, if there is no mapping file."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from loader.column_types import find_refusal
from loader.dialect import Dialect
from loader.errors import MappingError, ProblemCode
from loader.mapping.cells import cell_types, is_nested, is_text
from loader.mapping.fields import SYNONYMS, device_type, plain
from loader.mapping.names import name_problems
from loader.mapping.rules import Clock, ColumnOf, Mapping, Rule
from loader.mapping.table import Table
from loader.mapping.values import holds_lists
from loader.message import Command, Message, Quote, Setting
from loader.methods import Conversion
from loader.model import OWN_COLUMNS
from loader.text.escape import quote as shown

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict

    import pandas as pd
    import pyarrow as pa

    from loader.methods import Container, Kind, Method, Need

UNSAID = Dialect()
#: Names that can mean many things: they name a device type only if all their values do.
VAGUE = frozenset({"type", "os", "osname"})
#: Columns that never become an attribute, whatever they hold.
COMPUTED = {
    plain(
        "application"
    ): "the application code is the same for the whole load, and is not read from a column",
    plain("timestampCurrent"): "it is computed from the time and the zone",
    plain("attributes"): "an attribute of each column is sent instead",
}

# A header that one character divides, other than those that are looked for.
_DIVIDED = re.compile(r"[\w .-]+(?P<sign>[~^:!#*+=/@$%&])[\w .-]+(?:(?P=sign)[\w .-]+)*")
_NUMBERED = 'device_type = {{ column = "{column}", values = {{ 0 = "ios", 1 = "android" }} }}'


def infer(
    kind: Kind,
    schema: pa.Schema,
    sample: pd.DataFrame,
    *,
    where: str = "the input",
    source: Dialect = UNSAID,
) -> Mapping:
    """Recognise the columns that are named like the API's fields or their synonyms.

    The remaining columns become attributes or tags under their own names, if the method takes any.
    If two columns name one field, the one that comes first in `fields.SYNONYMS` is taken, with a note.

    Args:
        kind: what is to be loaded.
        schema: columns and types of the input.
        sample: its first records.
        where: the input's name, for the message.
        source: what is said of how the input is written, and of the texts that mean nothing.

    Raises:
        MappingError: a needed field has no column, or the values of a column do not fit its name.
    """
    inference = _Inference(kind.method, schema, Table(sample, source.null_values))
    return replace(inference.mapping(where), source=source)


def wanted_fields(method: Method) -> list[str]:
    """The fields to look for, in the order of a body; a time is followed by its zone."""
    found: list[str] = []
    for name in method.mapped:
        found += [name, "zone"] if name == "timestamp" else [name]
    return found


def candidates(field: str, types: ReadOnlyDict[str, pa.DataType]) -> list[str]:
    """The columns whose names mean a field, the surest first."""
    wanted = list(dict.fromkeys(plain(name) for name in SYNONYMS[field]))
    return [
        name for synonym in wanted for name in types if plain(name) == synonym and not is_nested(types[name])
    ]


class _Inference:
    def __init__(self, method: Method, schema: pa.Schema, table: Table) -> None:
        self._method = method
        self._types = cell_types(schema)
        self._table = table
        self._problems: list[str | Message] = []
        self._notes: list[str] = []
        self._codes: set[ProblemCode] = set()

    def mapping(self, where: str) -> Mapping:
        found = {field: column for field in wanted_fields(self._method) if (column := self._column(field))}
        self._check_device_type(found)
        self._check_needed(found)
        rest = [name for name in self._types if name not in found.values()]
        container = self._method.container
        members = self._make_members(container, rest) if container else self._note_unused(rest)
        if self._problems:
            columns = ", ".join(shown(name) for name in self._types)
            raise MappingError(self._problems, f"{where} with the columns {columns}", self._codes)
        zone = found.pop("zone", None)
        fields = {field: Rule(column=(column,)) for field, column in found.items()}
        if zone is not None:
            fields["timestamp"] = Rule(column=(found["timestamp"],), clock=Clock(zone=ColumnOf(zone)))
        return Mapping(
            self._method.kind,
            MappingProxyType(fields),
            MappingProxyType(members),
            notes=tuple(self._notes),
        )

    def _column(self, field: str) -> str | None:
        """The column that names a field."""
        found = candidates(field, self._types)
        if not found:
            return None
        first, *others = found
        if others:
            also = ", ".join(f'"{name}"' for name in others)
            self._notes.append(
                f'{field} is taken from "{first}"; {also} would fit too. To choose, use a mapping file.'
            )
        return first

    def _check_device_type(self, found: dict[str, str]) -> None:
        """Refuse to guess from numbers, because other vendors number device types differently."""
        column = found.get("device_type")
        if column is None:
            return
        values = self._table.text(column).drop_null().unique().to_pylist()
        unknown = [value for value in values if device_type(value) is None]
        if not unknown:
            return
        if plain(column) in VAGUE:
            del found["device_type"]
            self._notes.append(
                f'"{column}" is not read as device_type: {shown(unknown[0])} is not a device type.'
            )
        elif all(value.lstrip("-").replace(".", "", 1).isdigit() for value in values):
            self._problems.append(
                Message(
                    'column "{column}" holds the number {number}, which is not a device type of this '
                    "vendor, so its numbers mean something else. Say what they mean in a mapping file ({map} "
                    "proposes one), for example {example}.",
                    column=column,
                    number=Quote(unknown[0]),
                    map=Command.MAP,
                    example=_NUMBERED.format(column=column),
                )
            )

    def _check_needed(self, found: dict[str, str]) -> None:
        for need in self._method.needs:
            if not set(need.fields) & set(found):
                self._codes.add(ProblemCode.NO_COLUMN)
                self._problems.append(_describe_lack(need))
        if self._problems and len(self._types) == 1:
            self._doubt_delimiter(next(iter(self._types)))

    def _doubt_delimiter(self, name: str) -> None:
        """Name the setting for a text that is divided by a character which nobody looks for."""
        if divided := _DIVIDED.fullmatch(name):
            self._problems.append(
                Message(
                    "there is only one column. If {sign} divides its name into several, give "
                    "{setting} '{sign}', "
                    'or delimiter = "{sign}" under [source] in the mapping file.',
                    sign=Quote(divided["sign"]),
                    setting=Setting("delimiter"),
                )
            )

    def _make_members(self, container: Container, columns: list[str]) -> dict[str, Rule]:
        """Make a member, under its own name, of each remaining column."""
        members = {}
        for name in columns:
            if name.startswith(OWN_COLUMNS):
                continue
            kind = self._types[name]
            if why := COMPUTED.get(plain(name)):
                self._notes.append(f'column "{name}" is not used: {why}.')
            elif is_nested(kind) and not holds_lists(kind) and find_refusal(kind) is None:
                self._notes.append(
                    f'column "{name}" is not sent: it holds {kind}, and {container.a} is one value. '
                    "A mapping file can open it with expand."
                )
            elif problems := name_problems(container, name):
                self._problems += [f'column "{name}" as {container.a}: {problem}' for problem in problems]
            else:
                members[name] = Rule(column=(name,))
        if members and all(is_text(self._types[name]) for name in self._types):
            self._notes.append(
                f"{container.many} are sent as text, because a text file does not say their types. "
                f'A mapping file can: type = "{container.type_for(Conversion.NUMBER)}".'
            )
        return members

    def _note_unused(self, columns: list[str]) -> dict[str, Rule]:
        unused = [f'"{name}"' for name in columns if not name.startswith(OWN_COLUMNS)]
        if unused:
            self._notes.append(
                f"not used, because {self._method.name} has no place for them: {', '.join(unused)}."
            )
        return {}


def _describe_lack(need: Need) -> Message:
    """What a mapping file says about a column for a need: each field that would do is named."""
    ways = [f'{field} = "its name"' for field in need.fields]
    ways += [f"write {field} = {need.constant}" for field in need.fields if need.constant]
    return Message(
        "no column is known to hold the {holds}. Name it in a mapping file ({map} proposes one): [fields] "
        "{ways}, or rename it to {names}.",
        holds=need.holds,
        map=Command.MAP,
        ways=" or ".join(ways),
        names=" or ".join(need.fields),
    )
