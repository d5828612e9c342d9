"""Addresses of what lies elsewhere: ``s3://bucket/key``, ``https://host/path``. None shows its secrets.

A key of an object store is taken as it is, as the tools of the stores do: ``%``, ``+``, ``#`` and ``?`` are
characters of the name. The address of a web server follows RFC 3986: there they have a meaning.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from glob import has_magic
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from loader.errors import ConfigError, SourceError
from loader.message import Message, Setting
from loader.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STORES = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}
WEB = ("http", "https")
#: What takes the place of the query of a web address, which may hold a signature.
HIDDEN = "?…"

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "wasb": "az", "wasbs": "az"}
_PORTS = {"http": 80, "https": 443}

# By what is shown of an address with secrets: the whole of it. So nothing that travels through the program,
# and may be written anywhere on its way, holds a secret.
_WHOLE: dict[str, str] = {}


def is_address(name: object) -> bool:
    """Whether a name is an address and not a path."""
    return _ADDRESS.match(str(name)) is not None


def find_s3_endpoint() -> str | None:
    """Where S3 is, if the environment says that it is not Amazon's: the variables of the AWS tools."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def hide_secrets(name: str) -> str:
    """What may be shown, noted and logged of a name; a path stays as it is.

    The user, the password and the query of a web address are left out. This process can still read it.
    """
    scheme = _ADDRESS.match(name)
    if scheme is None or scheme[1].lower() not in WEB or name in _WHOLE:
        return name
    parts = urlsplit(name)
    host = parts.netloc.rpartition("@")[2]
    if host == parts.netloc and (not parts.query or f"?{parts.query}".startswith(HIDDEN)):
        return name
    shown = parts._replace(netloc=host, query="", fragment="").geturl() + (HIDDEN if parts.query else "")
    return _remember(shown, name)


def _remember(shown: str, whole: str) -> str:
    """Keep the whole address under what is shown of it, with a number if another one looks the same."""
    free, number = shown, 1
    while _WHOLE.setdefault(free, whole) != whole:
        number += 1
        free = f"{shown}({number})"
    return free


def find_hidden(names: Iterable[str]) -> dict[str, Secret]:
    """The whole addresses of some names of which a part is hidden; of a file in an archive, the archive's.

    A source travels without them. A process that has to read it gets them as it gets a token: apart from all
    that is written anywhere.
    """
    wanted = [part for name in names for part in _list_around(name)]
    return {shown: Secret(_WHOLE[shown]) for shown in wanted if shown in _WHOLE}


def _list_around(name: str) -> Iterator[str]:
    yield name
    for place, sign in enumerate(name):
        if sign == "/":
            yield name[:place]


def learn_hidden(found: Mapping[str, Secret]) -> None:
    """Take the whole addresses that another process has found: this process can read them from now on."""
    _WHOLE.update({shown: whole.reveal() for shown, whole in found.items()})


