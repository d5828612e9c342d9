"""Until when a worker may send: a permit that runs out by itself.

A worker that is cut off cannot be told to stop. So each exchange with the coordinator lets it send for some
seconds more, counted from its newest report that was heard, and it looks at the clock before each send. The
coordinator counts from when it heard that report, which is later. When its time is over, the worker begins no
request any more, whatever may reach it later.
"""

from __future__ import annotations

import time

PERMIT_SECONDS = 10.0
#: How much longer the coordinator waits than a worker may send: the clocks of two machines run nearly alike.
MARGIN_SECONDS = 1.0


def read_clock() -> float:
    """Seconds that never go back, those included in which the machine sleeps, if the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
