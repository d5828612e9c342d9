"""How many requests a second may be sent: one number, or one for each part of the day."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from loader.errors import ConfigError

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

MOST = 1_000_000
_STEP = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s+(\d{1,7}(?:\.\d{1,6})?)", re.ASCII)
_NUMBER = re.compile(r"\d{1,7}(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, by the time of day.

    Attributes:
        steps: from which minute of the day how many, ascending; the last one holds over midnight. 0 sends
            nothing. One number for all day is one step.
    """

    steps: tuple[tuple[int, float], ...]

    @classmethod
    def fixed(cls, rate: float) -> Rate:
        """One number for all day.

        Raises:
            ConfigError: nothing could ever be sent.
        """
        if rate == 0:
            raise ConfigError(
                "0 would never send anything. In a timetable it may stand beside other rates: "
                "08:00 0, 22:00 100."
            )
        if not 0 < rate <= MOST:
            raise ConfigError(f"{rate:g} is not more than 0 and at most {MOST:,} requests a second.")
        return cls(((0, float(rate)),))

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``100``, or ``08:00 100, 22:00 1000``, which may be on lines of their own.

        Raises:
            ConfigError: it is neither, or nothing could ever be sent.
        """
        if _NUMBER.fullmatch(text.strip()):
            return cls.fixed(float(text))
        parts = [part.strip() for part in re.split(r"[,\n]", text.strip())]
        found = [_STEP.fullmatch(part) for part in parts if part]
        steps = [(int(step[1]) * 60 + int(step[2]), float(step[3])) for step in found if step]
        if not steps or len(steps) < len(found):
            raise ConfigError(
                f'"{text.strip()}" is neither a number of requests a second (100) nor a timetable of them '
                "(08:00 100, 22:00 1000)."
            )
        if len(dict(steps)) < len(steps):
            raise ConfigError(f'"{text.strip()}" names a time of day twice.')
        if not any(rate for _, rate in steps) or any(rate > MOST for _, rate in steps):
            raise ConfigError(
                f'"{text.strip()}" must send something at some time, and at most {MOST:,} a second.'
            )
        return cls(tuple(sorted(steps)))

    @property
    def changes(self) -> bool:
        """Whether it depends on the time of day."""
        return len(self.steps) > 1

    def at(self, moment: datetime) -> float:
        """Requests a second at a moment, by its own clock; 0 for none."""
        minute = moment.hour * 60 + moment.minute
        return self.steps[bisect_right(self.steps, (minute, float("inf"))) - 1][1]

    def __str__(self) -> str:
        if not self.changes:
            return f"{self.steps[0][1]:g} a second"
        parts = (f"{rate:g} from {minute // 60:02}:{minute % 60:02}" for minute, rate in self.steps)
        return f"{', '.join(parts)} a second"


PAUSE = Rate(((0, 0.0),))


def parse_zone(name: str) -> ZoneInfo:
    """A zone by its name in the database of time zones.

    Raises:
        ConfigError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ConfigError(f'"{name}" is not a time zone such as Europe/Berlin.') from None


def read_clock(wall: float, zone: tzinfo | None) -> datetime:
    """What a clock in a zone shows at a Unix time; None for the zone of this machine."""
    return datetime.fromtimestamp(wall, zone)


def read_rate(file: Path) -> Rate:
    """The rate in a file; 0 is a pause, because the file can change.

    Raises:
        ConfigError: it cannot be read, or is not a rate.
    """
    try:
        text = file.read_text(encoding="utf-8")
        return PAUSE if text.strip() == "0" else Rate.parse(text)
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not text.") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
