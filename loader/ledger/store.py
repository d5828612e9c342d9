"""The SQLite file of a ledger: what it is of, its loads, what is newer than the runs, and which these are.

Keys are written by the group and not by the key: one row of a table for the keys of a lease.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
from xxhash import xxh3_64_digest

from loader.errors import CheckpointError, CheckpointLocked
from loader.journal import DiskFull
from loader.journal.checkpoint_files import NO_FOLLOW, OWNER_ONLY, sync_folder
from loader.ledger.records import Digests, Ordinals
from loader.ledger.run_files import RunFile
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

APPLICATION_ID: Final = 0x50574C47  # "PWLG"
_VERSION = 1
# Keys are written by the group, so large pages save work; the log is moved into the file every 16 MB.
_PAGE_BYTES = 16384
_LOG_PAGES = 1000
_SCHEMA = """
CREATE TABLE header (id TEXT, secret BLOB, application TEXT, endpoint TEXT, generation INTEGER, created REAL);
CREATE TABLE loads (number INTEGER PRIMARY KEY AUTOINCREMENT, checkpoint TEXT UNIQUE, path TEXT, kind TEXT,
                    key TEXT, began REAL, at REAL, rows INTEGER, noted INTEGER);
CREATE TABLE batches (number INTEGER PRIMARY KEY, load INTEGER, pending INTEGER, count INTEGER, keys BLOB,
                      seal BLOB);
CREATE TABLE runs (number INTEGER PRIMARY KEY, place INTEGER, count INTEGER, capacity INTEGER, seal BLOB);
"""


class LedgerError(CheckpointError):
    """The ledger cannot be created, read or trusted."""

    code = "ledger"


class LedgerLocked(CheckpointLocked):
    """Another load has the ledger."""

    code = "ledger_locked"


class LedgerDiffers(LedgerError):
    """The ledger, or the copy of it, is another one than the load needs."""

    code = "ledger_differs"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a ledger is of.

    Attributes:
        application: the application code.
        endpoint: the address of the API, or the id of a sandbox's store.
    """

    application: str
    endpoint: str


