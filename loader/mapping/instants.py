"""Convert times in a zone to instants: seconds since 1970 in UTC, and on the local wall clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import origins, timestamps
from loader.mapping.cells import present
from loader.mapping.encode import numpy_mask
from loader.mapping.findings import Clocks, Fault
from loader.mapping.rules import ColumnOf, Rule
from loader.mapping.zone_faults import zone_fault
from loader.mapping.zones import Zone, locate, offsets, parse_zone, zone_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping.findings import Findings
    from loader.mapping.rules import Clock
    from loader.mapping.table import Table
    from loader.mapping.timestamps import Times
    from loader.mapping.zones import Mask, Seconds

    #: Positions of some rows, where to report them, their texts, how they were read.
    _Report = tuple[Any, Findings, pa.Array, Clocks]

EARLIEST = date(1990, 1, 1)
#: How far in the future a time may be, because clocks and zones differ by less than this.
TOLERATED_FUTURE = timedelta(days=1)

_NO_ZONE = Fault(
    "carries no time zone", "Set zone in the mapping to a name, an offset or a column; it is never guessed."
)
_AMBIGUOUS = Fault(
    "came twice in its time zone, when the clocks were set back",
    'Set ambiguous = "earlier" or "later" in the mapping.',
)
_NONEXISTENT = Fault(
    "was skipped in its time zone, when the clocks were set forward",
    'Set nonexistent = "shift", "earlier" or "later" in the mapping.',
)


@dataclass(frozen=True, slots=True)
class Window:
    """The plausible times, in seconds since 1970, both ends included."""

    earliest: int
    latest: int

    @classmethod
    def of(cls, clock: Clock, now: datetime) -> Window:
        """The window of a clock; by default from 1990 to one day after `now`."""
        return cls(_seconds(clock.earliest or EARLIEST), _end(clock.latest or now + TOLERATED_FUTURE))

    @classmethod
    def wide(cls, clock: Clock) -> Window:
        """The window of a date in an attribute: a birthday or an expiry may be anywhere."""
        return cls(_seconds(clock.earliest or date.min), _end(clock.latest or date.max))

    def fault(self) -> Fault:
        """Why a time outside is rejected."""
        first, last = (datetime.fromtimestamp(end, UTC) for end in (self.earliest, self.latest))
        return Fault(
            f"lies outside the plausible range from {first.date()} to {last.date()}",
            "Fix it, or set earliest and latest in the mapping.",
        )


def _end(moment: date | datetime) -> int:
    """The last second of a latest day, because the whole day is meant; in UTC."""
    return _seconds(moment) + (0 if isinstance(moment, datetime) else 86_399)


def _seconds(moment: date | datetime) -> int:
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def moment(at: str | None, now: datetime) -> int:
    """The instant of ``at = "run"`` or of a constant, in seconds since 1970."""
    return int((now if at in {None, "run"} else datetime.fromisoformat(str(at))).timestamp())


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants of one chunk.

    Attributes:
        utc: seconds since 1970.
        current: the same, as the local wall clock showed it.
        known: the rows that have one.
        clocks: how they were read.
    """

    utc: Seconds
    current: Seconds
    known: Mask
    clocks: Clocks = field(default_factory=Clocks)


def unreadable(clock: Clock) -> Fault:
    """Why a cell is not a time, which depends on the format that was expected."""
    if clock.unit is not None:
        return Fault(
            f"is not a number of {UNIT_NAMES[clock.unit]} since 1970", "Fix it, or set unit in the mapping."
        )
    if clock.format in {timestamps.DAY, timestamps.MOMENT}:
        form = "YYYYMMDD" if clock.format == timestamps.DAY else "YYYYMMDDHHMMSS"
        return Fault(f"is not a real time written as {form}", "Fix it, or set format in the mapping.")
    if clock.format == "iso":
        return Fault("is not a real ISO date or time", "Fix it, or set format in the mapping.")
    if clock.format in timestamps.EPOCHS:
        name = timestamps.EPOCHS[clock.format].name
        return Fault(f"is not a number of {name}", "Fix it, or set format in the mapping.")
    return Fault(
        f'is not a real time in the format "{clock.format}"', "Fix it, or set format in the mapping."
    )


