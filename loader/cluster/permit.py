"""Until when a worker may send: a permit that runs out by itself.

A worker that is cut off cannot be told to stop. So each exchange with the coordinator lets it send for some
seconds more, counted from its newest report that was heard, and it looks at the clock before each send. The
coordinator counts from when it heard that report, which is later. When its time is over, the worker begins no
request any more, whatever may reach it later.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loader.delivery import Brake

PERMIT_SECONDS = 10.0
#: How much longer the coordinator waits than a worker may send: the clocks of two machines run nearly alike.
MARGIN_SECONDS = 1.0
#: How long a load waits for a worker when it has none: one that is started again takes some seconds.
ALONE_SECONDS = 60.0
_LOOK_SECONDS = 0.1


def read_clock() -> float:
    """Seconds that never go back, those included in which the machine sleeps, if the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def wait_out(brake: Brake) -> bool:
    """Wait until all permits are over that somebody who is dead now has given; False if the user ended it."""
    until = time.monotonic() + PERMIT_SECONDS + MARGIN_SECONDS
    while (left := until - time.monotonic()) > 0 and not brake.drained:
        time.sleep(min(left, _LOOK_SECONDS))
    return not brake.drained
