"""What a load can be given: standard input, folders, text that must be said how it is written."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from loader.defaults import default_checkpoint
from loader.methods import Kind
from tests.conftest import Ran

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

USERS = "user_id,device_id,platform\n00042,b4618383c0c47c25,Android\n00043,313b98085eb0542f,Android\n"


def piped(command: CommandLine, text: str, *arguments: object) -> Ran:
    """Run a command with a text on its standard input."""
    ran = subprocess.run(
        [sys.executable, "-m", "loader", *map(str, arguments)],
        cwd=command.folder,
        env=command.environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_standard_input_is_kept_and_the_load_resumed(command: CommandLine, tmp_path: Path) -> None:
    """The same input again resumes; another is refused, and what was kept can be named in its place."""
    load = ["users", "-", "--sandbox", "--checkpoint", "c.ckpt"]
    assert piped(command, USERS, *load, "--limit", 1).code == 5
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
    assert "read as JSON Lines" in ran.out
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_of_a_text_is_shown_and_kept(command: CommandLine, tmp_path: Path) -> None:
    """Failed rows are read again as the load read them, without a word; another reading is refused."""
    rows = USERS.replace(",", "|").replace("Android", "Symbian").split("\n", 1)[1]
    (tmp_path / "users.dat").write_bytes(rows.replace("42", "4ü").encode("latin-1"))
    arguments = ["users", "users.dat", "--sandbox", "--checkpoint", "c.ckpt", "--delimiter", "pipe"]
    said = ["--encoding", "latin-1", "--columns", "user_id,device_id,platform"]
    ran = command.run(*arguments, *said)
    assert ran.code == 3, ran.err
    form = (
        'CSV: delimiter = "|", quote = "\\"", encoding = "iso8859-1", header = false, '
        'columns = ["user_id", "device_id", "platform"]'
    )
    assert f"  read as {form}\n" in ran.out
    failures = command.run("failures", "c.ckpt")
    assert failures.code == 0, failures.err
    assert "0004ü,b4618383c0c47c25,Symbian" in failures.out
    other = command.run(*arguments, "--encoding", "windows-1252", *said[2:])
    assert other.code == 2
    assert f"Then users.dat was read as {form}; now as CSV: " in " ".join(other.err.split())


def test_a_wrong_word_on_a_text_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """With every mistake."""
    (tmp_path / "users.csv").write_text(USERS)
    ran = command.run("check", "users", "users.csv", "--delimiter", "::", "--no-header")
    assert ran.code == 2
    assert "delimiter is '::'; it must be one ASCII character" in ran.err
    assert 'without a header the names must be given: columns = ["user_id", ...].' in ran.err


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("users.csv", "users.csv.users.ckpt"),
        ("data/users.csv", "data/users.csv.users.ckpt"),
        ("data/", "data.users.ckpt"),
        ("data/2024-*.csv", "data/users.ckpt"),
        ("*.csv", "users.ckpt"),
        (".", "users.ckpt"),
    ],
)
def test_the_checkpoint_stands_beside_the_input(first: str, name: str) -> None:
    """Its name does not change when a folder or pattern holds one file more."""
    assert str(default_checkpoint(Kind.USERS, first, sandbox=False)) == name


def test_the_mapping_file_says_how_the_input_is_written(command: CommandLine, tmp_path: Path) -> None:
    """`[source]` does what the options do, for a retry too, and `map` writes what it was told."""
    (tmp_path / "users.txt").write_bytes("ü1|D1\nu2|\n".encode("latin-1"))
    said = ("--delimiter", "pipe", "--encoding", "latin-1", "--no-header", "--columns", "user_id,hwid")
    assert command.run("map", "users", "users.txt", *said, "-o", "users.toml").code == 0
    assert tomllib.loads((tmp_path / "users.toml").read_text())["source"] == {
        "delimiter": "|",
        "encoding": "iso8859-1",
        "header": False,
        "columns": ["user_id", "hwid"],
    }
    load = command.summary("users", "users.txt", "--mapping", "users.toml", "--sandbox", "--yes")
    assert (load["confirmed"], load["rejected"]) == (1, 1)
    assert command.held("SELECT user_id FROM devices") == [("ü1",)]
    assert command.summary("retry", load["checkpoint"])["rejected"] == 1


def test_a_mistake_in_source_is_told_with_the_others(command: CommandLine, tmp_path: Path) -> None:
    """Mistakes of the file's form stand in one list with those of the mapping."""
    (tmp_path / "users.csv").write_text("user_id,hwid\nu,d\n")
    (tmp_path / "m.toml").write_text('kind = "users"\n[fields]\nhwidd = "hwid"\n[source]\ndelimeter = ";"\n')
    ran = command.run("check", "users", "users.csv", "--mapping", "m.toml")
    assert ran.code == 2
    assert "hwidd" in ran.err
    assert '[source]: "delimeter" is not known here. Is "delimiter" meant?' in ran.err
