"""The short version of `make crash-cluster`."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import TYPE_CHECKING

import pytest

from loader.methods import Kind
from tests.crash.cluster.havoc import (
    Deed,
    HavocTally,
    cut_off,
    kill_coordinator,
    kill_scheduler,
    kill_worker,
    wreak_havoc,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")

DEEDS = (kill_worker, cut_off, kill_coordinator, kill_scheduler)


@pytest.mark.parametrize(("kind", "seed"), [(Kind.EVENTS, 2), (Kind.USERS, 3)])
def test_a_load_on_a_cluster_outlives_whatever_is_killed(tmp_path: Path, kind: Kind, seed: int) -> None:
    """After each kill the account is true; in the end every row is there, once if nobody asked for more."""
    tally, deeds, chance = HavocTally(), deque[Deed](DEEDS), random.Random(seed)
    for turn in range(20):  # a busy machine may be done with a load before its kills come
        (place := tmp_path / str(turn)).mkdir()
        wreak_havoc(place, kind, 400, chance, tally, deeds=deeds, permit=1.0, workers=2)
        if not deeds:
            break
    assert set(tally.done) == {deed.__name__ for deed in DEEDS}
    assert (tally.lost, tally.doubled) == (0, 0)
