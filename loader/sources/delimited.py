"""CSV and TSV: one file -> slabs of text columns, by pyarrow's reader.

Decided here, each with a test:
- A record with another number of cells than the header keeps its ordinal and is listed as unreadable.
- Blank lines are no records. Line ends may be mixed; the last may be missing. A byte order mark is dropped.
- A quote that is never closed is refused: it would swallow the rest of the file into one cell.
- A NUL is a character like others, but a file full of them is UTF-16 and refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
from pyarrow import csv

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources.boundaries import RecordEnds
from loader.sources.ragged import RaggedRows
from loader.sources.records import Slab, brief, checked_names, recognised
from loader.sources.segments import Surveyed, slabs_from
from loader.sources.textfile import NotUtf8, TextFile, encoding_advice, refuse_wide_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.model import Mark
    from loader.sources.inputfile import InputFile, WatchedFile

# A record may span two blocks of the reader, not three. The small block keeps memory flat and is as fast as
# larger ones (1 M rows of 9 columns on one core: 2.5 M rows/s with 0.5 MB, 2.8 M with 1 MB, 2.3 M with 4 MB).
# A file with a longer record is begun again with the large block, which takes 240 MB of memory, not 80.
BLOCK = 1 << 20
LARGE_BLOCK = 12 << 20

# pyarrow's words for a record over two block ends, and for a header that does not end within the first block.
_RECORD_TOO_LONG = "straddling object"
_HEADER_TOO_LONG = "cannot infer number of columns"

T = TypeVar("T")

_HEAD = 4096
_LAST = "end of file"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written.

    Attributes:
        delimiter: the one character between cells.
    """

    delimiter: str = ","


class _RecordTooLong(Exception):
    """A record, or the header, does not fit into the small block."""


