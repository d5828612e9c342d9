"""The values that options take, beside numbers and text: words, bounds and thresholds.

Their errors do not name the option: whoever reads a value for one says which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from loader.errors import ConfigError

MAX_CONCURRENCY = 1024


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
        if not 1 <= self.lowest <= self.highest <= MAX_CONCURRENCY:
            raise ConfigError(f'"{self}" is not 1 to {MAX_CONCURRENCY} requests, lower bound first.')

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
