"""Rows that are no data: the header again, and lines drawn between rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from loader.model import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

HEADER_AGAIN = Unreadable.of(
    "the row is the header again, not data",
    ": parts of a file that were put together have one each; remove it.",
)
RULE = Unreadable.of(
    "the row is made of punctuation alone", ": a line that is drawn between rows is not data. Remove it."
)

COUNT = Unreadable.of(
    "the row is a database's count of the rows above, not data",
    ": no device or user has such a name. Remove it.",
)
TOTAL = "the row is a total of the rows above, not data: no device or user has such a name. Remove it."

# What may stand around a name without being seen: blanks, byte order marks, joiners, NUL.
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\0 \t\r\n\xa0"
# Behind a byte order mark within a file, quotes are characters like others.
_AROUND = _INVISIBLE + "\"'"
_PUNCTUATION = r"!-/:-@\[-`{-~\u2010-\u2015\u2500-\u257f"
_RULE = re.compile(rf"[{_PUNCTUATION}{_INVISIBLE}]*[{_PUNCTUATION}][{_PUNCTUATION}{_INVISIBLE}]*")
_TOTAL = re.compile(r"(grand |sub-?)?totals?:?", re.IGNORECASE)
_COUNT = re.compile(
    r"\(?\d[\d,.]* rows?(?: (?:affected|selected|returned|in set))?\)?\.?(?: \([\d.,]+ sec\))?", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*%?")
_RULE_BYTES = np.array(
    [chr(byte) in " \t\0" or bool(re.match(f"[{_PUNCTUATION}]", chr(byte))) for byte in range(128)]
)
# Others than ASCII begin with a byte that tells nothing, and are looked at.
_MAY_BEGIN_RULE = np.concatenate([_RULE_BYTES, np.ones(128, dtype=bool)])


def holds(column: pa.ChunkedArray, text: str) -> bool:
    """Whether a text may stand in a column: all cells at once, which is far faster than each."""
    return any(text.encode() in _read_cells(chunk) for chunk in column.chunks)


def _holds_in_any_case(column: pa.ChunkedArray, name: str) -> bool:
    if not name.isascii():
        return True
    wanted = name.lower().encode()
    return any(wanted in _read_cells(chunk).lower() for chunk in column.chunks)


def _read_cells(chunk: pa.StringArray) -> bytes:
    cells = chunk.buffers()[2] if len(chunk) else None
    return b"" if cells is None else cells.to_pybytes()


def is_rule(text: str) -> bool:
    """Whether a text is made of punctuation and blanks alone."""
    return _RULE.fullmatch(text) is not None


def is_count(text: str) -> bool:
    """Whether a text is what psql, sqlcmd and their like write below a table: how many rows it has."""
    return _COUNT.fullmatch(text.strip(_AROUND)) is not None


def find_no_data(
    table: pa.Table,
    headers: Sequence[Sequence[str]],
    unreadable: Collection[int] = (),
    *,
    at_end: bool | None,
) -> dict[int, str]:
    """The rows that are no data, with the reason.

    A total stands below the rows: what begins with the word elsewhere may be data, a plan of that name say.

    Args:
        table: columns of text.
        headers: names of the columns that a row may repeat.
        unreadable: rows of the table that are no records of it.
        at_end: whether the input ends with the table; None if that is not known, and then each row counts
            that looks like a total.
    """
    found: dict[int, str] = dict.fromkeys(_find_rules(table), RULE)
    found |= dict.fromkeys(_find_counts(table), COUNT)
    for names in headers:
        found |= dict.fromkeys(_find_names(table, [name.strip(_AROUND) for name in names]), HEADER_AGAIN)
    totals = _find_totals(table)
    for row, word in reversed(totals.items()):
        below = row + 1
        is_last = below == table.num_rows and at_end
        ends = is_last or below in unreadable or (below in found and totals.get(below) != word)
        if at_end is None or ends:
            found[row] = TOTAL
    return found


def _find_names(table: pa.Table, names: Sequence[str]) -> list[int]:
    """The rows whose cells are these names, in whatever case, and whatever stands invisibly around them."""
    rows = np.arange(table.num_rows)
    for number, name in enumerate(names):
        column = table.column(number)
        if not _holds_in_any_case(column, name):
            return []
        column = column if len(rows) == len(column) else column.take(rows)
        found = pc.match_substring(column, name, ignore_case=True)
        rows = rows[found.fill_null(fill_value=False).to_numpy()]
        if not len(rows):
            return []
    wanted = [name.casefold() for name in names]
    return [
        row
        for row, cells in _read_rows(table, rows)
        if [cell.strip(_AROUND).casefold() for cell in cells] == wanted
    ]


def _find_rules(table: pa.Table) -> list[int]:
    """The rows in which all cells that are not empty are made of punctuation."""
    possible = np.ones(table.num_rows, dtype=bool)
    filled = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        empty, begins = _look_at_first_bytes(column)
        possible &= empty | begins
        filled |= ~empty
        if not possible.any():
            return []
    rows = np.flatnonzero(possible & filled)
    return [row for row, cells in _read_rows(table, rows) if is_rule("".join(cells))]


def _find_totals(table: pa.Table) -> dict[int, str]:
    """The rows of the word total and nothing but numbers after that, one at least, each with its word."""
    column = table.column(0)
    if not (holds(column, "otal") or holds(column, "OTAL")):
        return {}
    possible = pc.or_(pc.match_substring(column, "otal"), pc.match_substring(column, "OTAL"))
    rows = np.flatnonzero(possible.fill_null(fill_value=False).to_numpy())
    return {row: cells[0] for row, cells in _read_rows(table, rows) if _is_total(cells)} if len(rows) else {}


def _find_counts(table: pa.Table) -> list[int]:
    """The rows that hold nothing but how many rows there are."""
    column = table.column(0)
    if not holds(column, " row"):
        return []
    possible = pc.match_substring(column, " row")
    rows = np.flatnonzero(possible.fill_null(fill_value=False).to_numpy())
    return [row for row, cells in _read_rows(table, rows) if is_count("".join(cells))] if len(rows) else []


def _is_total(cells: Sequence[str]) -> bool:
    first, *rest = (cell.strip(_INVISIBLE) for cell in cells)
    filled = [cell for cell in rest if cell]
    return bool(_TOTAL.fullmatch(first) and filled and all(map(_NUMBER.fullmatch, filled)))


def _look_at_first_bytes(column: pa.ChunkedArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells are empty, and which begin as one of punctuation does."""
    cells = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if not len(cells):
        return np.ones(0, dtype=bool), np.ones(0, dtype=bool)
    _, ends, text = cells.buffers()
    offsets = np.frombuffer(ends, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    empty = offsets[1:] == offsets[:-1]
    if text is None or empty.all():
        return empty, np.zeros(len(cells), dtype=bool)
    signs = np.frombuffer(text, np.uint8)
    return empty, _MAY_BEGIN_RULE[signs[np.minimum(offsets[:-1], len(signs) - 1)]]


def _read_rows(table: pa.Table, rows: NDArray[np.intp]) -> list[tuple[int, list[str]]]:
    columns = [column.to_pylist() for column in table.take(rows).columns]
    return [
        (row, [cell or "" for cell in cells])
        for row, cells in zip(rows.tolist(), zip(*columns, strict=True), strict=True)
    ]
