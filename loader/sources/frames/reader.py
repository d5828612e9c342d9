"""A table in memory as a reader: slabs of its own types, and proof of which table it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.errors import SourceError
from loader.model import FRAME_FORM, FileRecord, Mark
from loader.sources.frames import fingerprint
from loader.sources.frames.tables import taken
from loader.sources.records import NOBODY, Slab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.sources.records import Onlooker

# Rows that are converted and hashed at a time. Part of the identity: another number is another hash.
BLOCK = 8192
_MOST_MARKS = 256


class FrameRecords:
    """A table in memory. Nothing is copied at once; each block is converted when it is read.

    Its identity is a hash of names, types and values: the same content, built anew in another process or
    held by another library, is the same input. The index is no part of it. A block that is no longer what it
    was when the hash was made is refused, not sent.

    Args:
        table: a pandas.DataFrame, a pyarrow.Table, or what exports Arrow (a polars.DataFrame).
        name: what it is called in messages, if not by its type.

    Raises:
        SourceError: the table has columns that cannot be named or sent.
    """

    def __init__(self, table: Any, name: str = "") -> None:
        self._table = taken(table, name)
        self.schema = pa.schema([(name, column.type) for name, column in self._table.columns.items()])
        self._digests: list[bytes] = []

    @property
    def name(self) -> str:
        """What the table is called in messages."""
        return self._table.name

    @property
    def form(self) -> str:
        """How it is read."""
        return FRAME_FORM

    def survey(
        self,
        known: Sequence[FileRecord] = (),  # noqa: ARG002 - all is read anyway
        onlooker: Onlooker = NOBODY,
    ) -> FileRecord:
        """Hash every block once."""
        whole, size, marks = hashlib.sha256(fingerprint.header(self.schema)), 0, []
        self._digests = []
        for start in range(0, self._table.rows, BLOCK):
            arrays = self._arrays(start)
            onlooker.see(Slab(start, pa.table(arrays, self.schema.names), {}))
            digest, length = fingerprint.block(arrays)
            self._digests.append(digest)
            whole.update(digest)
            size += length
            row = min(start + BLOCK, self._table.rows)
            # A place is told by its row: how many bytes stand before it, another content changes.
            marks.append(Mark(row, row, whole.hexdigest()[:32]))
        sparse = marks[:: -(-len(marks) // _MOST_MARKS) or 1]
        return FileRecord(self.name, size, whole.hexdigest(), self._table.rows, tuple(sparse), self.form)

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on.

        Raises:
            SourceError: the table was changed since it was surveyed; the records before have been yielded.
        """
        for start in range(first - first % BLOCK, self._table.rows, BLOCK):
            arrays = self._arrays(start)
            self._refuse_changed(start, arrays)
            # Not by the schema: a block of texts that are no UTF-8 comes as bytes.
            slab = Slab(start, pa.table(arrays, self.schema.names), self._unreadable(start))
            yield slab.between(max(first, start), slab.end)

    def _arrays(self, start: int) -> list[pa.Array]:
        stop = min(start + BLOCK, self._table.rows)
        return [column.cells(start, stop) for column in self._table.columns.values()]

    def _unreadable(self, start: int) -> dict[int, str]:
        stop = min(start + BLOCK, self._table.rows)
        found = [column.unreadable(start, stop) for column in self._table.columns.values()]
        return {offset: reason for column in found for offset, reason in column.items()}

    def _refuse_changed(self, start: int, arrays: list[pa.Array]) -> None:
        if self._digests and fingerprint.block(arrays)[0] != self._digests[start // BLOCK]:
            raise SourceError(
                f"{self.name}: was changed while it was loaded, in rows {start + 1:,} to "
                f"{min(start + BLOCK, self._table.rows):,}. None of these was sent now. Bring them back as "
                "they were to go on; another content would send again what was sent."
            )
