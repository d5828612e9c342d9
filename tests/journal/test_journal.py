"""The one writer: leases, outcomes, counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loader.errors import CheckpointError, CheckpointLocked
from loader.journal.bitmap import CHUNK
from loader.model import Account, Outcome, Phase, Reject, State
from tests.journal.conftest import Place, confirmed, die, free_rows, rejects


def test_a_new_checkpoint_has_every_row_never_sent(place: Place) -> None:
    """A fresh run has everything to do and nothing done."""
    journal = place.open(host=replace(place.host, clock=lambda: 5.0))
    assert not journal.resumed
    assert list(journal.never_sent()) == [range(1000)]
    assert journal.account() == Account(read=1000)


def test_scattered_rows_are_leased_in_one_commit(place: Place) -> None:
    """Rows that were given back here and there go again with one wait for the disk."""
    with place.open() as journal:
        journal.lease(range(0, 1000, 1))
        journal.settle(confirmed(row for row in range(1000) if row % 3))
        journal.release()
        scattered = list(journal.never_sent())
        assert len(scattered) == 334
        commits = journal._store.head.commits
        journal.lease(*scattered, rejects=rejects([0, 999]))
        assert journal._store.head.commits == commits + 1
        assert list(journal.never_sent()) == []
        journal.sending(3)
        die(journal)
    view = place.view()
    assert [row.ordinal for row in view.exceptions(State.IN_DOUBT)] == [3]
    assert [row.ordinal for row in view.exceptions(State.REJECTED)] == [0, 999]
    with place.open() as journal:
        assert free_rows(journal) == set(range(6, 999, 3))


def test_rows_skipped_by_a_lease_stay_free(place: Place) -> None:
    """Pieces beyond the intent mark leave the rows between them free; none may be leased twice."""
    with place.open() as journal:
        journal.lease(range(10, 20), range(30, 40))
        assert list(journal.never_sent()) == [range(10), range(20, 30), range(40, 1000)]
        with pytest.raises(ValueError, match="rows 0 to 34 are not all free to be sent"):
            journal.lease(range(5), range(34, 35))
        journal.lease(range(5), range(25, 30))
        assert list(journal.never_sent()) == [range(5, 10), range(20, 25), range(40, 1000)]


def test_the_limit_cuts_what_is_to_be_sent(place: Place) -> None:
    """`--limit` loads the first rows only."""
    journal = place.open()
    assert list(journal.never_sent(10)) == [range(10)]
    assert list(journal.never_sent(0)) == []


def test_a_load_in_two_runs_ends_complete(place: Place) -> None:
    """The second run sends exactly what the first did not, and the account is of both."""
    with place.open() as journal:
        journal.lease(range(100))
        journal.settle(confirmed(range(60)))
        journal.release()
    with place.open() as journal:
        assert journal.resumed
        assert list(journal.never_sent()) == [range(60, 1000)]
        for rows in journal.never_sent():
            journal.lease(rows)
            journal.settle(confirmed(rows))
        account = journal.account()
    assert (account.confirmed, account.never_sent, account.attempts) == (1000, 0, 1000)
    seen = place.view().account()
    assert replace(seen, elapsed_seconds=0.0) == replace(account, elapsed_seconds=0.0)
    assert seen.elapsed_seconds == journal.account().elapsed_seconds
    assert seen.elapsed_seconds >= account.elapsed_seconds > 0


def test_local_rejects_are_written_with_the_lease(place: Place) -> None:
    """A record that cannot be mapped is settled by its lease, with column, value and reason."""
    with place.open() as journal:
        journal.lease(range(10), rejects=rejects([3, 4]))
        assert journal.account().rejected == 2
        assert journal.account().in_flight == 8
        with pytest.raises(ValueError, match="row 3 has no open lease"):
            journal.sending(3)
    (row, _) = place.view().exceptions(State.REJECTED)
    assert (row.ordinal, row.phase, row.column, row.value) == (3, Phase.LOCAL, "amount", "12,5")
    assert (row.reason, row.message, row.attempts) == ("not a number", "row 4: not a number", 0)


def test_outcomes_that_are_no_confirmation_keep_their_reason(place: Place) -> None:
    """`failures` can show status, code, message and attempts of each."""
    with place.open() as journal:
        journal.lease(range(5))
        journal.settle(
            [
                Outcome(0, State.REJECTED, 2, 200, 210, "unknown device"),
                Outcome(1, State.IN_DOUBT, 1, None, None, "read timeout"),
                Outcome(2, State.NEVER_SENT, 0),
                Outcome(3, State.CONFIRMED),
            ]
        )
        assert free_rows(journal) == {2, *range(5, 1000)}
        assert journal.account().in_flight == 1
        assert journal.account().attempts == 4
        journal.release()
    view = place.view()
    (rejected,) = view.exceptions(State.REJECTED)
    (doubt,) = view.exceptions(State.IN_DOUBT)
    assert rejected[:7] == (0, State.REJECTED, Phase.VENDOR, 200, 210, "unknown device", 2)
    assert doubt[:7] == (1, State.IN_DOUBT, Phase.VENDOR, None, None, "read timeout", 1)


def test_a_doubt_that_is_sent_again_stays_marked_for_ever(place: Place) -> None:
    """A row confirmed after a permitted resend is a possible duplicate in every later account."""
    with place.open() as journal:
        journal.lease(range(3))
        for ordinal in range(3):
            journal.sending(ordinal)
        journal.settle([Outcome(n, State.IN_DOUBT, 1, message="timeout", resending=True) for n in range(3)])
        assert journal.account().in_doubt == 3
        journal.sending(0)
        journal.settle([Outcome(0, State.CONFIRMED, 2), Outcome(1, State.NEVER_SENT, 1)])
        journal.settle([Outcome(2, State.REJECTED, 3, 400, 400, "no")])
        account = journal.account()
        journal.release()
    assert (account.confirmed, account.in_doubt, account.rejected) == (1, 1, 1)
    assert (account.possible_duplicates, account.attempts) == (1, 6)
    with place.open() as journal:
        assert journal.account().possible_duplicates == 1
        assert free_rows(journal) == set(range(3, 1000))
    assert [row.ordinal for row in place.view().exceptions(State.CONFIRMED)] == [0]
    for state in (State.CONFIRMED, State.IN_DOUBT, State.REJECTED):
        assert [row.resent for row in place.view().exceptions(state)] == [True]


def test_no_row_is_leased_twice(place: Place) -> None:
    """A row that was leased or settled cannot be leased again, so it cannot be sent twice by mistake."""
    journal = place.open()
    journal.lease(range(10))
    for rows in (range(10), range(5, 15), range(9, 10), range(995, 1001), range(0, 10, 2)):
        with pytest.raises(ValueError, match="rows"):
            journal.lease(rows)
    journal.settle([Outcome(4, State.NEVER_SENT, 0)])
    journal.lease(range(4, 5))
    journal.settle(confirmed([4]))
    with pytest.raises(ValueError, match="not all free"):
        journal.lease(range(4, 5))


def test_an_outcome_needs_a_lease(place: Place) -> None:
    """An outcome for a row that was not leased, or named twice, changes nothing."""
    journal = place.open()
    journal.lease(range(3))
    for outcomes in (confirmed([0, 7]), confirmed([1, 1])):
        with pytest.raises(ValueError, match=r"lease|twice"):
            journal.settle(outcomes)
    with pytest.raises(ValueError, match="rejects"):
        journal.lease(range(3, 5), rejects=rejects([9]))
    journal.settle(confirmed([0, 1, 2]))
    assert journal.account().confirmed == 3


def test_a_lease_beyond_the_mark_leaves_the_rows_between_free(place: Place) -> None:
    """Leases may be handed out in any order."""
    with place.open() as journal:
        journal.lease(range(50, 60))
        assert free_rows(journal) == {*range(50), *range(60, 1000)}
        journal.settle(confirmed(range(50, 60)))
    with place.open() as journal:
        assert free_rows(journal) == {*range(50), *range(60, 1000)}


def test_a_row_that_was_given_back_can_be_leased_while_its_first_lease_is_open(place: Place) -> None:
    """Overlapping leases do not count a row twice."""
    with place.open() as journal:
        journal.lease(range(4))
        journal.settle([Outcome(0, State.NEVER_SENT, 0)])
        journal.lease(range(1))
        assert journal.account().in_flight == 4
        journal.release()
        assert free_rows(journal) == set(range(1000))


def test_release_keeps_a_row_on_the_wire_in_doubt(place: Place) -> None:
    """A row that was handed to the network and has no outcome is never called never sent."""
    with place.open() as journal:
        journal.lease(range(4))
        journal.sending(2)
        journal.release()
        account = journal.account()
    assert (account.in_doubt, account.in_flight, account.never_sent) == (1, 0, 999)


def test_chunks_of_the_bitmap_fill_and_meet(place: Place) -> None:
    """Rows on both sides of a chunk's border are kept, and a full chunk stores no bitmap."""
    place.rows = 2 * CHUNK + 10
    with place.open() as journal:
        journal.lease(range(CHUNK + 100))
        journal.settle(confirmed(range(CHUNK - 5, CHUNK + 5)))
        journal.settle(confirmed(range(CHUNK - 5)))
        journal.release()
    full = place.path.stat().st_size
    with place.open() as journal:
        assert list(journal.never_sent()) == [range(CHUNK + 5, 2 * CHUNK + 10)]
        for rows in journal.never_sent():
            journal.lease(rows)
            journal.settle(confirmed(rows))
        assert journal.account().never_sent == 0
    assert place.path.stat().st_size <= full
    assert place.view().account().confirmed == 2 * CHUNK + 10


