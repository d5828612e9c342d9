"""The values of the measures at this moment: from a running load, and from the summary at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.model import OUTAGE, RATE_LIMIT, RETRY_AFTER, VENDOR_ASKED
from loader.monitoring import measures as of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loader.model import Wire
    from loader.monitoring.measures import Values
    from loader.progress.moment import Moment

#: The words for what keeps the sender back, as values of a label.
REASONS = {
    RETRY_AFTER: "retry_after",
    VENDOR_ASKED: "vendor_asked",
    OUTAGE: "outage",
    RATE_LIMIT: "rate_limit",
}
OTHER = "other"


def begin(started: float, before: Values) -> Values:
    """The values at the start: of the runs before, the last success and the exit code stay."""
    kept = {measure: before[measure] for measure in (of.SUCCESS, of.EXIT_CODE) if measure in before}
    return kept | {of.RUNNING: {"": 1}, of.STARTED: {"": started}, of.ENDED: {"": 0}}


def look(moment: Moment) -> Values:
    """The values of a running load."""
    account, wire = moment.account, moment.wire
    rows = {name: float(getattr(account, name)) for name in of.OUTCOMES}
    return {
        of.ROWS: rows,
        of.GOAL: {"": moment.goal},
        of.SPEED: {"": moment.speed.now or 0.0},
        of.REQUESTS: {"": wire.attempts},
        of.IN_FLIGHT: {"": wire.in_flight},
        of.WINDOW: {"": wire.window},
        **look_at_vendor(wire),
    }


def look_at_vendor(wire: Wire) -> Values:
    """What the vendor answers, and what keeps the sender waiting."""
    waited = dict.fromkeys(REASONS.values(), 0.0)
    for reason, seconds in wire.waited.items():
        label = REASONS.get(reason, OTHER)
        waited[label] = waited.get(label, 0.0) + seconds
    left = dict.fromkeys(REASONS.values(), 0.0)
    if wire.waiting_for:
        left[REASONS.get(wire.waiting_for, OTHER)] = wire.waiting_seconds
    answers = dict(zip(of.CLASSES, map(float, wire.answers), strict=False))
    return {of.ANSWERS: answers, of.WAITED: waited, of.WAIT_LEFT: left}


def end(record: Mapping[str, object], ended: float) -> Values:
    """The values at the end, by the record of the summary."""
    values: Values = {of.RUNNING: {"": 0}, of.ENDED: {"": ended}, of.IN_FLIGHT: {"": 0}, of.SPEED: {"": 0}}
    values[of.WAIT_LEFT] = dict.fromkeys(REASONS.values(), 0.0)
    rows = {name: record.get(name) for name in of.OUTCOMES}
    counted = {name: float(number) for name, number in rows.items() if isinstance(number, int)}
    if counted:
        values[of.ROWS] = counted
    code = record.get("exit_code")
    if isinstance(code, int):
        values[of.EXIT_CODE] = {"": code}
        if code == 0:
            values[of.SUCCESS] = {"": ended}
    return values
