"""The words of a running load: rates, times left, counts."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from loader.model import OUTAGE, RATE_LIMIT, RETRY_AFTER, VENDOR_ASKED
from loader.text.account import format_duration
from loader.text.escape import shorten
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.model import Worker
    from loader.progress.moment import Moment, ReadingProgress

UNKNOWN = "–"
_REASONS = {
    OUTAGE: "the vendor gives no usable answer",
    RETRY_AFTER: "the vendor asked to wait",
    VENDOR_ASKED: "the vendor asked to wait",
    RATE_LIMIT: "the rate limit",
}
_ERRORS = sorted(map(os.strerror, errno.errorcode), key=len, reverse=True)
_LONGEST_CAUSE = 60
SILENT_SECONDS = 5.0
"""Seconds without an answer after which a view says so: a slow answer is not worth a word."""

MOST_WORKERS = 8
"""Workers that are shown each with its numbers."""

WORKER_COLUMNS = ("worker", "rows", "rate", "in flight", "in doubt", "heard")
"""The heads of what `format_worker` gives."""

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def format_time_left(seconds: float | None) -> str:
    """A time left, no finer than it is known: ``about 40 s``, ``about 12 min``, ``about 2 h 05 min``."""
    if seconds is None:
        return UNKNOWN
    if seconds < _MINUTE:
        return f"about {max(_round(seconds, 5), 5)} s" if seconds >= 1 else "about 1 s"
    if seconds < 10 * _MINUTE:
        minutes, rest = divmod(_round(seconds, 10), _MINUTE)
        return f"about {minutes} min {rest:02} s" if rest else f"about {minutes} min"
    if seconds < _HOUR:
        return f"about {_round(seconds, _MINUTE) // _MINUTE} min"
    if seconds < 2 * _DAY:
        hours, rest = divmod(_round(seconds, 5 * _MINUTE), _HOUR)
        return f"about {hours} h {rest // _MINUTE:02} min"
    days, rest = divmod(_round(seconds, _HOUR), _DAY)
    return f"about {days} days {rest // _HOUR} h"


def _round(seconds: float, step: int) -> int:
    return round(seconds / step) * step


def format_rate(rate: float | None) -> str:
    """Rows a second."""
    if rate is None:
        return UNKNOWN
    return f"{rate:,.0f} rows/s" if rate >= 10 or not rate else f"{rate:.1f} rows/s"


def format_share(share: float) -> str:
    """A share of the whole in percent; 100 only if nothing is missing."""
    return f"{int(share * 100)} %"


def format_wait(moment: Moment) -> str:
    """How long the sender will wait, and why, or ""."""
    if not moment.wait:
        return ""
    return f"{format_duration(moment.wire.waiting_seconds)} ({_say_reason(moment)})"


def format_pause(moment: Moment) -> str:
    """Why the sender pauses, and when it tries again, as sentences."""
    reason = _say_reason(moment)
    return f"{reason[:1].upper()}{reason[1:]}. Next try in {format_duration(moment.wire.waiting_seconds)}."


def _say_reason(moment: Moment) -> str:
    reason = _REASONS.get(moment.wait, moment.wait)
    if moment.wait != OUTAGE or not moment.wire.failure:
        return reason
    return f"{reason}: {_name_cause(moment.wire.failure)}"


def _name_cause(failure: str) -> str:
    """The system's own word for a failure if it has one, because libraries put much before it."""
    known = next((error for error in _ERRORS if error in failure), "")
    return known or shorten(failure.rstrip("."), _LONGEST_CAUSE)


def format_silence(moment: Moment) -> str:
    """For how long no request was answered, once that is worth a thought; or ""."""
    if moment.silent < SILENT_SECONDS:
        return ""
    silent = f"{moment.silent:.0f} s" if moment.silent < _MINUTE else format_duration(moment.silent)
    return f"no answer for {silent}"


