"""Parts that are lost: each is noticed and named, and there is a way on that loses and doubles no row."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing
from zlib import crc32

import pytest

from loader.errors import CheckpointError
from loader.journal import Journal
from loader.journal.slots import Header, Slots
from loader.journal.store import Store
from loader.model import Decision, Outcome, State
from tests.journal.conftest import BOOT, Place, confirmed, die, free_rows, rejects

posix = pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody delete an open file")
WAY_ON = "`resolve --recover` keeps what is known"


def recover(place: Place) -> Journal:
    """What `resolve --recover` opens."""
    journal = Journal.recover(place.path, host=place.host)
    place.opened.append(journal)
    return journal


def refuse(place: Place, said: str) -> None:
    """Nothing is loaded with the checkpoint, and the way on is named."""
    with pytest.raises(CheckpointError, match=said) as refusal:
        place.open()
    assert WAY_ON in str(refusal.value)


def doubts(place: Place) -> list[int]:
    """Ordinals in doubt."""
    return [row.ordinal for row in place.view().exceptions(State.IN_DOUBT)]


def first_run(place: Place) -> None:
    """A run that ends in order: rows 0 to 9 confirmed, 10 rejected, 11 in doubt, 12 and 13 given back."""
    with place.open() as journal:
        journal.lease(range(14), rejects=rejects([10]))
        journal.sending(*range(10), 11)
        journal.settle([*confirmed(range(10)), Outcome(11, State.IN_DOUBT, 1, message="timeout")])
        journal.release()


def lose_log(place: Place) -> None:
    """A second run that leases 12 to 29, sends and settles some of them, is killed, and loses its log."""
    journal = place.open()
    journal.lease(range(12, 30))
    journal.sending(*range(12, 20))
    journal.settle(confirmed(range(12, 20)))
    die(journal)
    place.beside("-wal").unlink()


def test_after_a_lost_log_what_may_have_been_sent_is_in_doubt(place: Place) -> None:
    """What the file knows stays; rows up to the newest intent mark are in doubt; the others are free."""
    first_run(place)
    lose_log(place)
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        assert journal.leftovers == 18
        account = journal.account()
        assert (account.confirmed, account.rejected, account.in_doubt) == (10, 1, 19)
        assert free_rows(journal) == set(range(30, 1000))
    assert doubts(place) == list(range(11, 30))
    rows = list(place.view().exceptions(State.IN_DOUBT))
    assert rows[0].message == "timeout"
    assert "a part of the checkpoint was lost" in rows[1].message
    assert not any(row.resent for row in rows)
    assert [decided.what for decided in place.view().decisions] == ["recover"]
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (0, set(range(30, 1000)))


def test_after_a_lost_decision_rejected_rows_are_in_doubt_too(place: Place) -> None:
    """What was lost may have sent them: as rejected, they would be sent again; all may be there twice."""
    first_run(place)
    journal = place.open()
    journal.decide(Decision.RETRY, list(place.view().exceptions(State.REJECTED)))
    journal.lease(range(10, 11))
    journal.sending(10)
    journal.settle(confirmed([10]))
    die(journal)
    place.beside("-wal").unlink()
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        account = journal.account()
        assert (account.confirmed, account.rejected, account.in_doubt) == (10, 0, 4)
    assert doubts(place) == [10, 11, 12, 13]
    assert all(row.resent for row in place.view().exceptions(State.IN_DOUBT))


def test_after_an_older_copy_what_was_sent_since_is_in_doubt(place: Place) -> None:
    """Whole runs are lost then; the slot file still knows how far they came."""
    first_run(place)
    copy = shutil.copy(place.path, place.path.with_name("yesterday"))
    for rows in (range(12, 20), range(20, 40)):
        with place.open() as journal:
            journal.lease(rows)
            journal.settle(confirmed(rows))
    shutil.copy(copy, place.path)
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        assert free_rows(journal) == set(range(40, 1000))
    assert doubts(place) == list(range(10, 40))


@pytest.mark.parametrize("harm", ["missing", "another boot", "copied"])
def test_where_the_slot_file_says_nothing_every_open_row_is_in_doubt(place: Place, harm: str) -> None:
    """How far the lost part came is not known then, so no row may be called never sent."""
    first_run(place)
    lose_log(place)
    wire = place.beside("-wire")
    if harm == "missing":
        wire.unlink()
    elif harm == "copied":
        shutil.copy(wire, wire.with_name("copy"))
        wire.with_name("copy").replace(wire)
    else:
        place.boot = "another start of the machine"
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        assert free_rows(journal) == set()
    assert doubts(place) == list(range(10, 1000))


@pytest.mark.parametrize("harm", ["deleted", "emptied", "garbage"])
def test_a_lost_slot_file_of_a_load_that_ended_is_noticed(place: Place, harm: str) -> None:
    """A file that came from a copy of yesterday would look the same; a look is possible all the same."""
    first_run(place)
    wire = place.beside("-wire")
    kept = wire.read_bytes()
    wire.unlink() if harm == "deleted" else wire.write_bytes(b"" if harm == "emptied" else b"garbage" * 99)
    refuse(place, r"orders\.ckpt-wire is missing or damaged")
    view = place.view()
    assert view.account().confirmed == 10
    with pytest.raises(CheckpointError, match=r"orders\.ckpt-wire is missing or damaged"):
        view.refuse_other(view.identity)
    wire.write_bytes(kept)
    with place.open() as journal:
        assert free_rows(journal) == set(range(12, 1000))


def test_a_lost_slot_file_can_be_left_behind(place: Place) -> None:
    """Recovered, all other rows are in doubt; given back as not sent, the load continues."""
    first_run(place)
    place.beside("-wire").unlink()
    recover(place).close()
    assert doubts(place) == list(range(10, 1000))
    with place.open() as journal:
        rows = list(place.view().exceptions(State.IN_DOUBT))
        journal.decide(Decision.DROPPED, rows)
        assert free_rows(journal) == set(range(10, 1000))


@pytest.mark.parametrize("end", ["close", "die"])
def test_a_whole_checkpoint_is_not_recovered(place: Place, end: str) -> None:
    """Nothing is put in doubt that is known, after a clean end and after a kill."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0)
    journal.close() if end == "close" else die(journal)
    with pytest.raises(CheckpointError, match=r"has all of its parts, so there is nothing to recover"):
        recover(place)
    assert doubts(place) == [0]


