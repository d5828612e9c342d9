"""`events`: events are stored with the time at which they happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.conftest import GOOD, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_an_event_keeps_its_own_time(command: CommandLine, tmp_path: Path) -> None:
    """The time of the row is stored, in UTC and on the user's clock, not the time of the load."""
    found = command.summary("events", events_csv(tmp_path, GOOD), "--sandbox")
    assert (found["kind"], found["confirmed"]) == ("events", 1)
    held = command.held("SELECT event, timestamp_utc, timestamp_current FROM events")
    assert held == [("purchase", 1709182800, 1709164800)]
