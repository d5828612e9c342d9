"""Where the server token comes from: a file, or the environment. It is another secret than the device token.

    read_server_token(file)     what `--server-token-file` names
    read_server_token()         what `PUSHWOOSH_SERVER_TOKEN` holds

It goes into the body of calls about an account (statistics), and never into a header. One token in both
places is refused, because the vendor would refuse it in one of them, and log it there.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NoReturn

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.secret import Secret
from loader.tokens import FILE_VARIABLE, TOKEN_VARIABLE, drop_line_end, find_token_file, read_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVER_TOKEN_VARIABLE = "PUSHWOOSH_SERVER_TOKEN"  # noqa: S105 - the name of the variable, not a token
FILE = Setting("server_token_file")


class ServerToken(Secret):
    """The token of calls about an account."""

    __slots__ = ()
    shown = "[the server token]"

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ConfigError(
                Message(
                    "The server token is empty or holds a line end, a blank or another character that no "
                    "token has. Check {variable} or {file}.",
                    variable=SERVER_TOKEN_VARIABLE,
                    file=FILE,
                )
            )
        super().__init__(text)


def read_server_token(
    file: Path | None = None, *, warn: Callable[[str], None] = lambda _: None
) -> ServerToken:
    """The server token from a file, or else from the environment.

    Args:
        file: the file that holds it.
        warn: shows what is no failure: a file that others can read.

    Raises:
        ConfigError: there is none, it cannot be read, or it is the device token.
    """
    if file is not None and os.environ.get(SERVER_TOKEN_VARIABLE):
        refuse_place(
            "{variable} and {file} both say what the server token is. Unset the variable, or leave {file} "
            "out."
        )
    if file is not None:
        text = drop_line_end(read_text(file, "server token", warn))
    else:
        text = os.environ.get(SERVER_TOKEN_VARIABLE, "")
        if not text:
            refuse_place(
                "The counts are asked for with the server token, and none is given. Set {variable}, or name "
                "a file with {file}. It is the API token of the account, not the device token of a load."
            )
    token = ServerToken(text)
    refuse_device_token(token, file)
    return token


def refuse_device_token(token: ServerToken, file: Path | None = None) -> None:
    """Refuse a server token that is known as the device token: one of both is in the wrong place.

    A command that prints the device token is not run for this.

    Raises:
        ConfigError: it is.
    """
    other = find_token_file()
    same_file = False
    texts = [os.environ.get(TOKEN_VARIABLE, "")]
    if other is not None:
        # A file that cannot be read is the affair of the load that needs it.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            texts.append(drop_line_end(other.read_text(encoding="utf-8")))
            same_file = file is not None and file.samefile(other)
    if same_file or token.reveal() in texts:
        refuse_place(
            "The server token and the device token are the same. They are two secrets: {device} (or "
            "{device_file}) is for loads, {variable} (or {file}) for the vendor's counts. The control panel "
            "has both, under API access. Nothing was asked."
        )


def refuse_place(template: str) -> NoReturn:
    """Say what is wrong with where the token should come from.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(
        Message(
            template,
            variable=SERVER_TOKEN_VARIABLE,
            file=FILE,
            device=TOKEN_VARIABLE,
            device_file=FILE_VARIABLE,
        )
    ) from None
