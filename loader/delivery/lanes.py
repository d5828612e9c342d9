"""A row on its way, and the order of the rows of one device."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loader.delivery.transports.contract import Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.model import Request

DOUBT_SECONDS = Timeouts().total
"""An attempt in doubt may reach the vendor for this long after it was given up here."""

DEVICES_REMEMBERED = 10_000
"""A doubt is remembered of at most this many devices without a row under way, the latest ones."""


class Row:
    """One request and what its attempts have come to.

    Attributes:
        request: what is sent.
        attempts: requests of which something left.
        doubts: how many attempts ended in doubt and were followed by another.
        epoch: the breaker's epoch at the latest attempt.
        sent_at: when that was, on the dispatcher's clock.
    """

    __slots__ = ("attempts", "doubts", "epoch", "request", "sent_at")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.attempts = 0
        self.doubts = 0
        self.epoch = 0
        self.sent_at = 0.0

    def __lt__(self, other: Row) -> bool:
        """Rows that are sent again keep the order of the input."""
        return self.request.ordinal < other.request.ordinal


class _Lane:
    """A device with a row under way: the rows that wait for it, and until when a doubt about one matters.

    Attributes:
        repeated: the ordinal of the latest row in doubt, or sent again because an earlier one was in doubt.
    """

    __slots__ = ("doubtful_until", "repeated", "waiting")

    def __init__(self, doubtful_until: float | None) -> None:
        self.waiting: deque[Row] = deque()
        self.doubtful_until = doubtful_until
        self.repeated: int | None = None


class Lanes:
    """Lets one row of a device out at a time; rows without a device go freely.

    Args:
        last_wins: the last row of a device that arrives is the one that counts.

    Attributes:
        parked: rows that wait for an earlier one.
    """

    def __init__(self, *, last_wins: bool) -> None:
        self.parked = 0
        self._last_wins = last_wins
        self._lanes: dict[str, _Lane] = {}
        self._doubtful: dict[str, float] = {}  # devices without a lane, the latest last, and until when

    def admit(self, row: Row, now: float) -> bool:
        """Let a new row go now and return True, or park it until `release` hands it out."""
        device = row.request.device
        if not device:
            return True
        lane = self._lanes.get(device)
        if lane is None:
            until = self._doubtful.pop(device, None) if self._doubtful else None
            self._lanes[device] = _Lane(until if until is not None and now < until else None)
            return True
        lane.waiting.append(row)
        self.parked += 1
        return False

    def release(self, row: Row, now: float) -> Row | None:
        """Note that the row has its final outcome; return the next row of its device, if any waits."""
        device = row.request.device
        if not device:
            return None
        lane = self._lanes[device]
        if not lane.waiting:
            del self._lanes[device]
            self._remember(device, lane.doubtful_until, now)
            return None
        self.parked -= 1
        return lane.waiting.popleft()

    def _remember(self, device: str, until: float | None, now: float) -> None:
        if self._last_wins and until is not None and now < until:
            self._doubtful[device] = until
            if len(self._doubtful) > DEVICES_REMEMBERED:
                del self._doubtful[next(iter(self._doubtful))]

    def note_doubt(self, row: Row, now: float) -> None:
        """Note an attempt of the row that ended in doubt: it may reach the vendor after a later row."""
        if row.request.device:
            lane = self._lanes[row.request.device]
            lane.doubtful_until = now + DOUBT_SECONDS
            lane.repeated = row.request.ordinal

    def repeat(self, row: Row) -> None:
        """Note that the row is sent again, last, because of a doubt about an earlier one; once is enough."""
        self._lanes[row.request.device].repeated = row.request.ordinal

    def overtaken(self, row: Row) -> bool:
        """Whether this is the device's newest row, and an attempt of an earlier one may arrive after it."""
        lane = self._lanes.get(row.request.device) if self._last_wins else None
        if lane is None or lane.waiting or lane.doubtful_until is None:
            return False
        return lane.repeated != row.request.ordinal

    def waiting(self) -> Iterator[Row]:
        """The parked rows."""
        for lane in self._lanes.values():
            yield from lane.waiting