_LOST_DIGITS = Fault(
    "has lost digits, because it was written with an exponent and few digits",
    "Export the times with all their digits.",
)
_ABBREVIATED = Fault(
    "names its time zone by an abbreviation that can mean several",
    'Write the word into format in the mapping, such as format = "%Y-%m-%d %H:%M:%S CST", and set zone.',
)
# A time of a day, and behind it capitals; nothing says which zone they mean.
_ABBREVIATION = r"\d (?:[AaPp][Mm] )?[A-Z]{2,5}$"
_CLEAR = r" (?:AM|PM|UT|UTC|GMT)$"


def _abbreviated(texts: pa.Array) -> Mask:
    found = numpy_mask(pc.match_substring_regex(texts, _ABBREVIATION))
    return found & ~numpy_mask(pc.match_substring_regex(texts, _CLEAR))


def _add_unreadable(rows: Mask, rule: Rule, texts: pa.Array, findings: Findings) -> None:
    """Reject cells that are no times, each with what is wrong about it."""
    if not rows.any():
        return
    columns, bad = origins.columns_of(rule), texts.filter(pa.array(rows))
    counted = rule.clock.unit is not None or rule.clock.format in timestamps.EPOCHS
    for fault, wrong in (
        (_LOST_DIGITS, [counted and timestamps.lost_digits(text) for text in bad.to_pylist()]),
        (_ABBREVIATED, _abbreviated(bad)),
    ):
        mask = np.zeros(len(texts), dtype=np.bool_)
        mask[rows] = wrong
        findings.add(mask, columns, texts, fault)
    findings.add(rows, columns, texts, unreadable(rule.clock))


UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def _zoneless(clock: Clock) -> Fault:
    if isinstance(clock.zone, ColumnOf):
        return Fault(
            f'has no time zone: column "{clock.zone.column}" is empty', "Fill it; a zone is never guessed."
        )
    return _NO_ZONE


def cells_and_texts(rule: Rule, table: Table, findings: Findings) -> tuple[pa.Array, pa.Array]:
    """The cells, with their own type if the rule takes them unchanged, and the cells as text."""
    found = origins.texts(rule, table, findings)
    return (table.column(rule.direct, rule.null_values) if rule.direct else found), found


def read(rule: Rule, table: Table, findings: Findings, window: Window) -> Instants:
    """The instants of a rule's column. A row whose value is not a time, or has no zone, is rejected."""
    times, texts = _read_times(rule, table, findings)
    return _place(times, texts, rule, table, findings, window)


def read_dates(rule: Rule, table: Table, findings: Findings, window: Window) -> Instants:
    """The same for dates in attributes and tags, where a calendar day is midnight in UTC."""
    times, texts = _read_times(rule, table, findings)
    times = times.with_fixed_days() if rule.clock.zone is None else times
    return _place(times, texts, rule, table, findings, window)


def _read_times(rule: Rule, table: Table, findings: Findings) -> tuple[Times, pa.Array]:
    cells, texts = cells_and_texts(rule, table, findings)
    times = timestamps.read(cells, texts, rule.clock)
    _add_unreadable(present(texts) & ~times.good, rule, texts, findings)
    return times, texts


