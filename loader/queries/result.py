"""The result of a query as Arrow: its columns are checked before the first row, its rows as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types import carry_cells, find_refusal, plain_field
from loader.errors import SourceError, StoreAway
from loader.message import Message, Quote
from loader.queries.database import list_secrets
from loader.queries.tables import quote_name
from loader.secret import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

_MOST_NAMED = 10
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999
_DAY = 86_400


class QueryFailed(SourceError):
    """A query that did not come to its end: the database's own words, and what to do.

    Args:
        words: of the database.
        remedy: what to do, as sentences; or "".
        rows: how many had come before.
        what: what failed, as the beginning of a sentence.
    """

    def __init__(
        self, words: object, remedy: str = "", rows: int = 0, what: str = "The query failed"
    ) -> None:
        self._words, self._remedy, self._what = words, remedy, what
        said = hide_secrets(str(words).strip(), list_secrets())
        super().__init__(
            Message(
                "{what}{place}:\n{words}\n{remedy}Nothing was sent, and nothing of the result is kept.",
                what=what,
                place=f" after {rows:,} rows" if rows else "",
                words=Quote(said),
                remedy=f"{remedy} " if remedy else "",
            )
        )

    def after(self, rows: int) -> QueryFailed:
        """The same, after some rows had come."""
        return QueryFailed(self._words, self._remedy, rows, self._what)


class DatabaseAway(QueryFailed, StoreAway):
    """A database that does not answer, or that went away in the middle of a result.

    Args:
        words: of the database or its driver.
        rows: how many had come before.
    """

    def __init__(self, words: object, rows: int = 0) -> None:
        super().__init__(words, "The same command runs the query again.", rows)

    def after(self, rows: int) -> QueryFailed:
        """The same, after some rows had come."""
        return DatabaseAway(self._words, rows)


@dataclass(frozen=True, slots=True)
class Result:
    """A result on its way.

    Attributes:
        schema: its columns as the engine has them.
        batches: its rows.
        types: what the database calls the types of the columns; "" where Arrow's name will do.
        foreign: of each column, whether its type has no faithful form in Arrow; of none if it is empty.
        write_text: how a value X of a type is written as text in this database, by the type's name.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    types: Sequence[str] = ()
    foreign: Sequence[bool] = ()
    write_text: Callable[[str], str] = lambda _: "CAST(X AS VARCHAR)"

    def list_types(self) -> list[str]:
        """The type of each column, in the words of the database."""
        types = self.types or [""] * len(self.schema)
        return [said or str(field.type) for said, field in zip(types, self.schema, strict=True)]

    def list_foreign(self) -> Sequence[bool]:
        """Of each column, whether its type has no faithful form in Arrow."""
        return self.foreign or [False] * len(self.schema)


def read_batches(
    reader: Iterable[pa.RecordBatch], explain: Callable[[], AbstractContextManager[None]]
) -> Iterator[pa.RecordBatch]:
    """The parts of a result; what fails while one is read is explained by the engine."""
    parts, rows = iter(reader), 0
    while True:
        try:
            with explain():
                batch = next(parts, None)
        except QueryFailed as failure:
            raise failure.after(rows) from None
        if batch is None:
            return
        yield batch
        rows += batch.num_rows


def check_columns(result: Result) -> pa.Schema:
    """The columns as they travel.

    Raises:
        SourceError: two have one name, or a type has no meaning here; every such column is named.
    """
    refuse_names(result.schema.names)
    plain = [plain_field(field) for field in result.schema]
    refused = [
        f'"{field.name}" is of the type {said}. Write {result.write_text(said)} AS {quote_name(field.name)}, '
        "with what the query has for it now as X."
        for field, said, foreign in zip(plain, result.list_types(), result.list_foreign(), strict=True)
        if foreign or holds_refused(field.type)
    ]
    if refused:
        more = [f"… and {len(refused) - _MOST_NAMED} more"] if len(refused) > _MOST_NAMED else []
        lines = "\n  ".join([*refused[:_MOST_NAMED], *more])
        raise SourceError(
            f"The result has columns whose type cannot be sent as it is:\n  {lines}\n"
            "Or leave such columns out of the query. Nothing was sent."
        )
    return pa.schema(plain)


def holds_refused(kind: pa.DataType) -> bool:
    """Whether a type, or a member of it, cannot be sent."""
    if find_refusal(kind) is not None:
        return True
    return pa.types.is_nested(kind) and any(
        holds_refused(kind.field(place).type) for place in range(kind.num_fields)
    )


def refuse_names(names: Sequence[str]) -> None:
    """Refuse columns that no mapping could name.

    Raises:
        SourceError: one has no name, or two have one.
    """
    seen: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise SourceError(
                f"Column {place} of the result has no name. Give it one in the query: ... AS name."
            )
        first = seen.setdefault(name, place)
        if first != place:
            raise SourceError(
                f'The result has two columns with the name "{name}", {first} and {place}. Give one of them '
                f"another name in the query: ... AS {quote_name(name + '_2')}; or name the columns instead "
                "of writing *."
            )
    if not names:
        raise SourceError("The result has no columns. Give a SELECT.")


def carry_batch(batch: pa.RecordBatch, schema: pa.Schema, first: int) -> pa.RecordBatch:
    """A batch with its columns as they travel.

    Args:
        batch: of the engine.
        schema: as `check_columns` gave it.
        first: the number of its first row, from 0.

    Raises:
        SourceError: a cell has no meaning: an infinite time.
    """
    columns = [carry_cells(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    for column, field in zip(columns, schema, strict=True):
        refuse_infinite(column, field.name, first)
    return pa.record_batch(columns, schema=schema)


def refuse_infinite(column: pa.Array, name: str, first: int) -> None:
    """Refuse times beyond the years 1 to 9999: what databases write for infinity becomes such a time.

    Raises:
        SourceError: there is one, with its row.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        unit, numbers = _UNITS[kind.unit], column.cast(pa.int64())
        low, high = _FIRST_SECOND * unit, (_LAST_SECOND + 1) * unit - 1
    elif pa.types.is_date32(kind):
        numbers, low, high = column.cast(pa.int32()), _FIRST_SECOND // _DAY, _LAST_SECOND // _DAY
    else:
        return
    most = 2 ** (numbers.type.bit_width - 1) - 1
    low, high = max(low, -most), min(high, most)
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is None or (low <= ends["min"] and ends["max"] <= high):
        return
    outside = pc.or_(pc.less(numbers, low), pc.greater(numbers, high))
    row = first + pc.index(outside, pa.scalar(value=True)).as_py() + 1
    text = quote_name(name)
    raise SourceError(
        f'Row {row:,} of the result, column "{name}": the time is infinite, or beyond the years 1 to 9999. '
        f"If such times mean nothing, leave them empty in the query: CASE WHEN {text} BETWEEN '0001-01-01' "
        f"AND '9999-12-31' THEN {text} END AS {text}. Nothing was sent."
    )
