"""JSON Lines: one object a line -> slabs of text columns.

Every value is text, as in a CSV: a string as it is, a number as it is written (an id beyond 2^53 keeps its
digits, 12.10 its zero), true and false by name, an object or array as JSON. A missing key and null are both
empty. So the values of a column may change their type in the middle of the file.
"""

from __future__ import annotations

import codecs
import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from loader.dialect import Dialect
from loader.errors import SourceEmpty, SourceError
from loader.message import Message, Quote, Setting, SourceKey
from loader.model import FileRecord
from loader.sources.boundaries import BYTE_ORDER_MARK, RecordEnds
from loader.sources.content import Damaged, Packed
from loader.sources.encodings import advise_encoding
from loader.sources.jsoncauses import describe_shape, find_cause, show_line
from loader.sources.jsonrecords import RecordReader
from loader.sources.ragged import RaggedRows
from loader.sources.recognition import find_encoding
from loader.sources.records import NOBODY, Slab, check_names, recognise_file
from loader.sources.segments import Surveyed, Text, read_slabs
from loader.sources.textfile import NotText, TextFile
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.model import Mark
    from loader.sources.content import Content, SourceFile
    from loader.sources.records import Onlooker

# Bytes in which keys are looked for, and bytes that are read at a time: they hold a chunk of usual records.
HEAD = 1 << 20
BLOCK = 2 << 20
LONGEST = 12 << 20


