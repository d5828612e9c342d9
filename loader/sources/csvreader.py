"""pyarrow's CSV reader, opened on a text in the way that the file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from loader.sources.ragged import RaggedRows
from loader.sources.textfile import TextFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.sources.content import Content
    from loader.sources.spoken import Spoken
    from loader.sources.textfile import NotText


def read_text(
    text: TextFile,
    spoken: Spoken,
    block: int,
    ragged: RaggedRows,
    columns: Sequence[str] = (),
    *,
    header: bool = True,
) -> csv.CSVStreamingReader:
    """Open the reader; without threads, since only then it tells the number of a ragged record.

    The columns named are text. For a look at a header alone none need be named.
    """
    return csv.open_csv(
        text,
        read_options=csv.ReadOptions(
            use_threads=False, block_size=block, column_names=None if header else list(columns)
        ),
        parse_options=csv.ParseOptions(
            delimiter=spoken.delimiter,
            quote_char=spoken.quote or False,
            newlines_in_values=bool(spoken.quote),
            invalid_row_handler=ragged,
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )


def place_of(found: NotText, content: Content, spoken: Spoken, block: int) -> str:
    """Row and column of a byte: the reader is given the text before it and asked where it got to."""
    try:
        names = spoken.columns if not spoken.header else _read_before(found, content, spoken, block, ())[0]
        names, rows, ragged = _read_before(found, content, spoken, block, names)
    except pa.ArrowInvalid:
        return f"byte {found.offset + 1:,}"
    row = rows + len(ragged.waiting)
    if row == 0:
        return "in the header"
    column = ragged.actual if ragged.latest == row - 1 else len(names)
    names = spoken.columns or names
    return f'row {row:,}, column "{names[column - 1]}"' if column <= len(names) else f"row {row:,}"


def _read_before(
    found: NotText, content: Content, spoken: Spoken, block: int, names: Sequence[str]
) -> tuple[Sequence[str], int, RaggedRows]:
    """Read what stands before a byte, with a sign in its place: the names, good records, and ragged ones."""
    ragged = RaggedRows()
    ragged.begin(0, header=spoken.header)
    with content.open() as raw:
        raw.seek(spoken.start)
        text = TextFile(raw, found.offset - spoken.start, encoding=spoken.encoding, tail=b"?\n")
        with read_text(text, spoken, block, ragged, names, header=spoken.header) as reader:
            rows = sum(batch.num_rows for batch in reader) if names else 0
            return reader.schema.names, rows, ragged
