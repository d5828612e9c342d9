"""What a way of reading makes of the beginning of a text file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from loader.sources.cover import Cover
from loader.sources.lines import count_lines
from loader.sources.quoting import AFTER_BLANK, AFTER_QUOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

HEAD = 1 << 16
# A delimiter with more ragged records in a hundred than this is not the file's.
_RAGGED = 10
_MOST_COLUMNS = 5000


@dataclass(slots=True)
class Trial:
    """The beginning of a file, read in some way.

    Attributes:
        cells: of the first record.
        first: they themselves.
        rows: the records after the first that have as many cells.
        ragged: how many of the others have how many cells.
        ended: how many of the others end with a delimiter.
        strays: quotes that stand where none should.
        swallowed: records that seem to hold several rows.
    """

    cells: int = 0
    first: list[str | None] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    ragged: Counter[int] = field(default_factory=Counter)
    ended: int = 0
    strays: int = 0
    swallowed: int = 0
    _delimiter: str = ","

    def __call__(self, row: csv.InvalidRow) -> Literal["skip"]:
        """Count a record with another number of cells."""
        self.ragged[row.actual_columns] += 1
        self.swallowed += count_lines(row.text, self._delimiter, row.expected_columns, exact=False) > 0
        self.ended += row.text.rstrip("\r\n").endswith(self._delimiter)
        return "skip"

    @property
    def faults(self) -> int:
        """What does not fit."""
        return self.ragged.total() + self.strays

    @property
    def other(self) -> int:
        """How many cells all records after the first have, if not as many as the first; or 0."""
        return next(iter(self.ragged)) if len(self.ragged) == 1 and not self.rows else 0

    @property
    def divides(self) -> bool:
        """Whether this gives a table of more than one column."""
        return self.cells > 1 and self.ragged.total() * 100 <= (len(self.rows) + 1) * _RAGGED


def try_form(text: str, delimiter: str, quote: str, escape: str = "", line_end: str = "") -> Trial:
    """Read the beginning of a file in this way; an empty trial if it cannot be read so."""
    cover = Cover(delimiter, quote, escape, line_end)
    covered = cover.take(text.encode(), last=True)
    trial = Trial(_delimiter=delimiter)
    try:
        table = read_records(covered, (delimiter, quote), types=_list_types(text, delimiter), ragged=trial)
    except pa.ArrowInvalid:
        return trial
    columns = [column.to_pylist() for column in cover.restore(table).columns]
    records = [list(record) for record in zip(*columns, strict=True)]
    trial.cells, trial.first, trial.rows = table.num_columns, records[0] if records else [], records[1:]
    # Only quotes keep the lines of a record together.
    if quote and quote in text:
        trial.swallowed += sum(
            count_lines(delimiter.join(map(str, record)), delimiter, trial.cells, exact=True) > 0
            for record in records
        )
    trial.strays = sum(covered.count(mark.encode()) for mark in (AFTER_QUOTE, AFTER_BLANK))
    return trial


def read_records(
    text: bytes,
    signs: tuple[str, str],
    names: Sequence[str] | None = None,
    types: Mapping[str, pa.DataType] | None = None,
    ragged: Callable[[csv.InvalidRow], Literal["skip", "error"]] | None = None,
) -> pa.Table:
    """Read a small text without a header, as `csvreader` reads a large one.

    Args:
        text: covered, and whole.
        signs: the delimiter, and the quote or "".
        names: of the columns; without them Arrow makes some up.
        types: of the columns by name.
        ragged: takes the records with another number of cells.

    Raises:
        pyarrow.ArrowInvalid: it cannot be read.
    """
    delimiter, quote = signs
    return csv.read_csv(
        _copy_for_arrow(text),
        read_options=csv.ReadOptions(
            use_threads=False,
            block_size=max(HEAD * 8, len(text) + 1),
            column_names=names,
            autogenerate_column_names=names is None,
        ),
        parse_options=csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote or False,
            newlines_in_values=bool(quote),
            invalid_row_handler=ragged,
        ),
        convert_options=csv.ConvertOptions(
            check_utf8=False,
            column_types=types or dict.fromkeys(names or (), pa.string()),
            strings_can_be_null=False,
        ),
    )


def _list_types(text: str, delimiter: str) -> dict[str, pa.DataType]:
    """Text for each column that there can be, under the names that Arrow makes up."""
    most = min(text.count(delimiter), _MOST_COLUMNS)
    return dict.fromkeys((f"f{number}" for number in range(most + 1)), pa.string())


def _copy_for_arrow(text: bytes) -> pa.Buffer:
    """A copy that Arrow's threads can drop without Python, even while the interpreter ends."""
    memory = pa.BufferOutputStream()
    memory.write(text)
    return memory.getvalue()
