"""What becomes of a ledger's files beside a load: deleted, replaced, linked, put back, on a full disk."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from loader.errors import CheckpointError
from loader.ledger import Bound, Digests, Ledger, LedgerError
from loader.ledger import ledger as ledger_module
from loader.ledger.sending import Fate, Sending

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUND = Bound("AAAAA-11111", "http://127.0.0.1:9/")


def enter_load(ledger: Ledger, name: str = "a") -> Sending:
    """A load that begins."""
    with ledger.store.transaction():
        number = ledger.store.enter_load(name, Path(name), "events", "k")
    return Sending(ledger, number, last_wins=False)


def digest(ledger: Ledger, keys: range) -> Digests:
    """The digests of keys."""
    texts = pa.array([b"%d" % key for key in keys], pa.binary())
    return ledger.digester("events").digest(texts, texts)


def mark(ledger: Ledger, sending: Sending, keys: range) -> None:
    """Mark the keys of rows that are leased next, each the row of its number."""
    sending.mark(digest(ledger, keys), np.array(keys))


def send(ledger: Ledger, sending: Sending, keys: range) -> None:
    """Mark keys, and settle their rows as sent."""
    mark(ledger, sending, keys)
    sending.leased()
    sending.settle(Fate.SENT, keys)
    sending.leased()


def settle_all(sending: Sending) -> None:
    """End a load whose rows are all confirmed."""
    sending.reconcile(lambda rows: np.full(len(rows), Fate.SENT, np.uint8))


def count_known(path: Path, keys: range) -> int:
    """How many of some keys a ledger knows, as sent or pending, after it is opened again."""
    with Ledger.open(path, BOUND) as ledger:
        sending = Sending(ledger, 1 << 20, last_wins=False)
        return int((sending.find(digest(ledger, keys)).load > 0).sum())


@pytest.mark.parametrize("how", ["delete", "move", "replace"])
def test_a_ledger_that_is_gone_while_a_load_runs_marks_nothing(tmp_path: Path, how: str) -> None:
    """Nobody would find what is written to it, so the rows that would be leased next are not sent."""
    path, other = tmp_path / "l", tmp_path / "other"
    with Ledger.open(path, BOUND) as ledger:
        sending = enter_load(ledger)
        send(ledger, sending, range(10))
        if how == "delete":
            path.unlink()
        elif how == "move":
            path.rename(other)
        else:
            shutil.copy(path, other)
            other.replace(path)
        with pytest.raises(LedgerError, match="was deleted, moved or replaced while"):
            mark(ledger, sending, range(10, 20))


def test_a_ledger_with_two_names_is_refused(tmp_path: Path) -> None:
    """The log of a killed load is beside one of its names: under the other one its keys would be unknown."""
    path, link = tmp_path / "l", tmp_path / "link"
    Ledger.open(path, BOUND).close()
    os.link(path, link)
    for name in (path, link):
        with pytest.raises(LedgerError, match="has 2 names"):
            Ledger.open(name, BOUND)
    link.unlink()
    assert count_known(path, range(10)) == 0


def test_a_symbolic_link_leads_to_all_files_of_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a load is given the link or the file, its keys are known, and no file is beside the link."""
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 20)
    (tmp_path / "disk").mkdir()
    path, link = tmp_path / "disk" / "l", tmp_path / "link"
    Ledger.open(path, BOUND).close()
    link.symlink_to(path)
    for number, name in enumerate((link, path, link)):
        with Ledger.open(name, BOUND) as ledger:
            sending = enter_load(ledger, str(number))
            for first in range(100 * number, 100 * number + 100, 10):
                send(ledger, sending, range(first, first + 10))
            settle_all(sending)
    assert count_known(link, range(400)) == count_known(path, range(400)) == 300
    assert [each.name for each in tmp_path.iterdir()] in (["disk", "link"], ["link", "disk"])


