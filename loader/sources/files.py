"""Several files as one source: the same columns, and ordinals that run through all of them."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader import stores
from loader.dialect import Dialect
from loader.errors import SourceError
from loader.message import Message, Setting
from loader.model import Chunk
from loader.sources.alongside import Alongside
from loader.sources.archive import Member, find_archive, find_member
from loader.sources.copies import refuse_same_rows
from loader.sources.formats import UnknownFormat, open_archive, open_reader
from loader.sources.gathering import gather_slabs
from loader.sources.inputfile import Changed, InputFile, Odometer
from loader.sources.pages import Pages
from loader.sources.partitions import add_folder_columns
from loader.sources.paths import find_files, list_left_out
from loader.sources.plain_columns import PlainColumns, read_plain
from loader.sources.records import NOBODY, Beginning, Survey
from loader.sources.several_files import (
    carry_schema,
    fit_table,
    widen_schemas,
)
from loader.stores.address import is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from loader.model import FileRecord
    from loader.sources.content import SourceFile
    from loader.sources.records import Onlooker, Reader, Slab

#: Records of a chunk at most. Each step of a mapping costs time of its own for each chunk: in chunks of 8,000
#: rows a check of 9 columns costs half as much again as in these. In chunks of 32,768 it costs 8 % less, and
#: takes 20 MB more.
CHUNK_ROWS = 24_576
_BLOCK = 1 << 20
_EDGE = 4  # bytes: a line end of two characters in UTF-16


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the readers read.

    Attributes:
        files: of the readers, in their order; a table in memory has none.
        folders: the folders that some of them were found in, by their names.
        notices: what the user should know about them.
    """

    files: tuple[SourceFile, ...] = ()
    folders: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @classmethod
    def find(cls, paths: Sequence[Path | str], odometer: Odometer) -> Inputs:
        """The files that paths, folders, patterns and archives mean.

        Raises:
            SourceError: none is given, one is missing, or a folder, pattern or archive cannot be used.
        """
        if not paths:
            raise SourceError("No input file was given.")
        files: list[SourceFile] = []
        notices: list[str] = []
        found = find_files(paths)
        for group in found:
            notices += group.notices
            for name in group.names:
                files += _open_file(name, odometer, notices)
        folders = {name: group.folder for group in found if group.folder for name in group.names}
        folders |= {file.name: file.archive.name for file in files if isinstance(file, Member)}
        return cls(tuple(files), folders, tuple(notices))

    def cut(self, known: Sequence[FileRecord]) -> Inputs:
        """Only what an earlier survey saw: no file, and nothing in the last one, that was added since."""
        if len(self.files) < len(known):
            return self
        files, then = self.files[: len(known)], known[-1]
        last = files[-1]
        if isinstance(last, InputFile) and last.begins_with(then.size, then.sha256):
            files = (*files[:-1], replace(last, end=then.size, pages=Pages()))
        return replace(self, files=files)

    def open_reader(self, file: SourceFile, dialect: Dialect) -> Reader:
        """Open one of the files; in a folder, a file that is nothing to load is a fault of the folder."""
        try:
            return open_reader(file, dialect)
        except UnknownFormat:
            folder = self.folders.get(file.name)
            if folder is None:
                raise
            raise SourceError(_describe_stranger(folder, file.name)) from None


def _open_file(name: str, odometer: Odometer, notices: list[str]) -> Sequence[SourceFile]:
    """The file, or the files in an archive; adds what the user should know."""
    if (place := find_archive(name)) is not None:
        return [find_member(_find_file(place[0], odometer), place[1])]
    file = _find_file(name, odometer)
    archive = open_archive(file)
    if archive is None:
        return [file]
    notices += list_left_out(f"the archive {name}", [member.inside for member in archive.left_out])
    return archive.members if len(archive.members) > 1 else [file]


def _find_file(name: str, odometer: Odometer) -> SourceFile:
    """The file of a path or of an address."""
    if not is_address(name):
        return InputFile.at(name, odometer)
    from loader.sources.storedfile import StoredFile  # noqa: PLC0415 - most inputs are on this machine

    return StoredFile(stores.find_object(name), odometer)


def _describe_stranger(folder: str, name: str) -> Message:
    return Message(
        "{folder}: holds {name}, and neither its name nor its content says that it can be loaded. No file is "
        "left out in silence. Move it, or name the files, for example '{pattern}'. If all files are of one "
        "format, give {input_format}.",
        folder=folder,
        name=name,
        pattern=f"{folder.rstrip('/')}/"
        + ("**/*.csv" if Path(folder).is_dir() or is_address(folder) else "a.csv"),
        input_format=Setting("input_format"),
    )