def format_in_flight(moment: Moment) -> str:
    """Requests on the wire, and how many may be; there can be more, if that number fell since they left."""
    on_wire, window = moment.in_flight, moment.wire.window
    if not window:
        return f"{on_wire:,}"
    return f"{on_wire:,} of {window:,}" if on_wire <= window else f"{on_wire:,}, down to {window:,}"


def format_counts(moment: Moment) -> str:
    """What became of the rows so far and what the sender does now."""
    account = moment.account
    words = [f"{account.confirmed:,} confirmed"]
    words += [f"{account.rejected:,} rejected"] if account.rejected else []
    words += [f"{account.in_doubt:,} in doubt"] if account.in_doubt else []
    words += [f"{account.left_out:,} left out"] if account.left_out else []
    words += [f"{format_in_flight(moment)} in flight"]
    words += [f"waiting {format_wait(moment)}"] if moment.wait else []
    words += [silence] if (silence := format_silence(moment)) else []
    return ", ".join(words)


def format_workers(moment: Moment) -> str:
    """The workers of a cluster with their rates, or ""; those that were lost, only by their number."""
    workers = moment.wire.workers
    if not workers:
        return ""
    lost = sum(bool(each.lost) for each in workers)
    by_name = sorted(workers, key=lambda each: order_name(each.name))
    there = [f"{each.name} {format_rate(each.rate)}" for each in by_name if not each.lost]
    shown = ", ".join(there[:MOST_WORKERS]) or "none"
    more = f", and {len(there) - MOST_WORKERS} more" if len(there) > MOST_WORKERS else ""
    return f"workers: {shown}{more}{f'; {lost} lost' if lost else ''}"


def order_name(name: str) -> list[tuple[bool, int, str]]:
    """What names are sorted by, so that "worker 10" comes after "worker 9"."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"(\d+)", name)
    ]


def format_worker(worker: Worker) -> list[str]:
    """The cells of one worker, in the order of `WORKER_COLUMNS`."""
    seen = "lost" if worker.lost else f"{worker.silent:.0f} s ago" if worker.silent >= 1 else "now"
    numbers = [f"{worker.rows:,}", format_rate(worker.rate), f"{worker.in_flight:,}", f"{worker.doubts:,}"]
    return [worker.name, *numbers, seen]


def format_more_workers(workers: Sequence[Worker]) -> str:
    """A line that counts the workers that are not shown."""
    lost = sum(bool(each.lost) for each in workers)
    said = f"and {count_things(len(workers), 'more worker')}"
    return f"{said}, {lost:,} of them lost" if lost else said


def format_settled(moment: Moment) -> str:
    """The counts of a load that has ended, without anything that differs from one time to the next."""
    account = moment.account
    counts = [
        (account.confirmed, "confirmed"),
        (account.rejected, "rejected"),
        (account.in_doubt, "in doubt"),
        (account.read - account.settled, "never sent"),
        (account.left_out, "left out"),
    ]
    said = [f"{count:,} {name}" for count, name in counts if count]
    return f"{account.read:,} rows: {', '.join(said)}" if said else "The input holds no rows"


def format_reading(reading: ReadingProgress) -> str:
    """How far a pass over the input is, in one line; if nobody knows its end, what it has by now."""
    if not reading.total:
        far = f": {reading.done:,} rows" if reading.done and reading.unit == "rows" else " …"
        return f"{reading.doing}{far}"
    return f"{reading.doing}: {format_share(reading.share)}, {format_extent(reading)}"


def format_extent(reading: ReadingProgress, *, steady: bool = False) -> str:
    """How much was read of how much: ``310 of 1,204 MB``; steady: as wide at each moment."""
    unit, name = (1_000_000, "MB") if reading.total >= 10_000_000 else (1_000, "kB")
    unit, name = (1, "rows") if reading.unit == "rows" else (unit, name)
    total = f"{reading.total // unit:,}"
    width = len(total) if steady else 0
    return f"{min(reading.done, reading.total) // unit:>{width},} of {total} {name}"
