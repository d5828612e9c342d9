"""The short version of `make crash`."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from loader.methods import Kind
from tests.crash.campaign import killed_at_least_once
from tests.crash.nights import NightTally, kill_nights

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")


@pytest.mark.parametrize(
    ("kind", "rows", "seed", "processes"),
    [(Kind.EVENTS, 500, 11, 1), (Kind.USERS, 400, 12, 1), (Kind.EVENTS, 400, 13, 2)],
)
def test_a_load_that_is_killed_again_and_again_ends_complete(
    tmp_path: Path, kind: Kind, rows: int, seed: int, processes: int
) -> None:
    """After each SIGKILL the account is true, and in the end every row is there once or was rejected."""
    tally = killed_at_least_once(tmp_path, kind, rows, seed, processes=processes)
    assert (tally.lost, tally.doubled) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "seed", "processes"), [(Kind.EVENTS, 21, 1), (Kind.TAGS, 22, 1), (Kind.EVENTS, 23, 2)]
)
def test_a_canary_that_is_killed_again_and_again_ends_complete(
    tmp_path: Path, kind: Kind, seed: int, processes: int
) -> None:
    """Rows that are sent long before those in front of them are there once too, whenever a kill comes."""
    tally = killed_at_least_once(tmp_path, kind, 400, seed, processes=processes, canary=60)
    assert (tally.lost, tally.doubled) == (0, 0)


@pytest.mark.parametrize("seed", [31, 32])
def test_of_two_loads_with_one_ledger_each_event_lands_once(tmp_path: Path, seed: int) -> None:
    """Nights that overlap, killed in turn until both are done: nothing is doubled, and nothing is lost."""
    tally = NightTally()
    kill_nights(tmp_path, 300, random.Random(seed), tally)
    assert tally.kills
    assert (tally.lost, tally.doubled) == (0, 0)
