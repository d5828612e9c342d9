"""`status`: the account of a load, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.conftest import GOOD, NAMELESS, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_status_shows_the_account(command: CommandLine, tmp_path: Path) -> None:
    """`status` gives the same account as the load, for people and as JSON."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    load = command.summary("events", source, "--sandbox")
    again = json.loads(command.run("status", load["checkpoint"], "--summary", "-").out)
    counts = ("read", "confirmed", "rejected", "in_doubt", "never_sent")
    assert [again[name] for name in counts] == [load[name] for name in counts]
    assert "rejected" in command.run("status", load["checkpoint"]).out
