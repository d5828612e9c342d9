"""The words for a comparison with the vendor's counts, its table, and its record for a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.text.escape import escape_short
from loader.verification.counts.hours import format_hour
from loader.verification.counts.tables import describe_reading, record_hour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.verification.counts.counting import CountsVerification
    from loader.verification.counts.hours import Expected
    from loader.verification.counts.readings import Comparison, HourDifference

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
