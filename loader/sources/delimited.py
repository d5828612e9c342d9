"""CSV and TSV: one file -> slabs of text columns, by pyarrow's reader.

Decided here, each with a test:
- A record with another number of cells than the header keeps its ordinal and is listed as unreadable.
- Blank lines are not records. Line ends may be mixed; the last may be missing. A byte order mark is dropped.
- A quote that is never closed is refused: it would swallow the rest of the file into one cell.
- A NUL is a character like any other, but a file full of them is UTF-16.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from loader.errors import SourceError
from loader.message import Message
from loader.model import FileRecord
from loader.sources.advice import advise
from loader.sources.boundaries import RecordEnds
from loader.sources.content import Damaged, Packed
from loader.sources.csvreader import Batches, name_place
from loader.sources.encodings import advise_encoding
from loader.sources.latepairs import LatePairs
from loader.sources.nodata import NoDataFinder
from loader.sources.ragged import RaggedRows
from loader.sources.reasons import find_strays, refuse_stray
from loader.sources.records import NOBODY, Slab, check_names, empty_records, recognise_file
from loader.sources.segments import Surveyed, Text, read_slabs
from loader.sources.spoken import settle_form
from loader.sources.swallowed import Swallowed
from loader.sources.textfile import NotText, TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.dialect import Dialect
    from loader.model import Mark
    from loader.sources.content import Content, SourceFile
    from loader.sources.cover import Cover
    from loader.sources.records import Onlooker

# A record may span two blocks of the reader, not three. The small block keeps memory flat and is as fast as
# larger ones (1 M rows of 9 columns on one core: 2.5 M rows/s with 0.5 MB, 2.8 M with 1 MB, 2.3 M with 4 MB).
# A file with a longer record is begun again with the large block, which takes 240 MB of memory, not 80.
BLOCK = 1 << 20
LARGE_BLOCK = 12 << 20

# pyarrow's words for a record over two block ends, and for a header that does not end within the first block.
_RECORD_TOO_LONG = "straddling object"
_HEADER_TOO_LONG = "cannot infer number of columns"

T = TypeVar("T")

_LAST = "end of file"


class _RecordTooLong(Exception):
    """A record, or the header, does not fit into the small block."""


class DelimitedFile:
    """A CSV or TSV file; every cell is text, an empty one the empty text.

    Args:
        file: the file.
        content: what is in it.
        dialect: what is known of how it is written.
        usual: the delimiter that its name promises.

    Raises:
        SourceError: at once if the header cannot be used or the beginning is not text.
    """

    def __init__(self, file: SourceFile, content: Content, dialect: Dialect, usual: str) -> None:
        self._file = file
        self._content = content
        self._block = BLOCK
        self._marks: tuple[Mark, ...] = ()
        self._spoken = settle_form(content, dialect, usual)
        quote = self._spoken.quote.encode()
        ends = partial(RecordEnds, self._spoken.delimiter.encode(), quote)
        self._text = Text(
            content,
            self._spoken.encoding,
            self._spoken.start,
            self._spoken.header,
            ends,
            self._make_cover,
            partial(RaggedRows, self._spoken),
        )
        self._rows: int | None = None  # known after the survey
        self._swallowed: Swallowed | None = None
        self._late = LatePairs(open=self._spoken.escape_open, escape=bool(self._spoken.escape))
        self._soiled = self._clean = False  # whether a survey found, or found no, rows to look out for
        self._given = self._read_with_room(self._read_header) if self._spoken.header else self._spoken.columns
        refuse_stray(self._given, file.name)
        self._header = self._restore_names(self._given) if self._spoken.header else self._given
        self._columns = self._name_columns()
        check_names(self._columns, file.name)
        self._no_data = NoDataFinder(list(dict.fromkeys((tuple(self._header), self._columns))))
        self.schema = pa.schema([(name, pa.string()) for name in self._columns])

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read, as `Dialect.read` understands what stands after the colon."""
        packed = f" in {self._content.packing}" if isinstance(self._content, Packed) else ""
        return f"CSV{packed}: {self._spoken.written}"

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Hash, count and check in one pass; if the file is a known one, only hash.

        Raises:
            SourceError: a byte that is not text, a quote left open, a record that is too long, or no table.
        """
        record = recognise_file(self._file, self.form, known) or self._read_with_room(
            partial(self._survey, onlooker)
        )
        self._swallowed = None
        self._marks, self._rows = record.marks, record.rows
        return record

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on; reading begins at the mark before it."""
        wanted = first
        try:
            for slab in read_slabs(first, self._marks, self._text, self._parse):
                if slab.end > wanted:
                    yield slab.between(max(wanted, slab.first), slab.end)
                    wanted = slab.end
        except _RecordTooLong:
            self._block = LARGE_BLOCK
            yield from self.slabs(wanted)

    def _survey(self, onlooker: Onlooker) -> FileRecord:
        # The reader takes a quote that is still open at the end for closed. A last record of our own tells:
        # within an open quote it is only more text of the last cell and does not come out as a record.
        sentinel = [_LAST.replace(self._spoken.delimiter, "")] + [""] * (len(self.schema) - 1)
        tail = "\n" + self._spoken.delimiter.join(sentinel) + "\n"
        last = None
        surveyed = Surveyed(self._text, self._block, tail=tail.encode())
        self._swallowed, self._soiled = Swallowed(), False
        if self._looks_within_cells:
            self._swallowed.look_at_header(self._header, self._spoken.delimiter)
        for slab in surveyed.slabs(self._parse):
            if last is not None:
                onlooker.see(last)
            last = slab
        if last is None or _take_last_record(last) != sentinel:
            row = last.end if last else 0
            raise SourceError(
                Message(
                    "{name}, row {row:,}: a quote is opened and never closed, so the rest of the file "
                    "is one cell. "
                    "Close or double that quote, or export the file again. {none}.",
                    name=self.name,
                    row=row,
                    none=advise("If quotes have no meaning in the file, give", "quote", '""'),
                )
            )
        self._swallowed.refuse(self.name)
        self._late.refuse(self.name)
        self._clean = not self._soiled
        rows, marks = last.end - 1, tuple(surveyed.marks)
        onlooker.see(last.between(last.first, rows))
        unpacked = surveyed.sha256()
        sha256 = unpacked if self._content is self._file else self._file.sha256()
        return FileRecord(self.name, self._file.size, sha256, rows, marks, self.form, unpacked)

    def _read_header(self) -> tuple[str, ...]:
        ragged = RaggedRows()
        with self._content.open() as file, self._explain_failure(ragged):
            file.seek(self._spoken.start)
            text = TextFile(file, encoding=self._spoken.encoding, cover=self._spoken.make_cover())
            with Batches(text, self._spoken, self._block, ragged) as batches:
                return batches.names

    def _restore_names(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names as they are meant; the reader knows them covered."""
        table = pa.table({"name": pa.array(names, pa.string())})
        return tuple(self._spoken.make_cover().restore(table)["name"].to_pylist())

    def _name_columns(self) -> tuple[str, ...]:
        """The names of the columns: the given names, or else those in the header."""
        names = self._spoken.columns or self._header
        if len(names) != len(self._header):
            raise SourceError(
                f"{self.name}: the header has {len(self._header)} columns, and {len(names)} names are given "
                "for them. Give a name for each."
            )
        return names

    def _parse(self, text: TextFile, ragged: RaggedRows) -> Iterator[Slab]:
        """All records of a text that begins with the header or with a record; ragged ones in their place."""
        header = self._spoken.header and text.start == self._spoken.start
        with (
            self._explain_failure(ragged),
            Batches(text, self._spoken, self._block, ragged, self._given, header=header) as batches,
        ):
            for batch in batches:
                table = pa.Table.from_batches([batch]).rename_columns(list(self._columns))
                yield from self._finish(ragged.put_back(table), text)
        yield from self._finish(ragged.put_back(self.schema.empty_table()), text)
        if self._swallowed is not None:
            self._swallowed.take(ragged.swallowed)

    def _finish(self, slab: Slab, text: TextFile) -> Iterator[Slab]:
        """The records with what is no data named, and each cell as it was meant."""
        if not slab.table.num_rows:
            return
        cover = text.cover
        if cover.quoted and self._swallowed is not None and self._looks_within_cells:
            self._swallowed.look(slab, self._spoken.delimiter)
        if self._swallowed is not None:
            self._late.look(slab, quoted=cover.quoted)
        if not self._clean:
            slab = self._name_faults(slab, marked=cover.marked)
        yield replace(slab, table=cover.restore(slab.table))

    def _make_cover(self) -> Cover:
        """What covers the text of a segment; a file without stray quotes needs no marks of them."""
        return self._spoken.make_cover(marks=not self._clean)

    @property
    def _looks_within_cells(self) -> bool:
        """Whether a quote can have taken rows into a cell."""
        return not (self._spoken.quote_given or self._spoken.all_quoted)

    def _name_faults(self, slab: Slab, *, marked: bool) -> Slab:
        """The records with what is no data, and with what holds a stray quote, named."""
        at_end = None if self._rows is None else slab.end >= self._rows
        slab = replace(slab, no_data=self._no_data.find(slab.table, slab.unreadable, at_end=at_end))
        if marked:
            slab = empty_records(slab, find_strays(slab.table))
        self._soiled = self._soiled or marked or bool(slab.no_data)
        return slab

    def _read_with_room(self, read: Callable[[], T]) -> T:
        """Read; if a record does not fit, read again with the large block and keep it."""
        try:
            return read()
        except _RecordTooLong:
            self._block = LARGE_BLOCK
            return read()

    @contextmanager
    def _explain_failure(self, ragged: RaggedRows) -> Iterator[None]:
        """Turn the reader's errors into sentences."""
        try:
            yield
        except NotText as found:
            place = name_place(found, self._content, self._spoken, LARGE_BLOCK)
            raise SourceError(
                Message(
                    "{name}, {where}: {advice}", name=self.name, where=place, advice=advise_encoding(found)
                )
            ) from None
        except Damaged as failure:
            raise failure.name_row(ragged.end) from None
        except pa.ArrowInvalid as failure:
            if ragged.hopeless:
                raise SourceError(f"{self.name}: {ragged.explain()}") from None
            if _is_too_long(failure):
                raise self._explain_length(failure, ragged.end) from None
            raise SourceError(f"{self.name}: cannot be read as CSV: {failure}") from failure

    def _explain_length(self, failure: pa.ArrowInvalid, row: int) -> Exception:
        if self._block < LARGE_BLOCK:
            return _RecordTooLong()
        if _HEADER_TOO_LONG in str(failure):
            return SourceError(f"{self.name}: the header does not end. Close or remove the quote in it.")
        return SourceError(
            f"{self.name}: somewhere after row {row:,} a record is longer than {LARGE_BLOCK >> 20} MB. "
            "Most often a quote is opened and never closed; if the record is meant, "
            "shorten it: the API would not accept a request that large."
        )


def _take_last_record(slab: Slab) -> list[str | None]:
    (record,) = slab.table.slice(slab.table.num_rows - 1).to_pylist()
    return list(record.values())


def _is_too_long(failure: pa.ArrowInvalid) -> bool:
    return _RECORD_TOO_LONG in str(failure) or _HEADER_TOO_LONG in str(failure)