def test_without_a_checkpoint_there_is_nothing_to_recover(place: Place) -> None:
    """A wrong name creates nothing, and parts without their checkpoint are not enough."""
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        recover(place)
    first_run(place)
    place.path.unlink()
    with pytest.raises(CheckpointError, match=r"is gone, but orders\.ckpt-wire beside it is a part of it"):
        recover(place)


@posix
def test_a_log_that_is_deleted_under_a_load_is_saved(place: Place) -> None:
    """The load stops at the next lease; the same command again continues, with one doubt."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0, 1)
    journal.settle(confirmed([0]))
    place.beside("-wal").unlink()
    with pytest.raises(CheckpointError, match="-wal was deleted, moved or replaced"):
        journal.lease(range(10, 20))
    journal.close()
    with place.open() as journal:
        assert (journal.account().confirmed, journal.leftovers) == (1, 1)
        assert free_rows(journal) == set(range(2, 1000))


@posix
def test_a_checkpoint_that_was_last_loaded_under_another_name_is_refused(place: Place) -> None:
    """What a killed load wrote lies in the log beside the name that it was given."""
    first_run(place)
    other = Place(place.path.with_name("other.ckpt"))
    os.link(place.path, other.path)
    os.link(place.beside("-wire"), other.beside("-wire"))
    journal = other.open()
    journal.lease(range(12, 30))
    journal.sending(12)
    die(journal)
    refuse(place, r"has 2 names \(hard links\), and was last loaded under another one")
    assert other.open().leftovers == 1
    other.opened[-1].close()
    other.path.unlink()
    assert place.open().account().in_doubt == 2


@posix
@pytest.mark.parametrize("boot", [BOOT, "another start of the machine"])
def test_a_log_that_went_with_another_name_is_noticed(place: Place, boot: str) -> None:
    """If that name was deleted with all its parts, the file alone does not know what was sent."""
    first_run(place)
    other = Place(place.path.with_name("other.ckpt"))
    os.link(place.path, other.path)
    os.link(place.beside("-wire"), other.beside("-wire"))
    journal = other.open()
    journal.lease(range(12, 30))
    journal.sending(12)
    die(journal)
    for part in place.path.parent.glob("other.ckpt*"):
        part.unlink()
    place.boot = boot
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        assert free_rows(journal) == set()


@posix
def test_a_log_of_a_time_before_is_noticed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader kept it from being removed, and under another name the checkpoint has continued without it."""
    log, kept = place.beside("-wal"), list[bytes]()

    def keep_log(self: Store) -> None:
        kept.append(log.read_bytes())
        close(self)

    close = Store.close
    with monkeypatch.context() as patched:
        patched.setattr(Store, "close", keep_log)
        first_run(place)
    other = Place(place.path.with_name("other.ckpt"))
    os.link(place.path, other.path)
    os.link(place.beside("-wire"), other.beside("-wire"))
    with other.open() as journal:
        journal.lease(range(14, 20))
        journal.settle(confirmed(range(14, 20)))
    log.write_bytes(kept[0])
    for look in (place.open, place.view):
        with pytest.raises(CheckpointError, match="older than what was last written"):
            look()
    log.unlink()
    with place.open() as journal:
        assert journal.account().confirmed == 16


