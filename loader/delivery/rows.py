"""A row on its way, and the order of the rows of one device."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.model import Request


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
        """Rows that go again go in the order of the input."""
        return self.request.ordinal < other.request.ordinal


class _Lane:
    """A device with a row under way: the rows that wait for it, and the latest row that was in doubt."""

    __slots__ = ("doubted", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Row] = deque()
        self.doubted: Row | None = None


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

    def admit(self, row: Row) -> bool:
        """Whether a new row may go now; otherwise it is parked until `release` hands it out."""
        device = row.request.device
        if not device:
            return True
        lane = self._lanes.get(device)
        if lane is None:
            self._lanes[device] = _Lane()
            return True
        lane.waiting.append(row)
        self.parked += 1
        return False

    def release(self, row: Row) -> Row | None:
        """The row has its final outcome: the next one of its device, if any waits."""
        device = row.request.device
        if not device:
            return None
        waiting = self._lanes[device].waiting
        if not waiting:
            del self._lanes[device]
            return None
        self.parked -= 1
        return waiting.popleft()

    def doubt(self, row: Row) -> None:
        """An attempt of the row ended in doubt: it may still reach the vendor, after a later row."""
        if row.request.device:
            self._lanes[row.request.device].doubted = row

    def overtaken(self, row: Row) -> bool:
        """Whether this is the device's newest row, and an attempt of an earlier one may arrive after it."""
        lane = self._lanes.get(row.request.device) if self._last_wins else None
        return lane is not None and not lane.waiting and lane.doubted is not None and lane.doubted is not row

    def waiting(self) -> Iterator[Row]:
        """The parked rows."""
        for lane in self._lanes.values():
            yield from lane.waiting