def open_source(
    paths: Sequence[Path | str],
    *,
    chunk_rows: int | None = None,
    dialect: Dialect | None = None,
    known: Sequence[FileRecord] = (),
    table: object = None,
    odometer: Odometer | None = None,
) -> FileSource:
    """Open files as one stream of records, in the given order; or a table in memory in their place.

    Args:
        paths: files with the same columns, folders of such files, and patterns (``2024-*.csv``).
        chunk_rows: records a chunk at most; by default `CHUNK_ROWS`.
        dialect: what is known of how the text files are written; the rest is found from their beginning.
        known: the files as a survey found them before, in the same order. What was found from their
            beginning is not looked for again, and a file that is still the same is only hashed.
        table: a DataFrame or an Arrow table; `paths` then give only its name.
        odometer: shows how far the survey is.

    Raises:
        SourceError: a file is missing, given twice, in no known format, or does not fit the others.
    """
    if table is not None:
        from loader.sources.frames import FrameRecords  # noqa: PLC0415 - files are no tables in memory

        return FileSource([FrameRecords(table, str(next(iter(paths), "")))], chunk_rows or CHUNK_ROWS)
    odometer = odometer or Odometer()
    inputs = Inputs.find(paths, odometer)
    odometer.total = sum(file.raw_size for file in inputs.files)
    readers = _open_readers(inputs, dialect or Dialect(), known)
    return FileSource(readers, chunk_rows or CHUNK_ROWS, known, inputs)


def open_loaded(
    paths: Sequence[Path | str],
    *,
    known: Sequence[FileRecord],
    chunk_rows: int | None = None,
    dialect: Dialect | None = None,
    table: object = None,
    odometer: Odometer | None = None,
) -> FileSource:
    """Open the input of a checkpoint as it was loaded: what was added to it since is not read.

    Args:
        paths: files, folders and patterns.
        known: the files as they were loaded. If the input does not begin with them, all of it is opened.
        chunk_rows: records a chunk at most; by default `CHUNK_ROWS`.
        dialect: as for `open_source`.
        table: a table in memory in place of files.
        odometer: shows how far the survey is.

    Raises:
        SourceError: as `open_source`.
    """
    if table is not None or not known:
        return open_source(paths, chunk_rows=chunk_rows, dialect=dialect, table=table, odometer=odometer)
    odometer = odometer or Odometer()
    inputs = Inputs.find(paths, odometer).cut(known)
    odometer.total = sum(file.raw_size for file in inputs.files)
    readers = _open_readers(inputs, dialect or Dialect(), known)
    return FileSource(readers, chunk_rows or CHUNK_ROWS, known, inputs)


def _open_readers(inputs: Inputs, dialect: Dialect, known: Sequence[FileRecord]) -> list[Reader]:
    _refuse_twice(inputs.files)
    count = len(inputs.files)
    # Files that were added after those of an earlier load are looked at for the first time.
    forms = [*(record.form for record in known), *[""] * (count - len(known))]
    forms = forms if len(known) <= count else [""] * count
    return [
        add_folder_columns(read_plain(inputs.open_reader(file, dialect.over(_read_form(form)))))
        for file, form in zip(inputs.files, forms, strict=True)
    ]


def _read_form(form: str) -> Dialect:
    """The dialect in the form of a file that was surveyed before."""
    return Dialect.read(form.partition(": ")[2])