def test_a_tool_that_folds_the_log_of_a_dead_load_loses_nothing(place: Place) -> None:
    """After a kill, a tool that looks moves the log into the file: that is no loss."""
    first_run(place)
    journal = place.open()
    journal.lease(range(12, 30))
    journal.sending(12)
    die(journal)
    with closing(sqlite3.connect(place.path)) as connection:
        assert connection.execute("SELECT commits FROM head").fetchone()
    assert not place.beside("-wal").exists()
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (1, set(range(13, 1000)))


@pytest.mark.parametrize("runs", [0, 1])
@pytest.mark.parametrize("method", ["create", "put"])
def test_a_tool_that_folds_the_log_of_a_load_that_died_while_it_opened_loses_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, runs: int, method: str
) -> None:
    """Killed before its slot file, or right after it: nothing was sent, so nothing can be lost."""
    for _ in range(runs):
        first_run(place)
    if method == "create":
        with monkeypatch.context() as patched:
            patched.setattr(Slots, "create", die_here)
            with pytest.raises(CheckpointError, match="killed here"):
                place.open()
    else:
        die(place.open())
    with closing(sqlite3.connect(place.path)) as connection:
        assert connection.execute("SELECT commits FROM head").fetchone()
    assert not place.beside("-wal").exists()
    with place.open() as journal:
        assert free_rows(journal) == set(range(12 * runs, 1000))


def die_here(*_: object, **__: object) -> None:
    """In place of what would come next."""
    raise InterruptedError("killed here")


def test_a_checkpoint_of_version_0_1_0_opens(place: Place) -> None:
    """Its slot file has a shorter header, which says neither how far it came nor what went again."""
    first_run(place)
    journal = place.open()
    journal.lease(range(12, 30))
    journal.sending(12)
    die(journal)
    write_old_headers(place)
    assert doubts(place) == [11, 12]
    with place.open() as journal:
        assert (journal.leftovers, free_rows(journal)) == (1, set(range(13, 1000)))


def test_of_version_0_1_0_nobody_knows_how_far_lost_commits_came(place: Place) -> None:
    """Its slot file does not say it, so every open row is in doubt."""
    first_run(place)
    lose_log(place)
    write_old_headers(place)
    refuse(place, "older than what was last written")
    with recover(place) as journal:
        assert free_rows(journal) == set()


def write_old_headers(place: Place) -> None:
    """Rewrite both headers of the slot file as version 0.1.0 wrote them; the slots stay."""
    wire = place.beside("-wire")
    raw = bytearray(wire.read_bytes())
    for at in (0, 128):
        header = Header.unpack(bytes(raw[at : at + 128]))
        assert header is not None
        fields = struct.pack("<8s16s16sQQQQQQ", b"pwwire02", *header[:6], *header.file)
        raw[at : at + 128] = (fields + struct.pack("<I", crc32(fields))).ljust(128, b"\0")
    with wire.open("r+b") as file:
        file.write(raw)
    old = Header.unpack(bytes(raw[:128]))
    assert old is not None
    assert (old.mark, old.resent) == (-1, -1)
