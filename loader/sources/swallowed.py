"""Rows that a stray quote takes into one cell: legal CSV, and an account over too few rows.

The sign is sure enough: a record that holds line ends, and whose pieces, taken as lines, have as many
delimiters as a row of the table. A cell with honest line ends (an address, a message) has not.
In a file of failed rows more is known of each row: it has its state in a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError
from loader.message import Message
from loader.model import OWN_COLUMNS, State
from loader.sieve import Content
from loader.sources.advice import advise
from loader.sources.lines import count_lines, split_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from loader.sources.records import Slab

_LINE_ENDS = (b"\n", b"\r")
_STATE = f"{OWN_COLUMNS}state"
_STATES = {state.value for state in State}


@dataclass(slots=True)
class Swallowed:
    """The records of a file that seem to hold several rows.

    Attributes:
        row, lines: the first one, by its number from 1 (0 is the header), and its lines.
        records: how many there are.
        rows: lines of all of them.
    """

    row: int = 0
    lines: int = 0
    records: int = 0
    rows: int = 0

    def add(self, row: int, lines: int) -> None:
        """Count a record."""
        if not self.records or row < self.row:
            self.row, self.lines = row, lines
        self.records += 1
        self.rows += lines

    def take(self, others: Swallowed) -> None:
        """Count the records of another account too, and none of them there any more."""
        if others.records and (not self.records or others.row < self.row):
            self.row, self.lines = others.row, others.lines
        self.records, self.rows = self.records + others.records, self.rows + others.rows
        others.records = others.rows = 0

    def look_at_header(self, names: Sequence[str], delimiter: str) -> None:
        """Look at the names of columns; a table of one column may have a name over several lines."""
        lines = count_lines(delimiter.join(names), delimiter, len(names), exact=True)
        if lines and len(names) > 1:
            self.add(0, lines)

    def look(self, slab: Slab, delimiter: str) -> None:
        """Look at all records that hold line ends."""
        rows = _find_line_ends(slab.table)
        if not len(rows):
            return
        names = slab.table.column_names
        texts = _join_cells(slab.table.take(rows), delimiter)
        for row, text in zip(rows.tolist(), texts, strict=True):
            lines = 0 if text is None else count_lines(text, delimiter, len(names), exact=True)
            if lines and _have_states(text or "", delimiter, names):
                self.add(slab.first + row + 1, lines)

    def refuse(self, name: str) -> None:
        """Refuse the file if there are such records.

        Raises:
            SourceError: with the first of them, and how many there are.
        """
        if not self.records:
            return
        raise SourceError(
            Message(
                "{name}, {place}: a quote takes {lines:,} lines into one cell, and each of them has "
                "as many "
                "delimiters as a row. {all}{none}. If the cell is meant so, {meant}.",
                name=name,
                place=f"row {self.row:,}" if self.row else "in the header",
                lines=self.lines,
                all=""
                if self.records == 1
                else f"{self.records:,} records are like that, {self.rows:,} lines. ",
                none=advise("If quotes have no meaning in this file, give", "quote", '""'),
                meant=advise("give", "quote", "'\"'"),
            )
        )


def _find_line_ends(table: pa.Table) -> NDArray[np.intp]:
    """The rows that hold a line end within a cell."""
    found = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        if _holds_line_ends(column):
            mask = pc.or_(pc.match_substring(column, "\n"), pc.match_substring(column, "\r"))
            found |= mask.fill_null(fill_value=False).to_numpy()
    return np.flatnonzero(found)


def _holds_line_ends(column: pa.ChunkedArray) -> bool:
    """Whether there is one: in all cells at once, which is far faster than in each."""
    texts = [Content(chunk).bytes.tobytes() for chunk in column.chunks]
    return any(sign in text for text in texts for sign in _LINE_ENDS)


def _have_states(text: str, delimiter: str, names: Sequence[str]) -> bool:
    """Whether each line that can be a row has the state that it must have in a file of failed rows."""
    if _STATE not in names:
        return True
    lines = [line.split(delimiter) for line in split_lines(text)]
    return all(line[names.index(_STATE)] in _STATES for line in lines if len(line) == len(names))


def _join_cells(table: pa.Table, delimiter: str) -> list[str | None]:
    texts = pc.binary_join_element_wise(*table.columns, delimiter)
    found: list[str | None] = texts.to_pylist()
    return found
