"""Where the API token comes from: a file, a command that prints it, or the environment.

    read_token(file)                what `--token-file` names
    read_token(command="pass x")    what `--token-command` prints
    read_token()                    what one of the three variables says

The token is never an option, because every user of the machine can read the words of a command line.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.settings import Token
from loader.text.escape import escape, quote, quote_for_shell

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_VARIABLE = "PUSHWOOSH_API_TOKEN"  # noqa: S105 - the name of the variable, not a token
FILE_VARIABLE = "PUSHWOOSH_TOKEN_FILE"
COMMAND_VARIABLE = "PUSHWOOSH_TOKEN_COMMAND"

# Long enough to unlock a store of passwords by hand, short enough for a job at night to say what is wrong.
COMMAND_SECONDS = 60.0
MOST_SHOWN = 500

FILE, COMMAND = Setting("token_file"), Setting("token_command")


def read_token(
    file: Path | None = None,
    command: str | None = None,
    *,
    warn: Callable[[str], None] = lambda _: None,
    seconds: float = COMMAND_SECONDS,
) -> Token | None:
    """The token from a file or a command, or else from the environment; None if nothing says where it is.

    Args:
        file: the file that holds it.
        command: the command that prints it.
        warn: shows what is no failure: a file that others can read, and what the command says to the user.
        seconds: how long the command may take.

    Raises:
        ConfigError: two places are named, one cannot be read, or its text cannot be a token.
    """
    if file is not None and command is not None:
        message = "{file} and {command} both say where the token is. Keep one of them."
        raise ConfigError(Message(message, file=FILE, command=COMMAND))
    if file is None and command is None:
        refuse_several()
        if text := os.environ.get(TOKEN_VARIABLE):
            return Token(text)
        file, command = find_token_file(), os.environ.get(COMMAND_VARIABLE) or None
    if file is not None:
        return read_file(file, warn)
    return None if command is None else run_command(command, warn, seconds)


def refuse_several() -> None:
    """Refuse several variables, because nobody can tell which token is meant.

    Raises:
        ConfigError: more than one is set.
    """
    found = [each for each in (TOKEN_VARIABLE, FILE_VARIABLE, COMMAND_VARIABLE) if os.environ.get(each)]
    if len(found) > 1:
        raise ConfigError(f"{' and '.join(found)} each say what the token is. Unset all of them but one.")


def find_token_file() -> Path | None:
    """The file that the environment names."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else None


def read_file(file: Path, warn: Callable[[str], None]) -> Token:
    """The token that a file holds.

    Raises:
        ConfigError: the file cannot be read, or its text cannot be a token.
    """
    return Token(drop_line_end(read_text(file, "token", warn)))


def read_text(file: Path, what: str, warn: Callable[[str], None]) -> str:
    """The text of a file that holds a secret.

    Args:
        file: the file.
        what: what it holds, for messages.
        warn: told if others can read it.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
        if is_open_to_others(file.stat()):
            warn(
                f"The {what} file {escape(str(file))} is not only the user's own (mode {mode_of(file)}). "
                f"Run: chmod 600 {quote_for_shell(str(file))}"
            )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"The {what} file {file} cannot be read: {reason}.") from None
    return text


def is_open_to_others(found: os.stat_result) -> bool:
    """Whether others may read or write a file of the user's own, by the test that ssh has for its keys.

    The files of another owner are that owner's affair, as in ssh (`sshkey_perm_ok`, authfile.c). It is no
    reason to refuse the file: container engines mount secrets that everybody may read (mode 0444).
    """
    return hasattr(os, "getuid") and found.st_uid == os.getuid() and bool(stat.S_IMODE(found.st_mode) & 0o077)


def mode_of(file: Path) -> str:
    """The permissions of a file as `chmod` takes them."""
    return f"{stat.S_IMODE(file.stat().st_mode):04o}"


def drop_line_end(text: str) -> str:
    """A text without its last line end, with which editors and commands end; more are refused later."""
    return text.removesuffix("\n").removesuffix("\r")


def run_command(command: str, warn: Callable[[str], None], seconds: float) -> Token:
    """The token that a command prints. It runs without a shell, and reads nothing from standard input.

    Raises:
        ConfigError: it cannot be run, fails, takes too long, or what it prints cannot be a token.
    """
    import subprocess  # noqa: PLC0415 - only if there is a command

    words = split_command(command)
    try:
        # Its group of processes is the loader's, so that Ctrl-C ends it, and so that it may use the terminal.
        with subprocess.Popen(  # noqa: S603 - the user's own command
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                printed, said = process.communicate(timeout=seconds)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        refuse_command(command, f"did not end within {seconds:g} s", error.stderr)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        refuse_command(command, f"cannot be run: {reason}")
    if process.returncode:
        refuse_command(command, describe_end(process.returncode), said)
    if told := shorten(said):
        warn(f"The token command says: {told}")
    return read_printed(command, printed)


def split_command(command: str) -> list[str]:
    """The words of a command.

    Raises:
        ConfigError: there is none, or a quote is not closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        refuse_command(command, f"cannot be read: {str(error)[:1].lower()}{str(error)[1:]}")
    if not words:
        refuse_command(command, "is empty")
    return words


def describe_end(code: int) -> str:
    """How a command failed: ``ended with 2``."""
    return f"ended with {code}" if code > 0 else f"was ended by signal {-code}"


def read_printed(command: str, printed: bytes) -> Token:
    """The token that a command has printed, which no message repeats.

    Raises:
        ConfigError: it cannot be one.
    """
    if not printed.strip():
        refuse_command(command, "printed nothing")
    try:
        return Token(drop_line_end(printed.decode()))
    except (ConfigError, UnicodeDecodeError):
        refuse_command(
            command, "printed what cannot be a token: more than one line, a blank, or another such character"
        )


def refuse_command(command: str, why: str, said: bytes | None = None) -> NoReturn:
    """Say what is wrong with a command, and what it said itself.

    Raises:
        ConfigError: always.
    """
    told = f" It says: {shorten(said)}" if said and said.strip() else ""
    advice = f" Run it by hand to see what it prints; it has no shell: use `sh -c '...'` for one.{told}"
    raise ConfigError(f"The token command {quote(command, limit=200)} {why}.{advice}")


def shorten(said: bytes | None) -> str:
    """What a command wrote to standard error, on one line."""
    text = " ".join((said or b"").decode(errors="replace").split())
    text = escape(text)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
