"""Standard input as the input of a load and of a check."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from tests import warm
from tests.conftest import Ran

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

USERS = "user_id,device_id,platform\n00042,b4618383c0c47c25,Android\n00043,313b98085eb0542f,Android\n"


def piped(command: CommandLine, text: str, *arguments: object) -> Ran:
    """Run a command with a text on its standard input."""
    with command.start(*arguments, stdin=warm.PIPE) as process:
        out, err = process.communicate(text, timeout=120)
        return Ran(process.wait(), out, err)


def test_standard_input_is_kept_and_the_load_resumed(command: CommandLine, tmp_path: Path) -> None:
    """The same input again resumes; another is refused, and what was kept can be named in its place."""
    load = ["users", "-", "--sandbox", "--keep", "--checkpoint", "c.ckpt"]
    assert piped(command, USERS, *load, "--limit", 1).code == 0
    kept = tmp_path / "c.ckpt.input.csv"
    assert kept.read_text() == USERS
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    other = piped(command, USERS.replace("42", "44"), *load)
    assert other.code == 2
    assert " ".join(other.err.split()) == (
        "Error: Standard input is not what it was when c.ckpt was begun. The earlier input was kept in "
        "c.ckpt.input.csv. To continue with it, name that file instead of -. To load another input, name "
        "another --checkpoint."
    )
    assert piped(command, USERS, *load).code == 0
    assert command.held("SELECT count(*) FROM devices") == [(2,)]
    assert command.run("users", kept, *load[2:]).code == 0
    assert sorted(path.name for path in tmp_path.glob("c.ckpt.input*")) == ["c.ckpt.input.csv"]


def test_standard_input_needs_a_checkpoint(command: CommandLine) -> None:
    """There is no file beside which one could be put."""
    ran = piped(command, USERS, "users", "-", "--sandbox")
    assert ran.code == 2
    assert " ".join(ran.err.split()) == (
        "Error: Standard input has no name: give --checkpoint FILE to say where progress is saved. The "
        "input is kept beside it, because a load that is resumed has to read it again."
    )


def test_standard_input_can_be_checked(command: CommandLine, tmp_path: Path) -> None:
    """Nothing is left behind."""
    ran = piped(
        command,
        '{"user_id": "00042", "device_id": "b4618383c0c47c25", "platform": 3}\n',
        "check",
        "users",
        "-",
    )
    assert ran.code == 0, ran.err
    assert ran.out.startswith("1 user in standard input\n  read as JSON Lines"), ran.out
    assert list(tmp_path.iterdir()) == []
