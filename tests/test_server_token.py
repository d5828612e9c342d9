"""Where the server token comes from, and that it is never the device token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.server_token import SERVER_TOKEN_VARIABLE, ServerToken, read_server_token
from loader.tokens import COMMAND_VARIABLE, FILE_VARIABLE, TOKEN_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "SeRvEr-123"


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TOKEN_VARIABLE, FILE_VARIABLE, COMMAND_VARIABLE, SERVER_TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def write_token(folder: Path, text: str = SECRET, name: str = "token") -> Path:
    """A file with a token."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def refusal(file: Path | None = None) -> str:
    """What is said about it."""
    with pytest.raises(ConfigError) as refused:
        read_server_token(file)
    return str(refused.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_holds_it(tmp_path: Path, end: str) -> None:
    """One line end does not belong to the token."""
    assert read_server_token(write_token(tmp_path, SECRET + end)).reveal() == SECRET


def test_the_variable_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job at night gives it by its environment."""
    monkeypatch.setenv(SERVER_TOKEN_VARIABLE, SECRET)
    assert read_server_token().reveal() == SECRET


def test_without_one_it_is_said_where_to_put_it() -> None:
    """Nobody has to guess which of the two tokens is meant."""
    said = refusal()
    assert "PUSHWOOSH_SERVER_TOKEN" in said
    assert "--server-token-file" in said


def test_two_places_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell which token is meant."""
    monkeypatch.setenv(SERVER_TOKEN_VARIABLE, SECRET)
    assert "both say" in refusal(write_token(tmp_path, "other"))


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines", "Zürich"])
def test_what_cannot_be_a_token_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    """A whole file that was given by mistake is neither sent nor shown."""
    said = refusal(write_token(tmp_path, text))
    assert "--server-token-file" in said
    assert not text.strip() or text.strip() not in said


def test_the_device_token_of_the_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret does not go where another belongs."""
    monkeypatch.setenv(TOKEN_VARIABLE, SECRET)
    said = refusal(write_token(tmp_path))
    assert "two secrets" in said
    assert SECRET not in said


@pytest.mark.parametrize("copy", [False, True])
def test_the_device_token_of_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, copy: bool
) -> None:
    """It is the same secret in the same file, and in a copy of it."""
    device = write_token(tmp_path, name="device")
    monkeypatch.setenv(FILE_VARIABLE, str(device))
    assert "two secrets" in refusal(write_token(tmp_path, f"{SECRET}\n") if copy else device)


def test_a_device_token_that_cannot_be_read_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts do not need it."""
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "gone"))
    assert read_server_token(write_token(tmp_path)).reveal() == SECRET


def test_a_file_that_others_can_read_is_named(tmp_path: Path) -> None:
    """The user learns of it once, with the command that helps."""
    path, warned = write_token(tmp_path), list[str]()
    path.chmod(0o644)
    read_server_token(path, warn=warned.append)
    assert len(warned) == 1
    assert "chmod 600" in warned[0]


def test_it_shows_itself_nowhere() -> None:
    """Neither a log nor a traceback repeats it."""
    token = ServerToken(SECRET)
    assert SECRET not in f"{token} {token!r} {token:>20}"
