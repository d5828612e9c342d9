"""Where the commands write: files, and what is no regular file."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import GOOD, NAMELESS, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

CHECKPOINT = "events.csv.events.sandbox.ckpt"

WRITERS = {
    "failures": (("failures", CHECKPOINT, "-o"), b"_loader_reason"),
    "rejects": (("check", "events", "events.csv", "--format", "csv", "--rejects"), b"_loader_reason"),
    "summary": (("status", CHECKPOINT, "--summary"), b'"confirmed": 1'),
    "map": (("map", "events", "events.csv", "-o"), b'kind = "events"'),
}


@pytest.fixture
def loaded(command: CommandLine, tmp_path: Path) -> Path:
    """An event file of which one row is confirmed and one rejected."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    assert command.run("events", source, "--sandbox", "--yes").code == 3
    return source


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("linked", [False, True], ids=["pipe", "link"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_pipe_is_written_into_and_stays_a_pipe(
    command: CommandLine, loaded: Path, writer: str, *, linked: bool
) -> None:
    """What is no regular file (`/dev/null`, a named pipe, a link to one) is never replaced by one."""
    pipe = target = loaded.parent / "pipe"
    os.mkfifo(pipe)
    if linked:
        target = loaded.parent / "link"
        target.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        arguments, expected = WRITERS[writer]
        ran = command.run(*arguments, target)
        assert ran.code in {0, 3}, ran.err
        assert stat.S_ISFIFO(pipe.lstat().st_mode)
        assert target.is_symlink() is linked
        assert expected in os.read(reader, 65_536)
    finally:
        os.close(reader)


def test_a_link_to_a_file_stays_a_link(command: CommandLine, loaded: Path) -> None:
    """The file that a link points to is replaced, not the link."""
    kept, link = loaded.parent / "kept.csv", loaded.parent / "link.csv"
    kept.write_text("of yesterday")
    link.symlink_to(kept)
    assert command.run("failures", CHECKPOINT, "-o", link).code == 0
    assert link.is_symlink()
    assert b"_loader_reason" in kept.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of POSIX")
def test_a_closed_standard_output_costs_nothing_but_the_words(command: CommandLine) -> None:
    """A job that is started with `>&-` loads all the same."""
    words = [sys.executable, "-m", "loader", "events", "events.csv", "--sandbox", "--yes"]
    events_csv(command.folder, GOOD)
    line = f"exec {shlex.join(words)} >&-"
    ran = subprocess.run(
        ["sh", "-c", line],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False), ran.stderr
