"""What a person asks of one load: frozen, validated, no I/O."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from loader.dialect import Dialect
from loader.errors import ConfigError
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.methods import Kind

DEFAULT_ENDPOINT = "https://api.pushwoosh.com/json/1.3/"
MAX_CONCURRENCY = 1024
MAX_PROCESSES = 64
PROXY = re.compile(r"https?://[!-~]+")


class OnDoubt(StrEnum):
    """What happens to an event whose fate is unknown."""

    HOLD = "hold"
    RESEND = "resend"


class Library(StrEnum):
    """What the requests go over."""

    CURL = "curl"
    REQUESTS = "requests"


class Order(StrEnum):
    """What keeps its order on the way to the vendor."""

    NONE = "none"
    DEVICE = "device"


class Token:
    """The API token; it shows itself nowhere. `reveal` is for the header, and to keep it from being shown."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ConfigError(
                Message(
                    "The API token is empty or holds a line end, a blank or another character that cannot "
                    "stand in a header. Check PUSHWOOSH_API_TOKEN or {token}.",
                    token=Setting.TOKEN,
                )
            )
        self._text = text

    def reveal(self) -> str:
        """The token itself."""
        return self._text

    def __repr__(self) -> str:
        return "Token(...)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a token is not written anywhere")


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests may be on the wire; where the bounds differ, the number is found while loading.

    Attributes:
        lowest, highest: the bounds, both included.
    """

    lowest: int = 1
    highest: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.lowest <= self.highest <= MAX_CONCURRENCY:
            raise ConfigError(
                Message(
                    "{concurrency} is {value}; it must lie in 1 to {most}, lower bound first.",
                    concurrency=Setting.CONCURRENCY,
                    value=self,
                    most=MAX_CONCURRENCY,
                )
            )

    @classmethod
    def parse(cls, text: str) -> Concurrency:
        """Read ``auto``, ``auto:4-64`` or ``16``.

        Raises:
            ConfigError: it is none of them.
        """
        match = re.fullmatch(r"auto(?::(\d{1,6})-(\d{1,6}))?|(\d{1,6})", text.strip(), re.ASCII)
        if match is None:
            raise ConfigError(f'"{text}" is neither auto, nor bounds (auto:4-64), nor a number (16).')
        lowest, highest, fixed = match.groups()
        if fixed:
            return cls(int(fixed), int(fixed))
        return cls(int(lowest), int(highest)) if lowest else cls()

    def __str__(self) -> str:
        return str(self.lowest) if self.lowest == self.highest else f"auto:{self.lowest}-{self.highest}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of rows, or a share of all rows of the input; more than that stops the load."""

    rows: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Read ``100`` or ``0.5%``.

        Raises:
            ConfigError: it is neither.
        """
        number = text.strip()
        try:
            if number.endswith("%") and 0 <= float(number[:-1]) <= 100:
                return cls(percent=float(number[:-1]))
            if number.isascii() and number.isdigit():
                return cls(rows=int(number))
        except ValueError:
            pass
        raise ConfigError(f'"{text}" is neither a number of rows (100) nor a percentage (0.5%).')

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else f"{self.rows:,} rows"

    def of(self, total: int) -> int:
        """The largest number of rows out of `total` that is still accepted."""
        if self.rows is not None:
            return self.rows
        return int(total * (self.percent or 0.0) / 100)


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
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ConfigError(f"The endpoint {text!r} holds a blank, a line end or a character beyond ASCII.")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f'The endpoint "{text}" is not a URL: {error}.') from None
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError(f'The endpoint "{text}" is not a URL like {DEFAULT_ENDPOINT}.')
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(
                "The endpoint must be a plain base URL, without a user name, password, query or fragment."
            )
        if parts.scheme == "http" and not is_loopback(host):
            raise ConfigError(
                f'The endpoint "{text}" is not encrypted, so anyone on the way could read the token and the '
                "users' data. Use https; plain http is for a server on this machine only."
            )
        url = text if text.endswith("/") else text + "/"
        return cls(url, url)

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc


def refuse_overwriting(target: Path | None, precious: Iterable[str | Path | None]) -> None:
    """Refuse to write over a file that is needed.

    Raises:
        ConfigError: the target is one of the precious files.
    """
    if target is None or not target.is_file():
        return
    for path in precious:
        if path is not None and Path(path).is_file() and target.samefile(path):
            raise ConfigError(
                f"{target} would be overwritten, and it is needed: name another file to write to."
            )


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(setting: Setting, template: str, value: object = None) -> NoReturn:
    raise ConfigError(Message(template, setting=setting, value=value))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one load needs to know.

    Attributes:
        kind: users or events.
        files: the input, in reading order; of a table in memory, what it is called.
        table: a DataFrame or an Arrow table that is loaded in place of files, or None.
        application: application code.
        endpoint: where to send.
        checkpoint: the checkpoint file; a check has none.
        token: the device API token; older installations need none.
        mapping: a mapping file, or None to go by the names of the columns.
        dialect: what is said of how text files are written.
        concurrency: how many requests may be on the wire.
        processes: how many processes put requests on the wire; with 1 it is the one that does all else.
        transport: what the requests go over.
        ca_bundle: certificates to trust instead of certifi's, or None.
        proxy: URL of a proxy, or None; it may hold a password.
        rate: the largest number of requests a second, retries included, or None.
        limit: only the first so many rows of the input, or None for all.
        on_doubt: whether an event in doubt is held or sent again (users always are: repeatable).
        order: whether events of one device go one after the other (users always do).
        max_rejected, max_in_doubt: more than that stops the load.
    """

    kind: Kind
    files: tuple[str, ...]
    application: str
    endpoint: Endpoint
    checkpoint: Path | None = None
    token: Token | None = field(default=None, repr=False)
    mapping: Path | None = None
    dialect: Dialect = field(default=Dialect())
    concurrency: Concurrency = Concurrency()
    processes: int = 1
    transport: Library = Library.CURL
    ca_bundle: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    rate: float | None = None
    limit: int | None = None
    on_doubt: OnDoubt = OnDoubt.HOLD
    order: Order = Order.NONE
    max_rejected: Threshold | None = None
    max_in_doubt: Threshold | None = None
    table: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.ca_bundle is not None and not self.ca_bundle.is_file():
            _refuse(Setting.CA_BUNDLE, "{setting} {value} is not a file.", self.ca_bundle)
        if self.proxy is not None and not PROXY.fullmatch(self.proxy):
            _refuse(Setting.PROXY, "{setting} is not a URL like http://proxy.example:3128.")
        if not 1 <= self.processes <= MAX_PROCESSES:
            must = f"it must lie in 1 to {MAX_PROCESSES}."
            _refuse(Setting.PROCESSES, f"{{setting}} is {{value}}; {must}", self.processes)
        if self.rate is not None and not 0 < self.rate <= 1_000_000:
            must = "it must be more than 0 requests a second."
            _refuse(Setting.RATE, f"{{setting}} is {{value:g}}; {must}", self.rate)
        if self.limit is not None and self.limit < 1:
            _refuse(Setting.LIMIT, "{setting} is {value}; it must be at least 1 row.", self.limit)
