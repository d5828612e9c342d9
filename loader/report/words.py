"""Numbers, times and shares as a report writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.look.numbers import number
from loader.text.account import format_duration

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["latency", "moment", "number", "share", "size", "span"]

NONE = "–"


def share(part: int, whole: int) -> str:
    """A percentage; 0 and 100 stand only for exactly that."""
    if not whole or not part:
        return "0 %"
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "under 0.1 %"
    return "over 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def latency(seconds: float | None) -> str:
    """A time that an answer took, with two digits that mean something."""
    if seconds is None:
        return NONE
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.0f} ms" if milliseconds >= 9.95 else f"{milliseconds:.2g} ms"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.2g} s"


def span(seconds: float) -> str:
    """How long something took."""
    return format_duration(seconds)


def moment(at: datetime) -> str:
    """A date and a time of day in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def size(count: int) -> str:
    """A number of bytes."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.3g} GB"
