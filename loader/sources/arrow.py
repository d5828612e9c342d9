"""Arrow IPC, the file format (Feather too) and the stream: one file -> slabs of its own column types."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from traceback import clear_frames
from typing import TYPE_CHECKING, Self

import pyarrow as pa
from pyarrow import ipc

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources.lending import Loans
from loader.sources.records import NOBODY, Slab, check_names, recognise_file
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.sources.content import Opened, SourceFile
    from loader.sources.records import Onlooker


class ArrowRecords:
    """An Arrow IPC file or stream; the types of its columns are kept.

    Args:
        file: the file.
        stream: whether it is of the stream format.

    Raises:
        SourceError: at once if it does not begin (or, for a file, end) as it should.
    """

    def __init__(self, file: SourceFile, *, stream: bool) -> None:
        self._file = file
        self._stream = stream
        with file.open() as raw, self._explain_failure(0, 0), _Batches(raw, stream=stream) as batches:
            self.schema: pa.Schema = batches.schema
        check_names(self.schema.names, file.name)

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        return "Arrow stream" if self._stream else "Arrow file"

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Hash, and count by reading; if the file is a known one, only hash.

        Raises:
            SourceError: a record batch is damaged, or the end is missing.
        """
        if record := recognise_file(self._file, self.form, known):
            return record
        rows = 0
        for slab in self.slabs(0):
            rows = slab.end
            onlooker.see(slab)
        return FileRecord(self.name, self._file.size, self._file.sha256(), rows, form=self.form)

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on.

        Raises:
            SourceError: a record batch is damaged; all records before it have been yielded.
        """
        end = 0
        with self._file.open() as raw:
            with self._explain_failure(1, end):
                opened = _Batches(raw, stream=self._stream)
            with opened as batches:
                for number in count(1):
                    with self._explain_failure(number, end):
                        batch = next(batches, None)
                    if batch is None:
                        return
                    slab = Slab(end, pa.Table.from_batches([batch], self.schema), {})
                    end = slab.end
                    if end > first:
                        yield slab.between(max(first, slab.first), end)

    @contextmanager
    def _explain_failure(self, number: int, row: int) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as failure:  # the last of a type that cannot be read
            place = f"record batch {number}, after row {row:,}" if number else "its beginning or end"
            raise SourceError(
                f"{self.name}: {place} cannot be read ({join_lines(str(failure))}). Was the copy cut off? "
                "Copy or export it again."
            ) from failure


class _Batches:
    """The record batches of an open file. Once closed, no thread of Arrow's holds the file any more.

    Arrow reads the end of a file in a thread of its pool. All else it reads in the calling thread.
    """

    def __init__(self, raw: Opened, *, stream: bool) -> None:
        self._loans = Loans()
        self._next = 0
        self._reader: ipc.RecordBatchStreamReader | ipc.RecordBatchFileReader | None = None
        try:
            self._reader = (ipc.open_stream if stream else ipc.open_file)(self._loans.lend(_Lent(raw)))
        except BaseException as failure:
            clear_frames(failure.__traceback__)  # pyarrow's own hold the file
            self.close()
            raise
        self.schema: pa.Schema = self._reader.schema.remove_metadata()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        """Prove that the batch is sound, because cells of a damaged one would be read from anywhere."""
        batch = self._read_batch()
        batch.validate(full=True)
        return batch.replace_schema_metadata(None)

    def _read_batch(self) -> pa.RecordBatch:
        if self._reader is None:
            raise StopIteration
        if not isinstance(self._reader, ipc.RecordBatchFileReader):
            return self._reader.read_next_batch()
        if self._next == self._reader.num_record_batches:
            raise StopIteration
        self._next += 1
        return self._reader.get_batch(self._next - 1)

    def close(self) -> None:
        """Drop the reader; return when Arrow holds nothing of the file any more."""
        self._reader = None
        self._loans.await_return()


class _Lent:
    """The methods of a file that Arrow calls; the traceback of an error in one of them does not hold it."""

    def __init__(self, file: Opened) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.closed = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It goes to any place."""
        return True

    def close(self) -> None:
        """Nothing to release: whoever opened the file closes it."""
        self.closed = True
