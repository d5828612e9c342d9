"""Whole loads through each profile: the account says what the store bears out."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import loader
from loader.sandbox.faults import PROFILES
from tests.effort import EFFORT
from tests.sandbox.conftest import APPLICATION, rows
from tests.sandbox.faults.conftest import misbehaving
from tests.sandbox.faults.test_misbehaviour import stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 300
# Windows of time pass this much faster than in a rehearsal: ten seconds of an outage are half a second.
SPEED = 20.0
# What a profile says about its first minutes, for the second that a load of this size takes.
SHORTER = {
    "busy": "429=20/s,retry-after=0s,maintenance=#50-52",
    "outage": "outage=200ms-10s,503=12s-14s,reset-before-read=15s-16s",
}
SEEDS = range(3 * EFFORT)

pytestmark = pytest.mark.timeout(120)


def hurry() -> float:
    """A clock that is `SPEED` times as fast as the real one."""
    return time.monotonic() * SPEED


def write_spec(profile: str, seed: int) -> str:
    """The spec of a profile, for a short load."""
    return ",".join(filter(None, [profile, SHORTER.get(profile), f"seed={seed}"]))


def load(
    tmp_path: Path, spec: str, send: Callable[..., loader.LoadResult], frame: pd.DataFrame
) -> loader.LoadResult:
    """Load a table into a sandbox with faults, to its own end."""
    with misbehaving(tmp_path / "s", spec, hurry) as serving:
        return send(
            frame,
            application=APPLICATION,
            endpoint=serving.endpoint,
            checkpoint=tmp_path / "c.ckpt",
            progress=False,
        )


def number_events() -> pd.DataFrame:
    """Events of which each has a number, and a device of its own."""
    return pd.DataFrame(
        {
            "event": "purchase",
            "hwid": [f"D{number}" for number in range(ROWS)],
            "timestamp": pd.Timestamp("2024-05-01 12:00", tz="UTC"),
            "n": range(ROWS),
        }
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_store_bears_the_account_out(tmp_path: Path, profile: str, seed: int) -> None:
    """A load ends by itself: confirmed rows are there once, rows in doubt at most once, and no others."""
    result = load(tmp_path, write_spec(profile, seed), loader.load_events, number_events())
    states = result.frame["state"]
    landed, confirmed = Counter(stored(tmp_path / "s")), set(states[states == "confirmed"].index)
    in_doubt = set(states[states == "in_doubt"].index)
    assert result.account.read == ROWS == len(confirmed) + len(in_doubt)
    assert set(landed.values()) == {1}
    assert confirmed <= set(landed) <= confirmed | in_doubt


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("profile", ["flaky", "hostile"])
def test_users_are_sent_until_they_are_there(tmp_path: Path, profile: str, seed: int) -> None:
    """A registration in doubt may be repeated: in the end each confirmed row is a device with its user."""
    frame = pd.DataFrame({"hwid": [f"D{n}" for n in range(ROWS)], "userId": [f"u{n}" for n in range(ROWS)]})
    result = load(tmp_path, write_spec(profile, seed), loader.load_users, frame)
    held = dict(rows(tmp_path / "s", "SELECT hwid, user_id FROM devices"))
    states = result.frame["state"]
    assert set(states) <= {"confirmed", "in_doubt"}
    assert held.items() <= {f"D{n}": f"u{n}" for n in range(ROWS)}.items()
    assert {f"D{n}" for n in states[states == "confirmed"].index} <= set(held)
    assert len(states[states == "in_doubt"]) < ROWS / 50


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_deals_out_what_it_says(tmp_path: Path, profile: str) -> None:
    """After a load the store has counted faults of that day, and after a calm one none."""
    load(tmp_path, write_spec(profile, 1), loader.load_events, number_events())
    dealt = {verdict for (verdict,) in rows(tmp_path / "s", "SELECT DISTINCT verdict FROM answers")}
    named = {part.partition("=")[0] for part in PROFILES[profile].text.split(",")}
    assert dealt - {"ok"} <= named
    assert (dealt == {"ok"}) == (profile == "calm")
