"""Sorted records and how they are searched: many keys at a time, newest run first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from loader.ledger.records import Digests, Records, join_records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.ledger.records import Mask, Numbers, Places


class Run(Protocol):
    """Records that can be searched."""

    def __len__(self) -> int: ...

    def find(self, high: Numbers, low: Numbers) -> tuple[Places, np.ndarray[Any, Any]]:
        """The keys that are there, by their places among those asked for, and their records.

        Args:
            high: the first halves of digests, ascending.
            low: the second halves.
        """


@dataclass(slots=True)
class Found:
    """What is known of some keys.

    Attributes:
        load: the number of the load that sent each; 0 for none.
        body: the digest of what it sent.
    """

    load: np.ndarray[Any, np.dtype[np.int64]]
    body: Numbers

    @property
    def known(self) -> Mask:
        """Which keys are known."""
        return self.load > 0


class MemoryRun:
    """Records in memory."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def find(self, high: Numbers, low: Numbers) -> tuple[Places, np.ndarray[Any, Any]]:
        """As `Run.find`."""
        return self.records.find(high, low)


def search(runs: Iterable[Run], digests: Digests) -> Found:
    """What the first run that knows a key says of it; runs are asked in their order.

    A record of load 0 says that nothing is known, whatever the runs behind it say.
    """
    order = np.argsort(digests.high)
    high, low = digests.high[order], digests.low[order]
    load, body = np.full(len(order), -1, np.int64), np.zeros(len(order), np.uint64)
    left = np.arange(len(order))
    for run in runs:
        if not len(left):
            break
        hits, rest = run.find(high[left], low[left])
        load[left[hits]], body[left[hits]] = rest["load"], rest["body"]
        if len(hits):
            left = left[load[left] < 0]
    found = Found(np.zeros(len(order), np.int64), np.zeros(len(order), np.uint64))
    found.load[order], found.body[order] = np.maximum(load, 0), body
    return found


class RecentRuns:
    """Records in memory to which more are added: as few runs as the sizes allow, newest first."""

    def __init__(self) -> None:
        self._runs: list[MemoryRun] = []
        self._new: list[tuple[Digests, int]] = []

    def add(self, digests: Digests, load: int) -> None:
        """Add newer keys of a load; 0 if nobody knows what was sent last."""
        self._new.append((digests, load))

    def _take_in(self) -> None:
        """Sort what was added since the last search, all at once."""
        if not self._new:
            return
        records = join_records(self._new)
        self._new.clear()
        while self._runs and len(self._runs[-1]) < 2 * len(records):
            records = Records.merge([self._runs.pop().records, records])
        self._runs.append(MemoryRun(records))

    def clear(self) -> None:
        """Forget all of them."""
        self._runs.clear()
        self._new.clear()

    @property
    def newest_first(self) -> list[MemoryRun]:
        """The runs."""
        self._take_in()
        return self._runs[::-1]
