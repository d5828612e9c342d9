"""Records with another number of cells than the header: the reader skips them; here they keep their place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.sources.records import Slab
from loader.text.escape import quote
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from typing import Literal

    from pyarrow.csv import InvalidRow

# This many in a row mean another delimiter or another table, not damaged records.
MAX_RUN = 10_000


@dataclass(slots=True)
class RaggedRows:
    """The `invalid_row_handler` of one pass; it may run ahead of the batch that the reader gives out.

    Attributes:
        waiting: number in the file, from 0, of each skipped record not yet put back, with the reason.
        end: number of the record after the last one that was put in its place.
        expected, actual: cells of the header and of the latest skipped record.
        latest: number of the latest skipped record.
        run: how many records up to that one were skipped without a good one between them.
        counted: by how much the reader's number of a record exceeds ours.
    """

    waiting: deque[tuple[int, str]] = field(default_factory=deque)
    end: int = 0
    expected: int = 0
    actual: int = 0
    latest: int = -1
    run: int = 0
    counted: int = 2

    def begin(self, record: int, *, header: bool) -> None:
        """A new reader begins at this record; it counts from 1, a header too, and blank lines not at all."""
        self.counted = 1 + header - record

    def __call__(self, row: InvalidRow) -> Literal["skip", "error"]:
        """Remember a record; the reader skips it, or gives up when there are too many in a row."""
        record = row.number - self.counted
        self.run = self.run + 1 if record == self.latest + 1 else 1
        self.latest, self.expected, self.actual = record, row.expected_columns, row.actual_columns
        if self.hopeless:
            return "error"
        self.waiting.append((record, f"{self._count_cells()}: {quote(row.text)}. {self._name_remedy()}"))
        return "skip"

    @property
    def hopeless(self) -> bool:
        """This is not the table that the header describes."""
        return self.run > MAX_RUN

    def explain(self) -> str:
        """Why it is hopeless."""
        return (
            f"{MAX_RUN:,} consecutive rows, up to row {self.latest:,}, do not fit the header "
            f"({self._count_cells()}). Is the delimiter wrong, or are there two tables in one file?"
        )

    def put_back(self, table: pa.Table) -> Slab:
        """The next records of the file: those of `table`, with the ragged ones among and right after them."""
        first, unreadable = self.end, dict[int, str]()
        while self.waiting and self.waiting[0][0] - first - len(unreadable) <= table.num_rows:
            record, reason = self.waiting.popleft()
            unreadable[record - first] = reason
        self.end = first + table.num_rows + len(unreadable)
        if not unreadable:
            return Slab(first, table, {})
        readable = np.ones(self.end - first, dtype=bool)
        readable[list(unreadable)] = False
        rows = pa.array(np.cumsum(readable) - 1, mask=~readable)
        return Slab(first, table.take(rows), unreadable)

    def _count_cells(self) -> str:
        return f"the row has {count_things(self.actual, 'cell')}, the header has {self.expected}"

    def _name_remedy(self) -> str:
        if self.actual > self.expected:
            return "Put cells that contain the delimiter into quotes."
        return "Complete the row, or put cells that contain a line end into quotes."
