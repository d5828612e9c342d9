"""Rows that are no data: the header again, and lines drawn between rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.model import Unreadable
from loader.sieve import Content, Pattern, Places, Sieve

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from loader.sieve import Positions

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
_COUNT = re.compile(
    r"\(?\d[\d,.]* rows?(?: (?:affected|selected|returned|in set))?\)?\.?(?: \([\d.,]+ sec\))?", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*%?")
_RULE_BYTES = [chr(byte) in " \t\0" or bool(re.match(f"[{_PUNCTUATION}]", chr(byte))) for byte in range(128)]
# Others than ASCII begin with a byte that tells nothing, and are looked at.
_MAY_BEGIN_RULE = np.array([*_RULE_BYTES, *[True] * 128])
#: Bytes with which what stands around a name can begin and end.
_AROUND_BYTES = frozenset(_AROUND.encode()) | frozenset(range(0x80, 0x100))
_TOTALS = Pattern(
    "total",
    rf"(?i)^[{_INVISIBLE}]*(?:grand |sub-?)?totals?:?[{_INVISIBLE}]*$",
    (Places(first=_AROUND_BYTES | set(b"gstGST"), last=_AROUND_BYTES | set(b"lsLS:")),),
    frozenset(b"tT"),
)
_COUNTS = Pattern("count", " (?i:row)", (Places(first=_AROUND_BYTES | set(b"(0123456789")),), frozenset(b" "))
_BELOW = Sieve([_TOTALS, _COUNTS])


def is_rule(text: str) -> bool:
    """Whether a text is made of punctuation and blanks alone."""
    return _RULE.fullmatch(text) is not None


def is_count(text: str) -> bool:
    """Whether a text is what psql, sqlcmd and their like write below a table: how many rows it has."""
    return _COUNT.fullmatch(text.strip(_AROUND)) is not None


class NoDataFinder:
    """Finds the rows that are no data.

    Args:
        headers: names of the columns that a row may repeat.
    """

    def __init__(self, headers: Sequence[Sequence[str]]) -> None:
        self._headers = [_Header([name.strip(_AROUND) for name in names]) for names in headers]

    def find(
        self, table: pa.Table, unreadable: Collection[int] = (), *, at_end: bool | None
    ) -> dict[int, str]:
        """These rows, with the reason.

        A total stands below the rows: what begins with the word elsewhere may be data, say a plan.

        Args:
            table: columns of text.
            unreadable: rows of the table that are no records of it.
            at_end: whether the input ends with the table; None if that is not known, and then each row counts
                that looks like a total.
        """
        found: dict[int, str] = dict.fromkeys(_find_rules(table), RULE)
        below, totals = _find_below(table)
        found |= dict.fromkeys(below, COUNT)
        for header in self._headers:
            found |= dict.fromkeys(header.find(table), HEADER_AGAIN)
        for row, word in reversed(totals.items()):
            next_row = row + 1
            is_last = next_row == table.num_rows and at_end
            ends = is_last or next_row in unreadable or (next_row in found and totals.get(next_row) != word)
            if at_end is None or ends:
                found[row] = TOTAL
        return found


class _Header:
    """Finds a row of these names, in whatever case, and whatever stands invisibly around them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._wanted = [name.casefold() for name in names]
        # A row is known by its first name; the first column may have none.
        self._column = next((at for at, name in enumerate(names) if name), 0)
        self._sieve = Sieve([_make_pattern(names[self._column])])

    def __reduce__(self) -> tuple[type[_Header], tuple[Sequence[str]]]:
        """How it travels: the names alone, because the tables made of them take 50 KB."""
        return _Header, (self._names,)

    def find(self, table: pa.Table) -> list[int]:
        """The rows."""
        for _, rows in self._sieve.find(_combine(table.column(self._column))):
            return [row for row, cells in _read_rows(table, self._narrow(table, rows)) if self._is_in(cells)]
        return []

    def _narrow(self, table: pa.Table, rows: Positions) -> Positions:
        """Those of the rows that hold each name: a name may be a value too, and then in many rows."""
        for number, name in enumerate(self._names):
            found = pc.match_substring(table.column(number).take(pa.array(rows)), name, ignore_case=True)
            rows = rows[found.fill_null(fill_value=False).to_numpy()]
        return rows

    def _is_in(self, cells: Sequence[str]) -> bool:
        return [cell.strip(_AROUND).casefold() for cell in cells] == self._wanted


def _make_pattern(name: str) -> Pattern:
    """A cell that holds just this name."""
    first, second, last = map(_find_bytes, (name[:1], name[1:2], name[-1:]))
    places = (
        Places(first=first, second=second or {*_AROUND_BYTES, 0}, last=last | _AROUND_BYTES),
        Places(first=_AROUND_BYTES, last=last | _AROUND_BYTES),
    )
    around = re.escape(_AROUND)
    return Pattern("header", f"(?i)^[{around}]*{re.escape(name)}[{around}]*$", places)


def _find_bytes(sign: str) -> frozenset[int]:
    """The bytes of a character of whatever case; any beyond ASCII, if it is not of that."""
    found = frozenset(f"{sign.lower()}{sign.upper()}".encode())
    return found if sign.isascii() else frozenset(range(256))


def _find_below(table: pa.Table) -> tuple[list[int], dict[int, str]]:
    """The rows with nothing but how many rows there are, and the rows of totals, each with its word."""
    counts: list[int] = []
    totals: dict[int, str] = {}
    for pattern, rows in _BELOW.find(_combine(table.column(0))):
        for row, cells in _read_rows(table, rows):
            if pattern is _TOTALS and _is_total(cells):
                totals[row] = cells[0]
            elif pattern is _COUNTS and is_count("".join(cells)):
                counts.append(row)
    return counts, totals


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


def _is_total(cells: Sequence[str]) -> bool:
    """Whether the cells behind the word are numbers, one at least."""
    filled = [cell for cell in (cell.strip(_INVISIBLE) for cell in cells[1:]) if cell]
    return bool(filled) and all(map(_NUMBER.fullmatch, filled))


def _look_at_first_bytes(column: pa.ChunkedArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells are empty, and which begin as one of punctuation does."""
    content = Content(_combine(column))
    starts, lengths = content.bounds()
    empty = lengths == 0
    if not len(content.bytes):
        return empty, np.zeros(len(empty), dtype=bool)
    return empty, _MAY_BEGIN_RULE.take(content.bytes.take(starts, mode="clip"))


def _combine(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _read_rows(table: pa.Table, rows: Positions) -> list[tuple[int, list[str]]]:
    columns = [column.to_pylist() for column in table.take(pa.array(rows)).columns]
    return [
        (row, [cell or "" for cell in cells])
        for row, cells in zip(rows.tolist(), zip(*columns, strict=True), strict=True)
    ]
