"""`loader.Ledger`: the commands of a ledger as calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

import loader

USERS = pd.DataFrame({"hwid": ["d1", "d2", "d3"], "userId": ["u1", "u2", "u3"]})


def test_a_load_of_a_frame_is_taken_over(sandbox: loader.Sandbox) -> None:
    """It was made without a ledger; the next load with it leaves out what has not changed."""
    result = loader.load_users(USERS[:2], sandbox=sandbox, progress=False, checkpoint="first.ckpt")
    ledger = loader.Ledger("all.ledger")
    with pytest.raises(loader.SourceError, match="cannot be read from here"):
        ledger.take_over(result.checkpoint)
    taken = ledger.take_over(result.checkpoint, source=USERS[:2])
    assert (taken.sent, taken.in_doubt, taken.keyless) == (2, 0, 0)
    assert ledger.loads[["kind", "sent", "in_doubt"]].to_numpy().tolist() == [["users", 2, 0]]
    assert ledger.keys["state"].tolist() == ["sent", "sent"]
    assert ledger.verify() == 2
    after = loader.load_users(USERS, sandbox=sandbox, progress=False, ledger=ledger.path)
    assert (after.account.confirmed, after.account.left_out) == (1, 2)


def test_events_without_a_key_in_the_mapping_are_taken_over_with_one(sandbox: loader.Sandbox) -> None:
    """The key is given as one column or as several."""
    events = pd.DataFrame(
        {"hwid": ["d1"], "event": ["buy"], "timestamp": pd.to_datetime(["2024-01-01"], utc=True)}
    )
    result = loader.load_events(events, sandbox=sandbox, progress=False, checkpoint="events.ckpt")
    ledger = loader.Ledger("events.ledger")
    with pytest.raises(loader.ConfigError, match="needs a key by which an event is known again"):
        ledger.take_over(result.checkpoint, source=events)
    assert ledger.take_over(result.checkpoint, key="hwid", source=events).sent == 1
    assert ledger.loads["key"].tolist() == ["hwid"]


def test_keys_and_loads_are_forgotten(sandbox: loader.Sandbox) -> None:
    """By a list, a frame of it, or their age."""
    given: Any = {"sandbox": sandbox, "progress": False, "ledger": "gone.ledger", "report_gone": "gone.csv"}
    users = USERS.assign(hwid=["e1", "e2", "e3"])  # the sandbox keeps a checkpoint for each frame
    loader.load_users(users, **given)
    assert loader.load_users(users[2:], **given).gone == 2
    ledger, listed = loader.Ledger("gone.ledger"), pd.read_csv("gone.csv")
    assert ledger.forget_keys(listed[:1]).keys == 1
    assert ledger.forget_keys("gone.csv").keys == 1
    assert ledger.verify() == 1
    assert ledger.forget(timedelta(days=1)) == 0
    assert ledger.forget(timedelta(days=-1)) == 2
    assert ledger.verify() == 0
    days: Any = 400
    with pytest.raises(loader.ConfigError, match=r"^older_than is a int. Give a timedelta"):
        ledger.forget(days)
    with pytest.raises(loader.ConfigError, match=r"^The frame has no column _loader_key_digest"):
        ledger.forget_keys(USERS)


def test_a_key_that_was_sent_again_counts_once(sandbox: loader.Sandbox) -> None:
    """A user who has changed is one key, in the loads and in what is verified."""
    given: Any = {"sandbox": sandbox, "progress": False, "ledger": "changed.ledger"}
    users = USERS.assign(hwid=["f1", "f2", "f3"])
    loader.load_users(users, **given)
    loader.load_users(users.assign(userId=["u1", "u2", "u4"]), **given)
    ledger = loader.Ledger("changed.ledger")
    assert ledger.loads["sent"].tolist() == [2, 1]
    assert ledger.verify() == len(ledger.keys) == 3


def test_a_ledger_that_is_missing_is_told() -> None:
    """To look at one creates none."""
    with pytest.raises(loader.CheckpointError, match="There is no ledger"):
        _ = loader.Ledger("nowhere").loads
