"""What a dead run left: kills, power losses, damaged slot files, failing disks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal.recovery import classify
from loader.journal.slots import Header, Slots, digest_boot, read_slots
from loader.model import Outcome, State
from tests.journal.conftest import FailingDisk, Place, confirmed, die, free_rows, identity, rejects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.journal import CheckpointView


def killed(place: Place) -> None:
    """A run that dies with rows 0 to 9 leased: 0 confirmed, 1 rejected here, 2 and 3 on the wire."""
    journal = place.open()
    journal.lease(range(10), rejects=rejects([1]))
    for ordinal in (0, 2, 3):
        journal.sending(ordinal)
    journal.settle(confirmed([0]))
    die(journal)


def doubts(checkpoint: CheckpointView) -> list[int]:
    """Ordinals in doubt."""
    return [row.ordinal for row in checkpoint.exceptions(State.IN_DOUBT)]


def test_after_a_kill_exactly_the_rows_on_the_wire_are_in_doubt(place: Place) -> None:
    """The slots outlive the process; rows leased but not sent are sent by the next run."""
    killed(place)
    with place.open() as journal:
        assert (journal.resumed, journal.leftovers) == (True, 2)
        assert free_rows(journal) == set(range(4, 1000))
        account = journal.account()
        assert (account.confirmed, account.rejected, account.in_doubt, account.in_flight) == (1, 1, 2, 0)
        assert account.attempts == 3
    assert doubts(place.view()) == [2, 3]
    assert all("killed" in row.message for row in place.view().exceptions(State.IN_DOUBT))


def test_a_kill_between_lease_and_send_leaves_no_doubt(place: Place) -> None:
    """Rows that never reached the wire are never sent, and sent by the next run."""
    journal = place.open()
    journal.lease(range(100))
    die(journal)
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (0, set(range(1000)))


def test_a_kill_between_commit_and_slot_clear_keeps_the_confirmation(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that is still set does not undo an outcome that is committed."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0)
    journal.sending(1)
    with monkeypatch.context() as patched:
        patched.setattr(Slots, "note_commit", _die_here)
        with pytest.raises(InterruptedError):
            journal.settle(confirmed([0]))
    die(journal)
    with place.open() as journal:
        assert (journal.account().confirmed, journal.leftovers) == (1, 1)
        assert free_rows(journal) == set(range(2, 1000))


@pytest.mark.parametrize(
    "harm",
    [
        lambda place: setattr(place, "boot", "another start of the machine"),
        lambda place: setattr(place, "boot", None),
        lambda place: place.beside("-wire").unlink(),
        lambda place: place.beside("-wire").write_bytes(b"garbage" * 100),
        lambda place: os.truncate(place.beside("-wire"), 290),
        lambda place: os.truncate(place.beside("-wire"), 256),
        lambda place: _replace_by_copy(place.beside("-wire")),
        lambda place: _replace_by_others(place),  # noqa: PLW0108  # defined below
    ],
    ids=[
        "power loss",
        "no boot id",
        "missing",
        "garbage",
        "truncated",
        "emptied",
        "copied",
        "of another run",
    ],
)
def test_slots_that_cannot_be_trusted_put_the_whole_lease_in_doubt(
    place: Place, harm: Callable[[Place], None]
) -> None:
    """Where nobody knows what was on the wire, every leased row without an outcome may have been sent."""
    killed(place)
    harm(place)
    assert doubts(place.view()) == list(range(2, 10))
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (8, set(range(10, 1000)))


def test_slots_of_an_earlier_opening_do_not_count(place: Place) -> None:
    """Slots say nothing of rows that a later run leased."""
    killed(place)
    left, boot = read_slots(place.beside("-wire")), digest_boot(place.boot)
    assert left is not None
    snapshot = place.view()._snapshot
    assert classify(snapshot, left, boot).in_doubt == (2, 3)
    earlier = replace(left, header=left.header._replace(generation=left.header.generation - 1))
    assert classify(snapshot, earlier, boot).in_doubt == tuple(range(2, 10))


def test_slots_are_used_again_once_their_outcome_is_committed(place: Place) -> None:
    """The slot file stays as small as the window, and a row given back is not taken for one on the wire."""
    journal = place.open(window=2)
    size = place.beside("-wire").stat().st_size
    journal.lease(range(100))
    for ordinal in range(0, 100, 2):
        journal.sending(ordinal)
        journal.sending(ordinal + 1)
        journal.settle([Outcome(ordinal, State.CONFIRMED), Outcome(ordinal + 1, State.NEVER_SENT)])
    assert place.beside("-wire").stat().st_size == size
    journal.lease(range(1, 2))
    die(journal)
    assert doubts(place.view()) == []


def test_a_lease_is_synced_and_outcomes_are_not(place: Place) -> None:
    """Only after an fsync may rows be sent; a group of outcomes waits for the next one."""
    disk = FailingDisk()
    journal = disk.open(place)
    modes: list[str] = []

    def note(sql: str) -> None:
        if sql == "COMMIT":
            ((mode,),) = journal._store._connection.execute("PRAGMA synchronous").fetchall()
            modes.append({1: "NORMAL", 2: "FULL"}[mode])

    disk.fails = note
    journal.lease(range(10))
    journal.settle(confirmed([0]))
    journal.settle(confirmed([1]))
    journal.lease(range(10, 20))
    journal.release()
    journal.close()
    assert modes == ["FULL", "NORMAL", "NORMAL", "FULL", "FULL", "FULL"]


def test_slots_without_a_boot_id_never_count(place: Place) -> None:
    """Two machines without an id are not the same machine."""
    place.boot = None
    killed(place)
    with place.open() as journal:
        assert journal.leftovers == 8


def test_a_slot_is_set_and_cleared_in_one_store(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in the middle of two would leave a slot that is none, and then the whole lease is in doubt."""

    class Stores:
        """A memory map that takes whole slices alone, and remembers how long they were."""

        def __init__(self) -> None:
            self.lengths: list[int] = []

        def __setitem__(self, part: slice, value: bytes) -> None:
            self.lengths.append(len(value))

    journal = place.open()
    journal.lease(range(10))
    stores = Stores()
    monkeypatch.setattr(journal._slots, "_map", stores)
    journal.sending(3)
    journal._slots.clear([3])
    assert stores.lengths == [16, 16]