@dataclass(frozen=True, slots=True)
class Address:
    """Where something lies.

    Attributes:
        name: as the user gave it, without secrets; for messages.
        scheme: s3, gs, az, http or https.
        place: the bucket, container or host.
        key: the name of the object there, without a slash in front.
    """

    name: str
    scheme: str
    place: str
    key: str

    @classmethod
    def parse(cls, name: str) -> Address:
        """Read an address.

        Raises:
            ConfigError: it is of a kind that is not read, or names no place.
        """
        name = hide_secrets(name)
        scheme, _, rest = name.partition("://")
        scheme = scheme.lower()
        if scheme in WEB:
            parts = urlsplit(name)
            if not parts.hostname:
                raise ConfigError(f"{name}: this address names no host.")
            return cls(name, scheme, parts.netloc.lower(), parts.path.lstrip("/"))
        if scheme not in STORES:
            raise ConfigError(_refuse_scheme(name, scheme, rest))
        place, _, key = rest.partition("/")
        if "@" in place or ":" in place:
            raise ConfigError(
                f"{scheme}://…/{key}: only the name of a bucket or container belongs before the first slash. "
                "Credentials, hosts and ports come from the environment, never from an address."
            )
        if not place:
            raise ConfigError(f"{name}: this address names no {'container' if scheme == 'az' else 'bucket'}.")
        return cls(name, scheme, place, key)

    def __str__(self) -> str:
        return self.name

    def __truediv__(self, name: str) -> str:
        """The name of something in this folder."""
        return f"{self.name}/{name}"

    @property
    def parent(self) -> Address:
        """The folder that it is in."""
        return Address(self.name.rpartition("/")[0], self.scheme, self.place, self.key.rpartition("/")[0])

    @property
    def suffix(self) -> str:
        """The ending of its name, as that of a path."""
        return PurePosixPath(self.last).suffix

    @property
    def is_web(self) -> bool:
        """Whether it is an address of a web server, which knows no folders."""
        return self.scheme in WEB

    @property
    def path(self) -> str:
        """As pyarrow's file systems write it: the bucket, then the key."""
        return f"{self.place}/{self.key}".rstrip("/")

    @property
    def is_known(self) -> bool:
        """Whether this process knows the whole of it."""
        return self.name in _WHOLE or HIDDEN not in self.name

    @property
    def whole(self) -> str:
        """The address with its secrets, to be opened and never shown.

        Raises:
            SourceError: it was noted without its query, and this process never saw the whole of it.
        """
        if self.name in _WHOLE:
            return _WHOLE[self.name]
        if HIDDEN in self.name:
            raise SourceError(
                Message(
                    "{name}: the end of this address was not noted, because it may hold a signature. Name "
                    "the whole address with {files}.",
                    name=self.name,
                    files=Setting("files"),
                )
            )
        return self.name

    @property
    def identity(self) -> str:
        """What two spellings of one address have in common."""
        if not self.is_web:
            return f"{self.scheme}://{self.path}"
        parts = urlsplit(self.whole)
        port = parts.port if parts.port not in {None, _PORTS[self.scheme]} else ""
        path = quote(unquote(parts.path or "/"), safe="/")
        return f"{self.scheme}://{parts.hostname}:{port}{path}?{parts.query}"

    @property
    def last(self) -> str:
        """The last part of the name; of a whole bucket or host, its own name."""
        parts = PurePosixPath(unquote(self.key) if self.is_web else self.key).parts
        return parts[-1] if parts else self.place

    def join(self, path: str) -> Address:
        """The address of another object of the same store, by its path there."""
        place, _, key = path.partition("/")
        return Address(f"{self.scheme}://{path}", self.scheme, place, key)


def as_place(given: str | os.PathLike[str] | Address) -> Path | Address:
    """A path on this machine, or an address.

    Raises:
        ConfigError: an address of a kind that is not read.
    """
    if isinstance(given, Address):
        return given
    name = os.fspath(given)
    return Address.parse(name) if is_address(name) else Path(given)


def name_locally(name: str) -> str:
    """What a file on this machine is called that belongs to an address: as the object there.

    Of a pattern it is the name of the folder where that begins. An address that is not read is named as well.
    """
    try:
        address = Address.parse(name)
    except ConfigError:
        return "input"
    if not address.is_web and has_magic(address.key):
        plain = list(takewhile(lambda part: not has_magic(part), address.key.split("/")))
        return plain[-1] if plain else address.place
    return re.sub(r"[/\\:\0]", "_", address.last)


def _refuse_scheme(name: str, scheme: str, rest: str) -> str:
    if scheme == "file":
        return f"{name}: name a file on this machine by its path, for example {rest.lstrip('/') or 'a.csv'}."
    if known := _ALIASES.get(scheme):
        return f"{name}: write {known}:// and the {'container' if known == 'az' else 'bucket'} instead."
    known = ", ".join(f"{each}://" for each in (*STORES, *WEB))
    return f"{scheme}://…: addresses of this kind are not read. Known are {known}."
