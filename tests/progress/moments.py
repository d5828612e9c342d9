"""Moments of loads, for the tests of what is shown of them."""

from __future__ import annotations

from loader.model import Account, Wire
from loader.progress.moment import Moment
from loader.progress.pace import Speed

USUAL = Speed(1234.4, 1190.2, 7540.0)


def moment(
    account: Account | None = None, wire: Wire | None = None, goal: int | None = None, speed: Speed = USUAL
) -> Moment:
    """A load in its middle."""
    account = account or Account(2_000_000, 1_204_311, 1203, 17, 512, attempts=1_205_700)
    wire = wire or Wire(12, 1_205_700, 16)
    return Moment(account, wire, account.read if goal is None else goal, speed, 3000.0)
