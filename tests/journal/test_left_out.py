"""Rows that are left out: settled when they are leased, counted by reason, and small on the disk."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from loader.errors import CheckpointError
from loader.journal import CheckpointView, Journal, schema
from loader.journal.bitmap import CHUNK
from loader.journal.store import Store
from loader.model import Decision, LeftOut, Outcome, State
from tests.checker import Ledger
from tests.journal.conftest import Place, confirmed, die, free_rows, identity, left_out, rejects


def test_rows_that_are_left_out_are_settled_by_their_lease(place: Place) -> None:
    """They are never sent, stand in the account with their reasons, and a kill changes none of it."""
    journal = place.open()
    dropped = [*left_out([3, 4, 7], "repeat"), *left_out(range(10, 20), "selection")]
    journal.lease(range(30), rejects=rejects([5]), left_out=dropped)
    assert journal.account().left_out_by == (("selection", 10), ("repeat", 3))
    assert (journal.account().in_flight, journal.account().settled) == (16, 14)
    with pytest.raises(ValueError, match="no open lease"):
        journal.sending(10)
    die(journal)
    with place.open() as journal:
        assert journal.account().left_out_by == (("selection", 10), ("repeat", 3))
        assert free_rows(journal) == set(range(1000)) - {3, 4, 5, 7, *range(10, 20)}
    assert place.view().account().left_out == 13


def test_counts_by_reason_grow_over_leases_and_runs(place: Place) -> None:
    """A reason that comes again is one reason with more rows."""
    for first in (0, 100, 200):
        with place.open() as journal:
            journal.lease(range(first, first + 100), left_out=left_out([first, first + 50]))
            journal.release()
    assert place.view().account().left_out_by == (("selection", 6),)
    assert Ledger.of(place.view()).left_out == {0, 50, 100, 150, 200, 250}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(left_out([9]), id="below the lease"),
        pytest.param(left_out([20]), id="above it"),
        pytest.param(left_out([15]), id="between its pieces"),
        pytest.param(left_out([12]), id="rejected"),
        pytest.param([*left_out([11]), *left_out([11])], id="twice"),
    ],
)
def test_only_rows_of_the_lease_are_left_out(place: Place, wrong: list[LeftOut]) -> None:
    """A row outside of it, a rejected one, or one twice would break the account; nothing is written."""
    with place.open() as journal:
        with pytest.raises(ValueError, match="left out"):
            journal.lease(range(10, 14), range(16, 20), rejects=rejects([12]), left_out=wrong)
        assert journal.account().left_out == 0
        assert len(free_rows(journal)) == 1000


def test_bits_are_kept_across_chunks(place: Place) -> None:
    """A lease over the end of a chunk leaves out the same rows in both."""
    place.rows = 3 * CHUNK
    rows = range(CHUNK - 10, 2 * CHUNK + 10)
    outside = [row for row in rows if row % 3 == 0]
    with place.open() as journal:
        journal.lease(rows, left_out=left_out(outside))
        journal.release()
    assert Ledger.of(place.view()).left_out == set(outside)


def test_a_load_of_which_most_is_left_out_stays_small(place: Place) -> None:
    """Nine of ten rows by chance take 0.07 bytes a row; the confirmed rest takes none once it is complete."""
    place.rows, chance = 8 * CHUNK, random.Random(1)
    with place.open() as journal:
        for first in range(0, place.rows, CHUNK):
            rows = range(first, first + CHUNK)
            outside = {row for row in rows if chance.random() < 0.9}
            bits = int("".join("1" if row in outside else "0" for row in reversed(rows)), 2)
            journal.lease(rows, left_out=[LeftOut("selection", first, bits)])
            journal.settle(confirmed(row for row in rows if row not in outside))
    # An empty checkpoint has a page for each of its tables, and some more.
    assert place.path.stat().st_size < 25_024 + 0.075 * place.rows
    account = place.view().account()
    assert (account.never_sent, account.confirmed + account.left_out) == (0, place.rows)
    ledger = Ledger.of(place.view())
    assert not ledger.confirmed & ledger.left_out
    with place.open() as journal:
        assert {row for row in range(place.rows) if journal.confirmed(row)} == ledger.confirmed
    ranges = list(place.view().bitmaps())
    assert all(bits is not None for _, bits in ranges)
    found = {rows.start + at for rows, bits in ranges for at in range(len(rows)) if is_set(bits or b"", at)}
    assert found == ledger.confirmed


def is_set(bits: bytes, at: int) -> bool:
    """Whether a bit is set."""
    return bool(bits[at >> 3] >> (at & 7) & 1)


def test_a_checkpoint_that_only_left_rows_out_promised_nothing(place: Place) -> None:
    """The mapping can still be corrected: the next load begins it again, with no row left out."""
    with place.open() as journal:
        journal.lease(range(1000), left_out=left_out(range(1000)))
    assert place.view().blank
    with place.open(identity=identity(1000, mapping="another")) as journal:
        assert journal.account().left_out_by == ()
        assert len(free_rows(journal)) == 1000


def test_a_row_that_was_given_back_can_be_left_out(place: Place) -> None:
    """A ledger may say so by then. One that may have landed stays in doubt, with the reason."""
    with place.open() as journal:
        journal.lease(range(4))
        for ordinal in range(4):
            journal.sending(ordinal)
        journal.settle([Outcome(0, State.REJECTED), *(Outcome(n, State.IN_DOUBT) for n in (1, 2, 3))])
        journal.decide(Decision.RETRY, list(place.view().exceptions(State.REJECTED)))
        doubts = list(place.view().exceptions(State.IN_DOUBT))
        journal.decide(Decision.RESEND, doubts[:1])
        journal.decide(Decision.DROPPED, doubts[1:2])
        journal.lease(range(3), left_out=left_out(range(3), "sent before"))
        assert journal.given_back == []
        assert journal.account().left_out_by == (("sent before", 2),)
    view = place.view()
    assert Ledger.of(view).left_out == {0, 2}
    messages = {row.ordinal: row.message for row in view.exceptions(State.IN_DOUBT)}
    assert messages == {1: "in doubt, then left out: sent before", 3: ""}


def test_a_recovered_checkpoint_keeps_what_was_left_out(place: Place) -> None:
    """What is known of rows is kept; only rows that may have been sent are in doubt."""
    with place.open() as journal:
        journal.lease(range(20), left_out=left_out(range(5)))
        journal.settle(confirmed(range(5, 10)))
        journal.release()
    place.beside("-wire").unlink()
    with pytest.raises(CheckpointError, match="missing"):
        place.open()
    with Journal.recover(place.path, host=place.host) as journal:
        assert (journal.account().left_out, journal.account().confirmed) == (5, 5)
        assert journal.account().in_doubt == 1000 - 10


@pytest.mark.parametrize("present", [1, 2])
def test_a_checkpoint_of_an_earlier_version_is_upgraded(
    place: Place, monkeypatch: pytest.MonkeyPatch, present: int
) -> None:
    """It is shown as it is; a load with it can leave rows out from then on."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:present])
        patch.setattr(Store, "left_out", lambda *_: None)  # that version left no row out
        with place.open() as journal:
            journal.lease(range(20))
            journal.settle(confirmed(range(20)))
    assert place.view().account().left_out_by == ()
    assert list(place.view().left_out()) == []
    with place.open() as journal:
        journal.lease(range(20, 30), left_out=left_out([25]))
        journal.settle(confirmed([20]))
    assert Ledger.of(place.view()).left_out == {25}
    assert len(Ledger.of(place.view()).confirmed) == 21


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM left_out",
        "DELETE FROM left_out_reasons",
        """UPDATE left_out SET "rows" = 5""",
        """UPDATE left_out_reasons SET "rows" = 5""",
        "UPDATE left_out_reasons SET reason = 'another'",
        "UPDATE left_out SET bits = NULL",
    ],
)
def test_a_change_by_another_program_is_damage(place: Place, change: str) -> None:
    """Neither a bit nor a count can be changed unseen."""
    with place.open() as journal:
        journal.lease(range(20), left_out=left_out(range(0, 20, 2)))
        journal.release()
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(CheckpointError, match="damaged"):
        CheckpointView.open(place.path, host=place.host)
