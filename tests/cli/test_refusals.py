"""What the commands refuse before they could do harm, and what they say at an odd place."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_commands import GOOD, NAMELESS, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")


@pytest.fixture
def loaded(command: CommandLine, tmp_path: Path) -> Path:
    """An event file of which one row is confirmed and one rejected."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    assert command.run("events", source, *SANDBOXED).code == 3
    return source


@pytest.mark.parametrize("precious", ["events.csv", "events.csv.events.sandbox.ckpt"])
def test_failures_never_take_the_place_of_what_they_come_from(
    command: CommandLine, loaded: Path, precious: str
) -> None:
    """`failures -o` onto the input or the checkpoint is refused, and both stay as they were."""
    before = (loaded.parent / precious).read_bytes()
    ran = command.run("failures", "events.csv.events.sandbox.ckpt", "-o", precious)
    assert (ran.code, ran.err.strip()) == (
        2,
        f"Error: {precious} would be overwritten, and it is needed: name another file to write to.",
    )
    assert (loaded.parent / precious).read_bytes() == before


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_failures_that_cannot_be_written_say_so(command: CommandLine, loaded: Path, form: str) -> None:
    """A disk without room for the rejects is a sentence, and leaves what stood there."""
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    target = loaded.parent / "rejected"
    target.write_text("of yesterday")
    before = sorted(loaded.parent.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))  # the command inherits it
    try:
        process = command.start(
            "failures", f"{loaded.name}.events.sandbox.ckpt", "-o", target, "--format", form
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (2, f"Error: {target} cannot be written: File too large.")
    assert target.read_text() == "of yesterday"
    assert sorted(loaded.parent.iterdir()) == before


def test_a_summary_never_takes_the_place_of_the_input(command: CommandLine, tmp_path: Path) -> None:
    """`--summary` onto the input is refused before anything is sent."""
    source = events_csv(tmp_path, GOOD)
    before = source.read_bytes()
    ran = command.run("events", source, *SANDBOXED, "--summary", source)
    assert ran.code == 2
    assert "would be overwritten" in ran.err
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_a_summary_that_cannot_be_written_is_refused_before_the_load(
    command: CommandLine, tmp_path: Path
) -> None:
    """A night's load is not begun when its summary has nowhere to go."""
    source = events_csv(tmp_path, GOOD)
    ran = command.run("events", source, *SANDBOXED, "--summary", "nowhere/account.json")
    assert ran.code == 2
    assert "--summary nowhere/account.json cannot be written." in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_a_reader_that_goes_away_does_not_end_the_load(command: CommandLine, tmp_path: Path) -> None:
    """`... | head -1` loads every row all the same, and the exit code speaks of the rows."""
    source = events_csv(tmp_path, GOOD, GOOD, GOOD)
    with command.start("events", source, *SANDBOXED) as load:
        assert load.stdout is not None
        load.stdout.close()
        load.stdout = None
        _, err = load.communicate(timeout=120)
    assert load.returncode == 0, err
    assert command.held("select count(*) from events") == [(3,)]


def test_what_is_said_of_a_stop_and_the_account_agree(command: CommandLine, tmp_path: Path) -> None:
    """Rows whose rejection stops the load are counted as rejected in its account."""
    source = events_csv(tmp_path, *[GOOD, NAMELESS] * 15)
    record = command.summary("events", source, *SANDBOXED, "--max-rejected", 10)
    assert (record["rejected"], record["confirmed"], record["never_sent"]) == (15, 0, 15)
    assert record["stopped"] == "More than the 10 rows that --max-rejected accepts are rejected."
    assert record["exit_code"] == 5


def test_a_mapping_can_be_mended_where_it_fits_no_row(command: CommandLine, tmp_path: Path) -> None:
    """After the first rows were all rejected alike nothing is bound: the mended mapping goes on."""
    source = events_csv(tmp_path, *[GOOD.replace("20240229", "2024-02-30")] * 30)
    mapping = tmp_path / "events.toml"
    text = """
kind = "events"
[fields]
userId = "user_id"
event = "event"
timestamp = { %s, zone = "UTC" }
"""
    mapping.write_text(text % 'column = "timestamp", format = "%Y-%m-%d"')
    first = command.summary("events", source, *SANDBOXED, "--mapping", mapping)
    assert (first["exit_code"], first["never_sent"], first["attempts"]) == (5, 30, 0)
    mapping.write_text(text % 'const = "2024-02-29"')
    second = command.run("events", source, *SANDBOXED, "--mapping", mapping, "--summary", "-")
    assert second.code == 0, second.err
    assert json.loads(second.out)["confirmed"] == 30


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_folder_where_no_file_can_be_made_is_not_called_in_use(
    command: CommandLine, tmp_path: Path
) -> None:
    """A checkpoint in a folder that takes no files is refused for that, not as another load's."""
    source = events_csv(tmp_path, GOOD)
    ran = command.run("events", source, *SANDBOXED, "--checkpoint", "/proc/events.ckpt")
    assert ran.code == 2
    assert ran.err.strip() == (
        "Error: /proc/events.ckpt cannot be used: no file can be made in its folder. "
        "Name a checkpoint in another folder with --checkpoint."
    )
