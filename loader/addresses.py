"""Addresses on the network that the user gives: what can never work is refused before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.secret import Secret, hide_credentials

if TYPE_CHECKING:
    from typing import Self
    from urllib.parse import SplitResult

# What the name of a sandbox begins with, in place of an address; the id of its store follows.
SANDBOX = "sandbox "
PROXY_SCHEMES = ("http", "https")
_LABELS = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4
_ADVICE = (
    "Give a URL like http://proxy.example:3128. In a user name or a password, write every character that is "
    "neither a letter nor a digit as its percent code: @ is %40, / is %2F."
)


def split_address(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of a URL that names a host which can exist.

    Raises:
        ValueError: why it is not such a URL, as the end of a sentence, without any part of it.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it holds a blank, a line end or a character beyond ASCII")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("its host cannot be read") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(
            f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and a host"
        )
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("its port is not a number from 1 to 65535")
    _refuse_host(parts.hostname)
    return parts


def _refuse_host(host: str) -> None:
    # `urlsplit` has looked at an IPv6 address in brackets itself.
    if ":" not in host and not (_LABELS.fullmatch(host) and len(host) <= _LONGEST_HOST):
        raise ValueError("its host cannot be the name of one")


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password."""

    user: Secret
    password: Secret

    @classmethod
    def of(cls, parts: SplitResult) -> Login | None:
        """Those in a URL, or None.

        Raises:
            ValueError: one of them holds a character that cannot be sent.
        """
        if parts.username is None:
            return None
        texts = [unquote(text or "") for text in (parts.username, parts.password)]
        if not all(text.isprintable() for text in texts):
            raise ValueError("its user name or password holds a control character")
        return cls(*map(Secret, texts)) if any(texts) else None


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        address: its URL, without user name and password.
        login: what it is asked with, kept apart from every text.
    """

    address: str
    login: Login | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str, schemes: tuple[str, ...] = PROXY_SCHEMES) -> Self:
        """Read a URL.

        Raises:
            ConfigError: no request could ever be sent through it. The error holds no user name or password.
        """
        try:
            parts = split_address(text, schemes)
            login = Login.of(parts)
        except ValueError as error:
            _refuse(text, str(error))
        return cls(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", login)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must be in no text."""
        return (self.login.user, self.login.password) if self.login else ()

    def reveal(self) -> tuple[str, str, str]:
        """Its parts for one of our own processes, which `restore` puts together."""
        login = self.login
        return (
            (self.address, login.user.reveal(), login.password.reveal()) if login else (self.address, "", "")
        )

    @classmethod
    def restore(cls, address: str, user: str, password: str) -> Self:
        """The proxy that was revealed."""
        return cls(address, Login(Secret(user), Secret(password)) if user or password else None)


def _refuse(text: str, reason: str) -> NoReturn:
    template = "{setting} is not a URL of a proxy ({shown}): {reason}. {advice}"
    shown = ascii(hide_credentials(text))[1:-1]
    raise ConfigError(
        Message(template, setting=Setting("proxy"), shown=shown, reason=reason, advice=_ADVICE)
    ) from None
