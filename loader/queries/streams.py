"""Tables that can be read only once: a reader of record batches, a lazy frame, a relation of DuckDB."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from loader.errors import LoaderError
from loader.queries.result import QueryFailed, Result, read_batches
from loader.sources.frames import fingerprint
from loader.sources.frames.tables import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROWS = 65_536
_LAZY = "LazyFrame"
_RELATION = "DuckDBPyRelation"


def is_stream(source: object) -> bool:
    """Whether this is a table that can be read only once, or that is computed when it is read.

    A table in memory knows its length. (So does a relation of DuckDB, which runs its query to tell it.)
    """
    kind = type(source)
    if isinstance(source, pa.RecordBatchReader):
        return True
    if isinstance(source, (pd.DataFrame, pa.Table, pa.RecordBatch)) or kind.__name__ == "Series":
        return False
    if kind.__name__ in {_LAZY, _RELATION} or hasattr(source, "fetch_record_batch"):
        return True
    return hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__")


def open_stream(source: Any, work: Path) -> Iterator[Result]:
    """The rows of such a table; a lazy frame is collected a part at a time, into a file first.

    Args:
        source: the table.
        work: a folder for temporary files.

    Raises:
        SourceError: it cannot be had as Arrow.
    """
    explain = partial(explaining, name_of(source))
    with explain():
        reader = open_reader(source, work)
    yield Result(reader.schema, read_batches(reader, explain))


def open_reader(source: Any, work: Path) -> Any:
    """A reader of record batches over such a table."""
    if isinstance(source, pa.RecordBatchReader):
        return source
    if type(source).__name__ == _LAZY:
        path = work / "collected.parquet"
        source.sink_parquet(path)
        file = parquet.ParquetFile(path)
        return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_ROWS))
    if hasattr(source, "to_arrow_reader"):
        return source.to_arrow_reader(_ROWS)
    if hasattr(source, "fetch_record_batch"):
        return source.fetch_record_batch()
    return pa.RecordBatchReader.from_stream(source)


@contextmanager
def explaining(name: str) -> Iterator[None]:
    """Say what failed while a table was read, in its library's words."""
    try:
        yield
    except LoaderError:
        raise
    except Exception as error:
        raise QueryFailed(error, what=f"The {name} could not be read to its end") from error


def has_same_rows(one: Path, other: Path) -> bool:
    """Whether two Parquet files hold the same table, whatever the parts in which it was written."""
    files = [parquet.ParquetFile(path) for path in (one, other)]
    with files[0] as first, files[1] as second:
        if first.schema_arrow.remove_metadata() != second.schema_arrow.remove_metadata():
            return False
        if first.metadata.num_rows != second.metadata.num_rows:
            return False
        return all(digest(left) == digest(right) for left, right in pair_batches(first, second))


def pair_batches(
    first: parquet.ParquetFile, second: parquet.ParquetFile
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """The same rows of both files, a part at a time."""
    others = second.iter_batches(_ROWS)
    right = next(others, None)
    for left in first.iter_batches(_ROWS):
        while left.num_rows and right is not None:
            rows = min(left.num_rows, right.num_rows)
            yield left.slice(0, rows), right.slice(0, rows)
            left, right = left.slice(rows), right.slice(rows)  # noqa: PLW2901 - what is left of it
            right = right if right.num_rows else next(others, None)


def digest(batch: pa.RecordBatch) -> tuple[bytes, int]:
    """What stands for the cells of a batch."""
    return fingerprint.block(batch.columns)
