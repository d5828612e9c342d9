"""Columns in the names of folders (``day=2024-01-31/part-0.parquet``), as Hive and Spark write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

from loader.sources.records import NOBODY, Converting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.model import FileRecord
    from loader.sources.records import Onlooker, Reader, Slab

_NOTHING = "__HIVE_DEFAULT_PARTITION__"


def add_folder_columns(reader: Reader) -> Reader:
    """The reader, with the columns that the folders of its path add, except those that the file has."""
    parts = [part for part in PurePath(reader.name).parts[:-1] if "=" in part]
    named = {key: value for key, _, value in (part.partition("=") for part in parts)}
    added = {key: value for key, value in named.items() if key and key not in reader.schema.names}
    return Partitioned(reader, added) if added else reader


class Partitioned:
    """A reader with more columns, each of one text for the whole file, never taken for a number or a day."""

    def __init__(self, reader: Reader, added: dict[str, str]) -> None:
        self._reader = reader
        self._added = added
        self._values = {key: None if value == _NOTHING else unquote(value) for key, value in added.items()}
        self.schema = reader.schema
        for key in added:
            self.schema = self.schema.append(pa.field(key, pa.string()))

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._reader.name

    @property
    def form(self) -> str:
        """How it is read: another folder gives other rows."""
        kind, colon, rest = self._reader.form.partition(": ")
        return f"{kind} with {self._folders}{colon}{rest}"

    @property
    def _folders(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self._added.items()).replace(":", "%3A")

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """As the file's."""
        form = self.form
        within = [replace(record, form=self._reader.form) for record in known if record.form == form]
        record = self._reader.survey(within, Converting(onlooker, self._widened))
        return replace(record, form=form, rows_hash=f"{record.rows_hash or record.sha256} {self._folders}")

    def slabs(self, first: int) -> Iterator[Slab]:
        """As the file's, with the columns of its folders."""
        yield from map(self._widened, self._reader.slabs(first))

    def _widened(self, slab: Slab) -> Slab:
        table = slab.table
        for key, value in self._values.items():
            table = table.append_column(
                pa.field(key, pa.string()), pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
            )
        return replace(slab, table=table)
