"""What one load is to do, after everything that was left open has been found: frozen, validated, no I/O."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from loader.addresses import split_address
from loader.dialect import Dialect
from loader.errors import ConfigError
from loader.load_options import DEFAULT_ENDPOINT, LoadOptions, refuse_needless
from loader.message import Message, Setting
from loader.secret import Secret, hide_credentials
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from loader.methods import Kind
    from loader.stores.address import Address


class Token(Secret):
    """The API token."""

    __slots__ = ()
    shown = "[the token]"

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ConfigError(
                Message(
                    "The API token is empty or holds a line end, a blank or another character that cannot "
                    "stand in a header. Check PUSHWOOSH_API_TOKEN or {token}.",
                    token=Setting("token"),
                )
            )
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the requests go.

    Attributes:
        url: base URL with a trailing slash; the method's name is appended.
        name: what the checkpoint remembers it by: the URL, or the sandbox's store.
    """

    url: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Check a base URL.

        Raises:
            ConfigError: not an absolute http(s) URL, or one that would carry the token in the clear.
        """
        shown = quote(hide_credentials(text), limit=200)
        try:
            parts = split_address(text, ("http", "https"))
        except ValueError as error:
            raise ConfigError(
                f"The endpoint {shown} is not a URL like {DEFAULT_ENDPOINT}: {error}."
            ) from None
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(
                "The endpoint must be a plain base URL, without a user name, password, query or fragment."
            )
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                f'The endpoint "{text}" is not encrypted, so anyone on the network could read the token and '
                "the users' data. Use https; plain http is for a server on this machine only."
            )
        url = text if text.endswith("/") else text + "/"
        return cls(url, url)

    @property
    def host(self) -> str:
        """Host and port, for the user."""
        return urlsplit(self.url).netloc


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(setting: Setting, template: str, value: object = None) -> NoReturn:
    raise ConfigError(Message(template, setting=setting, value=value))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a load into a sandbox on this machine has beside other loads.

    Attributes:
        label: which load its calls belong to, as the sandbox knows it.
        keep: refuse a checkpoint that was made for something else. Otherwise such a rehearsal begins again.
        forget: has the sandbox forget what it holds of the load with a label; returns when that is done.
    """

    label: str
    keep: bool
    forget: Callable[[str], None] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class InMemory:
    """What a load takes from Python's memory.

    Attributes:
        table: a DataFrame or an Arrow table that is loaded in place of files, or None.
        lookups: tables in which the mapping looks up cells, by their names.
    """

    table: object = None
    lookups: Mapping[str, object] = field(default_factory=dict)


NOTHING_IN_MEMORY = InMemory()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one load needs to know.

    Attributes:
        kind: users or events.
        files: paths of the input in reading order; of a table in memory, what it is called.
        application: application code.
        endpoint: where to send.
        checkpoint: the checkpoint file; a check has none.
        token: the device API token; older installations need none.
        mapping: a mapping file, or None to recognise the columns by their names.
        dialect: what is set about how text files are written.
        options: how to load, as the user chose.
        memory: what is taken from Python's memory.
        rehearsal: of a load into a sandbox; None for all others.
    """

    kind: Kind
    files: tuple[str, ...]
    application: str
    endpoint: Endpoint
    checkpoint: Path | None = None
    token: Token | None = field(default=None, repr=False)
    mapping: Path | Address | None = None
    dialect: Dialect = field(default=Dialect())
    options: LoadOptions = field(default=LoadOptions())
    memory: InMemory = field(default=NOTHING_IN_MEMORY, repr=False, compare=False)
    rehearsal: Rehearsal | None = None

    def __post_init__(self) -> None:
        refuse_needless(self.kind.method, self.options)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must be in no text."""
        proxy = self.options.proxy
        return (*((self.token,) if self.token else ()), *(proxy.secrets if proxy else ()))