def test_the_second_load_is_refused_in_plain_words(place: Place) -> None:
    """Two loads on one checkpoint: the second is refused at once, the first continues unharmed."""
    first = place.open()
    with pytest.raises(CheckpointLocked, match="is in use: this very process is loading"):
        place.open()
    first.lease(range(3))
    first.settle(confirmed(range(3)))
    first.close()
    place.open().close()


def test_texts_that_no_database_takes_are_kept_readable(place: Place) -> None:
    """Lone surrogates, NUL bytes, megabytes and codes beyond 64 bits cannot stop a load."""
    with place.open() as journal:
        journal.lease(range(3), rejects=[Reject(0, "a\ud800", "x" * 10_000_000, "r\0", "m")])
        journal.settle([Outcome(1, State.REJECTED, 1, 200, 1 << 70, "\udfff")])
        journal.release()
    local, vendor = place.view().exceptions(State.REJECTED)
    assert (local.column, len(local.value), local.reason) == ("a\\ud800", 2001, "r\0")
    assert (vendor.message, vendor.code) == ("\\udfff", None)


def test_an_empty_input_is_complete(place: Place) -> None:
    """No rows, nothing to do."""
    place.rows = 0
    with place.open() as journal:
        assert list(journal.never_sent()) == []
        journal.lease(range(0))
        journal.settle([])
        journal.release()
    assert place.view().account().read == 0


def test_a_closed_journal_writes_nothing(place: Place) -> None:
    """Closing twice is harmless."""
    journal = place.open()
    journal.close()
    journal.close()
    with pytest.raises((CheckpointError, ValueError)):
        journal.lease(range(3))
