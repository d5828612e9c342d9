"""What a comparison with counts found, in a sentence, as records and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from loader.verification.counts.hours import format_hour
from loader.verification.counts.readings import Clocked

if TYPE_CHECKING:
    from loader.verification.counts.hours import Expected
    from loader.verification.counts.readings import Comparison, HourDifference, Reading


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


def build_hours(comparison: Comparison) -> pd.DataFrame:
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
