"""`status`: the account of a load, for people and for programs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from loader.methods import Kind
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


@pytest.mark.parametrize("kind", Kind)
def test_a_file_that_was_loaded_leads_to_its_checkpoint(
    command: CommandLine, tmp_path: Path, kind: Kind
) -> None:
    """The input is named in place of the checkpoint: the answer names what lies beside it, and it opens."""
    (tmp_path / "two.csv").write_text("hwid,event,timestamp\nd,e,2024-01-01T00:00Z\n")
    assert command.run(kind, "two.csv", "--sandbox", "--yes").code == 0
    ran = command.run("status", "two.csv")
    said = re.search(r"The checkpoint of a load of it is (\S+)\.$", ran.err.strip())
    assert said is not None, ran.err
    assert command.run("status", said[1]).code == 0