class JsonLinesFile:
    """A file of one JSON object a line.

    Args:
        file: the file.
        content: what is in it.
        dialect: `columns` names all keys, for a file whose first records do not have them all; a number that
            JSON does not have is nothing if `null_values` lists it.

    Raises:
        SourceError: at once if the beginning is not of that format.
    """

    def __init__(self, file: SourceFile, content: Content, dialect: Dialect) -> None:
        self._file = file
        self._content = content
        self._marks: tuple[Mark, ...] = ()
        self._records = RecordReader(file.name, dialect.null_values, packed=self._is_packed)
        # No quote keeps a line end from ending its record.
        encoding = _settle_encoding(content, dialect.encoding)
        self._text = Text(content, encoding, 0, header=False, ends=partial(RecordEnds, b",", b""))
        self._columns = dialect.columns or self._find_keys()
        check_names(self._columns, file.name)
        self._records.use_columns(self._columns)
        self.schema = self._records.schema

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        packed = f" in {self._content.packing}" if isinstance(self._content, Packed) else ""
        encoding = self._text.encoding if self._text.encoding != "utf-8" else None  # the usual one unsaid
        return f"JSON Lines{packed}: {Dialect(encoding=encoding, columns=self._columns).written}"

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Hash, count and check in one pass; if the file is a known one, only hash.

        Raises:
            SourceError: a byte that is not UTF-8, a line that is too long, a key that is not a column.
        """
        record = recognise_file(self._file, self.form, known) or self._survey(onlooker)
        self._marks = record.marks
        return record

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on; reading begins at the mark before it."""
        for slab in read_slabs(first, self._marks, self._text, self._parse):
            if slab.end > first:
                yield slab.between(max(first, slab.first), slab.end)

    def _survey(self, onlooker: Onlooker) -> FileRecord:
        self._records.unknown.clear()
        surveyed = Surveyed(self._text, BLOCK, tail=b"\n")
        rows = 0
        for slab in surveyed.slabs(self._parse):
            rows = slab.end
            onlooker.see(slab)
        if self._records.unknown:
            raise SourceError(self._name_unknown_keys())
        unpacked, marks = surveyed.sha256(), tuple(surveyed.marks)
        sha256 = unpacked if self._content is self._file else self._file.sha256()
        return FileRecord(self.name, self._file.size, sha256, rows, marks, self.form, unpacked)

    def _name_unknown_keys(self) -> Message:
        first, row = next(iter(self._records.unknown.items()))
        names = [*self._columns, *self._records.unknown]
        return Message(
            "{name}, row {row:,}: has {first}, which no record at the beginning of the file has. "
            "All keys must be known from there on: name them, {columns}",
            name=self.name,
            row=row,
            first=Quote(quote(first)),
            columns=SourceKey("columns", json.dumps(names, ensure_ascii=False), ",".join(names), brief=True),
        )

    def _find_keys(self) -> tuple[str, ...]:
        """The keys of the records in the first block, in the order in which they are met."""
        head = self._content.head(HEAD)
        if len(head) == HEAD and "\n".encode(self._text.encoding) not in head:
            head = self._content.head(LONGEST)
        start = self._decode(head).removeprefix(BYTE_ORDER_MARK).lstrip()
        if not start:
            raise SourceEmpty(f"{self.name}: is empty. Was the export cut off?")
        shape = describe_shape(start.decode(errors="replace"), self.name, packed=self._is_packed)
        if shape is not None:
            raise SourceError(f"{self.name}: {shape}")
        lines = start.split(b"\n")
        whole = lines[:-1] if len(lines) > 1 and len(head) >= HEAD else lines
        keys = self._records.find_keys([line for line in whole if line.strip()])
        if not keys:
            raise SourceError(self._explain_beginning(lines))
        return keys

    def _decode(self, head: bytes) -> bytes:
        """The beginning in UTF-8; what is not text there is found when it is read."""
        if self._text.encoding == "utf-8":
            return head
        return codecs.getincrementaldecoder(self._text.encoding)("replace").decode(head).encode()

    def _explain_beginning(self, lines: list[bytes]) -> str | Message:
        """Why no line of the beginning is a record: the cause of the first one, and what to do.

        Raises:
            SourceError: it is not text in the file's encoding.
        """
        with self._explain_failure(RaggedRows()), self._content.open() as file:
            TextFile(file, encoding=self._text.encoding).read(BLOCK)
        line = next(line for line in lines if line.strip())
        try:
            self._records.decoder.decode(line.decode(errors="replace"))
        except (ValueError, RecursionError) as failure:
            cause = find_cause(failure, line)
            if cause.way_on:
                return Message.join([f"{self.name}, row 1: {cause.reason}", cause.way_on])
        return Message(
            "{name}: the lines at its beginning are not JSON objects with keys. The first one is {line}. If "
            "the file is a table, give {input_format} csv.",
            name=self.name,
            line=Quote(show_line(line)),
            input_format=Setting("input_format"),
        )

    @property
    def _is_packed(self) -> bool:
        return self._content is not self._file

    def _parse(self, text: TextFile, ragged: RaggedRows) -> Iterator[Slab]:
        rest, begun = b"", text.start > 0
        with self._explain_failure(ragged):
            while block := text.read(BLOCK):
                if not begun:
                    block, begun = block.removeprefix(BYTE_ORDER_MARK), True
                lines, end, rest = (rest + block).rpartition(b"\n")
                if len(rest) > LONGEST:
                    row = ragged.end + lines.count(b"\n") + len(end)
                    raise SourceError(
                        f"{self.name}: after row {row:,} a line is longer than {LONGEST >> 20} MB; the API "
                        "would not accept a request that large. Is the file JSON Lines?"
                    )
                table, unreadable = self._records.read(lines, ragged.end)
                if table.num_rows:
                    slab = Slab(ragged.end, table, unreadable)
                    ragged.end = slab.end
                    yield slab

    @contextmanager
    def _explain_failure(self, ragged: RaggedRows) -> Iterator[None]:
        """Turn what can go wrong into sentences."""
        try:
            yield
        except NotText as found:
            where = f"after row {ragged.end:,}, byte {found.offset + 1:,}"
            raise SourceError(
                Message(
                    "{name}, {where}: {advice}", name=self.name, where=where, advice=advise_encoding(found)
                )
            ) from None
        except Damaged as failure:
            raise failure.name_row(ragged.end) from None


def _settle_encoding(content: Content, given: str | None) -> str:
    """The encoding that was given, or UTF-16 by the first bytes, or UTF-8, which every byte must prove."""
    head = content.head(4)
    if head.count(0) == 3 or head in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE}:
        raise SourceError(f"{content.name}: the file is UTF-32. Convert it: iconv -f UTF-32 -t UTF-8.")
    return given if given not in {None, "utf-16"} else find_encoding(head)
