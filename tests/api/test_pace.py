"""How a load went over time, as a frame and as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import loader
from tests.api.conftest import purchases

if TYPE_CHECKING:
    from tests.api.conftest import Vendor


def test_the_pace_adds_up_to_what_was_loaded(vendor: Vendor) -> None:
    """Rows and requests of all stretches of both runs are those of the account."""
    frame = purchases(60)
    vendor.refuse.add("u7")
    loader.load_events(frame, limit=20, **vendor.account, progress=False)
    result = loader.load_events(frame, **vendor.account, progress=False)
    pace = result.pace
    assert pace["rows"].sum() == result.account.settled == 60
    assert pace["attempts"].sum() == result.account.attempts
    assert sorted(pace["run"].unique()) == [1, 2]
    assert pace["until"].is_monotonic_increasing
    assert ((pace["half"] > 0) & (pace["half"] <= pace["p99"]))[pace["attempts"] > 0].all()
    assert (pace["in_flight"] <= pace["window"]).all()
    assert loader.Checkpoint(result.checkpoint).pace.equals(pace)


def test_a_load_that_sent_nothing_has_no_times(vendor: Vendor) -> None:
    """The columns are there all the same, with their types: nothing has to be asked for before a plot."""
    result = loader.load_events(purchases(2).assign(user_id=None), **vendor.account, progress=False)
    assert result.pace["attempts"].sum() == 0
    assert result.pace["half"].isna().all()
    assert str(result.pace["until"].dtype) == "datetime64[us, UTC]"


def test_a_report_of_a_frame_counts_its_events_and_speaks_python(vendor: Vendor) -> None:
    """The page of a frame's load has events by month, and leads on by calls: no command could read it."""
    vendor.refuse.add("u3")
    # A report reads the input only for rows that were never leased.
    result = loader.load_events(purchases(10), **vendor.account, limit=8, progress=False)
    page = result.report("load.html").read_text(encoding="utf-8")
    assert "loader.retry(frame," in page
    assert "pushwoosh-loader retry" not in page
    assert "by month" in page
    assert "u3" not in page
    later = loader.Checkpoint(result.checkpoint).report().read_text(encoding="utf-8")
    assert "in Python&#39;s memory" in later
