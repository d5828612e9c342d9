"""Whole tables of the store as CSV or Parquet, in bounded memory and without a long transaction.

A log is read by its ids, a page at a time: a transaction over the whole download would keep the writer from
reusing the write-ahead log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from loader.sandbox.page.tables import FLAG, NUMBER, TABLES, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.sandbox.page.reading import Reader
    from loader.sandbox.page.tables import Table

ROWS = 20_000
"""Rows that are read and written at a time: a few MB, and a row group of Parquet."""
ARROW = {TEXT: pa.string(), NUMBER: pa.int64(), FLAG: pa.bool_()}


class Sink(Protocol):
    """Where bytes go."""

    def write(self, part: bytes, /) -> object:
        """Take some."""


def write_download(reader: Reader, name: str, form: str, load: str | None, sink: Sink) -> None:
    """Write a table.

    Args:
        reader: of the store.
        name: of the table, in `TABLES`.
        form: `csv` or `parquet`.
        load: only the rows of this load, if the table has any; None for all.
        sink: where to.
    """
    table = TABLES[name]
    schema = pa.schema([(column, ARROW[kind]) for column, kind in table.columns.items()])
    # Neither writer seeks; both ask where they are.
    with WRITERS[form](pa.PythonFile(CountingSink(sink), "w"), schema) as writer:
        for rows in read_pages(reader, name, table, load):
            columns = zip(*rows, strict=True)
            arrays = [build_array(each, kind) for each, kind in zip(columns, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def read_pages(reader: Reader, name: str, table: Table, load: str | None) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in the order of their key, `ROWS` at a time."""
    columns, key = ", ".join(table.columns), ", ".join(table.key)
    places = [list(table.columns).index(each) for each in table.key]
    chosen, values = (" AND load = ?", [load]) if table.by_load and load is not None else ("", [])
    after: list[object] = []
    while True:
        start = f"({key}) > ({', '.join('?' * len(after))})" if after else "1"
        query = (
            f"SELECT {columns} FROM {table.source or name} WHERE {start}{chosen} ORDER BY {key} LIMIT {ROWS}"  # noqa: S608 - names of ours
        )
        rows = reader.list_rows(query, [*after, *values])
        if rows:
            yield rows
        if len(rows) < ROWS:
            return
        after = [rows[-1][place] for place in places]


def build_array(values: tuple[object, ...], kind: pa.DataType) -> pa.Array:
    """A column; SQLite has no booleans."""
    if pa.types.is_boolean(kind):
        values = tuple(None if value is None else bool(value) for value in values)
    return pa.array(values, kind)


class CountingSink:
    """A sink that knows how much went through it, as a pipe does not."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink, self._written = sink, 0

    def write(self, part: bytes) -> int:
        """Hand it on."""
        self._sink.write(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was written."""
        return self._written

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The sink below stays open."""
        self.closed = True

    def writable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False


WRITERS: dict[str, Callable[[pa.PythonFile, pa.Schema], Any]] = {
    "csv": pyarrow.csv.CSVWriter,
    "parquet": pyarrow.parquet.ParquetWriter,
}
TYPES = {"csv": "text/csv; charset=utf-8; header=present", "parquet": "application/vnd.apache.parquet"}
