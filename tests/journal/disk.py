"""A disk that loses power, fills up or fails: a SQLite VFS (apsw) that forgets what was not synced.

Writes go to the real files, so that everything else sees them as on a running machine; beside them the disk
keeps what was synced and each write since. When the power goes, nothing works any more; `come_back` then
puts into the files what a real disk may hold: of every unsynced write all, nothing, a beginning or single
sectors, in any mixture; a new file whose folder was not synced may be missing, a deleted one be there again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import apsw

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

SECTOR = 512


class PowerLoss(apsw.IOError):
    """The power is gone."""


@dataclass(frozen=True)
class Write:
    """Bytes written and not synced; None cuts the file at `offset`."""

    offset: int
    data: bytes | None

    def onto(self, content: bytearray, kept: Sequence[range]) -> None:
        """Do it, as far as the ranges of the data that were kept."""
        if self.data is None:
            if kept:
                del content[self.offset :]
            return
        for part in kept:
            piece = self.data[part.start : part.stop]
            first = self.offset + part.start
            if len(content) < first:
                content.extend(bytes(first - len(content)))
            content[first : first + len(piece)] = piece

    def surviving(self, chance: random.Random) -> list[range]:
        """The parts of it that reached the disk before the power was gone."""
        size = len(self.data or b"x")
        edges = [0, *range(SECTOR - self.offset % SECTOR, size, SECTOR), size]
        sectors = [range(first, stop) for first, stop in pairwise(edges)]
        match chance.randrange(5):
            case 0:
                return sectors[: chance.randrange(len(sectors) + 1)]
            case 1:
                return [sector for sector in sectors if chance.random() < 0.5]
            case 2:
                return []
        return sectors


@dataclass
class Platter:
    """One file: what was synced, what was written since, and whether its name is in the synced folder."""

    synced: bytes
    unsynced: list[Write] = field(default_factory=list)
    named: bool = True

    def sync(self) -> None:
        """All that was written is on the disk."""
        content = bytearray(self.synced)
        for write in self.unsynced:
            write.onto(content, [range(len(write.data or b"x"))])
        self.synced, self.unsynced, self.named = bytes(content), [], True

    def after_loss(self, chance: random.Random) -> bytes:
        """What the disk may hold now. Writes reach it in any order; sometimes none did, sometimes all."""
        content = bytearray(self.synced)
        mood = chance.choice(["none", "all", "mixed", "mixed"])
        for write in self.unsynced:
            if mood != "none":
                whole = [range(len(write.data or b"x"))]
                write.onto(content, whole if mood == "all" else write.surviving(chance))
        return bytes(content)


class Disk(apsw.VFS):
    """Files on a disk whose power goes after a given number of operations; `dead` from then on.

    Attributes:
        refuses: with what error the disk answers an operation ("write" or "sync"), or None where it works.
    """

    def __init__(self, chance: random.Random, operations: int) -> None:
        self.name = f"losing power {id(self)}"
        super().__init__(self.name, "")
        self.dead = False
        self.refuses: Callable[[str], type[apsw.Error] | None] = lambda _: None
        self._chance = chance
        self._left = operations
        self._platters: dict[Path, Platter] = {}
        self._deleted: dict[Path, Platter] = {}

    def connect(self, path: Path) -> sqlite3.Connection:
        """For `Host.connect`: a connection through this disk."""
        # Python files of a VFS offer no shared memory; SQLite then keeps the log's index to itself.
        return cast("sqlite3.Connection", Connection(path, self))

    def end_after(self, operations: int) -> None:
        """From now on, a given number of operations are left."""
        self._left = operations

    def tick(self, operation: str = "") -> None:
        """One operation; at the last one the power goes.

        Raises:
            PowerLoss: it is gone.
            apsw.Error: the disk refuses the operation.
        """
        if (error := self.refuses(operation)) is not None:
            raise error(f"the disk refuses to {operation}")
        self._left -= 1
        self.dead = self.dead or self._left < 0
        if self.dead:
            raise PowerLoss("the power is gone")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        """Open a file; a new one is not in the synced folder yet."""
        if name is None:
            return apsw.VFSFile("", name, flags)
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        there = path.exists()
        platter = self._platters.get(path)
        if platter is None:
            platter = self._platters[path] = Platter(path.read_bytes() if there else b"", named=there)
        return DiskFile(self, platter, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  # apsw's name
        """Delete a file; until the folder is synced, a power loss brings it back."""
        self.tick()
        super().xDelete(filename, syncdir)
        platter = self._platters.pop(Path(filename), None)
        if platter is not None and platter.named:
            self._deleted[Path(filename)] = platter

    def synced(self, platter: Platter) -> None:
        """A file was synced; with the first sync of a new one SQLite syncs its folder."""
        self.tick("sync")
        if not platter.named:
            self._deleted.clear()
        platter.sync()

    def come_back(self) -> None:
        """The machine starts again: put into the files what the disk may hold. Nothing may be open."""
        for path, platter in self._platters.items():
            path.write_bytes(platter.after_loss(self._chance))
            if not platter.named and self._chance.random() < 0.5:
                path.unlink()
        for path, platter in self._deleted.items():
            if not path.exists() and self._chance.random() < 0.5:
                path.write_bytes(platter.after_loss(self._chance))


class DiskFile(apsw.VFSFile):
    """An open file of a `Disk`."""

    def __init__(self, disk: Disk, platter: Platter, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._platter = platter

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # apsw's name
        """Write; the write during which the power goes may reach the disk, too."""
        if not self._disk.dead:
            self._platter.unsynced.append(Write(offset, bytes(data)))
        self._disk.tick("write")
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  # apsw's name
        """Cut the file."""
        if not self._disk.dead:
            self._platter.unsynced.append(Write(newsize, None))
        self._disk.tick()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802  # apsw's name
        """Sync; the real file need not be."""
        self._disk.synced(self._platter)


class Connection:
    """As much of `sqlite3.Connection` as the journal uses, over apsw."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._disk = disk
        with translated():
            self._connection = apsw.Connection(str(path), vfs=disk.name)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Result:
        """Run a statement to its end."""
        with translated():
            rows = self._connection.execute(sql, tuple(values)).fetchall()
            return Result(rows, self._connection.changes())

    def executemany(self, sql: str, many: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of the values."""
        for values in many:
            self.execute(sql, values)

    def close(self) -> None:
        """Close; without power SQLite can tidy nothing up."""
        with translated():
            try:
                self._connection.close()
            except apsw.Error:
                if not self._disk.dead:
                    raise


@dataclass(frozen=True)
class Result:
    """What a statement gave."""

    rows: list[Any]
    rowcount: int

    def fetchone(self) -> Any:
        """The first row, or None."""
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self.rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


class translated:  # noqa: N801  # reads as a verb
    """Errors of apsw as those of the standard library."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, apsw.Error):
            raised = sqlite3.OperationalError(str(error))
            # What a method of the VFS raised arrives without a code.
            own = sqlite3.SQLITE_FULL if isinstance(error, apsw.FullError) else sqlite3.SQLITE_IOERR
            raised.sqlite_errorcode = getattr(error, "extendedresult", own)
            raise raised from error
