"""What is taken as a table: pandas, Arrow, and whatever exports Arrow (polars, DuckDB, ...)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from loader.column_types import plain_field
from loader.errors import SourceError
from loader.sources.frames.columns import arrow_column, pandas_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.sources.frames.columns import Column


@dataclass(frozen=True, slots=True)
class TableInMemory:
    """A table as its columns, which stay as they were when it was taken, as far as its library allows.

    Attributes:
        name: what it is called in messages.
        rows: how many records it has.
        columns: by their names.
    """

    name: str
    rows: int
    columns: dict[str, Column]


def taken(table: Any, name: str = "") -> TableInMemory:
    """Take a table.

    Raises:
        SourceError: it is none, its columns cannot be named, or the type of one cannot be sent.
    """
    name = name or name_of(table)
    if isinstance(table, pd.DataFrame):
        refuse_names(list(table.columns), name)
        # Of pandas 3 on, what is written into the frame from now on does not reach this copy.
        frame = table.copy(deep=False)
        pairs = ((column, frame.iloc[:, place]) for place, column in enumerate(frame.columns))
        return TableInMemory(
            name, len(frame), {column: pandas_column(cells, column) for column, cells in pairs}
        )
    arrow = as_arrow(table, name)
    refuse_names(arrow.column_names, name)
    columns = zip(map(plain_field, arrow.schema), arrow.columns, strict=True)
    return TableInMemory(
        name, arrow.num_rows, {field.name: arrow_column(cells, field.type) for field, cells in columns}
    )


def is_table(source: object) -> bool:
    """Whether this is a table, and no path."""
    return isinstance(source, (pd.DataFrame, pa.Table, pa.RecordBatch)) or hasattr(
        source, "__arrow_c_stream__"
    )


def as_arrow(table: Any, name: str) -> pa.Table:
    """A table of another library as Arrow, without a copy where that library allows it.

    Raises:
        SourceError: it cannot be had as one.
    """
    if isinstance(table, pa.Table):
        return table
    try:
        if isinstance(table, pa.RecordBatch):
            return pa.Table.from_batches([table])
        return pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as failure:
        raise SourceError(
            f"{name}: cannot be had as an Arrow table ({failure}). Give a pandas.DataFrame, a "
            "polars.DataFrame, a pyarrow.Table, or the path of a file."
        ) from failure


def name_of(table: object) -> str:
    """What a table is called: ``DataFrame``, ``polars.DataFrame``."""
    if isinstance(table, pd.DataFrame):
        return "DataFrame"
    kind = type(table)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def refuse_names(names: Sequence[object], where: str) -> None:
    """Refuse columns that no mapping could name.

    Raises:
        SourceError: with the name and the way out.
    """
    if not names:
        raise SourceError(f"{where}: has no columns. The index is not sent; reset_index() makes it a column.")
    odd = next((name for name in names if not isinstance(name, str)), None)
    if isinstance(odd, tuple):
        raise SourceError(
            f"{where}: its columns have several levels, such as {odd!r}. Make them one: "
            'frame.columns = ["_".join(map(str, name)) for name in frame.columns].'
        )
    if odd is not None:
        raise SourceError(
            f"{where}: the name of a column is {odd!r} ({type(odd).__name__}), and names must be text: "
            "frame.columns = frame.columns.astype(str)."
        )
    for position, name in enumerate(names, start=1):
        if not str(name).isprintable() and not writable(str(name)):
            raise SourceError(f"{where}: the name of column {position} is no text in UTF-8. Rename it.")
        if not str(name).strip():
            raise SourceError(f"{where}: column {position} has no name. Give it one, or leave it out.")
        first = names.index(name) + 1
        if first < position:
            raise SourceError(
                f'{where}: has two columns with the name "{name}", {first} and {position}. '
                "Rename or remove one of them."
            )


def writable(text: str) -> bool:
    """Whether a text can be written in UTF-8 (a lone surrogate cannot)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
