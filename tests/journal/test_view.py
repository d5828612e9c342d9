"""Looking at a checkpoint."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal import view
from loader.journal.reading import take_snapshot
from loader.model import State
from tests.journal.conftest import Place, confirmed, die, rejects

if TYPE_CHECKING:
    from pathlib import Path

    from loader.journal.reading import Snapshot


def test_a_running_load_can_be_looked_at(place: Place) -> None:
    """`status` shows what is settled and in flight, while the load continues."""
    journal = place.open()
    journal.lease(range(10), rejects=rejects([4]))
    journal.settle(confirmed(range(3)))
    view = place.view()
    account = view.account()
    assert view.running
    assert (account.confirmed, account.rejected, account.in_flight, account.in_doubt) == (3, 1, 6, 0)
    assert account.never_sent == 990
    journal.settle(confirmed([5]))
    assert place.view().account().confirmed == 4
    assert view.account().confirmed == 3


def test_a_look_creates_no_file_and_changes_none(place: Place) -> None:
    """A reader leaves the folder as it was, after a clean end and after a kill."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0)
    die(journal)
    for closed in (False, True):
        if closed:
            place.open().close()
        parts = {part: part.read_bytes() for part in place.path.parent.iterdir() if part.suffix[-3:] != "shm"}
        view = place.view()
        assert not view.running
        assert [row.ordinal for row in view.exceptions(State.IN_DOUBT)] == [0]
        after = {part: part.read_bytes() for part in place.path.parent.iterdir() if part.suffix[-3:] != "shm"}
        assert after == parts


def test_a_dead_run_is_shown_as_the_next_will_find_it(place: Place) -> None:
    """Rows on the wire at the death are in doubt at once, and counted as attempts."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    journal.settle(confirmed([1]))
    journal.sending(2)
    die(journal)
    seen = place.view()
    with place.open() as journal:
        account = journal.account()
        assert seen.account().attempts == account.attempts == 2
        assert seen.account().in_doubt == account.in_doubt == 1
    assert [run.attempts for run in place.view().runs] == [2, 0]


def test_runs_are_listed_with_their_ends(place: Place) -> None:
    """Each run has its time and its attempts; one that died has no end."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(10)))
    die(place.open())
    with place.open():
        (first, second, third) = place.view().runs
    assert (first.generation, second.generation, third.generation) == (1, 2, 3)
    assert first.ended is not None
    assert first.started <= first.ended
    assert (first.attempts, second.ended, third.ended) == (10, None, None)
    assert len({first.run, second.run, third.run}) == 3


def test_a_missing_checkpoint_is_an_error_with_its_name(place: Place) -> None:
    """Looking never creates one."""
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        place.view()
    assert not place.path.exists()


def test_a_changed_exception_is_refused(place: Place) -> None:
    """A reason that someone edited is not shown as the vendor's."""
    with place.open() as journal:
        journal.lease(range(10), rejects=rejects([4]))
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("UPDATE exceptions SET message = 'fine'")
        connection.commit()
    with pytest.raises(CheckpointError, match="a row of its table exceptions does not fit its checksum"):
        place.view()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE chunks SET bits = zeroblob(8192)",
        "UPDATE chunks SET confirmed = 2",
        "UPDATE chunks SET bits = NULL",
        "UPDATE chunks SET crc = x'00000000'",
        "UPDATE head SET mark = 5",
        "UPDATE identity SET application = 'B'",
        "CREATE TRIGGER t AFTER INSERT ON leases BEGIN DELETE FROM leases; END",
        "DROP TABLE released",
    ],
)
def test_what_another_program_changed_is_refused(place: Place, change: str) -> None:
    """Nothing in the file counts that this program did not write."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(3)))
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute(change)
        connection.commit()
    for look in (place.view, place.open):
        with pytest.raises(CheckpointError, match="is damaged"):
            look()


@pytest.mark.parametrize("table", ["exceptions", "chunks", "runs", "identity", "head"])
def test_a_row_that_is_gone_is_noticed(place: Place, table: str) -> None:
    """Rows cannot vanish from any table unseen."""
    with place.open() as journal:
        journal.lease(range(10), rejects=rejects([4]))
        journal.settle(confirmed(range(3)))
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute(f"DELETE FROM {table}")
        connection.commit()
    with pytest.raises(CheckpointError, match="is damaged"):
        place.view()


def test_a_reader_never_makes_a_starting_load_fail(place: Place) -> None:
    """Whether a load runs is found out without keeping one from starting."""
    place.open().close()
    view = place.view()
    with place.open() as journal:
        journal.lease(range(1))
        assert list(view.exceptions(State.REJECTED)) == []


def test_a_look_that_a_whole_load_runs_through_is_repeated(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before the load and what was read after it are never shown as one instant."""
    place.open().close()
    loads = 3

    def read_slowly(connection: sqlite3.Connection, path: Path, *, log: bool) -> Snapshot:
        nonlocal loads
        snapshot = take_snapshot(connection, path, log=log)
        if loads:
            loads -= 1
            with place.open() as journal:
                journal.lease(range(loads, loads + 1))
                journal.settle(confirmed([loads]))
        return snapshot

    monkeypatch.setattr(view, "take_snapshot", read_slowly)
    assert place.view().account().confirmed == 3
