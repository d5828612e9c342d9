"""The sandbox from Python: it needs no account, and shows what it took."""

from __future__ import annotations

import gc
import math
import os
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import polars as pl
import pytest

import loader
from tests.api.conftest import counts, purchases

FIXED = """
kind = "events"
[fields]
userId = "user_id"
event = "event"
timestamp = "timestamp"
[attributes]
paid = "amount"
"""


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
    with loader.Sandbox(faults="lost-answer=every-2") as sandbox:
        result = loader.load_events(purchases(4), sandbox=sandbox, concurrency=1, progress=False)
    assert counts(result.account) == (2, 0, 2, 0)
    assert list(sandbox.events()["user_id"]) == ["u0", "u1", "u2"]
    assert list(result.in_doubt.index) == list(purchases(4).index[[1, 3]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("flakey", r'^faults: "flakey" is neither a profile nor a fault\. Did you mean "flaky"\?'),
        ("500=2", r'faults: 500=2: "2" does not fit 500|faults: "2" does not fit 500'),
        ("", 'faults: "" says nothing'),
        (50, "^faults is a int; it must be text"),
    ],
)
def test_faults_without_a_meaning_are_refused_at_once(wrong: object, message: str) -> None:
    """A spec that has no meaning is refused by the sandbox that is made with it, before it is started."""
    with pytest.raises(loader.ConfigError, match=message):
        loader.Sandbox(faults=wrong)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("abc", r'"abc" is not of the form XXXXX-XXXXX .*\. Check application\.$'),
        (5, "^application is a int"),
    ],
)
def test_an_application_that_cannot_be_is_refused_at_once(wrong: object, message: str) -> None:
    """Otherwise every call would be refused, with a reason that does not name the mistake."""
    with pytest.raises(loader.ConfigError, match=message):
        loader.Sandbox(application=wrong)  # type: ignore[arg-type] # on purpose


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


def test_a_second_frame_does_not_collide_with_the_first() -> None:
    """Each frame has a checkpoint of its own; the same content again is found, whatever library holds it."""
    first, second = purchases(3), purchases(4, event="refund")
    with loader.Sandbox() as sandbox:
        one = loader.load_events(first, sandbox=sandbox, limit=2, progress=False)
        two = loader.load_events(second, sandbox=sandbox, progress=False)
        again = loader.load_events(pl.from_pandas(first), sandbox=sandbox, progress=False)
        repeated = loader.load_events(second.copy(), sandbox=sandbox, progress=False)
    assert one.checkpoint == again.checkpoint != two.checkpoint
    assert counts(again.account) == (3, 0, 0, 0)
    assert (repeated.checkpoint, counts(repeated.account)) == (two.checkpoint, (4, 0, 0, 0))
    assert sandbox.events()["event"].value_counts().to_dict() == {"refund": 4, "purchase": 3}
    assert sandbox.events().groupby("load")["event"].nunique().to_list() == [1, 1]


