"""The one writing connection: transactions that keep the checksums, and what a failed one means."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal import schema
from loader.journal.bitmap import StoredChunk
from loader.journal.checkpoint_files import explain_unusable, read_inode
from loader.journal.left_out import LeftOutChunk
from loader.journal.table_rows import Head, Sums

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.journal.checkpoint_files import Files, Inode
    from loader.journal.hold import Hold
    from loader.journal.schema import SealedTable
    from loader.journal.table_rows import PackedCategories

# Pages of the write-ahead log before SQLite moves them into the file: 8 MiB.
_LOG_PAGES = 8192
# For how long another program may write to the checkpoint, for example to compact it.
_PATIENCE_SECONDS = 15.0


class DiskFull(CheckpointError):
    """There is no room for the commit; it was rolled back and may be tried again."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that begins no transaction by itself."""
    return sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)


class Transaction:
    """Rows to be written together with the head; the sums of the checksums follow."""

    def __init__(self, connection: sqlite3.Connection, head: Head) -> None:
        self._connection = connection
        self._sums = head.sums._asdict()

    @property
    def sums(self) -> Sums:
        """The sums after what was written."""
        return Sums(**self._sums)

    def add(self, table: SealedTable, row: tuple[object, ...]) -> None:
        """Insert a row with its checksum."""
        crc = table.seal(row)
        self._connection.execute(table.insert, (*row, crc))
        self._sums[table.total] += crc

    def remove(self, table: SealedTable, row: tuple[object, ...]) -> None:
        """Delete a row that is stored exactly as given."""
        self._connection.execute(table.delete, row[:1])
        self._sums[table.total] -= table.seal(row)

    def put_cells(self, number: int, cells: bytes) -> None:
        """Write cells that were fixed; their digest is in a row of `FIXED` with the same number."""
        self._connection.execute("INSERT INTO fixed_cells VALUES (?, ?)", (number, cells))

    def put_categories(self, number: int, packed: PackedCategories) -> None:
        """Write by what a report counts some rows; of those with one number, the last stands."""
        self._connection.execute(
            "INSERT OR REPLACE INTO categories VALUES (?, ?, ?, ?, ?)", (number, *packed, packed.seal(number))
        )

    def put_chunk(self, chunk: StoredChunk, *, replaced: int) -> None:
        """Write a chunk over the one whose CRC was `replaced` (0: there was none)."""
        values = (chunk.confirmed, chunk.crc.to_bytes(4, "little"), chunk.bits, chunk.number)
        # An update in place writes only the pages that differ: one of eight of a bitmap.
        updated = self._connection.execute(
            "UPDATE chunks SET confirmed = ?, crc = ?, bits = ? WHERE number = ?", values
        )
        if not updated.rowcount:
            self._connection.execute(
                "INSERT INTO chunks (confirmed, crc, bits, number) VALUES (?, ?, ?, ?)", values
            )
        self._sums["chunks"] += chunk.crc - replaced


