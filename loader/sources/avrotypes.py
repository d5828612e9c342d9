"""The Arrow type of each column of an Avro file, decided from its schema; values keep every digit.

fastavro is given the schema without logical types, so a time is the whole number that the file has, and goes
into Arrow as that: no time is too early or too late, and none goes through a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import pyarrow as pa

from loader.sources.jsonvalues import write_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Schema: TypeAlias = "str | list[Any] | dict[str, Any]"  # as JSON gives it
Convert: TypeAlias = "Callable[[Any], object] | None"

_PRIMITIVE = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
_LOGICAL = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("string", "uuid"): pa.string(),
    **{
        ("long", f"{local}timestamp-{unit}"): pa.timestamp(short, None if local else "UTC")
        for local in ("", "local-")
        for unit, short in (("millis", "ms"), ("micros", "us"), ("nanos", "ns"))
    },
}
_LOGICAL_KEYS = ("logicalType", "precision", "scale")
_EXACT = Context(prec=100)
_WIDEST = 76  # digits of the widest decimal of Arrow


class NotAColumn(Exception):
    """A schema that gives no table, or a column no type."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the records.

    Attributes:
        name: its name.
        kind: its Arrow type.
        convert: what its values go through before they go into Arrow, or None.
    """

    name: str
    kind: pa.DataType
    convert: Convert

    def make_array(self, rows: Sequence[object]) -> pa.Array:
        """The values of the records."""
        values = [row[self.name] for row in rows]  # type: ignore[index]  # they are dictionaries
        if self.convert is not None:
            convert = self.convert
            values = [None if value is None else convert(value) for value in values]
        return pa.array(values, self.kind)


def build_columns(schema: Schema) -> list[Column]:
    """The columns of the records of a file.

    Raises:
        NotAColumn: they are not records, or a field has no type of its own.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise NotAColumn("its records have no named fields. Export records.")
    types = _Types(schema)
    columns = []
    for field in schema["fields"]:
        try:
            kind, convert = types.build(field["type"], _namespace_of(schema, ""))
        except NotAColumn as failure:
            raise NotAColumn(f'column "{field["name"]}" {failure}') from None
        columns.append(Column(field["name"], kind, convert))
    return columns


