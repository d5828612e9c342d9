"""Records with another number of cells than the header: the reader skips them; here they keep their place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.model import Unreadable
from loader.sources.lines import count_lines
from loader.sources.nodata import COUNT, RULE, is_count, is_rule
from loader.sources.quoting import AFTER_BLANK, AFTER_QUOTE
from loader.sources.reasons import DELIMITER_IN_CELL, ESCAPED, NAME_ALL, SINGLE_QUOTES, explain_stray
from loader.sources.records import Slab
from loader.sources.swallowed import Swallowed
from loader.sources.trial import read_records, try_form
from loader.text.escape import quote
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from pyarrow.csv import InvalidRow

    from loader.sources.spoken import Spoken

# This many in a row mean another delimiter or another table, not damaged records.
MAX_RUN = 10_000


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that the reader skipped.

    Attributes:
        record: its number in the file, from 0.
        reason: why it cannot be read; "" if it can, as it is short and the rest is to be filled.
        text: what it is, if it can be read.
        cells: how many it has.
    """

    record: int
    reason: str
    text: str = ""
    cells: int = 0


@dataclass(slots=True)
class RaggedRows:
    """The `invalid_row_handler` of one pass; it may run ahead of the batch that the reader gives out.

    Attributes:
        spoken: how the text is written, if that is known.
        waiting: the skipped records not yet put back.
        end: number of the record after the last one that was put in its place.
        expected, actual: cells of the header and of the latest skipped record.
        latest: number of the latest skipped record.
        run: how many records up to that one were skipped without a good one between them.
        counted: by how much the reader's number of a record exceeds ours.
        swallowed: records that seem to hold several rows.
    """

    spoken: Spoken | None = None
    waiting: deque[Skipped] = field(default_factory=deque)
    end: int = 0
    expected: int = 0
    actual: int = 0
    latest: int = -1
    run: int = 0
    counted: int = 2
    swallowed: Swallowed = field(default_factory=Swallowed)

    def begin(self, record: int, *, header: bool) -> None:
        """A new reader begins at this record; it counts from 1, a header too, and blank lines not at all."""
        self.counted = 1 + header - record

    def __call__(self, row: InvalidRow) -> Literal["skip", "error"]:
        """Remember a record; the reader skips it, or gives up when there are too many in a row."""
        record = row.number - self.counted
        if self._fills and row.actual_columns < row.expected_columns and not _is_marked(row.text):
            self.waiting.append(Skipped(record, "", row.text, row.actual_columns))
            return "skip"
        self.run = self.run + 1 if record == self.latest + 1 else 1
        self.latest, self.expected, self.actual = record, row.expected_columns, row.actual_columns
        if self.hopeless:
            return "error"
        self._look_for_rows(record, row.text)
        self.waiting.append(Skipped(record, self._explain(row.text)))
        return "skip"

    @property
    def _fills(self) -> bool:
        return self.spoken is not None and bool(self.spoken.short_rows)

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
        first, back = self.end, list[Skipped]()
        while self.waiting and self.waiting[0].record - first - len(back) <= table.num_rows:
            back.append(self.waiting.popleft())
        self.end = first + table.num_rows + len(back)
        if not back:
            return Slab(first, table, {})
        places = np.array([skipped.record - first for skipped in back])
        readable = np.ones(self.end - first, dtype=bool)
        readable[places] = False
        rows = np.cumsum(readable) - 1
        short = [skipped for skipped in back if not skipped.reason]
        if short and self.spoken is not None:
            filled = np.array([not skipped.reason for skipped in back])
            rows[places[filled]] = table.num_rows + np.arange(len(short))
            readable[places[filled]] = True
            table = pa.concat_tables([table, _fill(short, table.schema, self.spoken)])
        unreadable = {skipped.record - first: skipped.reason for skipped in back if skipped.reason}
        return Slab(first, table.take(pa.array(rows, mask=~readable)), unreadable)

    def _look_for_rows(self, record: int, text: str) -> None:
        if self.spoken is None or ("\n" not in text and "\r" not in text):
            return
        lines = count_lines(text, self.spoken.delimiter, self.expected, exact=False)
        if lines and not self.spoken.quote_given:
            self.swallowed.add(record + 1, lines)

    def _count_cells(self) -> str:
        return f"the row has {count_things(self.actual, 'cell')}, the header has {self.expected}"

    def _explain(self, text: str) -> Unreadable:
        """Why a record cannot be read, and what to do."""
        shown = self.spoken.make_cover().show(text) if self.spoken else text
        if is_rule(shown):
            return RULE
        if is_count(shown):
            return COUNT
        return Unreadable.of(self._count_cells(), f": {quote(shown)}. {self._name_remedy(text)}")

    def _fits_single_quotes(self, text: str, spoken: Spoken) -> bool:
        return try_form(f"{text}\n", spoken.delimiter, "'").cells == self.expected

    def _name_remedy(self, text: str) -> str:
        if _is_marked(text):
            return explain_stray(text)
        if self.spoken and not self.spoken.escape and _seems_escaped(text, self.spoken.delimiter):
            return ESCAPED
        if self.actual <= self.expected:
            return (
                "Complete the row, or put cells that contain a line end into quotes. If rows end early "
                "because "
                'their last cells are empty, set short_rows = "fill" under [source] in the mapping file '
                "(--short-rows fill)."
            )
        if self.spoken and "'" in text and self._fits_single_quotes(text, self.spoken):
            return SINGLE_QUOTES
        if self.spoken and self.spoken.header and self.actual == self.expected + 1:
            return _explain_one_more(text, self.spoken.delimiter, self.latest)
        return DELIMITER_IN_CELL


def _explain_one_more(text: str, delimiter: str, record: int) -> str:
    """What to do about a row that has one cell more than the header."""
    if text.endswith(delimiter):
        return f"The row ends with a delimiter, and the header does not. {NAME_ALL}"
    if text.partition(delimiter)[0].strip("\"'") in {str(record), str(record + 1)}:
        return f"The row begins with its number, and the header has no name for that. {NAME_ALL}"
    return DELIMITER_IN_CELL


def _seems_escaped(text: str, delimiter: str) -> bool:
    return text.endswith("\\") or f"\\{delimiter}" in text


def _is_marked(text: str) -> bool:
    return AFTER_QUOTE in text or AFTER_BLANK in text


def _fill(short: Sequence[Skipped], schema: pa.Schema, spoken: Spoken) -> pa.Table:
    """The short records, with empty cells at their ends, in their order."""
    parts, order = [], np.empty(len(short), np.intp)
    done = 0
    for cells in sorted({skipped.cells for skipped in short}):
        chosen = [number for number, skipped in enumerate(short) if skipped.cells == cells]
        parts.append(_read_short([short[number].text for number in chosen], cells, schema, spoken))
        order[chosen] = done + np.arange(len(chosen))
        done += len(chosen)
    return pa.concat_tables(parts).take(pa.array(order))


def _read_short(texts: Sequence[str], cells: int, schema: pa.Schema, spoken: Spoken) -> pa.Table:
    """Records with the same number of cells, with empty ones at the end."""
    names = schema.names[:cells]
    table = read_records("\n".join(texts).encode(), (spoken.delimiter, spoken.quote), names)
    empty = pa.array([""] * len(texts), pa.string())
    columns = [*table.columns, *[empty] * (len(schema.names) - cells)]
    return pa.table(columns, schema=schema)
