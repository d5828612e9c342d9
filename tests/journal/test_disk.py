"""Disks that fill up, fail to sync or end, at any single operation of SQLite on them."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import apsw
import pytest

from loader.errors import CheckpointError
from loader.journal.bitmap import CHUNK
from loader.model import State
from tests.checker import check
from tests.journal.conftest import Place, confirmed, die, rejects
from tests.journal.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.journal import Journal

FOR_EVER = 1_000_000


def on(disk: Disk, place: Place) -> Journal:
    """Open a checkpoint on a disk."""
    return place.open(window=4, host=replace(place.host, connect=disk.connect))


def sent(journal: Journal, rows: range) -> None:
    """Lease rows and put them on the wire."""
    journal.lease(rows)
    for ordinal in rows:
        journal.sending(ordinal)


class Full:
    """A disk on which a number of further writes find room; while `room` says so, all do."""

    def __init__(self, writes: int, room: Callable[[], bool] = lambda: False) -> None:
        self.left = writes
        self.refused = False
        self._room = room

    def __call__(self, operation: str) -> type[apsw.Error] | None:
        """Whether there is room."""
        self.left -= operation == "write"
        if operation != "write" or self.left >= 0 or self._room():
            return None
        self.refused = True
        return apsw.FullError


def test_a_disk_that_fills_up_at_any_write_of_a_lease(place: Place) -> None:
    """None of the rows is leased; what is on the wire is still answered into the reserve."""
    for writes in range(FOR_EVER):
        place.path = place.path.with_name(f"{writes}.ckpt")
        disk = Disk(random.Random(0), FOR_EVER)
        journal = on(disk, place)
        sent(journal, range(4))
        disk.refuses = full = Full(writes, room=lambda: not place.beside("-reserve").exists())
        try:
            journal.lease(range(4, 300), rejects=rejects(range(4, 120)))
        except CheckpointError as error:
            assert "the disk is full" in str(error)  # noqa: PT017  # whether it is raised is the question
        if not full.refused:
            break
        journal.settle(confirmed(range(4)))
        journal.close()
        ledger = check(place.view(), Counter(range(4)))
        assert ledger.never_sent == set(range(4, 1000))
    assert writes > 20


def test_a_disk_that_is_full_at_any_write_of_outcomes(place: Place) -> None:
    """They are written into the reserve: every answer that came is kept."""
    for writes in range(FOR_EVER):
        place.path = place.path.with_name(f"{writes}.ckpt")
        disk = Disk(random.Random(0), FOR_EVER)
        journal = on(disk, place)
        sent(journal, range(300))
        disk.refuses = full = Full(writes, room=lambda: not place.beside("-reserve").exists())
        journal.settle(confirmed(range(300)))
        if not full.refused:
            break
        with pytest.raises(CheckpointError, match="the disk is full"):
            journal.lease(range(300, 301))
        journal.close()
        assert check(place.view(), Counter(range(300))).confirmed == set(range(300))
    assert writes > 4


def test_a_sync_that_fails_once(place: Place) -> None:
    """The pages may be lost although the next sync succeeds: nothing is written or sent any more."""
    disk = Disk(random.Random(0), FOR_EVER)
    journal = on(disk, place)
    sent(journal, range(4))
    disk.refuses = fail_once()
    writes: tuple[Callable[[], None], ...] = (
        lambda: journal.lease(range(4, 50)),
        lambda: journal.lease(range(4, 50)),
        lambda: journal.sending(1),
        lambda: journal.settle(confirmed([0])),
        journal.release,
    )
    for write in writes:
        with pytest.raises(CheckpointError, match="nothing more is sent"):
            write()
    journal.close()
    ledger = check(place.view(), Counter(range(4)))
    assert ledger.in_doubt == set(range(4))


def test_a_sync_that_fails_at_the_end_loses_no_answer(place: Place) -> None:
    """The load says so; what was settled before stands, and the next load continues."""
    disk = Disk(random.Random(0), FOR_EVER)
    journal = on(disk, place)
    sent(journal, range(4))
    journal.settle(confirmed(range(4)))
    disk.refuses = fail_once()
    with pytest.raises(CheckpointError, match="the disk refuses to sync"):
        journal.close()
    assert check(place.view(), Counter(range(4))).confirmed == set(range(4))
    place.open().close()


def fail_once() -> Callable[[str], type[apsw.Error] | None]:
    """The next sync fails, all after it succeed."""
    failures = [apsw.IOError]
    return lambda operation: failures.pop() if operation == "sync" and failures else None


@pytest.mark.parametrize("power", [True, False], ids=["power loss", "kill"])
def test_an_end_at_any_write_that_completes_a_chunk(memory: Path, power: bool) -> None:
    """A chunk of 65,536 rows gives up its bitmap in one step: its last rows are confirmed or in doubt."""
    rows, last = CHUNK + 10, range(CHUNK - 4, CHUNK)
    base = Place(memory / "base" / "orders.ckpt", rows=rows)
    base.path.parent.mkdir()
    with base.open() as journal:
        journal.lease(range(last.start))
        journal.settle(confirmed(range(last.start)))
    landed, outcomes = Counter(range(CHUNK)), set()
    for operations in range(FOR_EVER):
        place = Place(memory / str(operations) / "orders.ckpt", rows=rows)
        shutil.copytree(base.path.parent, place.path.parent)
        disk = Disk(random.Random(operations), FOR_EVER)
        journal = on(disk, place)
        sent(journal, last)
        disk.end_after(operations)
        try:
            journal.settle(confirmed(last))
            journal.release()
            journal.close()
        except CheckpointError:
            assert disk.dead
        if not disk.dead:
            break
        if not journal._closed:
            die(journal)
        if power:
            disk.come_back()
            place.beside("-shm").unlink(missing_ok=True)
            place.boot = "another start of the machine"
        ledger = check(place.view(), landed)
        assert ledger.in_doubt in ({*last}, set())
        outcomes.add(State.IN_DOUBT if ledger.in_doubt else State.CONFIRMED)
        shutil.rmtree(place.path.parent)
    assert len(outcomes) == 2
