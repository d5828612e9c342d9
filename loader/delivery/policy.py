"""How to deliver a load, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.delivery.transports.contract import DRAIN_SECONDS

if TYPE_CHECKING:
    from loader.delivery.timetable import Timetable
    from loader.secret import Secret


@dataclass(frozen=True, slots=True)
class Policy:
    """What the dispatcher goes by.

    Attributes:
        concurrency: the largest number of requests on the wire.
        least_concurrency: the number is found between this and the largest; None to keep to the largest.
        rate: the largest number of attempts a second, or None.
        timetable: gives that number by the time of day, in place of `rate`; None if it never changes.
        resend_ambiguous: records in doubt are sent again: always right for users (repeatable), for events
            only on request.
        last_wins: the last record of a device that arrives is the one that counts, as for users. So after a
            doubt about an earlier one, the newest is sent again as the last one.
        resends: how often one record in doubt is sent again.
        max_rejected, max_in_doubt: more than that stops the load; None for no limit.
        rejected_before, in_doubt_before: what earlier runs left, counted against those limits.
        canary: the load stops if the first N records are all rejected alike; 0 if that would say nothing.
        outage_seconds: the load stops after this long without a usable answer.
        proxied: whether requests go through a proxy, which may be what cannot be reached.
        standstill_seconds: the load stops after this long without a row that was confirmed or rejected. Six
            hours are longer than the wait for a quota by the hour, and shorter than a night.
        longest_seconds: the load ends as planned after this long; None for no limit.
        drain_seconds: how long a drain waits for what is on the wire; then that is given up, in doubt.
        settle_seconds: outcomes are handed over in groups, at most this late.
        secrets: are replaced in the words of vendors and libraries, which are stored and shown.
        look_ahead: at most this many rows wait for an earlier row of their device before reading pauses.
    """

    concurrency: int = 16
    least_concurrency: int | None = None
    rate: float | None = None
    timetable: Timetable | None = None
    resend_ambiguous: bool = False
    last_wins: bool = True
    resends: int = 3
    max_rejected: int | None = None
    max_in_doubt: int | None = None
    rejected_before: int = 0
    in_doubt_before: int = 0
    canary: int = 20
    outage_seconds: float = 15 * 60.0
    proxied: bool = False
    standstill_seconds: float = 6 * 3600.0
    longest_seconds: float | None = None
    drain_seconds: float = DRAIN_SECONDS
    settle_seconds: float = 0.01
    look_ahead: int = 1024
    secrets: tuple[Secret, ...] = ()
