"""How many rows a lease takes: enough that its durable commit costs little, few enough to doubt."""

from __future__ import annotations

LEAST = 64
MOST = 4096
# A lease is one fsync. It may take this share of the time.
# Fewer rows a lease mean fewer rows in doubt after a power loss.
SHARE = 0.02
_WEIGHT = 0.3


class LeaseSize:
    """Rows of the next lease, from the time of past durable commits and the present rate of rows."""

    def __init__(self) -> None:
        self._commit_seconds: float | None = None
        self._rate: float | None = None
        self._since: float | None = None
        self._settled = 0

    @property
    def rows(self) -> int:
        """Between 64 and 4,096; 256 until both the disk and the rate were measured."""
        if self._commit_seconds is None or self._rate is None:
            return 256
        wanted = self._commit_seconds / SHARE * self._rate
        return int(min(max(wanted, LEAST), MOST))

    def settled(self, rows: int) -> None:
        """Rows came to their end."""
        self._settled += rows

    def note_commit(self, began: float, ended: float) -> None:
        """A lease was made durable between two times of the same clock, in seconds."""
        self._commit_seconds = _smooth(self._commit_seconds, max(0.0, ended - began))
        if self._since is not None and began > self._since and self._settled:
            self._rate = _smooth(self._rate, self._settled / (began - self._since))
        self._since = began
        self._settled = 0


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)
