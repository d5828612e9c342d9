"""What there is to show at one instant, the same for every watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from loader.model import RATE_LIMIT

if TYPE_CHECKING:
    from loader.model import Account, Wire
    from loader.progress.pace import Speed


class ReadingProgress(NamedTuple):
    """How far a pass over the input is.

    Attributes:
        done, total: how far it is, and of how much; 0 of 0 if nothing is known yet.
        unit: "bytes" or "rows".
        doing: what the pass is for, as the beginning of a line.
    """

    done: int
    total: int
    unit: str = "bytes"
    doing: str = "Reading the input"

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A running load at one instant.

    Attributes:
        account: the counts, over all runs.
        wire: what the sender does.
        goal: rows that will be settled when this run is complete.
        speed: how fast it goes.
        elapsed: seconds since this run began to send.
        silent: seconds in which requests were on the wire and nothing was heard of any.
    """

    account: Account
    wire: Wire
    goal: int
    speed: Speed
    elapsed: float
    silent: float = 0.0

    @property
    def share(self) -> float:
        """Settled rows of the goal, from 0 to 1."""
        return min(self.account.settled / self.goal, 1.0) if self.goal else 1.0

    @property
    def in_flight(self) -> int:
        """Rows on the wire; one that was in doubt and is sent again still counts as in doubt."""
        return min(self.wire.in_flight, self.account.read - self.account.settled)

    @property
    def never_sent(self) -> int:
        """Rows of which no byte has left yet: those leased and not on the wire among them."""
        return self.account.read - self.account.settled - self.in_flight

    @property
    def wait(self) -> str:
        """What keeps the sender waiting, long enough for the user to wonder; or ""."""
        return self.wire.waiting_for if self.wire.waiting_seconds >= 1 else ""

    @property
    def pause(self) -> str:
        """What the sender has to wait for; its own rate limit is not a pause."""
        return "" if self.wait == RATE_LIMIT else self.wait
