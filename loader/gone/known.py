"""What a ledger knows of keys: sent, or in doubt, and by which load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.ledger import Digests
from loader.ledger.kept_ids import bound_bucket
from loader.ledger.records import Records

if TYPE_CHECKING:
    from loader.ledger import Ledger
    from loader.ledger.records import Mask, Numbers


@dataclass(frozen=True, slots=True)
class Known:
    """Keys that a ledger knows, ascending by digest.

    Attributes:
        high, low: the halves of each digest.
        load: the number of the load that sent it, or has it in doubt.
        doubtful: whether nobody knows if it was sent.
    """

    high: Numbers
    low: Numbers
    load: np.ndarray[Any, np.dtype[np.int64]]
    doubtful: Mask

    def __len__(self) -> int:
        return len(self.high)

    @classmethod
    def none(cls) -> Known:
        """No key."""
        return cls.of(Records.of(Digests.join([]), 0))

    @classmethod
    def of(cls, records: Records) -> Known:
        """The keys of records whose digest of a body says whether each is in doubt."""
        rest = records.rest
        return cls(records.high, rest["low"], rest["load"].astype(np.int64), rest["body"] > 0)

    def take(self, chosen: Mask) -> Known:
        """Some of them."""
        return Known(self.high[chosen], self.low[chosen], self.load[chosen], self.doubtful[chosen])


class KnownOfLedger:
    """All that a ledger knows of keys, by the first byte of their digests.

    Args:
        ledger: open for reading.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pending = Records.merge(
            [mark_records(Records.of(each.digests, each.load), doubtful=True) for each in ledger.pending()]
        )

    def read(self, bucket: int) -> Known:
        """The keys whose digests begin with this byte; of a key that is in doubt, that counts."""
        start, stop = bound_bucket(bucket)
        sent = mark_records(self._ledger.slice(start, stop), doubtful=False)
        return Known.of(Records.merge([sent, self._pending.slice(start, stop)]))


def mark_records(records: Records, *, doubtful: bool) -> Records:
    """Say in place of the digests of bodies whether the keys are in doubt."""
    rest = records.rest.copy()
    rest["body"] = doubtful
    return Records(records.high, rest)
