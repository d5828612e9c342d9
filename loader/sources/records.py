"""What the formats and the rest of the loader agree on: slabs of records, surveys, sources."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import pandas as pd

    from loader.model import Chunk, FileRecord
    from loader.sources.content import SourceFile


@dataclass(frozen=True, slots=True)
class Survey:
    """The whole input, seen once before anything is sent."""

    files: tuple[FileRecord, ...]

    @property
    def rows(self) -> int:
        """Records in all files."""
        return sum(file.rows for file in self.files)

    def place(self, ordinal: int) -> str:
        """Where a record stands, for messages: ``orders.csv, row 1042``."""
        row = ordinal
        for file in self.files:
            if row < file.rows:
                return f"{file.name}, row {row + 1:,}"
            row -= file.rows
        raise IndexError(f"the input has no record {ordinal}")


class Beginning(NamedTuple):
    """The first bytes of a file.

    Attributes:
        sha256: of them, in hexadecimal.
        last: the last of them, 4 at most.
        following: what follows them, 4 bytes at most.
    """

    sha256: str
    last: bytes
    following: bytes


@dataclass(frozen=True, slots=True)
class Slab:
    """Consecutive records of one file as Arrow columns, in the size its reader found handy.

    Attributes:
        first: the first record's number in its file, from 0.
        table: one record a row.
        unreadable: offset of each record that does not fit this table, with the reason; its
            cells are null.
        no_data: offset of each record that is one of this table but surely no data, with the reason.
    """

    first: int
    table: pa.Table
    unreadable: dict[int, str]
    no_data: dict[int, str] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """Number in its file of the record after the last."""
        return self.first + int(self.table.num_rows)

    def between(self, start: int, end: int) -> Slab:
        """The part from record `start` of the file to before record `end`; no cell is copied."""
        low, high = max(start - self.first, 0), min(end, self.end) - self.first

        def cut(reasons: dict[int, str]) -> dict[int, str]:
            return reasons and {at - low: reasons[at] for at in range(low, high) if at in reasons}

        table = self.table.slice(low, high - low)
        return Slab(self.first + low, table, cut(self.unreadable), cut(self.no_data))


def empty_records(slab: Slab, reasons: Mapping[int, str]) -> Slab:
    """The slab with the records at these offsets as unreadable ones."""
    if not reasons:
        return slab
    rejected = np.zeros(slab.table.num_rows, dtype=bool)
    rejected[list(reasons)] = True
    rows = pa.array(np.arange(slab.table.num_rows), mask=rejected)
    return replace(slab, table=slab.table.take(rows), unreadable=slab.unreadable | dict(reasons))


class Onlooker(Protocol):
    """Sees the records in the first pass over the input, which is made anyway."""

    @property
    def columns(self) -> Collection[str]:
        """The columns that it looks at; a slab may have others, or lack some of them."""

    def begin(self, file: str) -> None:
        """The next slabs are of this file."""

    def see(self, slab: Slab) -> None:
        """Look at some records. Those of a file that is begun again come again."""


class Nobody:
    """An onlooker who looks at nothing."""

    columns: Collection[str] = ()

    def begin(self, file: str) -> None:
        """Any file."""

    def see(self, slab: Slab) -> None:
        """Any records."""


NOBODY = Nobody()


class Converting:
    """An onlooker that converts slabs before another one sees them.

    Args:
        onlooker: sees the converted slabs.
        convert: converts one, which may lack columns that nobody looks at.
    """

    def __init__(self, onlooker: Onlooker, convert: Callable[[Slab], Slab]) -> None:
        self.columns = onlooker.columns
        self.begin = onlooker.begin
        self._onlooker = onlooker
        self._convert = convert

    def see(self, slab: Slab) -> None:
        """Show it converted, if anything in it is looked at."""
        if self.columns:
            self._onlooker.see(self._convert(slab))


class Reader(Protocol):
    """One file of one format."""

    @property
    def name(self) -> str:
        """The path as the user gave it."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and types of the records."""

    @property
    def form(self) -> str:
        """How it is read, for the user; another reading may give other records."""

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Read the whole file once: hash, number of records, and all that can be wrong with the file.

        Of a file that was surveyed before and is among the known ones, only the hash is made again.

        Args:
            known: the files as they were found before.
            onlooker: sees the records on the way, in order.
        """

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` of the file on, in order and without a gap."""


class Source(Protocol):
    """Records in reading order, which can be read several times and are the same each time."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and types of the records; every CSV column is text."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about the files, for example which ones a folder leaves out."""

    def read_beginning(self, number: int, size: int) -> Beginning:
        """The first bytes of one of the files: the same that the survey saw."""

    @property
    def types(self) -> Sequence[pa.Schema]:
        """Columns and types of the records of each file, as their chunks have them."""

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first readable records, at most `rows`."""

    def beginning(self, rows: int = 1000) -> Iterator[Chunk]:
        """The records of the sample, with the unusable ones among them."""

    def survey(self, onlooker: Onlooker = NOBODY) -> Survey:
        """Read the whole input once: identity, number of records, and all that can be wrong with the files.

        This stands before the first request on purpose. A load cannot be taken back: a file that turns out
        to be Latin-1 or cut short after a million events would leave half a backfill behind. And only the
        hash of all bytes proves, when the load is resumed, that record 1,000,001 is still the same record.
        Where it does, nothing is parsed again: the rest is known from the survey before, and the onlooker
        sees nothing.
        """

    def survey_with_chunks(self, onlooker: Onlooker, take: Callable[[Chunk], object]) -> bool:
        """Survey, and hand over the chunks on the way.

        Returns:
            Whether these are all chunks of the input. If not, they are to be forgotten: a record among them
            may turn out to be no data at the end of its file.
        """

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """The records from ordinal `first` on, in order; surveys the input first if that was not done yet.

        Raises:
            SourceError: the input changed since it was opened, or is damaged from some record on; the
                records before that one have been yielded.
        """


def recognise_file(file: SourceFile, form: str, known: Sequence[FileRecord]) -> FileRecord | None:
    """Which of the known files this is, by the hash of all its bytes, whatever its name was then."""
    alike = [record for record in known if (record.size, record.form) == (file.size, form)]
    digest = file.sha256() if alike else ""
    return next((replace(record, name=file.name) for record in alike if record.sha256 == digest), None)


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse columns that no mapping could name: without a name, or twice with the same.

    Raises:
        SourceError: with the position and the name.
    """
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise SourceError(
                f"{where}: column {position} has no name in the header. {_advise_unnamed(names)}"
            )
    for position, name in enumerate(names, start=1):
        before = names.index(name) + 1
        if before < position:
            raise SourceError(
                f'{where}: the header names "{name}" twice, as columns {before} and {position}. '
                "Rename or remove one of them."
            )


def _advise_unnamed(names: Sequence[str]) -> str:
    if not names[-1].strip():
        return "Does each line end with a delimiter? Remove it, or give the column a name."
    if not names[0].strip():
        return "Give it a name, or leave it out (in pandas: to_csv(..., index=False))."
    return "Give it a name, or leave it out."
