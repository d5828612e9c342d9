"""Arrow IPC, the file format (Feather too) and the stream: one file -> slabs of its own column types."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import ipc

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources.records import Slab, check_names, recognise_file
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.sources.inputfile import InputFile, WatchedFile


class ArrowRecords:
    """An Arrow IPC file or stream; the types of its columns are kept.

    Args:
        file: the file.
        stream: whether it is of the stream format.

    Raises:
        SourceError: at once if it does not begin (or, for a file, end) as it should.
    """

    def __init__(self, file: InputFile, *, stream: bool) -> None:
        self._file = file
        self._stream = stream
        with file.open() as raw, self._explain_failure(0, 0):
            reader = ipc.open_stream(raw) if self._stream else ipc.open_file(raw)
            self.schema: pa.Schema = reader.schema.remove_metadata()
        check_names(self.schema.names, file.name)

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        return "Arrow stream" if self._stream else "Arrow file"

    def survey(self, known: Sequence[FileRecord] = ()) -> FileRecord:
        """Hash, and count by reading; if the file is a known one, only hash.

        Raises:
            SourceError: a record batch is damaged, or the end is missing.
        """
        if record := recognise_file(self._file, self.form, known):
            return record
        rows = max((slab.end for slab in self.slabs(0)), default=0)
        return FileRecord(self.name, self._file.size, self._file.sha256(), rows, form=self.form)

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on.

        Raises:
            SourceError: a record batch is damaged; all records before it have been yielded.
        """
        end = 0
        with self._file.open() as raw:
            batches = self._read_batches(raw)
            number = 0
            while True:
                number += 1
                with self._explain_failure(number, end):
                    batch = next(batches, None)
                if batch is None:
                    return
                slab = Slab(end, pa.Table.from_batches([batch], self.schema), {})
                end = slab.end
                if end > first:
                    yield slab.between(max(first, slab.first), end)

    def _read_batches(self, raw: WatchedFile) -> Iterator[pa.RecordBatch]:
        """The batches. Each is validated, because a damaged one could read its cells from anywhere."""
        if self._stream:
            batches: Iterator[pa.RecordBatch] = iter(ipc.open_stream(raw))
        else:
            opened = ipc.open_file(raw)
            batches = map(opened.get_batch, range(opened.num_record_batches))
        for batch in batches:
            batch.validate(full=True)
            yield batch.replace_schema_metadata(None)

    @contextmanager
    def _explain_failure(self, number: int, row: int) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as failure:
            place = f"record batch {number}, after row {row:,}" if number else "its beginning or end"
            raise SourceError(
                f"{self.name}: {place} cannot be read ({join_lines(str(failure))}). Was the copy cut off? "
                "Copy or export it again."
            ) from failure
