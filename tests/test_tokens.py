"""Where the API token comes from, and what is said if it cannot come from there."""

from __future__ import annotations

import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.tokens import COMMAND_VARIABLE, FILE_VARIABLE, TOKEN_VARIABLE, read_token
from tests import faultserver
from tests.cli.conftest import GOOD, SANDBOXED, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TOKEN_VARIABLE, FILE_VARIABLE, COMMAND_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def python(code: str) -> str:
    """A command that runs Python."""
    return shlex.join([sys.executable, "-c", code])


def token_file(folder: Path, text: str = "SECRET\n", mode: int = 0o600) -> Path:
    """A file with a token."""
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


def reveal(**given: object) -> str | None:
    """The token that is found."""
    token = read_token(**given)  # type: ignore[arg-type] # each test gives what fits
    return None if token is None else token.reveal()


def test_without_any_place_there_is_no_token() -> None:
    """Older installations need none."""
    assert reveal() is None


@pytest.mark.parametrize("printed", ["SECRET", "SECRET\n", "SECRET\r\n"])
def test_a_file_and_a_command_give_the_same_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    """One line end does not belong to the token, wherever it comes from."""
    file, command = token_file(tmp_path, printed), python(f"import sys; sys.stdout.write({printed!r})")
    assert reveal(file=file) == "SECRET"
    assert reveal(command=command) == "SECRET"
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    assert reveal() == "SECRET"
    monkeypatch.delenv(FILE_VARIABLE)
    monkeypatch.setenv(COMMAND_VARIABLE, command)
    assert reveal() == "SECRET"


def test_an_option_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user types is what counts."""
    for name in (TOKEN_VARIABLE, FILE_VARIABLE, COMMAND_VARIABLE):
        monkeypatch.setenv(name, "other")
    assert reveal(file=token_file(tmp_path)) == "SECRET"
    assert reveal(command=python("print('FROM-COMMAND')")) == "FROM-COMMAND"


@pytest.mark.parametrize("first", [TOKEN_VARIABLE, FILE_VARIABLE])
def test_two_variables_are_refused(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """Nobody can tell which token was meant, and no value is shown."""
    monkeypatch.setenv(first, "SECRET")
    monkeypatch.setenv(COMMAND_VARIABLE, "echo SECRET")
    with pytest.raises(ConfigError) as caught:
        read_token()
    assert first in str(caught.value)
    assert COMMAND_VARIABLE in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_two_options_are_refused(tmp_path: Path) -> None:
    """A file and a command at once are a mistake."""
    with pytest.raises(ConfigError, match="--token-file and --token-command"):
        read_token(token_file(tmp_path), "echo x")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("pass 'show", "cannot be read: no closing quotation"),
        ("no-such-program-anywhere", "cannot be run: No such file or directory"),
        ("/", "cannot be run"),
        (python("import sys; sys.stderr.write('store\\x1b[2J locked'); sys.exit(3)"), "ended with 3"),
        (python("import os; os.kill(os.getpid(), 9)"), "was ended by signal 9"),
        (python(""), "printed nothing"),
        (python("print()"), "printed nothing"),
        (python("print('SECRET'); print('SECRET')"), "cannot be a token"),
        (python("print('SEC RET')"), "cannot be a token"),
        (python("print('SECRET\\u00e9')"), "cannot be a token"),
        (python("import sys; sys.stdout.buffer.write(b'SECRET\\xff')"), "cannot be a token"),
    ],
)
def test_a_command_that_gives_no_token_is_a_sentence(command: str, told: str) -> None:
    """The user reads what went wrong, without what was printed, and without what steers the terminal."""
    with pytest.raises(ConfigError) as caught:
        read_token(command=command)
    said = str(caught.value)
    assert told in said
    assert said.startswith("The token command ")
    assert "SECRET" not in said.partition("The token command ")[2].partition(told)[2]
    assert "\x1b" not in said


def test_what_a_failed_command_says_is_shown() -> None:
    """The password manager's own words are the reason."""
    with pytest.raises(ConfigError, match="It says: the store is locked"):
        read_token(command=python("import sys; sys.exit('the store is locked')"))


