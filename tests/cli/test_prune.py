"""`prune`, `status` of a folder, `status --watch` and `--checkpoint-dir`: checkpoints by the dozen."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import GOOD, NAMELESS, SANDBOXED, events_csv
from tests.test_load import wait_until_held

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


@pytest.fixture
def night(command: CommandLine, tmp_path: Path) -> Path:
    """A folder with four checkpoints: done, with a reject, unfinished, and no checkpoint at all."""
    folder = tmp_path / "night"
    folder.mkdir()
    for name, rows, options, code in (
        ("done", (GOOD, GOOD), (), 0),
        ("rejects", (GOOD, NAMELESS), (), 3),
        ("unfinished", (GOOD, GOOD), ("--limit", "1"), 0),
    ):
        events_csv(tmp_path, *rows).rename(tmp_path / name)
        ran = command.run("events", name, *SANDBOXED, "--checkpoint-dir", folder, *options)
        assert ran.code == code, ran.err
    (folder / "notes.txt").write_text("mine")
    return folder


def names(folder: Path) -> set[str]:
    """The files of a folder."""
    return {path.name for path in folder.iterdir()}


def test_checkpoints_go_to_the_folder_that_was_set(command: CommandLine, tmp_path: Path) -> None:
    """By option or variable, under the name that each would have beside its input; the load resumes there."""
    source = events_csv(tmp_path, GOOD, GOOD)
    (tmp_path / "state").mkdir()
    folder = {"PUSHWOOSH_CHECKPOINT_DIR": "state"}
    assert command.run("events", source, *SANDBOXED, "--limit", "1", **folder).code == 0
    assert (tmp_path / "state" / "events.csv.events.sandbox.ckpt").is_file()
    ran = command.run("events", source, *SANDBOXED, **folder)
    assert "1 row is settled" in ran.out
    assert command.run("events", source, *SANDBOXED, "--checkpoint", "own.ckpt", **folder).code == 0
    assert (tmp_path / "own.ckpt").is_file()
    ran = command.run("events", source, *SANDBOXED, "--checkpoint-dir", "nowhere")
    assert (ran.code, "there is no folder" in ran.err) == (2, True)


def test_a_folder_is_a_table(command: CommandLine, night: Path) -> None:
    """One line for each checkpoint says how its load stands; a program gets the same."""
    (night / "torn.ckpt").write_bytes(b"torn")
    ran = command.run("status", night)
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["checkpoint", "kind", "state", "read"]
    assert [line.split()[:7] for line in lines[1:4]] == [
        ["done.events.sandbox.ckpt", "events", "done", "2", "2", "0", "0"],
        ["rejects.events.sandbox.ckpt", "events", "rejects", "2", "1", "1", "0"],
        ["unfinished.events.sandbox.ckpt", "events", "unfinished", "2", "1", "0", "0"],
    ]
    assert "torn.ckpt is not a checkpoint" in lines[4]
    found = json.loads(command.run("status", night, "--summary", "-").out)
    assert [each["never_sent"] for each in found["checkpoints"]] == [0, 0, None, 1]


def test_only_what_nobody_needs_is_deleted_and_all_parts_of_it(command: CommandLine, night: Path) -> None:
    """What is kept is named with its reason, and stays byte for byte."""
    before = {path.name: path.read_bytes() for path in night.iterdir()}
    ran = command.run("prune", night, "--confirmed", "--yes")
    assert ran.code == 0, ran.err
    assert "rejects.events.sandbox.ckpt: 1 row rejected" in ran.out
    assert "--with-unsent deletes it all the same" in ran.out
    left = {path.name: path.read_bytes() for path in night.iterdir()}
    assert left == {name: content for name, content in before.items() if not name.startswith("done.")}
    assert command.run("prune", night, "--yes").code == 0
    assert not [name for name in names(night) if name.startswith("rejects.")]
    assert command.run("prune", night, "--yes", "--with-unsent").code == 0
    assert names(night) == {"notes.txt"}


def test_age_counts_from_the_last_run(command: CommandLine, night: Path) -> None:
    """A load of today is kept, whatever the time of its file."""
    os.utime(night / "done.events.sandbox.ckpt", (0, 0))
    ran = command.run("prune", night, "--older-than", "30d", "--yes")
    assert "done.events.sandbox.ckpt: it is not old enough" in ran.out
    assert "No checkpoint is to be deleted." in ran.out
    time.sleep(1.1)
    assert "done" not in command.run("prune", night, "--older-than", "1s", "--yes").err
    assert not [name for name in names(night) if name.startswith("done.")]


def test_nothing_is_deleted_unless_someone_says_yes(command: CommandLine, night: Path) -> None:
    """A job without a terminal deletes nothing by accident, and is told what to add."""
    before = names(night)
    ran = command.run("prune", night)
    assert (ran.code, "add --yes" in ran.err, names(night)) == (2, True, before)
    assert "delete   " in ran.out


def test_a_checkpoint_in_use_is_kept(command: CommandLine, tmp_path: Path) -> None:
    """Nothing is deleted under a running load, even if its lock file is."""
    events_csv(tmp_path, *([GOOD] * 500))
    checkpoint = "events.csv.events.sandbox.ckpt"
    with command.start("events", "events.csv", *SANDBOXED, "--rate", "20") as process:
        wait_until_held(command, 2)
        (tmp_path / f"{checkpoint}-lock").unlink()
        ran = command.run("prune", checkpoint, "--yes", "--with-doubts", "--with-unsent")
        assert "a load is running with it" in ran.out
        watched = command.start("status", checkpoint, "--watch")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    out, err = watched.communicate(timeout=60)
    assert watched.wait() == 0, err
    assert "never sent" in out
    assert (tmp_path / checkpoint).is_file()


def test_a_race_with_a_load_ends_in_a_refusal(command: CommandLine, tmp_path: Path) -> None:
    """If a load begins after the look, the deletion finds it locked."""
    from loader.errors import CheckpointLocked  # noqa: PLC0415 - only here
    from loader.journal.removal import remove_checkpoint  # noqa: PLC0415 - only here

    events_csv(tmp_path, *([GOOD] * 500))
    with command.start("events", "events.csv", *SANDBOXED, "--rate", "20") as process:
        wait_until_held(command, 2)
        before = names(tmp_path)
        with pytest.raises(CheckpointLocked):
            remove_checkpoint(tmp_path / "events.csv.events.sandbox.ckpt")
        assert names(tmp_path) >= before
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_status_watch_shows_rate_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: CommandLine
) -> None:
    """A look from another terminal shows the share, the rate and the time left, until the load ends."""
    from loader.cli import status  # noqa: PLC0415 - only here
    from loader.progress.lines import LogLines  # noqa: PLC0415 - only here

    events_csv(tmp_path, *([GOOD] * 200))
    monkeypatch.setattr("loader.progress.choose_watch", lambda: LogLines(sys.stderr, every=0.5))
    with command.start("events", "events.csv", *SANDBOXED, "--rate", "50") as process:
        wait_until_held(command, 2)
        status.watch_load(tmp_path / "events.csv.events.sandbox.ckpt", every=0.1)
        process.communicate(timeout=60)
    said = capsys.readouterr().err
    assert "% of 200 rows" in said
    assert "rows/s" in said
    assert "left" in said
