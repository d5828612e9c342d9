"""The rate that holds now: by the time of day, and by a file that the user may change while a load runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.rates import read_clock, read_rate

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from loader.rates import Rate

_log = logging.getLogger("loader")


class Timetable:
    """Knows the rate of each moment.

    Args:
        rate: what holds at first.
        file: is looked at again whenever the rate is asked for, or None.
        zone: of the times of day; None for the zone of this machine.
    """

    def __init__(self, rate: Rate, file: Path | None = None, zone: tzinfo | None = None) -> None:
        self._rate = rate
        self._file = file
        self._zone = zone
        self._seen = self._look()

    def rate(self, wall: float) -> float:
        """Requests a second at a Unix time; 0 for none."""
        if (seen := self._look()) != self._seen:
            self._seen = seen
            self._read()
        return self._rate.at(read_clock(wall, self._zone))

    def _look(self) -> tuple[int, int, int] | None:
        """What changes when the file does; None if it is not there at this moment."""
        if self._file is None:
            return None
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _read(self) -> None:
        """Take a changed file; one that cannot be read, perhaps half written, changes nothing."""
        try:
            self._rate = read_rate(self._file) if self._file is not None and self._seen else self._rate
        except ConfigError as error:
            _log.warning("The rate stays as it is, because the file of it cannot be used: %s", error)