def test_what_a_command_says_is_shown_if_it_succeeds() -> None:
    """A warning of the password manager is not lost, and is not the token."""
    shown: list[str] = []
    code = "import sys; sys.stderr.write('expires\\nsoon'); print('SECRET')"
    token = read_token(command=python(code), warn=shown.append)
    assert token is not None
    assert (token.reveal(), shown) == ("SECRET", ["The token command says: expires soon"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")
def test_a_command_that_hangs_is_ended() -> None:
    """A prompt that nobody answers at night does not hold the job, although a grandchild keeps its pipe."""
    sleep = "import time; time.sleep(8)"
    code = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', '{sleep}']); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(ConfigError, match="did not end within 1 s"):
        read_token(command=python(code), seconds=1.0)
    assert time.monotonic() - began < 6


def test_a_command_has_no_shell(tmp_path: Path) -> None:
    """What stands in the command is its words: nothing of it is expanded or run."""
    made = tmp_path / "made"
    assert reveal(command=f"echo $HOME;touch>{made}") == f"$HOME;touch>{made}"
    assert not made.exists()


def test_a_command_does_not_read_the_input_of_the_load() -> None:
    """Rows on standard input are for the load."""
    there, kept = os.pipe(), os.dup(0)
    os.write(there[1], b"rows")
    os.close(there[1])
    os.dup2(there[0], 0)
    try:
        assert reveal(command=python("import sys; print(f'N{len(sys.stdin.read())}')")) == "N0"
    finally:
        os.dup2(kept, 0)
        os.close(there[0])
        os.close(kept)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o602, 1)])
def test_a_file_that_others_can_read_is_told(tmp_path: Path, mode: int, warned: int) -> None:
    """The advice, followed to the letter, ends the warning; the load runs all the same."""
    shown: list[str] = []
    file = token_file(tmp_path, mode=mode)
    token = read_token(file, warn=shown.append)
    assert token is not None
    assert (token.reveal(), len(shown)) == ("SECRET", warned)
    if warned:
        assert f"{mode:04o}" in shown[0]
        assert os.system(shown[0].partition("Run: ")[2]) == 0
        read_token(file, warn=shown.append)
        assert len(shown) == 1


@pytest.mark.parametrize("place", ["--token-file", "--token-command", FILE_VARIABLE, COMMAND_VARIABLE])
def test_the_vendor_gets_the_token_from_every_place(command: CommandLine, tmp_path: Path, place: str) -> None:
    """A load sends it, and neither the output nor the checkpoint holds it."""
    source, file = events_csv(tmp_path, GOOD), token_file(tmp_path)
    value = f"cat {file}" if "command" in place.lower() else str(file)
    option = (place, value) if place.startswith("-") else ()
    with faultserver.FaultServer([faultserver.answer()]) as server:
        arguments = ("events", source, "--app", "AAAAA-BBBBB", "--endpoint", server.url, *option)
        ran = command.run(*arguments, **({} if option else {place: value}))
        heads = [head for request in server.accepted for head in request.header("authorization")]
    assert ran.code == 0, ran.err
    assert heads == ["Token SECRET"]
    assert "SECRET" not in ran.out + ran.err
    parts = [path for path in tmp_path.iterdir() if ".ckpt" in path.name]
    assert parts
    assert not [path for path in parts if b"SECRET" in path.read_bytes()]


def test_a_warning_is_an_event_in_a_log_of_json_lines(command: CommandLine, tmp_path: Path) -> None:
    """Who reads standard error as JSON reads the warning so too."""
    source = events_csv(tmp_path, GOOD)
    file = token_file(tmp_path, mode=0o644)
    ran = command.run("events", source, *SANDBOXED, "--token-file", file, "--log-format", "json")
    assert ran.code == 0
    assert '"event": "warning"' in ran.err or '"event":"warning"' in ran.err
    assert "chmod 600" in ran.err


def test_no_output_takes_the_place_of_the_token_file(command: CommandLine, tmp_path: Path) -> None:
    """The file that the environment names is protected as one that an option names."""
    source, file = events_csv(tmp_path, GOOD), token_file(tmp_path)
    for output in ("--summary", "--report"):
        ran = command.run("events", source, *SANDBOXED, output, file, **{FILE_VARIABLE: str(file)})
        assert (ran.code, file.read_text()) == (2, "SECRET\n"), ran.err
        assert "would be overwritten" in ran.err