def test_a_link_to_a_disk_that_is_not_there_begins_no_ledger(tmp_path: Path) -> None:
    """A new ledger would know nothing of what was sent: it is refused, and nothing is created."""
    (tmp_path / "mounted").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mounted" / "l")
    with pytest.raises(LedgerError, match="mounted/l, which is missing"):
        Ledger.open(link, BOUND)
    assert not list((tmp_path / "mounted").iterdir())


def test_the_log_of_a_deleted_ledger_is_not_taken_for_that_of_a_new_one(tmp_path: Path) -> None:
    """The log of a killed load is a part that knows of sent rows: beside it no ledger is begun again."""
    path, dead = tmp_path / "l", tmp_path / "dead"
    dead.mkdir()
    with Ledger.open(path, BOUND) as ledger:
        send(ledger, enter_load(ledger), range(10))
        for part in tmp_path.glob("l*"):  # as a kill leaves them
            shutil.copy(part, dead)
    (dead / "l").unlink()
    with pytest.raises(LedgerError, match=r"parts of it are there \(l-wal\)"):
        Ledger.open(dead / "l", BOUND)


def test_a_copy_without_a_log_has_one_again(tmp_path: Path) -> None:
    """Tools that copy a database may turn its log off; then a power loss could undo a commit."""
    path, copy = tmp_path / "l", tmp_path / "copy"
    Ledger.open(path, BOUND).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    with Ledger.open(copy, BOUND) as ledger:
        execute = ledger.store._connection.execute
        assert execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert execute("PRAGMA synchronous").fetchone() == (3,)


def test_a_disk_without_room_for_a_merge_ends_no_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge needs as much room as the ledger has; without it the load continues, and all keys are known."""
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 10)

    def find_no_room(*_: object) -> Iterator[None]:
        yield None
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ledger_module, "merge_runs", find_no_room)
    with Ledger.open(tmp_path / "l", BOUND) as ledger:
        sending = enter_load(ledger)
        for first in range(0, 100, 10):
            send(ledger, sending, range(first, first + 10))
        settle_all(sending)
        sending.finish()
    monkeypatch.undo()
    assert count_known(tmp_path / "l", range(100)) == 100


def test_keys_that_were_sent_are_written_after_a_full_disk(tmp_path: Path) -> None:
    """A lease that finds no room loses nothing of what came before it: its keys are settled at the end."""
    with Ledger.open(tmp_path / "l", BOUND) as ledger:
        sending = enter_load(ledger)
        send(ledger, sending, range(10))
        execute = ledger.store._connection.execute
        execute("PRAGMA max_page_count = 1").fetchall()
        with pytest.raises(CheckpointError):
            mark(ledger, sending, range(10, 5000))
        execute("PRAGMA max_page_count = 1000").fetchall()
        settle_all(sending)
        assert not ledger.pending()
    assert count_known(tmp_path / "l", range(20)) == 10


def test_a_forgetting_that_is_killed_is_completed_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two of its steps, it leaves no key that no later command would forget."""
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 20)
    path = tmp_path / "l"
    with Ledger.open(path, BOUND) as ledger:
        for name in ("old", "new"):
            sending = enter_load(ledger, name)
            for first in range(0, 100, 10):
                mark(ledger, sending, range(first, first + 10))
            settle_all(sending)
            ledger.flush()
        old = ledger.loads | {load.number: load for load in ledger.store.loads}
        numbers = [number for number, load in old.items() if load.checkpoint == "new"]
    put = Ledger._put_in_place
    monkeypatch.setattr(Ledger, "_put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), Ledger.open(path, BOUND) as ledger:
        ledger.forget_loads(numbers)
    monkeypatch.setattr(Ledger, "_put_in_place", put)
    with Ledger.open(path, BOUND) as ledger:
        assert numbers == [load.number for load in ledger.loads.values() if load.checkpoint == "new"]
        ledger.forget_loads(numbers)
        assert not np.isin(ledger.find(digest(ledger, range(100))).load, numbers).any()