def test_more_requests_than_the_window_are_all_remembered(place: Place) -> None:
    """The slot file grows; no row on the wire is forgotten."""
    journal = place.open(window=1)
    journal.lease(range(100))
    for ordinal in range(50):
        journal.sending(ordinal)
    journal.settle(confirmed(range(10)))
    die(journal)
    assert doubts(place.view()) == list(range(10, 50))


def test_a_run_that_ends_without_release_is_classified_like_a_dead_one(place: Place) -> None:
    """An error that ends a load leaves its rows on the wire in doubt, the others never sent."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.sending(5)
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (1, set(range(1000)) - {5})


def test_the_classification_is_the_same_however_often_the_opening_is_killed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill while opening loses nothing and doubts nothing more."""
    killed(place)
    with monkeypatch.context() as patched:
        patched.setattr(Slots, "create", _die_here)
        for _ in range(2):
            with pytest.raises((CheckpointError, InterruptedError)):
                place.open()
            assert doubts(place.view()) == [2, 3]
    with place.open() as journal:
        assert free_rows(journal) == set(range(4, 1000))


def test_a_doubt_about_a_resend_is_written_before_it(place: Place) -> None:
    """A kill during a permitted resend leaves a doubt that is marked as sent again."""
    journal = place.open()
    journal.lease(range(3))
    journal.sending(0)
    journal.settle([Outcome(0, State.IN_DOUBT, message="timeout", resending=True)])
    journal.sending(0)
    die(journal)
    with place.open() as journal:
        assert (journal.leftovers, journal.account().in_doubt) == (0, 1)
    (row,) = place.view().exceptions(State.IN_DOUBT)
    assert (row.message, row.resent) == ("timeout", True)


