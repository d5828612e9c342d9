"""PostgreSQL by ADBC: the server copies the result in binary form, which becomes Arrow a part at a time."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.errors import LoaderError, SourceError
from loader.queries.database import PASSWORDS
from loader.queries.engines.packages import require
from loader.queries.result import DatabaseAway, QueryFailed, Result, read_batches, refuse_names
from loader.queries.tables import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.queries.query import Query

#: How long a server may take to let the loader in, if neither the URL nor PGCONNECT_TIMEOUT says it.
CONNECT_SECONDS = 60
_BATCH_SIZE, _BATCH_BYTES = "adbc.postgresql.batch_size_hint_bytes", 1 << 20
_TYPE = b"POSTGRESQL:type"
# Types whose binary form the driver hands over as it is, or reads as something else: money as cents, an oid
# beyond 2**31 as a negative number, a row without the types of its members.
_FOREIGN = frozenset({"money", "_money", "oid", "_oid", "record", "_record"})
# What the driver writes before the server's words: its own code, and the query.
_BEFORE = re.compile(r"^.*?(ERROR|FATAL|PANIC): +|^(\w+: )?(\[libpq\] )?", re.DOTALL)
_AFTER = re.compile(r"\n+Query was: .*|\.? ?SQLSTATE: \w+\s*$", re.DOTALL)
_COPIED = re.compile(r"COPY \((.*)\s*\) TO STDOUT \(FORMAT binary\)")
# While it waits, the driver takes an interrupt for itself, cancels the query and says nothing of why.
_CANCELLED = "canceling statement due to user request"
# What the server and its library write if it does not answer, is just starting, or ends in the middle.
_AWAY = (
    "Connection refused",
    "Connection timed out",
    "timeout expired",
    "server closed the connection",
    "terminating connection",
    "the database system is ",
)
_ONLY_SELECT = "A query only reads: give one SELECT."
_NO_ROWS = f"The query gives no rows, so it was not run, not even in a read-only transaction. {_ONLY_SELECT}"


def open_result(query: Query, work: Path) -> Iterator[Result]:  # noqa: ARG001 - the server has its own room
    """Run a query; see `loader.queries.engines.open_result`."""
    adbc = require("adbc_driver_postgresql.dbapi", "postgresql", "PostgreSQL")
    if query.database is None:
        raise TypeError("a query in PostgreSQL has a database")
    with explain(adbc):
        connection = adbc.connect(complete(query.database.url), autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{_BATCH_SIZE: str(_BATCH_BYTES)})
                cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
                yield from copy_result(adbc, cursor, query.text)
        finally:
            with suppress(Exception):  # a server that was lost needs no good-bye
                connection.close()


def copy_result(adbc: Any, cursor: Any, text: str) -> Iterator[Result]:
    """The result of a query; of arrays the dimensions too, because the driver runs all of them together.

    The server describes the query first, without running it. COPY ... TO and ALTER SYSTEM write in spite of a
    read-only transaction, and none of them has columns.

    Raises:
        SourceError: it has no columns, or two of one name.
    """
    text = text.rstrip().rstrip(";")
    columns: pa.Schema = cursor.adbc_execute_schema(text)
    if not columns.names:
        raise SourceError(_NO_ROWS)
    lists = [field.name for field in columns if pa.types.is_list(field.type)]
    if lists:
        refuse_names(columns.names)
    cursor.execute(count_dimensions(text, lists) if lists else f"{text}\n")
    batches = read_batches(cursor.fetch_record_batch(), partial(explain, adbc))
    yield describe(columns, refuse_dimensions(batches, lists) if lists else batches)


def describe(columns: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Result:
    """The result with the types of its columns in PostgreSQL's words."""
    types = [name_type(each) for each in columns]
    foreign = [said in _FOREIGN or is_binary(each.type) for each, said in zip(columns, types, strict=True)]
    return Result(columns, batches, types, foreign, lambda _: "(X)::text")


def name_type(field: pa.Field) -> str:
    """The type of a column in PostgreSQL's words."""
    return str((field.metadata or {}).get(_TYPE, b"").decode())


def is_binary(kind: pa.DataType) -> bool:
    """Whether the driver hands a type over in the server's binary form, which is no text."""
    plain = kind.value_type if pa.types.is_list(kind) else kind
    return isinstance(plain, pa.OpaqueType) and pa.types.is_binary(plain.storage_type)


def count_dimensions(text: str, lists: Sequence[str]) -> str:
    """The query, with the dimensions of its arrays in further columns."""
    inner = f"(\n{text}\n) AS _result"
    further = ", ".join(f"array_ndims(_result.{quote_name(name)})" for name in lists)
    return f"SELECT _result.*, {further} FROM {inner}\n"  # noqa: S608 - the query is the user's own


def refuse_dimensions(batches: Iterator[pa.RecordBatch], lists: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The batches without those further columns.

    Raises:
        SourceError: an array has more than one dimension.
    """
    row = 0
    for batch in batches:
        width = batch.num_columns - len(lists)
        for name, counts in zip(lists, batch.columns[width:], strict=True):
            deep = next((place for place, count in enumerate(counts.to_pylist()) if (count or 1) > 1), None)
            if deep is not None:
                raise QueryFailed(
                    f'Row {row + deep + 1:,}, column "{name}": the array has more than one dimension.',
                    f"Write to_json({quote_name(name)})::text AS {quote_name(name)} in the query.",
                )
        row += batch.num_rows
        yield batch.select(range(width))


def complete(url: str) -> str:
    """The URL with the scheme that PostgreSQL's library knows, and a time in which a server must answer.

    The library itself waits without end for a server that takes the connection and says nothing.
    """
    url = re.sub(r"^\w+://", "postgresql://", url)
    if "connect_timeout" in url or os.environ.get("PGCONNECT_TIMEOUT"):
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={CONNECT_SECONDS}"


@contextmanager
def explain(adbc: Any) -> Iterator[None]:
    """Say what failed, in the server's words."""
    try:
        yield
    except LoaderError:
        raise
    except (adbc.Error, pa.ArrowException, OSError) as error:
        if _CANCELLED in str(error):
            raise KeyboardInterrupt from None
        if any(sign in str(error) for sign in _AWAY):
            raise DatabaseAway(clean(str(error))) from None
        raise QueryFailed(clean(str(error)), advise(str(error))) from None


def clean(said: str) -> str:
    """The server's words without the driver's around them."""
    said = _COPIED.sub(r"\1", _AFTER.sub("", said))
    return _BEFORE.sub("", said, count=1).strip()


def advise(said: str) -> str:
    """What to do about a failure, beside what the server says."""
    if "password" in said or "authentication" in said:
        return f"Put the password {PASSWORDS['postgresql']}; it is never a part of the URL."
    if any(
        sign in said
        for sign in ("read-only transaction", "multiple commands", "could not begin COPY: ERROR:  syntax")
    ):
        return _ONLY_SELECT
    return ""