class DelimitedFile:
    """A CSV or TSV file; every cell is text, an empty one the empty text.

    Raises:
        SourceError: at once where the header cannot be used or the beginning is not UTF-8 text.
    """

    def __init__(self, file: InputFile, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._block = BLOCK
        self._marks: tuple[Mark, ...] = ()
        head = file.head(_HEAD)
        refuse_wide_text(file, head)
        if not head.removeprefix(b"\xef\xbb\xbf").strip():
            raise SourceError(f"{file.name}: is empty, it has not even a header. Was the export cut off?")
        names = self._with_room(self._header)
        _refuse_other_delimiter(names, file.name)
        checked_names(names, file.name)
        self.schema = pa.schema([(name, pa.string()) for name in names])

    @property
    def name(self) -> str:
        """The path as the person gave it."""
        return self._file.name

    def survey(self, known: Sequence[FileRecord] = ()) -> FileRecord:
        """Hash, count and check in one pass; where the file is a known one, only hash.

        Raises:
            SourceError: not UTF-8, a quote left open, a record that is too long, or no table at all.
        """
        record = recognised(self._file, known) or self._with_room(self._survey)
        self._marks = record.marks
        return record

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on; reading begins at the mark before it."""
        wanted = first
        try:
            with self._file.open() as file:
                for slab in slabs_from(first, self._marks, file, self._file.stamp.size, self._parsed):
                    if slab.end > wanted:
                        yield slab.between(max(wanted, slab.first), slab.end)
                        wanted = slab.end
        except _RecordTooLong:
            self._block = LARGE_BLOCK
            yield from self.slabs(wanted)

    def _survey(self) -> FileRecord:
        # The reader takes a quote that is still open at the end for closed. A last record of our own tells:
        # within an open quote it is only more text of the last cell and does not come out as a record.
        sentinel = [_LAST] + [""] * (len(self.schema) - 1)
        tail = "\n" + self._dialect.delimiter.join(sentinel) + "\n"
        last = None
        with self._file.open() as file:
            surveyed = self._surveyed(file, tail.encode())
            for last in surveyed.slabs(self._parsed):  # noqa: B007 - only the last one is of interest
                pass
        if last is None or _last_record(last) != sentinel:
            row = last.end if last else 0
            raise SourceError(
                f"{self.name}, row {row:,}: a quote is opened and never closed, so the rest of the file is "
                "one cell. Close or double that quote, or export the file again."
            )
        rows, marks = last.end - 1, tuple(surveyed.marks)
        return FileRecord(self.name, self._file.stamp.size, surveyed.sha256(), rows, marks)

    def _surveyed(self, file: WatchedFile, tail: bytes) -> Surveyed:
        delimiter = self._dialect.delimiter.encode()
        ends = partial(RecordEnds, delimiter, b'"')
        return Surveyed(file, self._file.stamp.size, self._block, ends, tail=tail)

    def _header(self) -> list[str]:
        ragged = RaggedRows()
        with self._file.open() as file, self._explained(ragged):
            text = TextFile(file, self._file.stamp.size)
            with _open(text, self._dialect, self._block, ragged) as reader:
                return _names(reader)

    def _parsed(self, text: TextFile, ragged: RaggedRows) -> Iterator[Slab]:
        """All records of a text that begins with the header or with a record; ragged ones in their place."""
        columns = self.schema.names
        with (
            self._explained(ragged),
            _open(text, self._dialect, self._block, ragged, columns, header=text.start == 0) as reader,
        ):
            for batch in reader:
                slab = ragged.put_back(pa.Table.from_batches([batch]))
                if slab.table.num_rows:
                    yield slab
        rest = ragged.put_back(self.schema.empty_table())
        if rest.table.num_rows:
            yield rest

    def _with_room(self, read: Callable[[], T]) -> T:
        """Read; where a record does not fit, once more with the large block, and keep to that."""
        try:
            return read()
        except _RecordTooLong:
            self._block = LARGE_BLOCK
            return read()

    @contextmanager
    def _explained(self, ragged: RaggedRows) -> Iterator[None]:
        """Turn the reader's errors into sentences."""
        try:
            yield
        except NotUtf8 as found:
            place = _place(self._file, self._dialect, found)
            raise SourceError(f"{self.name}, {place}: {encoding_advice(found)}") from None
        except pa.ArrowInvalid as failure:
            if ragged.hopeless:
                raise SourceError(f"{self.name}: {ragged.complaint()}") from None
            if _is_too_long(failure):
                raise self._too_long(failure, ragged.end) from None
            raise SourceError(f"{self.name}: cannot be read as CSV: {failure}") from failure

    def _too_long(self, failure: pa.ArrowInvalid, row: int) -> Exception:
        if self._block < LARGE_BLOCK:
            return _RecordTooLong()
        if _HEADER_TOO_LONG in str(failure):
            return SourceError(f"{self.name}: the header does not end. Close or remove the quote in it.")
        return SourceError(
            f"{self.name}: somewhere after row {row:,} a record is longer than {LARGE_BLOCK >> 20} MB. "
            "Most often a quote is opened and never closed; if the record is meant, "
            "shorten it: no request that large would be taken."
        )


def _open(
    text: TextFile,
    dialect: Dialect,
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
            delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=ragged
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )


def _names(reader: csv.CSVStreamingReader) -> list[str]:
    names: list[str] = reader.schema.names
    return names


def _last_record(slab: Slab) -> list[str | None]:
    (record,) = slab.table.slice(slab.table.num_rows - 1).to_pylist()
    return list(record.values())


def _is_too_long(failure: pa.ArrowInvalid) -> bool:
    return _RECORD_TOO_LONG in str(failure) or _HEADER_TOO_LONG in str(failure)


def _place(file: InputFile, dialect: Dialect, found: NotUtf8) -> str:
    """Row and column of a byte: the reader is given the text before it and asked where it got to."""
    try:
        with _before(file, dialect, found, RaggedRows(), []) as reader:
            names = _names(reader)
        ragged = RaggedRows()
        with _before(file, dialect, found, ragged, names) as reader:
            whole = sum(batch.num_rows for batch in reader)
    except pa.ArrowInvalid:
        return f"byte {found.offset + 1:,}"
    row = whole + len(ragged.waiting)
    if row == 0:
        return "in the header"
    column = ragged.actual if ragged.latest == row - 1 else len(names)
    return f'row {row:,}, column "{names[column - 1]}"' if column <= len(names) else f"row {row:,}"


@contextmanager
def _before(
    file: InputFile, dialect: Dialect, found: NotUtf8, ragged: RaggedRows, names: list[str]
) -> Iterator[csv.CSVStreamingReader]:
    """The reader over what stands before a byte, with a sign in the place of that byte."""
    with (
        file.open() as raw,
        _open(TextFile(raw, found.offset, tail=b"?\n"), dialect, LARGE_BLOCK, ragged, names) as reader,
    ):
        yield reader


def _refuse_other_delimiter(names: list[str], where: str) -> None:
    found = [sign for sign in (";", "\t", "|") if len(names) == 1 and sign in names[0]]
    if not found:
        return
    remedy = "Name the file .tsv." if found[0] == "\t" else "Export it with commas."
    shown = "a tab" if found[0] == "\t" else f'"{found[0]}"'
    raise SourceError(
        f"{where}: the header is a single column, {brief(names[0])}: the delimiter "
        f"seems to be {shown}. {remedy}"
    )
