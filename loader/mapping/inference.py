"""A mapping from the names of the columns, where there is no mapping file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from loader.errors import MappingError
from loader.mapping.attributes import natural_type
from loader.mapping.cells import cell_types, is_nested, is_text
from loader.mapping.fields import SYNONYMS, device_type, plain
from loader.mapping.findings import shown
from loader.mapping.names import name_problems
from loader.mapping.rules import Clock, ColumnOf, Mapping, Rule
from loader.mapping.table import Table
from loader.model import OWN_COLUMNS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict

    import pandas as pd
    import pyarrow as pa

WANTED = {
    Kind.USERS: ("hwid", "userId", "tz_offset", "device_type"),
    Kind.EVENTS: ("event", "hwid", "userId", "timestamp", "zone", "device_type"),
}
#: Names that can mean many things: they name a device type only if all their values do.
VAGUE = frozenset({"type", "os", "osname"})
#: Fields that are no attribute whatever their column holds.
COMPUTED = {
    plain("application"): "the application code is given with --app",
    plain("timestampCurrent"): "it is computed from the time and the zone",
    plain("attributes"): "an attribute of each column is sent instead",
}


def infer(kind: Kind, schema: pa.Schema, sample: pd.DataFrame, *, where: str = "the input") -> Mapping:
    """Recognise the columns that are named like the API's fields or their synonyms.

    The remaining columns of events become attributes under their own names; those of users are not used.
    Where two columns name one field, the one earlier in `fields.SYNONYMS` is taken, which is noted.

    Args:
        kind: users or events.
        schema: columns and types of the input.
        sample: its first records.
        where: the input's name, for the message.

    Raises:
        MappingError: a field that is needed has no column, or a column cannot mean what its name says.
    """
    inference = _Inference(kind, schema, Table(sample))
    return inference.mapping(where)


def candidates(field: str, types: ReadOnlyDict[str, pa.DataType]) -> list[str]:
    """The columns whose names mean a field, the surest first."""
    wanted = list(dict.fromkeys(plain(name) for name in SYNONYMS[field]))
    return [
        name for synonym in wanted for name in types if plain(name) == synonym and not is_nested(types[name])
    ]


class _Inference:
    def __init__(self, kind: Kind, schema: pa.Schema, table: Table) -> None:
        self._kind = kind
        self._types = cell_types(schema)
        self._table = table
        self._problems: list[str] = []
        self._notes: list[str] = []

    def mapping(self, where: str) -> Mapping:
        found = {field: column for field in WANTED[self._kind] if (column := self._column(field))}
        self._check_device_type(found)
        self._check_needed(found)
        rest = [name for name in self._types if name not in found.values()]
        attributes = self._attributes(rest) if self._kind is Kind.EVENTS else self._unused(rest)
        if self._problems:
            columns = ", ".join(shown(name) for name in self._types)
            raise MappingError(self._problems, f"{where} with the columns {columns}")
        zone = found.pop("zone", None)
        fields = {field: Rule(column=(column,)) for field, column in found.items()}
        if zone is not None:
            fields["timestamp"] = Rule(column=(found["timestamp"],), clock=Clock(zone=ColumnOf(zone)))
        return Mapping(
            self._kind, MappingProxyType(fields), MappingProxyType(attributes), notes=tuple(self._notes)
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
                f'{field} is taken from "{first}"; {also} could be meant too. A mapping file can say so.'
            )
        return first

    def _check_device_type(self, found: dict[str, str]) -> None:
        """Other vendors count device types otherwise (OneSignal: 0 iOS, 1 Android): no guess from numbers."""
        column = found.get("device_type")
        if column is None:
            return
        values = self._table.text(column).drop_null().unique().to_pylist()
        unknown = [value for value in values if device_type(value) is None]
        if not unknown:
            return
        if plain(column) in VAGUE:
            del found["device_type"]
            self._notes.append(f'"{column}" is not read as device_type: {shown(unknown[0])} is none.')
        elif all(value.lstrip("-").replace(".", "", 1).isdigit() for value in values):
            self._problems.append(
                f'column "{column}" holds the number {unknown[0]}, which is no device type of this vendor, '
                "so its numbers mean something else. Say what in a mapping file (`map` proposes one), for "
                f'example device_type = {{ column = "{column}", values = {{ 0 = "ios", 1 = "android" }} }}.'
            )

    def _check_needed(self, found: dict[str, str]) -> None:
        if self._kind is Kind.USERS and "hwid" not in found:
            self._missing("hwid", "device ids")
        if self._kind is Kind.EVENTS:
            if "hwid" not in found and "userId" not in found:
                self._missing("userId", "user ids or device ids")
            if "event" not in found:
                self._missing("event", "event names", ' or write event = { const = "purchase" }')
            if "timestamp" not in found:
                self._missing("timestamp", "times")

    def _missing(self, field: str, what: str, otherwise: str = "") -> None:
        self._problems.append(
            f"no column is known to hold the {what}. Name it in a mapping file (`map` proposes one): "
            f'[fields] {field} = "its name"{otherwise}, or rename it to {field}.'
        )

    def _attributes(self, columns: list[str]) -> dict[str, Rule]:
        attributes = {}
        for name in columns:
            if name.startswith(OWN_COLUMNS):
                continue
            kind = self._types[name]
            if why := COMPUTED.get(plain(name)):
                self._notes.append(f'column "{name}" is not used: {why}.')
            elif is_nested(kind) and natural_type(kind) != "list":
                self._notes.append(
                    f'column "{name}" is not sent: it holds {kind}, and an attribute is one value. '
                    "A mapping file can open it with expand."
                )
            elif problems := name_problems(name):
                self._problems += [f'column "{name}" as an attribute: {problem}' for problem in problems]
            else:
                attributes[name] = Rule(column=(name,))
        if attributes and all(is_text(self._types[name]) for name in self._types):
            self._notes.append(
                "attributes are sent as text, for a text file does not say their types. "
                'A mapping file can: type = "float".'
            )
        return attributes

    def _unused(self, columns: list[str]) -> dict[str, Rule]:
        unused = [f'"{name}"' for name in columns if not name.startswith(OWN_COLUMNS)]
        if unused:
            self._notes.append(f"not used, registerUser has no place for them: {', '.join(unused)}.")
        return {}