def test_a_frame_with_another_mapping_begins_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The sandbox then holds each row once, as the new mapping has it; the user is told before and after."""
    with loader.Sandbox() as sandbox:
        loader.load_events(purchases(2), sandbox=sandbox, progress=False)
        loader.load_events(purchases(3, event="other"), sandbox=sandbox, progress=False)
        fixed = loader.Mapping.parse(FIXED)
        result = loader.load_events(purchases(2), mapping=fixed, sandbox=sandbox)
        assert [list(each) for each in sandbox.events().query("event != 'other'")["attributes"]] == [
            ["paid"]
        ] * 2
        with pytest.raises(loader.CheckpointDiffers, match="was made for another load"):
            loader.load_events(purchases(2), sandbox=sandbox, keep=True, progress=False)
    assert counts(result.account) == (2, 0, 0, 0)
    said = "This rehearsal begins again, and the sandbox forgets what it holds of the one before. The mapping"
    assert said in capsys.readouterr().err
    assert said in repr(result)
    assert "give keep." in repr(result)
    assert len(sandbox.events()) == 5


def test_a_changed_file_begins_again() -> None:
    """As with --sandbox on the command line."""
    source = Path("events.csv")
    with loader.Sandbox() as sandbox:
        for users in (["u1", "u2"], ["u1", "u3"]):
            rows = "".join(f"{user},buy,2024-02-29T12:00:00Z\n" for user in users)
            source.write_text(f"user_id,event,timestamp\n{rows}")
            loader.load_events(source, sandbox=sandbox, progress=False)
            assert list(sandbox.events()["user_id"]) == users


def test_keep_means_nothing_for_a_real_load() -> None:
    """It is refused, not ignored."""
    with pytest.raises(loader.ConfigError, match="keep is for a rehearsal in a sandbox"):
        loader.load_events(purchases(1), application="AAAAA-BBBBB", keep=True)


def test_a_rehearsal_of_an_earlier_version_is_continued() -> None:
    """It saved the progress of every table under one name; that is still found if it is of this table."""
    with loader.Sandbox("store.sqlite3") as sandbox:
        old = loader.load_events(
            purchases(3), sandbox=sandbox, checkpoint="frame.events.sandbox.ckpt", limit=1, progress=False
        )
        rest = loader.load_events(purchases(3), sandbox=sandbox, progress=False)
        other = loader.load_events(purchases(2), sandbox=sandbox, progress=False)
    assert old.checkpoint == rest.checkpoint != other.checkpoint
    assert len(sandbox.events()) == 5


def test_a_retry_stays_a_part_of_its_rehearsal() -> None:
    """Its rows are under the same label as those of the load."""
    frame = purchases(3).assign(amount=[1.5, math.inf, 2.5])
    with loader.Sandbox() as sandbox:
        result = loader.load_events(frame, sandbox=sandbox, progress=False)
        assert counts(result.account) == (2, 1, 0, 0)
        fixed = loader.Mapping.parse(FIXED.replace('paid = "amount"', ""))
        again = loader.retry(frame, result.checkpoint, mapping=fixed, sandbox=sandbox, progress=False)
    assert counts(again.account) == (3, 0, 0, 0)
    assert sandbox.events()["load"].nunique() == 1


def test_events_say_when_they_arrived_and_what_they_belong_to() -> None:
    """Later columns stand behind those that code already relies on."""
    with loader.Sandbox() as sandbox:
        before = pd.Timestamp.now("UTC").floor("ms")
        result = loader.load_events(purchases(2), sandbox=sandbox, progress=False)
        after = pd.Timestamp.now("UTC")
    events = sandbox.events()
    assert list(events.columns) == [
        "event", "hwid", "user_id", "timestamp", "timestamp_current", "device_type", "attributes",
        "application", "arrived", "matched", "load",
    ]  # fmt: skip
    assert events["arrived"].between(before, after).all()
    assert events["matched"].dtype == bool
    assert not events["matched"].any()  # no user was registered
    assert events["load"].str.startswith(result.checkpoint.stem).all()
    assert list(loader.Sandbox().events().columns) == list(events.columns)


def test_a_sandbox_says_what_it_holds_and_where_it_is() -> None:
    """In a terminal as lines, in a notebook as a table; whatever an event is called."""
    sandbox = loader.Sandbox()
    assert repr(sandbox) == "<Sandbox, not running, empty>\n  store    kept as long as this object"
    with sandbox:
        loader.load_events(purchases(2, event="<script>"), sandbox=sandbox, progress=False)
        shown, table = repr(sandbox), sandbox._repr_html_()
        assert sandbox.page == f"http://{urlsplit(sandbox.endpoint).netloc}/"
        assert "<Sandbox, running: 0 devices of 0 users, 2 events, 0 tags>" in shown
        assert f"page     {sandbox.page}" in shown
    assert "events &lt;script&gt;" in table
    assert "<script" not in table
    assert sandbox.holdings().events[0].count == 2
    assert "faults   seed=7," in repr(loader.Sandbox(faults="flaky,seed=7"))


def test_the_page_is_shown_as_a_link_outside_of_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, with an address that answers."""
    with loader.Sandbox() as sandbox:
        sandbox.show()
        shown = capsys.readouterr().out
        assert shown == f"The sandbox shows itself at {sandbox.page} while it runs.\n"
    with pytest.raises(loader.ConfigError, match="The sandbox is not running"):
        sandbox.show()
