"""Reads the value of one option as it was given: checked, or refused in the name of the option."""

from __future__ import annotations

import os
from datetime import timedelta
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from loader.addresses import Proxy
from loader.choices import Cluster, Duration, Threshold
from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.rates import MOST, Rate
from loader.stores.address import hide_secrets, is_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

T = TypeVar("T")
Choice = TypeVar("Choice", bound="StrEnum")


def refuse(name: str, template: str, value: object = None) -> NoReturn:
    """Refuse the value of an option, which the front end that shows it names in its own way.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(Message(template, setting=Setting(name), value=value))


def require_type(name: str, value: T, kinds: tuple[type, ...], wanted: str) -> T:
    """A value as it was given, of one of the kinds. True and False do not count as numbers.

    Args:
        name: the option.
        value: what was given for it.
        kinds: the types that it may have.
        wanted: what it must be, in words: ``a whole number of rows``.

    Raises:
        ConfigError: it is of another type.
    """
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        refuse(name, f"{{setting}} is a {{value}}; it must be {wanted}.", type(value).__qualname__)
    return value


def take_text(name: str, value: str | None) -> str | None:
    """Text, or None.

    Raises:
        ConfigError: it is neither.
    """
    return require_type(name, value, (str, NoneType), "text")


def take_cluster(value: object) -> Cluster | None:
    """A Dask cluster: its address or ``local:N`` as text, or a `dask.distributed.Client`; None for none.

    Raises:
        ConfigError: it is neither.
    """
    if value is None or isinstance(value, str):
        return None if value is None else take_parsed("cluster", Cluster.parse, value)
    scheduler = getattr(value, "scheduler", None)
    if scheduler is None or not hasattr(value, "submit"):
        require_type("cluster", value, (str,), "the address of a scheduler, or a Client of dask.distributed")
    return Cluster(str(getattr(scheduler, "address", "")), client=value)


def take_rows(name: str, value: int | None) -> int | None:
    """A number of rows, or None.

    Raises:
        ConfigError: it is not a whole number.
    """
    found = require_type(name, value, (Integral, NoneType), "a whole number of rows")
    return None if found is None else int(found)


def take_rate(value: float | str | None) -> Rate | None:
    """Requests a second: a number, or a timetable as text; None for no limit.

    Raises:
        ConfigError: it is neither, or nothing could ever be sent.
    """
    found = require_type(
        "rate", value, (Real, str, NoneType), "a number of requests a second, or a timetable"
    )
    if isinstance(found, str):
        return take_parsed("rate", Rate.parse, found)
    if found is not None and not 0 < found <= MOST:
        wanted = f"more than 0 and at most {MOST:,} requests a second"
        refuse("rate", f"{{setting}} is {{value:g}}; it must be {wanted}.", found)
    return None if found is None else Rate.fixed(found)


def take_duration(name: str, value: str | timedelta | None) -> Duration | None:
    """A length of time: as text with its unit, or as a `timedelta`; None if there is none.

    Raises:
        ConfigError: it is neither, or too short or too long.
    """
    found = require_type(name, value, (str, timedelta, NoneType), 'a duration, such as "6h" or a timedelta')
    if isinstance(found, timedelta):
        found = f"{round(found.total_seconds())}s" if found > timedelta() else "0s"
    return None if found is None else take_parsed(name, Duration.parse, found)


def take_proxy(value: str | None) -> Proxy | None:
    """A proxy by its URL, or None.

    Raises:
        ConfigError: no request could ever be sent through it.
    """
    found = take_text("proxy", value)
    return None if found is None else Proxy.parse(found)


def refuse_certificates(name: str, file: Path) -> None:
    """Refuse a file with no certificate to trust, before every connection would fail for it.

    Raises:
        ConfigError: it cannot be read, or there is no certificate in it.
    """
    if not file.is_file():
        refuse(name, "{setting} {value} is not a file.", file)
    import ssl  # noqa: PLC0415 - only if a file is given

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        refuse(name, "{setting} {value} holds no certificate in PEM form: -----BEGIN CERTIFICATE-----.", file)
    except OSError as error:
        refuse(name, f"{{setting}} {{value}} cannot be read: {error.strerror}.", file)


def take_path(name: str, value: str | os.PathLike[str] | None) -> Path | None:
    """The path of a file, or None.

    Raises:
        ConfigError: it is neither.
    """
    found = require_type(name, value, (str, os.PathLike, NoneType), "the path of a file")
    if found is not None and is_address(found):
        shown = hide_secrets(str(found))
        refuse(name, "{setting} is the address {value}, and this file must be on this machine.", shown)
    return None if found is None else Path(found)


def take_word(choices: type[Choice], name: str, value: str) -> Choice:
    """One of the words that an option takes.

    Raises:
        ConfigError: it is not one of them.
    """
    try:
        return choices(value)
    except ValueError:
        words = " or ".join(f'"{choice}"' for choice in choices)
        refuse(name, f"{{setting}} is {{value!r}}; it must be {words}.", value)


def take_threshold(name: str, value: str | int | None) -> Threshold | None:
    """A number of rows, or a percentage as text; None for no limit.

    Raises:
        ConfigError: it is neither.
    """
    return None if value is None else take_parsed(name, Threshold.parse, value)


def take_parsed(name: str, parse: Callable[[str], T], value: object) -> T:
    """A value that is given as text, or as a number.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return parse(str(value))
    except ConfigError as error:
        raise ConfigError(Message("{setting}: {error}", setting=Setting(name), error=error.message)) from None
