"""DuckDB: over inputs that the loader's own readers read, or in a DuckDB file that is only read.

Cells are what they are everywhere else in the loader: a text file has texts, with their zeros. A table that
a query names twice is read twice. Nothing else can be reached from the query: no file, no network and no
extension, because a query comes from files that are copied and shared.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.errors import LoaderError, SourceError
from loader.queries.engines.packages import require
from loader.queries.result import QueryFailed, Result, read_batches
from loader.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.queries.query import Query
    from loader.queries.tables import Table
    from loader.sources.files import FileSource
    from loader.sources.records import Slab

#: What DuckDB may hold in memory; above it, it writes to the folder beside the checkpoint.
MEMORY, MEMORY_VARIABLE = "1GB", "PUSHWOOSH_QUERY_MEMORY"
_BATCH_ROWS = 65_536
# Types whose cells Arrow has as plain bytes or numbers that mean something else.
_FOREIGN = re.compile(r"\b(BIT|TIME WITH TIME ZONE|TIMETZ|BIGNUM|VARINT|GEOMETRY|UNION|INTERVAL|VARIANT)\b")
_MISTYPED = re.compile("Cannot compare values|No function matches|Cannot mix values")
_CLOSED = re.compile(r"disabled (by|through) configuration|external access|replacement scan", re.IGNORECASE)


def open_result(query: Query, work: Path) -> Iterator[Result]:
    """Run a query; see `loader.queries.engines.open_result`."""
    duckdb = require("duckdb", "sql", "A query over files")
    streams = [Stream(table, query) for table in query.tables]
    with explain(duckdb, query, streams):
        connection = connect(duckdb, query, work)
        try:
            for stream in streams:
                connection.register(stream.table.name, stream)
            close_doors(connection)
            refuse_statements(duckdb, connection, query)
            relation = connection.sql(query.text)
            types = list(map(str, relation.types))
            reader = relation.to_arrow_reader(_BATCH_ROWS)
            yield Result(
                reader.schema,
                read_batches(reader, partial(explain, duckdb, query, streams)),
                types,
                [bool(_FOREIGN.search(said)) for said in types],
            )
        finally:
            connection.close()


def connect(duckdb: Any, query: Query, work: Path) -> Any:
    """Open DuckDB in memory; or the file that the URL names, to be read only."""
    options = {
        "memory_limit": os.environ.get(MEMORY_VARIABLE) or MEMORY,
        "temp_directory": str(work),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    if query.database is None:
        return duckdb.connect(":memory:", config=options)
    path = query.database.path
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. After duckdb:/// comes a path, /// for an absolute one."
        )
    return duckdb.connect(str(path), read_only=True, config=options)


def close_doors(connection: Any) -> None:
    """Leave the query nothing but its tables, and times in UTC."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def refuse_statements(duckdb: Any, connection: Any, query: Query) -> None:
    """Refuse what is not one SELECT.

    Raises:
        SourceError: it is something else.
    """
    statements = connection.extract_statements(query.text)
    if len(statements) != 1:
        raise SourceError(f"The query holds {len(statements) or 'no'} statements. Give one SELECT.")
    kind = statements[0].type
    if kind not in {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}:
        raise SourceError(f"The query is {kind.name}, and not a SELECT. A query only reads. Give one SELECT.")


class Stream:
    """An input as DuckDB reads it: as often as the query names it, a part at a time.

    Args:
        table: the input.
        query: says how text files are written.

    Attributes:
        failure: why it could not be read to its end, or None.
    """

    def __init__(self, table: Table, query: Query) -> None:
        self.table = table
        self.failure: BaseException | None = None
        self._source: FileSource = open_source(table.paths, dialect=query.dialect, table=table.table)
        self._source.survey()  # what is wrong with a file is said before the query begins

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows from the first on, as Arrow's C interface has them."""
        schema = self._source.schema
        reader = pa.RecordBatchReader.from_batches(schema, self._read(schema))
        return reader.__arrow_c_stream__(requested_schema)

    def _read(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for file, slab in self._source.slabs():
                refuse_unusable(file, slab)
                yield from fit(slab.table, schema, file).to_batches()
        except BaseException as failure:
            self.failure = failure
            raise


def refuse_unusable(file: str, slab: Slab) -> None:
    """Refuse a record that a load would reject: in a query it would be lost in silence.

    Raises:
        SourceError: with its place and the reason.
    """
    unusable = {**slab.unreadable, **slab.no_data}
    if unusable:
        at = min(unusable)
        reason = str(unusable[at])
        raise SourceError(
            f"{file}, row {slab.first + at + 1:,}: {reason.rstrip('.')}. A query cannot reject a row, and "
            "none is left out in silence. Correct the file, or say how it is written; then run the query "
            "again."
        )


def fit(table: pa.Table, schema: pa.Schema, file: str) -> pa.Table:
    """The columns of a file as those of all files of a table; no digit may be lost.

    Raises:
        SourceError: one would be.
    """
    table = table.select(schema.names)
    if table.schema == schema:
        return table
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as failure:
        raise SourceError(
            f"{file}: its columns cannot be had as those of the other files of the table ({failure}). Name "
            "the files as tables of their own, and join them in the query."
        ) from None


@contextmanager
def explain(duckdb: Any, query: Query, streams: list[Stream]) -> Iterator[None]:
    """Say what failed: an input in its reader's words, the query in DuckDB's."""
    try:
        yield
    except LoaderError:
        raise
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        for stream in streams:
            if isinstance(stream.failure, LoaderError | KeyboardInterrupt):
                raise stream.failure from None
        raise QueryFailed(error, advise(str(error), query)) from None


def advise(said: str, query: Query) -> str:
    """What to do about a failure, beside what DuckDB says."""
    if _CLOSED.search(said):
        return (
            "A query reads its tables and nothing else. Name each file before the query, NAME=PATH, and "
            "write FROM NAME."
        )
    if "Out of Memory" in said:
        return (
            f"A query may hold {MEMORY} in memory, or what {MEMORY_VARIABLE} says, such as 4GB; a sort or a "
            "join writes what is beyond that beside the checkpoint, or to TMPDIR if nothing is sent. It "
            "needs space there. Nothing can be set in the query."
        )
    if query.tables and "VARCHAR" in said and _MISTYPED.search(said):
        return "Cells of text files are texts. Convert them: CAST(amount AS DECIMAL(18, 2)), for example."
    names = ", ".join(table.quoted for table in query.tables)
    is_unknown = "does not exist" in said and "Table" in said
    is_unquoted = "syntax error" in said and '"' in names
    return f"The tables of this query are {names}." if names and (is_unknown or is_unquoted) else ""
