"""The states of rows by ranges, beside what the checkpoint says of each."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loader.journal.bitmap import CHUNK
from loader.model import Outcome, State
from loader.states import ORDER, States
from tests.journal.conftest import Place, confirmed, die, rejects

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 2 * CHUNK + 777
OTHERS = {5: State.REJECTED, 6: State.IN_DOUBT, CHUNK - 1: State.REJECTED, CHUNK + 9: State.IN_DOUBT}


@pytest.fixture
def place(memory: Path) -> Place:
    """A checkpoint with a whole bitmap, one with gaps, and one that was hardly begun; its load was killed."""
    place = Place(memory / "rows.ckpt", rows=ROWS)
    journal = place.open()
    journal.lease(range(2 * CHUNK + 50), rejects=rejects([CHUNK + 300]))
    journal.settle(confirmed(n for n in range(CHUNK + 201) if n not in OTHERS))
    journal.settle([Outcome(n, state) for n, state in OTHERS.items()])
    journal.settle(confirmed([2 * CHUNK, 2 * CHUNK + 3]))
    journal.sending(2 * CHUNK + 5)
    die(journal)
    return place


def expected() -> list[State]:
    """What became of each row."""
    states = [State.NEVER_SENT] * ROWS
    for ordinal in [*range(CHUNK + 201), 2 * CHUNK, 2 * CHUNK + 3]:
        states[ordinal] = State.CONFIRMED
    for ordinal, state in {**OTHERS, CHUNK + 300: State.REJECTED, 2 * CHUNK + 5: State.IN_DOUBT}.items():
        states[ordinal] = state
    return states


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Where the checkpoint lies."""
    return tmp_path


def test_every_row_has_the_state_that_the_checkpoint_says(place: Place) -> None:
    """In ranges of any length, with and without gaps between them, and in sum as the account."""
    ledger, wanted = place.view(), np.array([ORDER.index(state) for state in expected()])
    for seed in range(5):
        chance, states, first = random.Random(seed), States(ledger), 0
        while first < ROWS:
            stop = min(ROWS, first + chance.choice([1, 7, 8, 63, 8192, CHUNK, CHUNK + 1]))
            assert (states.of(range(first, stop)) == wanted[first:stop]).all(), (seed, first, stop)
            first = stop + chance.choice([0, 0, 1, 3000])
    account = ledger.account()
    counted = np.bincount(States(ledger).of(range(ROWS)), minlength=4).tolist()
    assert counted == [account.confirmed, account.rejected, account.in_doubt, account.never_sent]
