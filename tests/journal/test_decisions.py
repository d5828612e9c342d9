"""What people decide about rows in doubt and rejected ones: the counts add up, whatever happens then."""

from __future__ import annotations

import pytest

from loader.model import Decision, Outcome, Phase, State
from tests.journal.conftest import Place, die, free_rows


def settle(place: Place, state: State, rows: int = 5) -> None:
    """Load five rows that all end so."""
    with place.open() as journal:
        journal.lease(range(rows))
        for ordinal in range(rows):
            journal.sending(ordinal)
        journal.settle([Outcome(ordinal, state, message="because") for ordinal in range(rows)])


def decide(place: Place, decision: Decision, state: State = State.IN_DOUBT) -> None:
    """Decide so about all rows in this state."""
    with place.open() as journal:
        journal.decide(decision, list(place.view().exceptions(state)), "found.csv")


def send(place: Place, *outcomes: Outcome) -> None:
    """Lease, send and settle rows that are free."""
    with place.open() as journal:
        for outcome in outcomes:
            journal.lease(range(outcome.ordinal, outcome.ordinal + 1))
            journal.sending(outcome.ordinal)
        journal.settle(outcomes)


def test_landed_rows_are_confirmed_and_never_sent_again(place: Place) -> None:
    """What was looked up and found counts as confirmed, and as no duplicate."""
    settle(place, State.IN_DOUBT)
    decide(place, Decision.LANDED)
    account = place.view().account()
    assert (account.confirmed, account.in_doubt, account.possible_duplicates) == (5, 0, 0)
    assert free_rows(place.open()) == set(range(5, 1000))


@pytest.mark.parametrize(("decision", "duplicates"), [(Decision.DROPPED, 0), (Decision.RESEND, 1)])
def test_rows_given_back_are_sent_once_more(place: Place, decision: Decision, duplicates: int) -> None:
    """They are never sent again until leased; only a resend marks them as possible duplicates."""
    settle(place, State.IN_DOUBT)
    decide(place, decision)
    view = place.view()
    assert (view.account().never_sent, view.account().in_doubt) == (1000, 0)
    assert view.given_back == (0, 1, 2, 3, 4)
    send(place, Outcome(2, State.CONFIRMED))
    account = place.view().account()
    assert (account.confirmed, account.never_sent) == (1, 999)
    assert account.possible_duplicates == duplicates
    assert place.view().given_back == (0, 1, 3, 4)


def test_requests_are_counted_over_all_runs(place: Place) -> None:
    """A row that was sent in an earlier run and twice in this one counts three times, once in the end."""
    settle(place, State.IN_DOUBT, rows=1)
    decide(place, Decision.RESEND)
    with place.open() as journal:
        journal.lease(range(1))
        journal.sending(0)
        journal.settle([Outcome(0, State.IN_DOUBT, 1, message="again", resending=True)])
        journal.sending(0)
        journal.settle([Outcome(0, State.CONFIRMED, 2)])
        assert journal.account().attempts == 3
    assert place.view().account().attempts == 3
    assert [row.attempts for row in place.view().exceptions(State.CONFIRMED)] == [3]


def test_a_row_that_may_be_there_cannot_be_rejected(place: Place) -> None:
    """Sent again while in doubt and rejected then, it is in doubt: the first request may have been taken."""
    settle(place, State.IN_DOUBT)
    decide(place, Decision.RESEND)
    send(place, Outcome(0, State.REJECTED, http_status=200, code=210, message="no"))
    (row,) = place.view().exceptions(State.IN_DOUBT)
    assert (row.ordinal, row.attempts, row.resent) == (0, 2, True)
    assert row.message == "in doubt, then sent again and rejected: no"


def test_a_retried_row_can_be_rejected_for_another_reason(place: Place) -> None:
    """The new reason takes the place of the old one."""
    settle(place, State.REJECTED)
    decide(place, Decision.RETRY, State.REJECTED)
    send(place, Outcome(0, State.REJECTED, message="another"), Outcome(1, State.CONFIRMED))
    view = place.view()
    assert [row.message for row in view.exceptions(State.REJECTED)] == ["another"]
    assert (view.account().confirmed, view.account().rejected, view.account().never_sent) == (1, 1, 998)


@pytest.mark.parametrize("decision", [Decision.DROPPED, Decision.RESEND])
def test_a_row_given_back_and_killed_on_the_wire_is_in_doubt(place: Place, decision: Decision) -> None:
    """A kill after a decision leaves a doubt that still knows whether the row may be there twice."""
    settle(place, State.IN_DOUBT)
    decide(place, decision)
    journal = place.open()
    journal.lease(range(5))
    journal.sending(3)
    die(journal)
    (seen,) = place.view().exceptions(State.IN_DOUBT)
    with place.open() as again:
        assert again.given_back == [0, 1, 2, 4]
        assert (again.account().in_doubt, again.account().never_sent) == (1, 999)
    (row,) = place.view().exceptions(State.IN_DOUBT)
    assert (row.ordinal, row.resent) == (seen.ordinal, seen.resent) == (3, decision is Decision.RESEND)


def test_a_row_given_back_and_released_stays_given_back(place: Place) -> None:
    """A load that ends before it sent the row changes nothing of the decision."""
    settle(place, State.IN_DOUBT)
    decide(place, Decision.RESEND)
    with place.open() as journal:
        journal.lease(range(5))
        journal.sending(0)
        journal.settle([Outcome(1, State.NEVER_SENT, attempts=0)])
        journal.release()
    view = place.view()
    assert view.given_back == (1, 2, 3, 4)
    assert [(row.ordinal, row.resent) for row in view.exceptions(State.IN_DOUBT)] == [(0, True)]
    assert view.account().never_sent == 999


def test_decisions_are_history(place: Place) -> None:
    """The checkpoint says what was decided, about how many rows and from what; also of another mapping."""
    settle(place, State.IN_DOUBT)
    decide(place, Decision.LANDED)
    before = place.view().identity.mapping
    with place.open() as journal:
        journal.remap("another")
    landed, mapping = place.view().decisions
    assert (landed.what, landed.rows, landed.detail) == ("landed", 5, "found.csv")
    assert (mapping.what, mapping.detail) == ("mapping", before)
    assert place.view().identity.mapping == "another"


def test_a_kill_right_after_a_decision_loses_nothing_of_it(place: Place) -> None:
    """A decision is durable when it returns."""
    settle(place, State.REJECTED)
    journal = place.open()
    journal.decide(Decision.RETRY, list(place.view().exceptions(State.REJECTED)))
    die(journal)
    view = place.view()
    assert view.given_back == (0, 1, 2, 3, 4)
    assert (view.account().rejected, view.account().never_sent) == (0, 1000)
    with place.open() as again:
        assert free_rows(again) == set(range(1000))


def test_a_reject_of_the_mapping_in_a_lease_replaces_what_was_given_back(place: Place) -> None:
    """A row given back that no longer maps is rejected again, in the same commit as its lease."""
    from loader.model import Reject  # noqa: PLC0415 - only here

    settle(place, State.REJECTED)
    decide(place, Decision.RETRY, State.REJECTED)
    with place.open() as journal:
        journal.lease(range(2), rejects=[Reject(0, "c", "v", "reason", "message")])
        journal.sending(1)
        journal.settle([Outcome(1, State.CONFIRMED)])
    (row,) = place.view().exceptions(State.REJECTED)
    assert (row.ordinal, row.phase) == (0, Phase.LOCAL)
    assert place.view().given_back == (2, 3, 4)
