"""The values that options take, beside numbers and text: words, bounds and thresholds.

Their errors do not name the option: whoever reads a value for one says which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from loader.errors import ConfigError

#: Of one machine; a cluster has more sockets.
MAX_CONCURRENCY = 1024
MAX_CLUSTER_CONCURRENCY = 16_384
MAX_LOCAL_WORKERS = 64


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


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests may be on the wire; if the bounds differ, the number is found while loading.

    Attributes:
        lowest, highest: the bounds, both included.
    """

    lowest: int = 1
    highest: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.lowest <= self.highest <= MAX_CLUSTER_CONCURRENCY:
            raise ConfigError(
                f'"{self}" is not 1 to {MAX_CONCURRENCY:,} requests, lower bound first; on a cluster up to '
                f"{MAX_CLUSTER_CONCURRENCY:,}."
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
class Cluster:
    """A Dask cluster: one that is there, or one that is started on this machine for the load.

    Attributes:
        address: of its scheduler; "" for a cluster of this machine.
        workers: processes that are started on this machine; 0 if the cluster is there.
        client: a `dask.distributed.Client` of the caller, which stays open; None to connect to the address.
    """

    address: str = ""
    workers: int = 0
    client: object = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """Read ``tcp://HOST:PORT``, or ``local:4``.

        Raises:
            ConfigError: it is neither.
        """
        local = re.fullmatch(r"local:(\d{1,4})", text.strip(), re.ASCII)
        if local and 1 <= int(local[1]) <= MAX_LOCAL_WORKERS:
            return cls(workers=int(local[1]))
        if local:
            raise ConfigError(f'"{text}" is not 1 to {MAX_LOCAL_WORKERS} workers.')
        if re.fullmatch(r"(tcp|tls|ws|wss)://\[?[^\s/@?#]+\]?:\d{1,5}/?", text.strip(), re.ASCII):
            return cls(text.strip().rstrip("/"))
        raise ConfigError(
            f'"{text}" is neither the address of a scheduler (tcp://HOST:PORT, tls://HOST:PORT) nor a number '
            "of workers on this machine (local:4)."
        )

    def __str__(self) -> str:
        return f"local:{self.workers}" if self.workers else self.address


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


_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time.

    Attributes:
        seconds: at least one, at most a year.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= _LONGEST:
            raise ConfigError(f"{self.seconds:g} seconds are not one second to 366 days.")

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``90s``, ``30m``, ``6h``, ``2d`` or ``1h30m``.

        Raises:
            ConfigError: it is none of them, or too long.
        """
        written = text.strip()
        match = re.fullmatch(
            r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", written, re.ASCII
        )
        if match is None or not written:
            raise ConfigError(
                f'"{text}" is not a duration: a number with its unit, as in 90s, 30m, 6h or 2d.'
            )
        parts = zip(match.groups(), _UNITS.values(), strict=True)
        return cls(sum(int(number or 0) * unit for number, unit in parts))

    def __str__(self) -> str:
        found, left = "", round(self.seconds)
        for unit, seconds in _UNITS.items():
            number, left = divmod(left, seconds)
            found += f"{number}{unit}" if number else ""
        return found or f"{self.seconds:g}s"
