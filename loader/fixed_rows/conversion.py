"""The cells of fixed rows in the types that the columns have in the input."""

from __future__ import annotations

import json
from datetime import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError
from loader.mapping.cells import as_text
from loader.message import Message, Quote
from loader.model import OWN_COLUMNS
from loader.sources import FixedTable
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.sources import Source
    from loader.sources.fixed import Ordinals


def convert(name: str, table: pa.Table, places: Ordinals, whole: Source) -> Iterator[FixedTable]:
    """The rows in the types of the input, a table for each of its files that differ in types.

    Raises:
        SourceError: a cell is not of the type of its column.
    """
    order = np.argsort(places)
    places = places[order]
    rows = table.take(pa.array(order))
    ends = np.cumsum([file.rows for file in whole.survey().files])
    numbers = np.searchsorted(ends, places, side="right")
    types = whole.types
    alike = {
        schema: [at for at, other in enumerate(types) if other == schema] for schema in dict.fromkeys(types)
    }
    for schema, files in alike.items():
        here = np.flatnonzero(np.isin(numbers, files))
        if len(here):
            part = rows.take(pa.array(here))
            names = [each for each in schema.names if not each.startswith(OWN_COLUMNS)]
            cells = {each: convert_cells(name, part, each, schema, order[here]) for each in names}
            own = {
                each: pa.nulls(len(here), schema.field(each).type)
                for each in schema.names
                if each not in cells
            }
            yield FixedTable(places[here], pa.table(cells | own).select(schema.names))


def convert_cells(
    name: str,
    part: pa.Table,
    column: str,
    schema: pa.Schema,
    lines: Ordinals,
) -> pa.Array:
    """The cells of a column in the type that it has in the input.

    Raises:
        SourceError: one is not of that type.
    """
    kind, cells = schema.field(column).type, pa.concat_arrays(part[column].chunks)
    try:
        return convert_type(cells, kind)
    except (pa.ArrowException, ValueError, TypeError):
        pass
    for at, line in enumerate(lines.tolist()):
        try:
            convert_type(cells.slice(at, 1), kind)
        except (pa.ArrowException, ValueError, TypeError):
            raise explain_cell(name, line + 1, column, cells[at].as_py(), kind) from None
    raise SourceError(f"{name}: the column {quote(column)} cannot be read as {kind}. Nothing was sent.")


def explain_cell(name: str, row: int, column: str, value: object, kind: pa.DataType) -> SourceError:
    """Say that a cell is not of the type of its column."""
    nested = "CSV does not keep such cells. Write the rows to a Parquet file, and fix them there."
    return SourceError(
        Message(
            "{name}, row {row}, column {column}: {value} does not fit this column of the input, whose type "
            "is {kind}. Nothing was sent. {advice}",
            name=name,
            row=row,
            column=quote(column),
            value=Quote(quote(str(value))),
            kind=kind,
            advice=nested if pa.types.is_nested(kind) else "Fix the cell.",
        )
    )


def convert_type(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells as another type, if nothing of them is lost; what is empty in a file of texts is nothing."""
    if cells.type == kind:
        return cells
    if pa.types.is_string(kind):
        return as_text(cells)
    if pa.types.is_string(cells.type):
        cells = pc.if_else(pc.equal(cells, ""), None, cells)
        if pa.types.is_nested(kind):
            return pa.array([None if cell is None else json.loads(cell) for cell in cells.to_pylist()], kind)
        if pa.types.is_time(kind):
            return pa.array(
                [None if cell is None else time.fromisoformat(cell) for cell in cells.to_pylist()], kind
            )
    return cells.cast(kind)
