"""The usual ways to write a date that ISO 8601 does not know: named for the user, never taken by a load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.mapping import timestamps
from loader.mapping.rules import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d"),
    *("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %I:%M:%S %p", ", %H:%M:%S"),
    " %I.%M.%S.%f %p",
)
#: Times that name the day of the week: C's `asctime`, Java's `Date`, and JavaScript's without its last words.
_WEEKDAYS = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Z %Y", "%a %b %d %Y %H:%M:%S GMT%z")


def list_fitting(values: pa.Array) -> list[str]:
    """The usual ways to write a date that fit every value of a sample."""
    texts = values.drop_null().unique()
    return [
        form
        for form in _forms()
        if len(texts) and timestamps.read(texts, texts, Clock(format=form)).good.all()
    ]


def _forms() -> Iterator[str]:
    for clock in _CLOCKS:
        yield from (day + clock + zone for day in _DATES for zone in ("", " %z") if clock or not zone)
    yield from _WEEKDAYS
