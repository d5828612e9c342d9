"""A disk that loses power under all files of a ledger: those of SQLite, and the sorted runs beside them.

For SQLite's files see `tests.journal.disk`. Runs are written with calls of the operating system; these are
watched, and when the power goes each run keeps what was synced, with any sectors of what was written since.
A name that was given, changed or removed since the folder was synced is there or not.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import unquote, urlparse

from loader.ledger import store
from tests.journal.disk import Connection, Disk, Platter, PowerLoss, Result, Write, translated

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

_fsync, _replace, _rename, _unlink = os.fsync, os.replace, os.rename, os.unlink


@dataclass(frozen=True)
class Inserted(Result):
    """What an insertion gave."""

    lastrowid: int = 0


class LedgerConnection(Connection):
    """As much of `sqlite3.Connection` as the ledger uses, over apsw."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Result:
        """Run a statement to its end."""
        found = super().execute(sql, values)
        return Inserted(found.rows, found.rowcount, self._connection.last_insert_rowid())

    def executescript(self, script: str) -> None:
        """Run some statements."""
        with translated():
            self._connection.execute(script).fetchall()


class FolderDisk(Disk):
    """A disk with the folder of a ledger.

    Args:
        folder: where the ledger is.
        chance: what decides.
        operations: after how many the power goes, or the process is killed.
        careless: whether runs are not synced; to see that the tests would see it.
    """

    def __init__(
        self, folder: Path, chance: random.Random, operations: int, *, careless: bool = False
    ) -> None:
        super().__init__(chance, operations)
        self._folder = folder
        self._careless = careless
        self._synced: dict[int, bytes] = {}
        self._names = self._list()
        for path in self._names.values():
            self._synced[path.stat().st_ino] = path.read_bytes()
        self._gone: dict[Path, bytes] = {}

    def _list(self) -> dict[str, Path]:
        return {path.name: path for path in self._folder.glob("*-keys-*")}

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """The ledger's code writes to this disk."""
        with ExitStack() as patches:
            for name in ("fsync", "replace", "rename", "unlink"):
                patches.enter_context(mock.patch.object(os, name, getattr(self, name)))
            driver = SimpleNamespace(connect=self.open_database, Error=sqlite3.Error)
            patches.enter_context(mock.patch.object(store, "sqlite3", driver))
            yield

    def open_database(self, target: str | Path, **_: object) -> LedgerConnection:
        """For the ledger's store."""
        path = Path(unquote(urlparse(target).path)) if isinstance(target, str) else target
        return LedgerConnection(path, self)

    def call(self, operation: str = "") -> None:
        """One call of the operating system.

        Raises:
            OSError: the power is gone.
        """
        try:
            self.tick(operation)
        except PowerLoss as error:
            raise OSError(errno.EIO, str(error)) from error

    def fsync(self, descriptor: int) -> None:
        """A run or the folder was synced."""
        self.call("sync")
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self.sync_folder()
        elif not self._careless:
            self._synced[status.st_ino] = os.pread(descriptor, status.st_size, 0)

    def sync_folder(self) -> None:
        """All names are on the disk."""
        self._names = self._list()
        self._gone.clear()
        self._deleted.clear()
        for platter in self._platters.values():
            platter.named = True

    def synced(self, platter: Platter) -> None:
        """A file of SQLite was synced; with the first sync of a new one, its folder."""
        named = platter.named
        super().synced(platter)
        if not named:
            self.sync_folder()

    def replace(self, source: Path, target: Path) -> None:
        """A run gets its name."""
        self.call()
        _replace(source, target)

    def rename(self, source: Path, target: Path) -> None:
        """A new ledger gets its name."""
        self.call()
        _rename(source, target)
        if (platter := self._platters.pop(Path(source), None)) is not None:
            platter.named = False
            self._platters[Path(target)] = platter

    def unlink(self, path: Path, **how: Any) -> None:
        """A run is deleted."""
        self.call()
        if "-keys-" in Path(path).name and Path(path).exists():
            self._gone[Path(path)] = self._after_loss(Path(path))
        _unlink(path, **how)
        self._platters.pop(Path(path), None)

    def come_back(self) -> None:
        """The machine starts again: put into the files what the disk may hold. Nothing may be open."""
        super().come_back()
        for name, path in self._list().items():
            content = self._after_loss(path)
            if name not in self._names and self._chance.random() < 0.5:
                _unlink(path)
            else:
                path.write_bytes(content)
        for path, content in self._gone.items():
            if path.name in self._names and not path.exists() and self._chance.random() < 0.5:
                path.write_bytes(content)

    def _after_loss(self, path: Path) -> bytes:
        now = path.read_bytes()
        synced = self._synced.get(path.stat().st_ino, b"")
        unsynced = [] if now == synced else [Write(0, now)]
        return Platter(synced, unsynced).after_loss(self._chance)