def _place(
    times: Times, texts: pa.Array, rule: Rule, table: Table, findings: Findings, window: Window
) -> Instants:
    clock, columns = rule.clock, origins.columns_of(rule)
    sane = np.abs(times.wall) < 2**40  # 36,000 years: beyond, the zone database has no answer
    good = times.good & ~findings.bad
    findings.add(good & ~sane, columns, texts, window.fault())
    good &= sane
    clocks = Clocks()
    times = _with_named_offsets(times, good, rule, (None, findings, texts, clocks))
    wall, own = np.where(good, times.wall, 0), np.where(good, times.own, 0)
    utc, current, known = (
        np.where(times.zoned, wall - own, 0),
        np.where(times.zoned, wall, 0),
        good & times.zoned,
    )
    for zone, rows in zones(clock.zone, table, findings, good):
        report = (rows, findings, texts, clocks)
        utc[rows], current[rows] = _placed(wall[rows], own[rows], times.zoned[rows], zone, rule, report)
        known[rows] = True
    known &= ~findings.bad
    findings.add(good & ~known, columns, texts, _zoneless(clock))
    outside = known & ((utc < window.earliest) | (utc > window.latest))
    findings.add(outside, columns, texts, window.fault())
    return Instants(utc, current, known & ~outside, clocks)


def _with_named_offsets(times: Times, good: Mask, rule: Rule, report: _Report) -> Times:
    """Times that name their zone, with the offset in force there."""
    if not times.names.zones:
        return times
    wall, own, clock = times.wall.copy(), times.own.copy(), rule.clock
    for code, zone in enumerate(times.names.zones):
        rows = np.flatnonzero(good & (times.names.codes == code))
        located = locate(wall[rows], zone, ambiguous=clock.ambiguous, nonexistent=clock.nonexistent)
        _corrected(located.ambiguous, clock.ambiguous, _AMBIGUOUS, rule, (rows, *report[1:]))
        _corrected(located.nonexistent, clock.nonexistent, _NONEXISTENT, rule, (rows, *report[1:]))
        own[rows] = offsets(located.utc, zone)
        wall[rows] = located.utc + own[rows]
    return replace(times, wall=wall, own=own, zoned=times.carried)


def _placed(
    wall: Seconds, own: Seconds, zoned: Mask, zone: Zone, rule: Rule, report: _Report
) -> tuple[Seconds, Seconds]:
    """UTC and local seconds of rows in one zone.

    If a value carries its own offset, the offset gives the instant, and the zone gives the time on the user's
    clock.
    """
    clock, clocks = rule.clock, report[-1]
    located = locate(wall, zone, ambiguous=clock.ambiguous, nonexistent=clock.nonexistent)
    _corrected(located.ambiguous & ~zoned, clock.ambiguous, _AMBIGUOUS, rule, report)
    _corrected(located.nonexistent & ~zoned, clock.nonexistent, _NONEXISTENT, rule, report)
    if naive := len(zoned) - int(zoned.sum()):
        clocks.naive[zone_text(zone)] += naive
        clocks.twice += int((located.ambiguous & ~zoned).sum())
        clocks.skipped += int((located.nonexistent & ~zoned).sum())
    utc = np.where(zoned, wall - own, located.utc)
    return utc, utc + offsets(utc, zone)


def _corrected(rows: Mask, choice: str, fault: Fault, rule: Rule, report: _Report) -> None:
    places, findings, texts, _ = report
    if not rows.any():
        return
    mask = np.zeros(len(texts), dtype=np.bool_)
    mask[places] = rows
    if choice == "reject":
        findings.add(mask, origins.columns_of(rule), texts, fault)
    else:
        findings.count(f'a time that {fault.reason}, taken as "{choice}"', int((mask & ~findings.bad).sum()))


def zones(
    zone: str | int | ColumnOf | None, table: Table, findings: Findings, wanted: Mask
) -> Iterator[tuple[Zone, Any]]:
    """Each distinct zone with the positions of its wanted rows; rows with an unknown zone are rejected."""
    if zone is None:
        return
    if not isinstance(zone, ColumnOf):
        known = parse_zone(str(zone))
        if known is not None:
            yield known, np.flatnonzero(wanted)
        return
    texts = origins.texts(
        Rule(column=(zone.column,), values=zone.values), table, findings, keep_unlisted=True
    )
    encoded = texts.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        rows = wanted & (codes == code)
        known = parse_zone(text, zone.unit)
        if known is None:
            findings.add(rows, [zone.column], texts, zone_fault(text, "zone", zone.unit))
        elif rows.any():
            yield known, np.flatnonzero(rows)
