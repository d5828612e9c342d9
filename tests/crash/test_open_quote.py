"""A quote that is never closed ends a process with its sentence, whatever threads read ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import warm
from tests.conftest import CommandLine
from tests.effort import EFFORT

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 30_000 * EFFORT * EFFORT  # 120 MB with EFFORT=5
SENTENCE = "Most often a quote is opened and never closed"
PYTHON = """
import loader
try:
    loader.check_events("events.csv", application="AAAAA-BBBBB")
except loader.SourceError as error:
    print(error)
"""
COMMANDS = {
    "check": ["-m", "loader", "check", "events", "events.csv"],
    "load": ["-m", "loader", "events", "events.csv", "--sandbox", "--yes"],
    "python": ["-c", PYTHON],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file in whose middle a quote is opened."""
    folder = tmp_path_factory.mktemp("quote")
    note = "a note of a fair length, so that the rows fill blocks" * 2
    with (folder / "events.csv").open("w") as file:
        file.write("user_id,device_id,event,timestamp,note\n")
        for row in range(ROWS):
            opened = '"' if row == ROWS // 20 else ""
            file.write(f"u{row},d{row},purchase,2024-01-01T00:00:00Z,{opened}{note.replace(',', '')}\n")
        file.write("end\n" * (5 << 20))  # what is in the quote is longer than any record may be
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_an_open_quote_ends_with_its_sentence(folder: Path, command: str) -> None:
    """Each time, in an interpreter of its own that ends right afterwards."""
    for _ in range(2 * EFFORT):
        environment = CommandLine(folder).environment | {"PYTHONFAULTHANDLER": "1"}
        with warm.start(COMMANDS[command], folder=folder, environment=environment) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == (0 if command == "python" else 2), err
        assert SENTENCE in " ".join((out + err).split())