@pytest.mark.parametrize("suffix", ["", "-wal", "-wire"])
@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "deleted"])
def test_a_file_that_vanishes_during_the_run_is_noticed(place: Place, suffix: str, replaced: bool) -> None:
    """The next lease says so, nothing more is sent, and what was on the wire is not called never sent."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(*range(5))
    path = place.beside(suffix)
    before = path.read_bytes()
    path.unlink()
    if replaced:
        path.with_name("new").write_bytes(before)
        path.with_name("new").rename(path)
    with pytest.raises(
        CheckpointError, match=f"{path.name} was deleted, moved or replaced while it was in use"
    ):
        journal.lease(range(10, 20))
    with pytest.raises(CheckpointError, match="nothing more is sent"):
        journal.sending(7)
    with pytest.raises(CheckpointError, match="nothing more is sent"):
        journal.settle(confirmed(range(5)))
    assert (journal.account().in_flight, journal.account().never_sent) == (10, 990)
    journal.close()


def test_another_writer_is_noticed(place: Place) -> None:
    """A program that writes into the checkpoint during the run stops the run."""
    journal = place.open()
    other = sqlite3.connect(place.path)
    other.execute("UPDATE head SET commits = commits + 5")
    other.commit()
    other.close()
    with pytest.raises(CheckpointError, match="another program has written to it"):
        journal.lease(range(10))


def test_a_full_disk_at_a_lease_sends_nothing_more_and_still_takes_the_answers(place: Place) -> None:
    """No row of the refused lease is recorded as leased; answers on the wire find room in the reserve."""
    disk = FailingDisk()
    journal = disk.open(place)
    journal.lease(range(10))
    journal.sending(0)
    full = {"COMMIT": sqlite3.SQLITE_FULL}
    disk.fails = full.get
    with pytest.raises(CheckpointError, match=r"the disk is full. Make room"):
        journal.lease(range(10, 20))
    assert not place.beside("-reserve").exists()
    disk.fails = lambda _: None
    with pytest.raises(CheckpointError, match="the disk is full"):
        journal.lease(range(10, 20))
    journal.settle(confirmed([0]))
    journal.release()
    journal.close()
    with place.open() as journal:
        assert (journal.account().confirmed, free_rows(journal)) == (1, set(range(1, 1000)))


def test_a_full_disk_at_an_outcome_is_written_into_the_reserve(place: Place) -> None:
    """The last answers are kept: the reserve makes room for them, then the run ends."""
    disk = FailingDisk()
    journal = disk.open(place)
    journal.lease(range(10))
    reserve = place.beside("-reserve")
    assert reserve.stat().st_blocks * 512 >= 1 << 20
    disk.fails = lambda sql: sqlite3.SQLITE_FULL if sql == "COMMIT" and reserve.exists() else None
    journal.settle(confirmed(range(5)))
    journal.settle(confirmed(range(5, 10)))
    with pytest.raises(CheckpointError, match="the disk is full"):
        journal.lease(range(10, 20))
    journal.close()
    with place.open() as journal:
        assert journal.account().confirmed == 10
        assert reserve.exists()


def test_a_disk_that_stays_full_ends_the_run(place: Place) -> None:
    """Outcomes that find no room are in doubt at the next opening, not lost."""
    disk = FailingDisk()
    journal = disk.open(place)
    journal.lease(range(10))
    journal.sending(0)
    disk.fails = lambda sql: sqlite3.SQLITE_FULL if sql == "COMMIT" else None
    with pytest.raises(CheckpointError, match="the disk is full"):
        journal.settle(confirmed([0]))
    disk.fails = lambda _: None
    with pytest.raises(CheckpointError, match="the disk is full"):
        journal.sending(1)
    journal.close()
    assert doubts(place.view()) == [0]


@pytest.mark.parametrize("statement", ["COMMIT", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("step", ["lease", "settle"])
def test_after_a_commit_that_failed_once_nothing_is_written_again(
    place: Place, statement: str, step: str
) -> None:
    """An fsync that fails once and then succeeds has lost pages: the file handle is never trusted again."""
    disk = FailingDisk()
    journal = disk.open(place)
    journal.lease(range(10))
    journal.sending(0)
    failing = {statement: sqlite3.SQLITE_IOERR}
    disk.fails = failing.get
    act = {"lease": lambda: journal.lease(range(10, 20)), "settle": lambda: journal.settle(confirmed([0]))}
    with pytest.raises(CheckpointError, match="the disk says no"):
        act[step]()
    disk.fails = lambda _: None
    log = place.beside("-wal").read_bytes()
    writes: tuple[Callable[[], None], ...] = (
        lambda: journal.lease(range(10, 20)),
        lambda: journal.settle(confirmed([1])),
        lambda: journal.sending(2),
        journal.release,
    )
    for again in writes:
        with pytest.raises(CheckpointError, match="nothing more is sent"):
            again()
    journal.close()
    assert place.beside("-wal").read_bytes() == log
    assert doubts(place.view()) == [0]


def test_a_checkpoint_that_cannot_be_opened_for_writing_says_so(place: Place) -> None:
    """A failure at the first commit is an error with the file's name, and leaves the lock free."""
    disk = FailingDisk()
    failing = {"COMMIT": sqlite3.SQLITE_READONLY}
    disk.fails = failing.get
    with pytest.raises(CheckpointError, match=r"orders\.ckpt"):
        disk.open(place)
    place.open().close()


def test_a_header_of_the_slot_file_survives_its_bytes() -> None:
    """What is written is read, and a damaged header is none."""
    header = Header(b"c" * 16, b"b" * 16, 3, 9, 7, 64, (1, 2), 512, 8)
    raw = header.pack().ljust(128, b"\0")
    assert Header.unpack(raw) == header
    assert Header.unpack(raw[:20] + b"!" + raw[21:]) is None
    assert Header.unpack(bytes(128)) is None


def _die_here(*_: object, **__: object) -> None:
    raise InterruptedError("killed here")


def _replace_by_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def _replace_by_others(place: Place) -> None:
    other = Place(place.path.with_name("other.ckpt"))
    journal = other.open(identity=identity())
    journal.lease(range(10))
    die(journal)
    other.beside("-wire").replace(place.beside("-wire"))
    assert read_slots(place.beside("-wire")) is not None
