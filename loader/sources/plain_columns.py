"""A reader whose columns are plain: each is read as the type that `column_types` decides for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.column_types import carried_type, carry_cells, plain_field
from loader.sources.records import NOBODY, Converting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.model import FileRecord
    from loader.sources.records import Onlooker, Reader, Slab

# Rows that are converted at a time: a dictionary may be many times as large once it is decoded.
_ROWS = 8192


def read_plain(reader: Reader) -> Reader:
    """The reader, with plain columns; the same one if they are plain already."""
    plain = pa.schema([plain_field(field) for field in reader.schema])
    return reader if plain == reader.schema and _all_carried(reader.schema) else PlainColumns(reader, plain)


class PlainColumns:
    """A reader that converts the cells of some columns.

    Args:
        reader: gives the cells as they are in the file.
        schema: the types that its columns are read as.
    """

    def __init__(self, reader: Reader, schema: pa.Schema) -> None:
        self._reader = reader
        self.schema = schema
        self._changed = [
            field
            for place, field in enumerate(schema)
            if carried_type(field.type) != reader.schema.field(place).type
        ]

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._reader.name

    @property
    def form(self) -> str:
        """How it is read; the types stand in the file itself."""
        return self._reader.form

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """As the file's: records are counted without converting them, unless someone looks at them."""
        return self._reader.survey(known, Converting(onlooker, self._convert))

    def slabs(self, first: int) -> Iterator[Slab]:
        """As the file's, with converted cells."""
        for slab in self._reader.slabs(first):
            for start in range(slab.first, slab.end, _ROWS):
                yield self._convert(slab.between(start, min(start + _ROWS, slab.end)))

    def _convert(self, slab: Slab) -> Slab:
        table = slab.table
        for field in self._changed:
            place = table.schema.get_field_index(field.name)
            if place >= 0:
                chunks = [carry_cells(chunk, field.type) for chunk in table.column(place).chunks]
                cells = pa.chunked_array(chunks, carried_type(field.type))
                table = table.set_column(place, field.name, cells)
        return replace(slab, table=table)


def _all_carried(schema: pa.Schema) -> bool:
    return all(carried_type(field.type) == field.type for field in schema)
