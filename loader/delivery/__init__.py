"""Delivery: requests go out through a bounded window and come back as outcomes.

In the order to read:

* `dispatch`: the window, one attempt loop a row, groups of outcomes; `lanes`: a row on its way and the order
  of one device; `governor`: what every attempt does to the whole sender; `outbox`: outcomes in groups.
* `verdicts`: what an answer means, pure; `reason`: what it says of why; `wording`: texts made safe to show.
* `limits`: rate, breaker, outage, canary, retry budget; `standstill`: a load that does not move;
  `window`: how many requests go at a time. State machines, with time passed in.
* `meter`: what the sender has done, for the samples in the checkpoint.
* `policy`, `timetable`, `clock`, `brake`: what the caller passes in.
* `transports`: what puts the requests on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.delivery.brake import Brake
    from loader.delivery.dispatch import Dispatch
    from loader.delivery.policy import Policy
    from loader.delivery.timetable import Timetable
    from loader.delivery.transports import (
        find_library_version,
        limit_concurrency,
        open_line_in_process,
        open_transport,
    )
    from loader.delivery.transports.contract import DRAIN_SECONDS, PolledLine, Session, Transport
    from loader.delivery.transports.target import Target

__all__ = [
    "DRAIN_SECONDS",
    "Brake",
    "Dispatch",
    "Policy",
    "PolledLine",
    "Session",
    "Target",
    "Timetable",
    "Transport",
    "find_library_version",
    "limit_concurrency",
    "open_line_in_process",
    "open_transport",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".brake": "Brake",
        ".dispatch": "Dispatch",
        ".policy": "Policy",
        ".timetable": "Timetable",
        ".transports": "find_library_version limit_concurrency open_line_in_process open_transport",
        ".transports.contract": "DRAIN_SECONDS PolledLine Session Transport",
        ".transports.target": "Target",
    },
)
