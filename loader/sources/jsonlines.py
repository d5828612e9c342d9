"""JSON Lines: one object a line -> slabs of text columns.

Every value is text, as in a CSV: a string as it is, a number as it is written (an id beyond 2^53 keeps its
digits, 12.10 its zero), true and false by name, an object or array as JSON. A missing key and null are both
empty. So the values of a column may change their type in the middle of the file.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.dialect import Dialect
from loader.errors import SourceEmpty, SourceError
from loader.message import Message, Quote, Setting, SourceKey
from loader.model import FileRecord, Unreadable
from loader.sources.boundaries import BYTE_ORDER_MARK, RecordEnds
from loader.sources.content import Damaged, Packed
from loader.sources.encodings import advise_encoding
from loader.sources.jsoncauses import (
    TwiceNamed,
    advise_one_a_line,
    describe_shape,
    find_cause,
    holds_several_records,
    show_line,
)
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

BLOCK = 1 << 20
LONGEST = 12 << 20
# This many lines in a row that are not objects are another format, not damaged records.
MAX_RUN = 10_000


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Number(str):
    """A number as it is written."""

    __slots__ = ()


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
        self._unknown: dict[str, int] = {}
        self._run = 0
        self._decoder = make_decoder(dialect.null_values)
        # No quote keeps a line end from ending its record.
        encoding = _settle_encoding(content, dialect.encoding)
        self._text = Text(content, encoding, 0, header=False, ends=partial(RecordEnds, b",", b""))
        self._columns: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._columns = dialect.columns or self._find_keys()
        self._known = frozenset(self._columns)
        check_names(self._columns, file.name)
        self.schema = pa.schema([(name, pa.string()) for name in self._columns])

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
        self._unknown.clear()
        surveyed = Surveyed(self._text, BLOCK, tail=b"\n")
        rows = 0
        for slab in surveyed.slabs(self._parse):
            rows = slab.end
            onlooker.see(slab)
        if self._unknown:
            raise SourceError(self._name_unknown_keys())
        unpacked, marks = surveyed.sha256(), tuple(surveyed.marks)
        sha256 = unpacked if self._content is self._file else self._file.sha256()
        return FileRecord(self.name, self._file.size, sha256, rows, marks, self.form, unpacked)

    def _name_unknown_keys(self) -> Message:
        first, row = next(iter(self._unknown.items()))
        names = [*self._columns, *self._unknown]
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
        head = self._content.head(BLOCK)
        if len(head) == BLOCK and "\n".encode(self._text.encoding) not in head:
            head = self._content.head(LONGEST)
        start = self._decode(head).removeprefix(BYTE_ORDER_MARK).lstrip()
        if not start:
            raise SourceEmpty(f"{self.name}: is empty. Was the export cut off?")
        shape = describe_shape(start.decode(errors="replace"), self.name, packed=self._is_packed)
        if shape is not None:
            raise SourceError(f"{self.name}: {shape}")
        lines = start.split(b"\n")
        whole = lines[:-1] if len(lines) > 1 and len(head) >= BLOCK else lines
        for row, line in enumerate(filter(bytes.strip, whole), start=1):
            self._read_cells(line, row)
        if not self._unknown:
            raise SourceError(self._explain_beginning(lines))
        return tuple(self._unknown)

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
            self._decoder.decode(line.decode(errors="replace"))
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

    def _describe_several(self, row: int) -> str:
        advice = advise_one_a_line(self.name, packed=self._is_packed)
        return f"{self.name}, row {row:,}: the line holds several records, one behind the other. {advice}"

    @property
    def _is_packed(self) -> bool:
        return self._content is not self._file

    def _parse(self, text: TextFile, ragged: RaggedRows) -> Iterator[Slab]:
        rest, begun = b"", text.start > 0
        with self._explain_failure(ragged):
            while block := text.read(BLOCK):
                if not begun:
                    block, begun = block.removeprefix(BYTE_ORDER_MARK), True
                *lines, rest = (rest + block).split(b"\n")
                if len(rest) > LONGEST:
                    raise SourceError(
                        f"{self.name}: after row {ragged.end + len(lines):,} a line is longer than "
                        f"{LONGEST >> 20} MB; the API would not accept a request that large. "
                        "Is the file JSON Lines?"
                    )
                if records := [line for line in lines if line.strip()]:
                    yield self._make_slab(records, ragged)

    def _make_slab(self, lines: list[bytes], ragged: RaggedRows) -> Slab:
        unreadable: dict[int, str] = {}
        rows: list[tuple[str | None, ...]] = []
        nothing = (None,) * len(self._columns)
        for number, line in enumerate(lines):
            cells = self._read_cells(line, ragged.end + number + 1)
            if isinstance(cells, str):
                unreadable[number] = cells
                self._count_run()
            else:
                self._run = 0
            rows.append(nothing if isinstance(cells, str) else cells)
        arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        slab = Slab(ragged.end, pa.Table.from_arrays(arrays, schema=self.schema), unreadable)
        ragged.end = slab.end
        return slab

    def _count_run(self) -> None:
        self._run += 1
        if self._run > MAX_RUN:
            raise SourceError(
                f"{self.name}: {MAX_RUN:,} consecutive lines are not JSON objects. Is the file JSON Lines?"
            )

    def _read_cells(self, line: bytes, row: int) -> tuple[str | None, ...] | Unreadable:
        """The cells of a record, or why it is not one."""
        try:
            record = self._decoder.decode(line.decode())
        except (ValueError, RecursionError) as failure:
            if holds_several_records(failure, line):
                raise SourceError(self._describe_several(row)) from None
            return find_cause(failure, line).reason
        if not isinstance(record, dict):
            return _refuse_line("the row is not a JSON object with keys but a value", line)
        if _SURROGATE.search(line) and (key := _find_half_character(record)) is not None:
            half = "the row has half a character (a lone surrogate) in {key}"
            return _refuse_line(Message(half, key=Quote(quote(key))), line)
        if not record.keys() <= self._known:
            met = {*self._known, *self._unknown}
            self._unknown.update((key, row) for key in record if key not in met)
        values = map(record.get, self._columns)
        return tuple([value if type(value) is str else _write_cell(value) for value in values])

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


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise TwiceNamed(next(key for key in keys if keys.count(key) > 1))
    return record


def make_decoder(nothing: Sequence[str]) -> json.JSONDecoder:
    """Decodes a record; NaN and the infinities are nothing if they are listed, and no JSON otherwise."""
    return _Decoder(nothing)


class _Decoder(json.JSONDecoder):
    """The decoder of `make_decoder`; one that arrives in another process is made again there."""

    def __init__(self, nothing: Sequence[str]) -> None:
        self._nothing = tuple(nothing)
        super().__init__(
            object_pairs_hook=_refuse_repeats,
            parse_int=Number,
            parse_float=Number,
            parse_constant=self._read_constant,
        )

    def __reduce__(self) -> tuple[type[_Decoder], tuple[Sequence[str]]]:
        return _Decoder, (self._nothing,)

    def _read_constant(self, name: str) -> None:
        if name not in self._nothing:
            raise ValueError(f"{name} is not JSON")


def _write_cell(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if type(value) is Number else write_value(value)


def write_value(value: Any) -> str:
    """A value as JSON again, its numbers as they were written."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{write_value(key)}: {write_value(each)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _find_half_character(record: dict[str, Any]) -> str | None:
    """The key whose value, or itself, cannot be written in UTF-8."""
    for key, value in record.items():
        try:
            json.dumps([key, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return key
    return None


def _refuse_line(reason: str | Message, line: bytes) -> Unreadable:
    return Unreadable.of(reason, f": {show_line(line)}.")