class Store:
    """The checkpoint file, open for writing.

    After a commit that failed for any reason but a full disk nobody knows what is on the disk (an fsync
    that failed once and then succeeds has lost pages), so nothing is written through it again.

    Attributes:
        head: the head as it was last committed.
        broken: why nothing more is written, or "".
    """

    def __init__(
        self, files: Files, head: Head, hold: Hold, connector: Callable[[Path], sqlite3.Connection] = connect
    ) -> None:
        self.head = head
        self.broken = ""
        self._files = files
        self._hold = hold
        self._watched: dict[Path, Inode | None] = {files.path: hold.inode}
        try:
            self._connection = connector(files.path)
        except sqlite3.Error as error:
            raise explain_unusable(files.path, error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.abandon()
            raise explain_unusable(files.path, error) from error

    def _prepare(self) -> None:
        self._durable: bool | None = None
        for setting in (
            "journal_mode = WAL",
            f"wal_autocheckpoint = {_LOG_PAGES}",
            "fullfsync = 1",  # macOS: an fsync that reaches the disk
            "checkpoint_fullfsync = 1",
        ):
            self._connection.execute(f"PRAGMA {setting}").fetchall()
        self._hold.share()

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self._files.path

    def refuse_broken(self) -> None:
        """Raise `CheckpointError` after a commit that failed."""
        if self.broken:
            raise CheckpointError(self.broken)

    def give_up(self, why: str) -> None:
        """Write nothing more."""
        self.broken = self.broken or why

    def watch(self, path: Path) -> None:
        """From now on, the file at `path` has to stay the same one."""
        self._watched[path] = read_inode(path)

    def commit(self, write: Callable[[Transaction], None], head: Head, *, durable: bool) -> None:
        """One transaction: what `write` does, and the head with the sums and the next commit number.

        The number is one more than the head says, if that is known to be more than this file knows.

        Args:
            write: writes the rows; called again if the commit is tried again.
            head: the head's other fields.
            durable: whether the commit must survive a power loss.

        Raises:
            DiskFull: rolled back, nothing was written.
            CheckpointError: it failed, and nothing will be written through this object again.
        """
        self.refuse_broken()
        try:
            written = self._transact(write, head, durable=durable)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL and self._rolled_back():
                raise DiskFull(
                    f"{self._files.path}: the disk is full. Make room, then run the same command again."
                ) from error
            self._break(_say_cause(error))
            raise CheckpointError(self.broken) from error
        except BaseException:
            self._break("writing to it was interrupted")
            raise
        if durable:
            self._verify_place()
        self.head = written

    def _transact(self, write: Callable[[Transaction], None], head: Head, *, durable: bool) -> Head:
        execute = self._connection.execute
        if durable != self._durable:
            execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        execute("BEGIN IMMEDIATE")
        transaction = Transaction(self._connection, self.head)
        write(transaction)
        before = self.head.commits
        written = head._replace(commits=max(before, head.commits) + 1, sums=transaction.sums)
        only, *columns = stored = written.stored()
        if execute(schema.UPDATE_HEAD, (*columns, schema.HEAD.seal(stored), only, before)).rowcount != 1:
            raise sqlite3.IntegrityError("another program has written to it")
        execute("COMMIT")
        return written

    def chunk(self, number: int) -> StoredChunk | None:
        """The chunk of confirmed rows as stored in the file."""
        found = self._connection.execute(
            "SELECT number, confirmed, bits, crc FROM chunks WHERE number = ?", (number,)
        ).fetchone()
        if found is None:
            return None
        chunk, confirmed, bits, crc = found
        return StoredChunk(chunk, confirmed, bits, int.from_bytes(crc, "little"))

    def left_out(self, number: int) -> LeftOutChunk | None:
        """The chunk of rows that are left out as stored in the file."""
        found = self._connection.execute(
            'SELECT number, "rows", bits FROM left_out WHERE number = ?', (number,)
        ).fetchone()
        return found and LeftOutChunk(*found)

    def fold(self) -> None:
        """Move the write-ahead log into the file, as far as readers allow."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            self._break(f"it could not be written: {error}")
            raise CheckpointError(self.broken) from error

    def close(self) -> None:
        """Close; SQLite folds the log into the file. After a failure nothing more is written."""
        if self.broken:
            self.abandon()
        else:
            self._hold.end_sharing()
            self._connection.close()

    def abandon(self) -> None:
        """Close as a killed process would: nothing is folded or synced, the log stays.

        SQLite folds the log when the last connection closes, and a connection that can only read cannot
        fold; so one is kept open until the writing one is gone.
        """
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{self._files.path.as_uri()}?mode=ro", uri=True)) as reader,
        ):
            with suppress(sqlite3.Error):
                reader.execute("SELECT commits FROM head").fetchone()
            self._connection.close()
        self._connection.close()

    def _rolled_back(self) -> bool:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True

    def _verify_place(self) -> None:
        for path, expected in self._watched.items():
            if read_inode(path) != expected:
                self._rescue_log()
                self._break(f"{path} was deleted, moved or replaced while it was in use")
                raise CheckpointError(self.broken)

    def _rescue_log(self) -> None:
        """Move the log into the file if its name was deleted: only this connection can still read it."""
        if self._files.log.exists() or read_inode(self._files.path) != self._hold.inode:
            return
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()

    def _break(self, why: str) -> None:
        self.broken = (
            f"{self._files.path}: nothing more is sent and the checkpoint is left as it is, because {why}. "
            "Fix the cause, then run the same command again to continue."
        )


def _say_cause(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
        return f"another program has kept it locked for writing for {_PATIENCE_SECONDS:.0f} s"
    return f"it could not be written: {error}"