class KnownLoad(NamedTuple):
    """A load that a ledger knows.

    Attributes:
        number: in the order in which loads began.
        checkpoint: the id of its checkpoint.
        path: where that was.
        kind: users, events or tags.
        key: the columns of the key, joined by commas.
        began, at: its first start, and the last time that it wrote, in seconds since 1970.
        rows: of its rows that were sent, or may have been, at least as many have their keys here.
        noted: a generation of which its checkpoint has a note, durably.
    """

    number: int
    checkpoint: str
    path: str
    kind: str
    key: str
    began: float
    at: float
    rows: int = 0
    noted: int = 0

    @property
    def name(self) -> str:
        """What it is called in a reason: the name of its checkpoint."""
        return Path(self.path).name

    @property
    def day(self) -> str:
        """The day on which it wrote last, in UTC."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.at))


class Header(NamedTuple):
    """The identity of a ledger.

    Attributes:
        id: random, and of its copies too.
        secret: with which digests are keyed.
        generation: how many loads were begun or ended with it.
        created: in seconds since 1970.
    """

    id: str
    secret: bytes
    application: str
    endpoint: str
    generation: int
    created: float

    @property
    def bound(self) -> Bound:
        """What it is of."""
        return Bound(self.application, self.endpoint)


@dataclass(frozen=True, slots=True)
class Batch:
    """Keys that were written together.

    Attributes:
        number: in the table.
        load: that they are of.
        digests: of the keys and bodies.
        ordinals: of the rows in that load, as long as the keys are pending; else empty.
    """

    number: int
    load: int
    digests: Digests
    ordinals: Ordinals

    def pack(self) -> bytes:
        """The bytes in the table."""
        return self.digests.pack() + self.ordinals.astype("<i8").tobytes()

    @classmethod
    def unpack(cls, number: int, load: int, count: int, packed: bytes, *, pending: bool) -> Batch:
        """What `pack` wrote."""
        digests = Digests.unpack(packed[: 24 * count])
        ordinals = np.frombuffer(packed, "<i8", count if pending else 0, 24 * count if pending else 0)
        return cls(number, load, digests, ordinals)


class Store:
    """The file, open for writing or only for reading."""

    def __init__(self, path: Path, *, readonly: bool) -> None:
        """Open a ledger that exists.

        Raises:
            LedgerError: it is missing, not a ledger, or cannot be read.
        """
        self.path = path
        with explaining(path):
            status = path.stat()
            self._file = status.st_dev, status.st_ino
            if status.st_nlink > 1:
                raise LedgerError(say_linked(path, status.st_nlink))
            target = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rw'}"
            self._connection = sqlite3.connect(target, uri=True, timeout=10, isolation_level=None)
        try:
            with explaining(path):
                self._refuse_other_files()
                # Only what precedes a send has to be on the disk, and that is what each commit here does. A
                # tool that copied the ledger may have left it without a write-ahead log.
                self._connection.execute("PRAGMA synchronous = EXTRA").fetchall()
                if not readonly:
                    self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}").fetchall()
        except BaseException:
            self._connection.close()
            raise

    def _refuse_other_files(self) -> None:
        try:
            (found,) = self._connection.execute("PRAGMA application_id").fetchone()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            found = version = 0
        if found != APPLICATION_ID:
            raise LedgerError(f"{self.path} is not a ledger. Nothing was sent. Name another file.")
        if version > _VERSION:
            raise LedgerError(
                f"{self.path} is a ledger of a later version of this program. Nothing was sent. "
                "Install that version."
            )

    @classmethod
    def create(cls, path: Path, bound: Bound) -> None:
        """Create a ledger: it is there as a whole, or not at all.

        Raises:
            LedgerError: the folder cannot be written.
        """
        unfinished = path.with_name(f"{path.name}-{secrets.token_hex(4)}-new")
        with explaining(path):
            os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, OWNER_ONLY))
            try:
                with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
                    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                    connection.execute("PRAGMA synchronous = FULL").fetchall()
                    connection.execute("PRAGMA journal_mode = WAL").fetchall()
                    connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
                    header = secrets.token_hex(16), secrets.token_bytes(32), *_spread(bound), 0, time.time()
                    connection.execute("INSERT INTO header VALUES (?, ?, ?, ?, ?, ?)", header)
                unfinished.rename(path)
            finally:
                unfinished.unlink(missing_ok=True)
            sync_folder(path.parent)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable commit.

        Raises:
            DiskFull: there is no room; nothing was written.
            LedgerError: it cannot be written.
        """
        self._refuse_replaced()
        with explaining(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _refuse_replaced(self) -> None:
        """Refuse to write to a file that nobody would find again: its name is another's now, or gone."""
        try:
            status = self.path.stat()
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._file:
            raise LedgerError(say_replaced(self.path))

    @property
    def header(self) -> Header:
        """The identity."""
        with explaining(self.path):
            row = self._connection.execute("SELECT * FROM header").fetchone()
        if row is None:
            raise LedgerError(f"{self.path} is damaged: its header is missing.")
        return Header(*row)

    @property
    def loads(self) -> list[KnownLoad]:
        """The loads, in the order in which they began."""
        with explaining(self.path):
            return [
                KnownLoad(*row) for row in self._connection.execute("SELECT * FROM loads ORDER BY number")
            ]

    @property
    def runs(self) -> list[RunFile]:
        """The runs, oldest first."""
        with explaining(self.path):
            return [RunFile(*row) for row in self._connection.execute("SELECT * FROM runs ORDER BY place")]

    def batches(self, *, pending: bool) -> Iterator[Batch]:
        """The batches of pending keys, or of keys that were sent, oldest first.

        Raises:
            LedgerError: one was changed by anything but this program.
        """
        with explaining(self.path):
            rows = self._connection.execute(
                "SELECT number, load, count, keys, seal FROM batches WHERE pending = ? ORDER BY number",
                (pending,),
            )
            for number, load, count, keys, seal in rows:
                if seal != _seal(load, keys):
                    raise LedgerError(f"{self.path} is damaged: a checksum of batch {number} differs.")
                yield Batch.unpack(number, load, count, keys, pending=pending)

    def verify(self) -> None:
        """Have SQLite read all of the file, and compare each batch with its checksum.

        Raises:
            LedgerError: it is damaged.
        """
        with explaining(self.path):
            (said,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise LedgerError(f"{self.path} is damaged: {said}.")
        for pending in (False, True):
            for _ in self.batches(pending=pending):
                pass

    # What follows is called within a transaction.

    def raise_generation(self) -> int:
        """Count a beginning or an end of a load."""
        self._connection.execute("UPDATE header SET generation = generation + 1")
        (generation,) = self._connection.execute("SELECT generation FROM header").fetchone()
        return int(generation)

    def enter_load(
        self, checkpoint: str, path: Path, kind: str, key: str, *, began: float = 0.0, at: float = 0.0
    ) -> int:
        """The number of a load; a new one if it is not known yet. Without times, it begins now."""
        now = time.time()
        self._connection.execute(
            "INSERT INTO loads (checkpoint, path, kind, key, began, at, rows, noted) "
            "VALUES (?, ?, ?, ?, ?, ?, 0, 0) "
            "ON CONFLICT (checkpoint) DO UPDATE SET path = excluded.path, at = max(at, excluded.at)",
            (checkpoint, str(path), kind, key, began or now, at or now),
        )
        (number,) = self._connection.execute(
            "SELECT number FROM loads WHERE checkpoint = ?", (checkpoint,)
        ).fetchone()
        return int(number)

    def touch_load(self, number: int, marked: int = 0) -> None:
        """Note that a load has written, and how many rows it has marked; a clock may have been set back."""
        self._connection.execute(
            "UPDATE loads SET at = max(at, ?), rows = rows + ? WHERE number = ?",
            (time.time(), marked, number),
        )

    def limit_rows(self, number: int, rows: int) -> None:
        """Note that no more rows of a load than these were sent, or may have been."""
        self._connection.execute("UPDATE loads SET rows = min(rows, ?) WHERE number = ?", (rows, number))

    def put_noted(self, number: int, generation: int) -> None:
        """Note of a load which generation its checkpoint has noted, durably."""
        self._connection.execute("UPDATE loads SET noted = ? WHERE number = ?", (generation, number))

    def put_rows(self, number: int, rows: int) -> None:
        """Note that the keys of these many rows of a load are here."""
        self._connection.execute("UPDATE loads SET rows = ? WHERE number = ?", (rows, number))

    def empty_loads(self, numbers: Iterable[int]) -> None:
        """Forget what is in batches of loads."""
        for number in numbers:
            self._connection.execute("DELETE FROM batches WHERE load = ?", (number,))
            self.put_rows(number, 0)

    def remove_loads(self, numbers: Iterable[int]) -> None:
        """Forget loads of which there are no keys any more."""
        self._connection.executemany("DELETE FROM loads WHERE number = ?", ((each,) for each in numbers))

    def add_batch(self, load: int, digests: Digests, ordinals: Ordinals | None = None) -> Batch:
        """Write keys; pending ones with the ordinals of their rows."""
        pending = ordinals is not None
        rows = np.empty(0, np.int64) if ordinals is None else ordinals
        packed = Batch(0, load, digests, rows).pack()
        cursor = self._connection.execute(
            "INSERT INTO batches (load, pending, count, keys, seal) VALUES (?, ?, ?, ?, ?)",
            (load, pending, len(digests), packed, _seal(load, packed)),
        )
        return Batch(int(cursor.lastrowid or 0), load, digests, rows)

    def remove_batches(self, numbers: Iterable[int]) -> None:
        """Remove batches."""
        self._connection.executemany("DELETE FROM batches WHERE number = ?", ((each,) for each in numbers))

    def keep_as_sent(self, numbers: Iterable[int]) -> None:
        """Say of pending batches that all of their keys were sent; their bytes stay, and are not written."""
        self._connection.executemany(
            "UPDATE batches SET pending = 0 WHERE number = ?", ((each,) for each in numbers)
        )

    def keep_part_as_sent(self, number: int, load: int, digests: Digests) -> None:
        """Say of a pending batch which of its keys were sent; the others are no longer in it."""
        if not len(digests):
            self.remove_batches([number])
            return
        packed = digests.pack()
        self._connection.execute(
            "UPDATE batches SET pending = 0, count = ?, keys = ?, seal = ? WHERE number = ?",
            (len(digests), packed, _seal(load, packed), number),
        )

    def remove_sent(self) -> None:
        """Remove all batches of keys that were sent: a run holds them now."""
        self._connection.execute("DELETE FROM batches WHERE NOT pending")

    def replace_runs(self, old: Sequence[RunFile], new: RunFile | None) -> None:
        """Put a run in the place of others."""
        self._connection.executemany("DELETE FROM runs WHERE number = ?", ((run.number,) for run in old))
        if new is not None:
            row = (new.number, new.place, new.count, new.capacity, new.seal)
            self._connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)


def say_linked(path: Path, names: int) -> Message:
    """Say that a ledger has several names."""
    return Message(
        "{path} has {names} names (hard links). What a load writes last is in a file beside the name that it "
        "was given, so under another name it would be missing. Nothing was sent. Keep one name, and delete "
        "the others, or copy the file.",
        path=path,
        names=names,
    )


def say_replaced(path: Path) -> Message:
    """Say that a ledger was deleted or replaced while a load had it open."""
    return Message(
        "{path} was deleted, moved or replaced while this load had it open, so nobody would find what is "
        "written to it. Nothing more is sent. Put it back; or take over what this load has sent: "
        "ledger import {path} CKPT",
        path=path,
    )


def _spread(bound: Bound) -> tuple[str, str]:
    return bound.application, bound.endpoint


def _seal(load: int, packed: bytes) -> bytes:
    return xxh3_64_digest(packed, seed=load)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn what the system reports into a sentence about the ledger at `path`.

    Raises:
        DiskFull: there is no room.
        LedgerError: anything else.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or "No space left" in reason
        raise (DiskFull if full else LedgerError)(
            Message(
                "{path}: the ledger cannot be used: {reason}. Check the file, its folder and the disk, or "
                "name another ledger with {ledger}.",
                path=path,
                reason=reason,
                ledger=Setting("ledger"),
            )
        ) from error
