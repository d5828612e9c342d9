"""Checkpoints to try things on: real files, with the machine's boot id and clocks handed in."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView, FileRecord, Host, Identity, Journal
from loader.methods import Kind
from loader.model import LeftOut, Outcome, Reject, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BOOT = "0c6d4c53-3f43-4c5e-9f0e-0f6d1d1a9d11"


def identity(rows: int = 1000, **changes: object) -> Identity:
    """An identity of one file with a given number of rows."""
    fields: dict[str, object] = {
        "kind": Kind.EVENTS,
        "application": "AAAAA-11111",
        "endpoint": "https://api.example.com/json/1.3/",
        "mapping": 'kind = "events"\n[fields]\nhwid = "device"\n',
        "files": (FileRecord("orders.csv", rows * 20, "ab" * 32, rows),),
    }
    return Identity(**{**fields, **changes})  # type: ignore[arg-type]  # the fields' types are those above


def confirmed(ordinals: Iterable[int]) -> list[Outcome]:
    """Outcomes of rows that the vendor took."""
    return [Outcome(ordinal, State.CONFIRMED) for ordinal in ordinals]


def rejects(ordinals: Iterable[int]) -> list[Reject]:
    """Records that cannot be mapped."""
    return [Reject(n, "amount", "12,5", "not a number", f"row {n + 1}: not a number") for n in ordinals]


def left_out(ordinals: Iterable[int], reason: str = "selection") -> list[LeftOut]:
    """Records that are no part of the load, for one reason."""
    rows = sorted(ordinals)
    return [LeftOut(reason, rows[0], sum(1 << (row - rows[0]) for row in rows))] if rows else []


def die(journal: Journal) -> None:
    """Leave everything as a killed process does: nothing folded, nothing cleared, the lock gone."""
    journal._store.abandon()
    journal._slots.close()
    journal._lock.release()
    journal._closed = True


@dataclass
class Place:
    """A folder with a checkpoint in it, and the journals that were opened on it."""

    path: Path
    rows: int = 1000
    boot: str | None = BOOT
    opened: list[Journal] = field(default_factory=list)

    @property
    def host(self) -> Host:
        """The machine."""
        return Host(boot_id=self.boot)

    def open(self, **options: object) -> Journal:
        """Open the checkpoint to load with it."""
        arguments = {"identity": identity(self.rows), "window": 4, "host": self.host, **options}
        journal = Journal.open(self.path, **arguments)  # type: ignore[arg-type]  # the types are those above
        self.opened.append(journal)
        return journal

    def view(self) -> CheckpointView:
        """Look at it."""
        return CheckpointView.open(self.path, host=self.host)

    def beside(self, suffix: str) -> Path:
        """A file of the checkpoint."""
        return self.path.with_name(self.path.name + suffix)


class FailingDisk:
    """A disk on which chosen statements fail.

    Attributes:
        fails: the SQLite error code for a statement, or None where it works.
    """

    def __init__(self) -> None:
        self.fails: Callable[[str], int | None] = lambda _: None

    def connect(self, path: Path) -> sqlite3.Connection:
        """For `Host.connect`."""
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:
                code = disk.fails(sql)
                if code is not None:
                    error = sqlite3.OperationalError("the disk says no")
                    error.sqlite_errorcode = code
                    raise error
                return super().execute(sql, *arguments)  # type: ignore[arg-type]  # passed on as they came

        return sqlite3.connect(path, isolation_level=None, factory=Connection)

    def open(self, place: Place, **options: object) -> Journal:
        """Open a checkpoint on it."""
        return place.open(host=replace(place.host, connect=self.connect), **options)


def free_rows(journal: Journal) -> set[int]:
    """Ordinals that may still be leased."""
    return {ordinal for rows in journal.never_sent() for ordinal in rows}


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder, in memory where the system has one: where thousands of steps are each synced."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place for one checkpoint, closed at the end whatever happened."""
    found = Place(tmp_path / "orders.ckpt")
    yield found
    for journal in found.opened:
        if not journal._closed:
            die(journal)
