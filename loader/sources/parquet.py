"""Parquet: one file -> slabs of its own column types, row group by row group."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources.records import NOBODY, Slab, check_names
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.sources.content import Opened, SourceFile
    from loader.sources.records import Onlooker

# Bounds of one batch: what is decoded at a time, whatever the size of the row groups.
_BATCH_ROWS = 65_536
_BATCH_BYTES = 8 << 20
_PAGE_BUFFER = 1 << 20
_SALVAGE_ROWS = 256


class ParquetRecords:
    """A Parquet file; the types of its columns are kept.

    Raises:
        SourceError: at once if the footer cannot be read or the columns cannot be named.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        with file.open() as raw, self._explain_footer():
            opened = _open(raw)
            self.schema: pa.Schema = opened.schema_arrow.remove_metadata()
            groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
            self._group_rows = [group.num_rows for group in groups]
            self._batch_rows = [_size_batch(group.num_rows, group.total_byte_size) for group in groups]
        check_names(self.schema.names, file.name)

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        return "Parquet"

    def survey(
        self,
        known: Sequence[FileRecord] = (),
        onlooker: Onlooker = NOBODY,
    ) -> FileRecord:
        """Hash of the bytes; the footer knows the number of records.

        Pages are decoded only when read, and in columns that are looked at.
        """
        if not known:
            self._show(onlooker)
        rows = sum(self._group_rows)
        return FileRecord(self.name, self._file.size, self._file.sha256(), rows, form=self.form)

    def _show(self, onlooker: Onlooker) -> None:
        """Show the columns that are looked at. Damage ends it, because a load finds it where it reads it."""
        columns = [name for name in self.schema.names if name in onlooker.columns]
        if not columns:
            return
        end = 0
        with self._file.open() as raw, suppress(pa.ArrowException, OSError):
            rows = min(self._batch_rows, default=_BATCH_ROWS)
            for batch in _open(raw).iter_batches(rows, columns=columns, use_threads=False):
                slab = Slab(end, pa.Table.from_batches([batch]), {})
                onlooker.see(slab)
                end = slab.end

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on; row groups that end before it are not touched.

        Raises:
            SourceError: a row group is damaged; all records before the damage have been yielded.
        """
        end = 0
        with self._file.open() as raw:
            with self._explain_footer():
                opened = _open(raw)
            for group, rows in enumerate(self._group_rows):
                if end + rows > first:
                    yield from self._read_group(opened, group, end, first, self._batch_rows[group])
                end += rows

    def _read_group(
        self, opened: parquet.ParquetFile, group: int, start: int, first: int, rows: int
    ) -> Iterator[Slab]:
        """The records of one row group, which begins at record `start`, from record `first` on.

        A batch that touches damage is lost whole, so the group is then read again in small batches.
        """
        end = start
        batches = opened.iter_batches(rows, row_groups=[group], use_threads=False)
        try:
            for batch in batches:
                slab = Slab(end, pa.Table.from_batches([batch]), {})
                end = slab.end
                if end > first:
                    yield slab.between(max(first, slab.first), end)
        except (pa.ArrowException, OSError) as failure:
            if rows <= _SALVAGE_ROWS:
                raise self._describe_damage(group, max(end, first), str(failure)) from failure
            yield from self._read_group(opened, group, start, max(end, first), _SALVAGE_ROWS)
            return
        missing = start + self._group_rows[group] - end
        if missing:
            raise self._describe_damage(
                group, end, f"it holds {missing:,} records fewer than its footer says"
            )

    def _describe_damage(self, group: int, lost: int, why: str) -> SourceError:
        count = len(self._group_rows)
        return SourceError(
            f"{self.name}: row group {group + 1} of {count} is damaged; from row {lost + 1:,} on it "
            f"cannot be read ({join_lines(why)}). The rows before it are not affected. "
            "Export the file again."
        )

    @contextmanager
    def _explain_footer(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as failure:
            raise SourceError(
                f"{self.name}: is not a whole Parquet file, its footer cannot be read "
                f"({join_lines(str(failure))}). Was the copy cut off? Copy or export it again."
            ) from failure


def _open(raw: Opened) -> parquet.ParquetFile:
    """Open for streaming: pages through a small buffer, not whole column chunks ahead.

    INT96 is read in microseconds: in nanoseconds, pyarrow's default, the years before 1677 and after 2262
    overflow into wrong times without an error.
    """
    return parquet.ParquetFile(
        raw,
        pre_buffer=False,
        buffer_size=_PAGE_BUFFER,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
        arrow_extensions_enabled=True,
    )


def _size_batch(rows: int, size: int) -> int:
    """Records a batch, so that wide records do not make a large batch; `size` in bytes, uncompressed."""
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES * rows // max(size, 1)))
