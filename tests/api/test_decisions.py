"""Rows in doubt and rejected rows, settled from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from tests.api.conftest import Vendor, counts, purchases

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def doubtful(vendor: Vendor) -> loader.LoadResult:
    """Ten events, three of them in doubt."""
    vendor.cut = {"u2", "u5", "u7"}
    result = loader.load_events(purchases(10), **vendor.account, progress=False)
    assert counts(result.account) == (7, 0, 3, 0)
    vendor.cut = set()
    return result


def test_all_doubts_are_settled_at_once(doubtful: loader.LoadResult, vendor: Vendor) -> None:
    """What landed is confirmed without a request."""
    settled = loader.resolve(doubtful.checkpoint, "landed")
    assert (settled.rows, counts(settled.account)) == (3, (10, 0, 0, 0))
    assert len(vendor.server.accepted) == 10


def test_a_part_of_in_doubt_names_its_rows(doubtful: loader.LoadResult) -> None:
    """Rows that were chosen in the frame of doubts are settled, the others are not."""
    doubts = doubtful.in_doubt
    settled = loader.resolve(doubtful.checkpoint, "landed", doubts[doubts["user_id"] != "u5"])
    assert (settled.rows, counts(settled.account)) == (2, (9, 0, 1, 0))
    left = loader.Checkpoint(doubtful.checkpoint, purchases(10)).in_doubt
    assert list(left.index) == ["row-5"]


def test_ids_that_were_looked_up_name_their_rows(doubtful: loader.LoadResult) -> None:
    """A Series named like the column of the ids; the frame is needed to look there."""
    found = pd.Series(["u7", "u2"], name="user_id")
    with pytest.raises(loader.SourceError, match="in Python's memory"):
        loader.resolve(doubtful.checkpoint, "landed", found)
    settled = loader.resolve(doubtful.checkpoint, "landed", found, source=purchases(10))
    assert (settled.rows, settled.account.in_doubt) == (2, 1)


@pytest.mark.parametrize(
    ("decision", "rows", "words"),
    [
        ("gone", None, '"resend" or "landed" or "dropped"'),
        ("landed", [2], "does not say which rows"),
        ("landed", pd.Index(["row-2"]), "does not say which rows"),
        ("landed", pd.Series(["u0"], name="user_id"), "not in doubt: u0"),
        ("landed", pd.Series(["u2"], name="uid"), 'the column "uid"'),
        ("landed", pd.Series([], name="user_id", dtype=object), "is empty"),
        ("retry", None, "loader.retry"),
    ],
    ids=["decision", "numbers", "labels", "confirmed", "column", "empty", "retry"],
)
def test_an_unclear_decision_changes_nothing(
    doubtful: loader.LoadResult, decision: str, rows: Any, words: str
) -> None:
    """A mistake is a sentence; numbers could be labels or rows and are not guessed at."""
    with pytest.raises(loader.ConfigError, match=words):
        loader.resolve(doubtful.checkpoint, decision, rows, source=purchases(10))
    assert loader.Checkpoint(doubtful.checkpoint).account == doubtful.account


def test_dropped_rows_go_with_the_next_load(doubtful: loader.LoadResult, vendor: Vendor) -> None:
    """Looked up and not there: the same call sends them once more, unmarked."""
    loader.resolve(doubtful.checkpoint, "dropped")
    again = loader.load_events(purchases(10), **vendor.account, progress=False)
    assert (counts(again.account), again.account.possible_duplicates) == ((10, 0, 0, 0), 0)
    assert vendor.users().count("u5") == 2


def test_rejected_rows_go_again_with_a_mended_mapping(vendor: Vendor) -> None:
    """Only what was rejected is sent; with the fixed mapping the load continues."""
    frame = purchases(4).assign(plan=["gold", "gold", "silver", "gold"])
    says = {
        "userId": "user_id",
        "event": {"column": "plan", "values": {"gold": "Gold"}},
        "timestamp": "timestamp",
    }
    result = loader.load_events(
        frame, mapping=loader.Mapping("events", fields=says), **vendor.account, progress=False
    )
    assert counts(result.account) == (3, 1, 0, 0)
    says["event"] = {"column": "plan", "values": {"gold": "Gold", "silver": "Silver"}}
    again = loader.retry(
        frame, result.checkpoint, mapping=loader.Mapping("events", fields=says), progress=False
    )
    assert counts(again.account) == (4, 0, 0, 0)
    *before, last = vendor.users()
    assert (sorted(before), last) == (["u0", "u1", "u3"], "u2")


def test_a_retry_of_another_frame_is_refused(vendor: Vendor) -> None:
    """Mended cells are another input: refused, and nothing is sent."""
    frame = purchases(3).assign(user_id=["a", None, "c"])
    result = loader.load_events(frame, **vendor.account, progress=False)
    with pytest.raises(loader.CheckpointDiffers):
        loader.retry(frame.assign(user_id="b"), result.checkpoint, progress=False)
    with pytest.raises(loader.SourceError, match="in Python's memory"):
        loader.retry(None, result.checkpoint, progress=False)
    fixed = loader.load_events(
        result.rejected.assign(user_id="b"), **vendor.account, checkpoint="fixed", progress=False
    )
    assert counts(fixed.account) == (1, 0, 0, 0)
    assert sorted(vendor.users()) == ["a", "b", "c"]


def test_a_file_is_retried_where_it_is(vendor: Vendor, tmp_path: Path) -> None:
    """Without a source the files of the checkpoint are read, and doubts of files are named by their frame."""
    vendor.refuse, vendor.cut = {"x"}, {"y"}
    (tmp_path / "a.csv").write_text("user_id,event,timestamp\nx,e,2024-01-01T00:00Z\ny,e,2024-01-01T00:00Z\n")
    result = loader.load_events("a.csv", **vendor.account, progress=False)
    assert counts(result.account) == (0, 1, 1, 0)
    vendor.refuse, vendor.cut = set(), set()
    assert loader.resolve(result.checkpoint, "landed", result.in_doubt).rows == 1
    assert counts(loader.retry(None, result.checkpoint, progress=False).account) == (2, 0, 0, 0)


def test_a_users_row_is_not_sent_over_a_later_one(vendor: Vendor) -> None:
    """A user in doubt whose device has a later row at the vendor stays as it is; the frame says which."""
    frame = pd.DataFrame({"hwid": ["d", "d", "e"], "user_id": ["u1", "u2", "u3"]})
    vendor.refuse = {"u1"}
    result = loader.load_users(frame, **vendor.account, progress=False)
    assert counts(result.account) == (2, 1, 0, 0)
    vendor.refuse = set()
    again = loader.retry(frame, result.checkpoint, progress=False)
    assert counts(again.account) == (2, 1, 0, 0)
    assert "u1" not in vendor.users()[3:]
    assert "1 row not sent, because a later row of the same device is at the vendor, or may be" in repr(again)
    assert "loader.retry" not in repr(again)


def test_the_sandbox_of_a_rehearsal_is_asked_for(sandbox: loader.Sandbox) -> None:
    """A retry of a rehearsal needs its sandbox, and says so."""
    frame = purchases(2).assign(user_id=["a", None])
    result = loader.load_events(frame, sandbox=sandbox, checkpoint="c", progress=False)
    with pytest.raises(loader.ConfigError, match="sandbox="):
        loader.retry(frame, result.checkpoint, progress=False)
    assert counts(loader.retry(frame, result.checkpoint, sandbox=sandbox, progress=False).account) == (
        1,
        1,
        0,
        0,
    )


@pytest.mark.parametrize(("load", "again"), [(loader.load_users, True), (loader.load_events, False)])
def test_a_checkpoint_that_has_lost_a_part_is_recovered(load: Any, again: bool, vendor: Vendor) -> None:
    """Python names its own call; then users go again by themselves, and events wait for a decision."""
    frame = purchases(10)
    frame = frame[["user_id"]].assign(device_id=frame["user_id"]) if again else frame
    first = load(frame, **vendor.account, limit=4, progress=False)
    wire = first.checkpoint.with_name(f"{first.checkpoint.name}-wire")
    wire.unlink()
    with pytest.raises(loader.CheckpointError, match=r'`loader.resolve\(path, "recover"\)` keeps what is'):
        load(frame, **vendor.account, progress=False)
    with pytest.raises(loader.ConfigError, match="leave out rows"):
        loader.resolve(first.checkpoint, "recover", first.in_doubt)
    recovered = loader.resolve(first.checkpoint, "recover")
    assert (recovered.rows, counts(recovered.account)) == (6, (4, 0, 6, 0))
    result = load(frame, **vendor.account, progress=False)
    assert counts(result.account) == ((10, 0, 0, 0) if again else (4, 0, 6, 0))