class FileSource:
    """Files with the same columns, read one after the other.

    Attributes:
        notices: what the user should know about the files.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        chunk_rows: int,
        known: Sequence[FileRecord] = (),
        inputs: Inputs | None = None,
    ) -> None:
        inputs = inputs or Inputs()
        self._files = inputs.files
        self.notices = inputs.notices
        self.schema: pa.Schema = widen_schemas(readers)
        self._readers = readers
        self._chunk_rows = chunk_rows
        self._known = known
        self._survey: Survey | None = None

    def __getstate__(self) -> dict[str, object]:
        """How it travels: with its survey, so that nobody makes another one."""
        return self.__dict__ | ({"_known": ()} if self._survey else {})

    def read_beginning(self, number: int, size: int) -> Beginning:
        """The first bytes of one of the files: the same that the survey saw.

        Raises:
            SourceError: the file changed since.
        """
        digest, left, last = hashlib.sha256(), size, b""
        with self._files[number].open() as file:
            while left and (block := file.read(min(left, _BLOCK))):
                digest.update(block)
                left -= len(block)
                last = (last + block)[-_EDGE:]
            return Beginning(digest.hexdigest(), last, file.read(_EDGE))

    @property
    def types(self) -> Sequence[pa.Schema]:
        """Columns and types of the records of each file, as their chunks have them."""
        return [carry_schema(reader.schema) for reader in self._readers]

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first readable records, at most `rows`; those before a damaged place, if that comes first."""
        empty = _make_frame(carry_schema(self.schema).empty_table())
        frames = [_drop_unusable(chunk) for chunk in self.beginning(rows)]
        return pd.concat([empty, *frames], ignore_index=True).head(rows)

    def beginning(self, rows: int = 1000) -> Iterator[Chunk]:
        """The records of the sample, with the unusable ones among them; the last chunk may have some more."""
        wanted, start = rows, 0
        with contextlib.suppress(SourceError):
            for reader in self._readers:
                end = 0
                for slab in reader.slabs(0):
                    if wanted <= 0:
                        return
                    unusable = len(slab.unreadable) + len(slab.no_data)
                    head = slab.between(slab.first, slab.first + wanted + unusable)
                    head = replace(head, table=fit_table(head.table, self.schema))
                    yield self._make_chunk(head, reader.name, start)
                    wanted -= head.end - head.first - len(head.unreadable | head.no_data)
                    if wanted <= 0:  # before the next slab is read
                        return
                    end = slab.end
                start += end

    def survey(self, onlooker: Onlooker = NOBODY) -> Survey:
        """Read all files once; the first call does it, and only its onlooker sees records."""
        if self._survey is None:
            files = tuple(self._survey_files(onlooker))
            if not self._known:  # what was let pass when a load began must not end it half-way
                refuse_same_rows(files)
            self._survey = Survey(files)
        return self._survey

    def survey_with_chunks(self, onlooker: Onlooker, take: Callable[[Chunk], object]) -> bool:
        """Survey, and hand over the chunks on the way; whether they are all chunks, as `chunks` gives them.

        A table in memory, and files with cells that are converted first, are read again for their chunks.
        """
        converted = any(isinstance(reader, PlainColumns) for reader in self._readers)
        if self._survey is not None or self._known or converted or not self._files:
            self.survey(onlooker)
            return False
        alongside = Alongside(onlooker, self.schema.names, self._chunk_rows, self._make_chunk, take)
        return alongside.finish(self.survey(alongside).files)

    def _survey_files(self, onlooker: Onlooker) -> Iterator[FileRecord]:
        for reader, file in zip_longest(self._readers, self._files):
            if file is not None:
                file.odometer.begin(file.raw_size)
            onlooker.begin(reader.name)
            yield reader.survey(self._known, onlooker)
            if file is not None:
                file.odometer.end()

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """The records from ordinal `first` on. A chunk holds as many as it may, if they are of one file."""
        start = 0
        for reader, file in zip(self._readers, self.survey().files, strict=True):
            if start + file.rows > first:
                slabs = _read_slabs(reader, max(first - start, 0))
                for slab in gather_slabs(slabs, self._chunk_rows):
                    yield self._make_chunk(slab, reader.name, start)
            start += file.rows

    def slabs(self) -> Iterator[tuple[str, Slab]]:
        """All records as Arrow columns, in the slabs of their readers, each with the name of its file.

        Raises:
            SourceError: a file is damaged from some record on, or changed.
        """
        for reader in self._readers:
            for slab in _read_slabs(reader, 0):
                yield reader.name, slab

    def _make_chunk(self, slab: Slab, file: str, start: int) -> Chunk:
        """A chunk of the slab, whose file begins at ordinal `start`."""
        return Chunk(
            first=start + slab.first,
            frame=_make_frame(slab.table.select(self.schema.names)),
            file=file,
            first_row=slab.first + 1,
            unreadable=slab.unreadable,
            no_data=slab.no_data,
        )


def _drop_unusable(chunk: Chunk) -> pd.DataFrame:
    return chunk.frame.drop(index=list({**chunk.unreadable, **chunk.no_data}))


def _read_slabs(reader: Reader, first: int) -> Iterator[Slab]:
    """The slabs; if the file changes meanwhile, the error names the last row before that."""
    end = first
    try:
        for slab in reader.slabs(first):
            yield slab
            end = slab.end
    except Changed as change:
        raise change.name_row(end) from None


def _make_frame(table: pa.Table) -> pd.DataFrame:
    """The same columns in pandas: the Arrow arrays themselves, no cell is copied.

    The metadata are ignored: pandas' note in a Parquet file would turn a column into the index.
    """
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    return frame


def _refuse_twice(files: Sequence[SourceFile]) -> None:
    seen: dict[tuple[int, int, str], str] = {}
    for file in files:
        if file.place in seen:
            raise SourceError(
                f"{file.name}: is the same file as {seen[file.place]}; its rows would be loaded twice. Name "
                "it once."
            )
        seen[file.place] = file.name