def drop_logical_types(schema: Schema) -> Schema:
    """The schema with what is stored, and not what it means."""
    if isinstance(schema, list):
        return [drop_logical_types(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _LOGICAL_KEYS}
    for key in ("type", "items", "values"):
        if key in kept:
            kept[key] = drop_logical_types(kept[key])
    if "fields" in kept:
        kept["fields"] = [_drop_from_field(field) for field in kept["fields"]]
    return kept


def _drop_from_field(field: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in field.items() if key not in {*_LOGICAL_KEYS, "default"}}
    return kept | {"type": drop_logical_types(field["type"])}


class _Types:
    """The types of one schema; named ones can be used again by their names."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._named: dict[str, tuple[Mapping[str, object], str]] = {}
        self._within = [self.note(root, "")]  # the records that hold what is being built

    def note(self, schema: Mapping[str, object], namespace: str) -> str:
        """Remember a named type; its full name."""
        name = _full_name(str(schema["name"]), str(schema.get("namespace") or namespace))
        self._named[name] = (schema, namespace)
        return name

    def build(self, schema: object, namespace: str) -> tuple[pa.DataType, Convert]:
        """The Arrow type, and what values go through."""
        if isinstance(schema, str):
            return self._build_by_name(schema, namespace)
        if isinstance(schema, list):
            return self._build_union(schema, namespace)
        assert isinstance(schema, dict)  # noqa: S101 - a schema is one of the three
        kind = schema["type"]
        return (
            self._build_complex(schema, kind, namespace)
            if isinstance(kind, str)
            else self.build(kind, namespace)
        )

    def _build_complex(
        self, schema: Mapping[str, object], kind: str, namespace: str
    ) -> tuple[pa.DataType, Convert]:
        if kind in {"enum", "fixed"}:
            self.note(schema, namespace)
        if kind in {"record", "error"}:
            return self._build_record(schema, namespace)
        if kind == "array":
            return self._build_list(*self.build(schema["items"], namespace))
        if kind == "map":
            return self._build_map(*self.build(schema["values"], namespace))
        return self._build_scalar(schema, kind, namespace)

    def _build_by_name(self, name: str, namespace: str) -> tuple[pa.DataType, Convert]:
        if name in _PRIMITIVE:
            return _PRIMITIVE[name], None
        full = _full_name(name, namespace) if _full_name(name, namespace) in self._named else name
        if full not in self._named:
            raise NotAColumn(f'is of the type "{name}", which the schema does not define.')
        if full in self._within:
            return pa.string(), _write_text  # it holds itself
        schema, around = self._named[full]
        return self.build(schema, around)

    def _build_union(self, branches: Sequence[object], namespace: str) -> tuple[pa.DataType, Convert]:
        """One type, or nothing; numbers of two widths are the wider; other mixtures are text."""
        kinds = [each for each in branches if each != "null"]
        if len(kinds) == 1:
            return self.build(kinds[0], namespace)
        for wide, narrower in _NARROWER.items():
            if kinds and all(isinstance(kind, str) and kind in narrower for kind in kinds):
                return _PRIMITIVE[wide], None
        built = [self.build(kind, namespace) for kind in kinds]
        if any(_means_more(kind) for kind, _ in built):
            shown = " or ".join(str(kind) for kind, _ in built)
            raise NotAColumn(f"holds {shown}, a mixture that has no type. Export it as one of them.")
        return (pa.string(), _write_text) if kinds else (pa.null(), None)

    def _build_record(self, schema: Mapping[str, object], namespace: str) -> tuple[pa.DataType, Convert]:
        inner = _namespace_of(schema, namespace)
        self._within.append(self.note(schema, namespace))
        fields = schema["fields"]
        assert isinstance(fields, list)  # noqa: S101 - by the specification
        built = {field["name"]: self.build(field["type"], inner) for field in fields}
        self._within.pop()
        if not built:
            return pa.string(), _write_text
        converts = {name: convert for name, (_, convert) in built.items() if convert is not None}
        return pa.struct([(name, kind) for name, (kind, _) in built.items()]), (
            _convert_members(converts) if converts else None
        )

    @staticmethod
    def _build_list(kind: pa.DataType, convert: Convert) -> tuple[pa.DataType, Convert]:
        if convert is None:
            return pa.list_(kind), None
        return pa.list_(kind), lambda values: [_apply(convert, value) for value in values]

    @staticmethod
    def _build_map(kind: pa.DataType, convert: Convert) -> tuple[pa.DataType, Convert]:
        return pa.map_(pa.string(), kind), lambda values: [
            (key, _apply(convert, value)) for key, value in values.items()
        ]

    def _build_scalar(
        self, schema: Mapping[str, object], kind: str, namespace: str
    ) -> tuple[pa.DataType, Convert]:
        logical = schema.get("logicalType")
        if kind == "enum":
            return pa.string(), None
        if kind == "fixed" and logical == "uuid":
            return pa.string(), lambda value: str(UUID(bytes=value))
        if kind == "fixed" and logical == "duration":
            raise NotAColumn("holds durations, which cannot be sent. Export it as a number or as text.")
        if logical == "decimal" and kind in {"bytes", "fixed"}:
            return _build_decimal(schema)
        if kind == "fixed":
            return pa.binary(), None
        if kind not in _PRIMITIVE:
            return self._build_by_name(kind, namespace)
        return _LOGICAL.get((kind, str(logical)), _PRIMITIVE[kind]), None


_NARROWER = {"long": {"int", "long"}, "double": {"float", "double"}}


def _build_decimal(schema: Mapping[str, object]) -> tuple[pa.DataType, Convert]:
    """A decimal, of bytes that are its digits as a whole number; a wrong precision means plain bytes."""
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision:
        return pa.binary(), None
    if precision > _WIDEST:
        return pa.string(), lambda value: str(_read_decimal(value, scale))
    wide = pa.decimal128 if precision <= 38 else pa.decimal256
    return wide(precision, scale), lambda value: _read_decimal(value, scale)


def _read_decimal(value: object, scale: int) -> Decimal:
    assert isinstance(value, bytes)  # noqa: S101 - by the schema
    return Decimal(int.from_bytes(value, signed=True)).scaleb(-scale, _EXACT)


def _means_more(kind: pa.DataType) -> bool:
    """Whether a value says less as text than with its type, itself or something in it."""
    within = [kind.field(number).type for number in range(kind.num_fields)]
    means = pa.types.is_temporal(kind) or pa.types.is_decimal(kind) or pa.types.is_binary(kind)
    return bool(means) or any(map(_means_more, within))


def _convert_members(converts: Mapping[str, Convert]) -> Callable[[object], object]:
    def convert(value: object) -> object:
        assert isinstance(value, dict)  # noqa: S101 - by the schema
        return value | {name: _apply(each, value[name]) for name, each in converts.items()}

    return convert


def _apply(convert: Convert, value: object) -> object:
    return value if convert is None or value is None else convert(value)


def _write_text(value: object) -> str:
    """A value as JSON Lines would hold it."""
    return value if isinstance(value, str) else write_value(value)


def _namespace_of(schema: Mapping[str, object], around: str) -> str:
    name = str(schema["name"])
    return name.rpartition(".")[0] or str(schema.get("namespace") or around)


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
