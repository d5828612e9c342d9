"""The columns of several files as those of one table: the same names, and types that mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from loader.column_types import carried_type, fit_cells, widen_types
from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.sources.records import Reader


def widen_schemas(readers: Sequence[Reader]) -> pa.Schema:
    """The columns of all files, in the order of the first, each with a type that fits all of them.

    Raises:
        SourceError: a file has other columns, or one whose type differs in meaning; with every difference.
    """
    model, *others = readers
    schema = model.schema
    typed = dict.fromkeys(schema.names, "the first")
    for other in others:
        wider = {name: _widen(schema, other.schema, name) for name in schema.names}
        if None in wider.values() or set(other.schema.names) - set(schema.names):
            raise _describe_difference(model, other, schema, typed)
        typed |= {name: other.name for name, kind in wider.items() if kind != schema.field(name).type}
        schema = pa.schema(wider.items())
    return schema


def _widen(schema: pa.Schema, other: pa.Schema, name: str) -> pa.DataType | None:
    return widen_types(schema.field(name).type, other.field(name).type) if name in other.names else None


def _describe_difference(
    model: Reader, other: Reader, schema: pa.Schema, typed: dict[str, str]
) -> SourceError:
    """The error for a file; `typed` names the file that each type of the schema is from."""
    theirs = other.schema
    problems = [f'"{name}" is missing' for name in schema.names if name not in theirs.names]
    problems += [f'"{name}" is not in the first' for name in theirs.names if name not in schema.names]
    problems += [
        f'"{name}" is {theirs.field(name).type}, in {typed[name]} {schema.field(name).type}'
        for name in schema.names
        if name in theirs.names and _widen(schema, theirs, name) is None
    ]
    return SourceError(
        f"{other.name}: its columns are not those of {model.name}: {'; '.join(problems)}. "
        "Make the columns alike, or load the files one by one, each with a checkpoint of its own."
    )


def carry_schema(schema: pa.Schema) -> pa.Schema:
    """The types in which the cells travel."""
    return pa.schema([(field.name, carried_type(field.type)) for field in schema])


def fit_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the types of the schema, to be looked at beside parts of other files."""
    for field in carry_schema(schema):
        cells = table.column(field.name)
        if cells.type != field.type:
            fitted = [fit_cells(chunk, field.type) for chunk in cells.chunks]
            place = table.schema.get_field_index(field.name)
            table = table.set_column(place, field.name, pa.chunked_array(fitted, field.type))
    return table
