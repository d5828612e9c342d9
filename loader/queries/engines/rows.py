"""Rows of Python objects as Arrow, for databases whose cells have types of their own.

The type of a column is known only when its last cell is. So the rows are written to a file first, each part
in the types that it has, and read from there in the types of the whole. What a cell becomes never depends on
the part in which it stands: a column of whole numbers and fractions is text in all of its rows.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from loader.column_types import widen_types
from loader.errors import SourceError
from loader.queries.result import Result, refuse_names
from loader.queries.tables import quote_name
from loader.sources.frames import objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    Fetch = Callable[[int], Sequence[Sequence[object]]]
    Explain = Callable[[], AbstractContextManager[None]]

_ROWS = 8192
# Families of values that have one form as text.
_WRITABLE = frozenset({"text", "integer", "float", "decimal", "boolean", "uuid", "date", "time", "clock"})


class Families:
    """What kinds of values stand in a column.

    Args:
        name: of the column.

    Attributes:
        found: the families of its values so far.
        kind: the type that all of them have, if they are of one family.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: set[str] = set()
        self.kind: pa.DataType | None = pa.null()

    def add(self, cells: objects.Objects) -> pa.Array:
        """Take some cells; returns them as Arrow: in their type, or as text if they have several.

        Raises:
            SourceError: a cell cannot be sent.
        """
        present = cells[~objects.missing(cells)]
        families = {objects.family(type(cell)) for cell in present}
        self.found |= families
        kind = objects.decide(cells, self.name) if len(families) <= 1 else pa.string()
        if self.kind is not None:
            self.kind = widen_types(self.kind, kind)
        if len(families) > 1 and families <= _WRITABLE:
            cells = np.array([None if cell is None else objects.text(cell) for cell in cells], dtype=object)
        return objects.converted(cells, kind)

    def settle(self) -> pa.DataType:
        """The type of all cells.

        Raises:
            SourceError: they have none in common.
        """
        if len(self.found) <= 1 and self.kind is not None:
            return self.kind
        if self.found <= _WRITABLE:
            return pa.string()
        raise SourceError(
            f'The column "{self.name}" of the result holds {" and ".join(sorted(self.found))}, which have no '
            f"form in common. Convert it in the query: CAST(... AS TEXT) AS {quote_name(self.name)}, or "
            "hex(...) for bytes. Nothing was sent."
        )


def read_rows(
    names: Sequence[str], fetch: Fetch, work: Path, explain: Explain, write_text: Callable[[str], str]
) -> Result:
    """The rows of a cursor as a result.

    Args:
        names: of the columns.
        fetch: the next rows, at most as many as given.
        work: a folder for the file.
        explain: says what failed while rows are fetched.
        write_text: how a value is written as text in this database.
    """
    refuse_names(names)
    columns = [Families(name) for name in names]
    parts = list(write_parts(columns, fetch, work, explain))
    schema = pa.schema([(column.name, column.settle()) for column in columns])
    return Result(schema, read_parts(parts, schema), write_text=write_text)


def write_parts(columns: Sequence[Families], fetch: Fetch, work: Path, explain: Explain) -> Iterator[Path]:
    """Write the rows to files, one for each run of rows whose columns keep their types."""
    writer: Any = None
    numbers = count()
    try:
        while True:
            with explain():
                rows = fetch(_ROWS)
            if not rows:
                return
            arrays = [
                column.add(as_objects(cells))
                for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
            ]
            batch = pa.record_batch(arrays, names=[column.name for column in columns])
            if writer is None or writer.schema != batch.schema:
                if writer is not None:
                    writer.close()
                path = work / f"{next(numbers)}.arrow"
                writer = Part(path, batch.schema)
                yield path
            writer.write(batch)
    finally:
        if writer is not None:
            writer.close()


class Part:
    """A file of rows that is being written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self._file = path.open("xb")
        self._writer = ipc.new_stream(self._file, schema, options=ipc.IpcWriteOptions(compression="lz4"))
        self.write = self._writer.write_batch

    def close(self) -> None:
        """Write its end."""
        self._writer.close()
        self._file.close()


def as_objects(cells: Sequence[object]) -> objects.Objects:
    """Cells as an array of objects, lists among them as they are."""
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def read_parts(parts: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of all files in the types of the whole."""
    for path in parts:
        with path.open("rb") as file, ipc.open_stream(file) as reader:
            for batch in reader:
                arrays = [
                    convert(cells, field.type) for cells, field in zip(batch.columns, schema, strict=True)
                ]
                yield pa.record_batch(arrays, schema=schema)
        path.unlink()


def convert(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells of one part as the type of all; as text, each as it would be beside others."""
    if cells.type == kind:
        return cells
    if pa.types.is_null(cells.type):
        return pa.nulls(len(cells), kind)
    if pa.types.is_string(kind):
        return pa.array([None if cell is None else objects.text(cell) for cell in cells.to_pylist()], kind)
    return cells.cast(kind)
