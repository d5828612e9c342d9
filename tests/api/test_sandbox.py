"""The sandbox from Python: it needs no account, and shows what it took."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pandas as pd
import pytest

import loader
from tests.api.conftest import counts, purchases


def test_a_rehearsal_needs_neither_token_nor_application_nor_checkpoint() -> None:
    """Two lines, and what was taken can be looked at, also when the sandbox has ended."""
    with loader.Sandbox() as sandbox:
        result = loader.load_events(purchases(3), sandbox=sandbox, progress=False)
        users = pd.DataFrame({"hwid": ["d1"], "user_id": ["u1"], "tz_offset": [3600]})
        loader.load_users(users, sandbox=sandbox, progress=False)
    assert counts(result.account) == (3, 0, 0, 0)
    assert list(result.frame["state"]) == ["confirmed"] * 3
    events = sandbox.events()
    assert list(events["user_id"]) == ["u0", "u1", "u2"]
    assert list(events["timestamp"]) == list(purchases(3)["timestamp"].dt.tz_convert("UTC"))
    assert list(events["timestamp_current"]) == list(purchases(3)["timestamp"].dt.tz_localize(None))
    assert sandbox.users().iloc[0].to_dict() | {"device_type": None} == {
        "hwid": "d1",
        "user_id": "u1",
        "tz_offset": 3600,
        "device_type": None,
        "application": "XXXXX-XXXXX",
    }
    assert "1 device of 1 user, 3 events, 0 tags" in repr(sandbox)
    assert not list(Path().iterdir())


def test_lost_answers_put_rows_in_doubt_of_which_some_have_landed() -> None:
    """Every second answer is lost, and every other of these events was taken: as many are there as say so."""
    with loader.Sandbox(lose_answers=2) as sandbox:
        result = loader.load_events(purchases(4), sandbox=sandbox, concurrency=1, progress=False)
    assert counts(result.account) == (2, 0, 2, 0)
    assert list(sandbox.events()["user_id"]) == ["u0", "u1", "u2"]
    assert list(result.in_doubt.index) == list(purchases(4).index[[1, 3]])


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "50"])
def test_lost_answers_are_counted_in_whole_numbers(wrong: object) -> None:
    """It is a sentence that says which number is meant."""
    with pytest.raises(loader.ConfigError, match="lose_answers is"):
        loader.Sandbox(lose_answers=wrong)  # type: ignore[arg-type] # on purpose


def test_a_store_of_ones_own_is_kept_and_served_again() -> None:
    """With a store the rehearsal continues another day: the same call resumes."""
    for confirmed in (2, 3):
        with loader.Sandbox("store.sqlite3") as sandbox:
            result = loader.load_events(purchases(3), sandbox=sandbox, limit=confirmed, progress=False)
        assert result.account.confirmed == confirmed
    assert len(sandbox.events()) == 3


def test_a_sandbox_that_does_not_run_says_how_to_start_it() -> None:
    """Outside of its block it is a sentence, not an attribute that is missing."""
    sandbox = loader.Sandbox()
    with pytest.raises(loader.ConfigError, match=r"with loader\.Sandbox"):
        loader.load_events(purchases(1), sandbox=sandbox)
    assert sandbox.events().empty
    assert sandbox.users().empty
    sandbox.start()
    assert counts(loader.load_events(purchases(1), sandbox=sandbox, progress=False).account) == (1, 0, 0, 0)
    sandbox.close()


def test_a_forgotten_sandbox_leaves_no_process_and_no_folder() -> None:
    """When nobody holds it any more, the server has ended and its temporary folder is gone."""
    sandbox = loader.Sandbox().start()
    folder, pid = sandbox.folder, sandbox.pid
    assert folder is not None
    assert pid is not None
    del sandbox
    gc.collect()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
