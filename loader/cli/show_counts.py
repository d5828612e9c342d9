"""The words for a comparison with the vendor's counts, its table, and its record for a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from loader.text.escape import escape_short
from loader.verification.counts.hours import format_hour
from loader.verification.counts.readings import Clocked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.verification.counts.counting import CountsVerification
    from loader.verification.counts.hours import Expected
    from loader.verification.counts.readings import Comparison, HourDifference, Reading

SHOWN = 20  # hours
_UNKNOWN = "?"
_LATER = "in all runs"


@dataclass(frozen=True, slots=True)
class ShownCounts:
    """A comparison with counts as it is shown."""

    found: CountsVerification

    @property
    def exit_code(self) -> int:
        """0 without a difference."""
        return 0 if self.found.ok else 9

    def describe(self) -> str:
        """All of it, for the user."""
        comparison = self.found.comparison
        reading = comparison.reading
        lines = [
            f"Compared with the counts of {self.found.host}, by event and hour.",
            describe_reading(reading),
        ]
        lines += list_totals(comparison)
        if comparison.differences:
            lines += ["", *build_table(comparison.differences[:SHOWN])]
            hidden = len(comparison.differences) - SHOWN
            lines += [f"… and {hidden:,} more hours"] if hidden > 0 else []
        if reading.extra:
            lines += [
                "",
                "A surplus need not be a fault: the counts hold what others sent too, such as the app.",
            ]
        return "\n".join(lines)

    def record(self) -> dict[str, object]:
        """All of it, for a program."""
        comparison = self.found.comparison
        reading = comparison.reading
        return {
            "landed": f"the counts of {self.found.host}",
            "checkpoints": [str(path) for path in self.found.checkpoints],
            "ok": self.found.ok,
            "hours_of": reading.clocked.value,
            "hours_ahead_of_utc": reading.shift,
            "totals": {"same": comparison.equal, "missing": reading.missing, "extra": reading.extra},
            "events": [
                {"event": each.event, **each.expected._asdict(), "counted": each.counted}
                for each in comparison.totals
            ],
            "differences": [record_hour(each) for each in comparison.differences],
            "exit_code": self.exit_code,
        }


def describe_reading(reading: Reading) -> str:
    """Which time the vendor counts by, as far as the counts show it."""
    zone = f", in hours that are {reading.shift:+d} h from UTC" if reading.shift else ""
    by = {
        Clocked.EVENT: f"by the time of the event (timestampUTC){zone}",
        Clocked.ARRIVAL: "by the moment at which an event arrives",
    }[reading.clocked]
    if reading.fits:
        return f"The vendor counts {by}: then every count is as expected."
    return (
        "Neither the time of the event nor the moment of sending explains all counts. "
        f"Shown are those {by}, which explains the most."
    )


def list_totals(comparison: Comparison) -> list[str]:
    """The totals, a line each, and those of each event."""
    reading = comparison.reading
    counts = {"= same": comparison.equal, "- missing": reading.missing, "+ extra": reading.extra}
    units = {"= same": "hours of an event", "- missing": "events", "+ extra": "events"}
    width = max(len(f"{number:,}") for number in counts.values())
    lines = [f"  {name:<9} {number:>{width},} {units[name]}" for name, number in counts.items()]
    rows = [
        (escape_short(each.event), write_expected(each.expected), f"{each.counted:,}")
        for each in comparison.totals
    ]
    return [*lines, "", *align([("event", "expected", "counted"), *rows])]


def build_table(differences: Sequence[HourDifference]) -> list[str]:
    """The hours that differ, a line each, with what is expected under either reading."""
    head = ("", "event", "hour (UTC)", "by its time", "by sending", "counted", "off")
    rows = [
        (
            "-" if each.missing else "+",
            escape_short(each.event),
            _LATER if each.hour is None else format_hour(each.hour),
            write_expected(each.by_time),
            write_expected(each.by_sending),
            f"{each.counted:,}",
            f"{each.extra - each.missing:+,}",
        )
        for each in differences
    ]
    return align([head, *rows])


def write_expected(rows: Expected | None) -> str:
    """How many rows are expected: ``12``, or ``12 to 15`` with rows in doubt."""
    if rows is None:
        return _UNKNOWN
    most = rows.confirmed + rows.in_doubt
    return f"{rows.confirmed:,} to {most:,}" if rows.in_doubt else f"{rows.confirmed:,}"


def align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [
        all(cell[:1].isdigit() or cell[:1] in "+-?" for cell in column[1:])
        for column in zip(*rows, strict=True)
    ]
    return [
        "  ".join(
            cell.rjust(width) if numbers else cell.ljust(width)
            for cell, width, numbers in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def record_hour(difference: HourDifference) -> dict[str, object]:
    """One hour that differs, for a program."""
    return {
        "sign": "-" if difference.missing else "+",
        "event": difference.event,
        "hour": None if difference.hour is None else format_hour(difference.hour),
        "expected_by_time": _record_expected(difference.by_time),
        "expected_by_sending": _record_expected(difference.by_sending),
        "counted": difference.counted,
        "missing": difference.missing,
        "extra": difference.extra,
    }


def _record_expected(rows: Expected | None) -> dict[str, int] | None:
    return None if rows is None else rows._asdict()


def build_frame(comparison: Comparison) -> pd.DataFrame:
    """All hours that differ, as a table."""
    texts, numbers = pa.string(), pa.int64()
    schema = pa.schema(
        {
            "sign": texts,
            "event": texts,
            "hour": texts,
            "confirmed": numbers,
            "in_doubt": numbers,
            "counted": numbers,
            "missing": numbers,
            "extra": numbers,
        }
    )
    rows = [_flatten(each) for each in comparison.differences]
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _flatten(difference: HourDifference) -> dict[str, object]:
    expected = difference.by_time or difference.by_sending
    rows = {} if expected is None else expected._asdict()
    record = record_hour(difference)
    return {name: record[name] for name in ("sign", "event", "hour", "counted", "missing", "extra")} | rows
