"""How the times of a column are written, decided from a sample; never if two readings are possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import timestamps, usual_formats
from loader.mapping.cells import is_moment
from loader.mapping.encode import numpy_mask
from loader.mapping.instants import UNIT_NAMES, Window
from loader.mapping.rules import Clock
from loader.text.escape import quote as shown

if TYPE_CHECKING:
    from loader.mapping.zones import Mask

_DAY = 86_400
#: A count is taken for a unit only if at least half of its times are plausible for the events of an app. The
#: app stores opened in 2008. What a unit puts before 2000 is more likely a count of something else: .NET
#: ticks of 2024 read as nanoseconds are in 1990, Apple's seconds of 2024 are in 1993.
PLAUSIBLE_COUNT = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_CANDIDATES = (
    *(Clock(format=form) for form in (timestamps.DAY, timestamps.MOMENT, timestamps.MAIL, "iso")),
    *(Clock(unit=unit) for unit in timestamps.UNITS),
)
_DECLARE = (
    'Say in the mapping how it is written: format = "iso", strptime codes such as format = "%d.%m.%Y %H:%M", '
    'or unit = "s", "ms", "us" or "ns".'
)
_LOSSY = "has lost digits, because it was written with an exponent. Export the times with all their digits."


class Undecided(Exception):
    """The sample does not tell how times are written, or in which zone; the text says why and what to do."""


class NoZone(Undecided):
    """The values carry no time zone, and the mapping gives none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A decided clock, and what the sample showed.

    Attributes:
        clock: with format or unit written out (neither for Arrow's own dates and timestamps).
        own: whether all sampled values carry their own offset or count from UTC.
        days: whether all values are days; the time of an event is then local midnight.
    """

    clock: Clock
    own: bool
    days: bool


def decide(
    cells: pa.Array, texts: pa.Array, clock: Clock, now: datetime, *, days_are_fixed: bool = False
) -> Reading:
    """Decide the format, the unit, and whether a zone is needed.

    Args:
        cells: a sample of the cells, with their own type.
        texts: the same cells as text.
        clock: what the mapping says.
        now: the start of the load.
        days_are_fixed: whether a calendar day needs no zone, as in an attribute or a tag.

    Raises:
        Undecided: none or several readings fit, or a zone is needed and not given.
    """
    if clock.format is None and clock.unit is None and not is_moment(cells.type):
        clock = _fitting(texts.drop_null(), clock, now)
    times = timestamps.read(cells, texts, clock)
    times = times.with_fixed_days() if days_are_fixed and clock.zone is None else times
    carried = times.carried
    own = bool(carried[times.good].all())
    if not own and clock.zone is None:
        bare = texts.filter(pa.array(times.good & ~carried))[0].as_py()
        raise NoZone(
            f"{shown(bare)} carries no time zone, and the loader never guesses one. Set zone in the mapping, "
            'for example zone = "America/New_York", zone = "+05:45" or zone = { column = "timezone" }.'
        )
    return Reading(clock, own, days=bool(times.good.any() and times.days[times.good].all()))


def _fitting(texts: pa.Array, clock: Clock, now: datetime) -> Clock:
    if not len(texts):
        # Without a value nothing can be read wrongly: a later value that is not an ISO time is rejected.
        return replace(clock, format="iso")
    texts = texts.unique()
    window = Window.of(clock, now)
    fits = {candidate: _fit(texts, candidate, window) for candidate in _CANDIDATES}
    whole = [candidate for candidate, fit in fits.items() if fit.all()]
    if len(whole) == 1:
        _refuse_implausible(texts, whole[0], clock, now)
        return replace(clock, format=whole[0].format, unit=whole[0].unit)
    best = max(fits, key=lambda candidate: int(fits[candidate].sum()))
    raise Undecided(_why(texts, best, fits[best], now, several=len(whole) > 1))


def _refuse_implausible(texts: pa.Array, candidate: Clock, clock: Clock, now: datetime) -> None:
    """Refuse a unit that is merely the only one left; with `earliest` the mapping allows such times."""
    if candidate.unit is None or clock.earliest is not None:
        return
    early = timestamps.read(texts, texts, candidate).wall < PLAUSIBLE_COUNT
    if early.sum() * 2 <= len(texts):
        return
    text = texts.filter(pa.array(early))[0].as_py()
    unit = UNIT_NAMES[candidate.unit]
    reading = f"{shown(text)} would be {_moment(text, candidate)} in {unit} since 1970"
    meant = f'If that is right, write unit = "{candidate.unit}" in the mapping.'
    others = " ".join([meant, *_other_epochs(text, now)])
    raise Undecided(f"{reading}, and only the lack of another unit says so. {others}")


def _other_epochs(text: str, now: datetime) -> list[str]:
    """The counts that do not begin in 1970 by which a number would be a plausible time."""
    found = []
    for form in (*timestamps.EPOCHS, *timestamps.EXCEL_EPOCHS):
        read = timestamps.read(pa.array([text]), pa.array([text]), Clock(format=form))
        if read.good[0] and _first_plausible(form) <= read.wall[0] <= now.timestamp() + _DAY:
            found.append(f'With format = "{form}" it would be {_moment(text, Clock(format=form))}.')
    return found


def _first_plausible(form: str) -> int:
    """In a count that begins later, any small number would be a time of its first days."""
    epoch = timestamps.EPOCHS.get(form)
    return max(PLAUSIBLE_COUNT, 366 * _DAY - epoch.since) if epoch else PLAUSIBLE_COUNT


def _moment(text: str, clock: Clock) -> str:
    seconds = timestamps.read(pa.array([text]), pa.array([text]), clock).wall[0]
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d %H:%M:%S}"


def _why(texts: pa.Array, best: Clock, fit: Mask, now: datetime, *, several: bool) -> str:
    if several:
        return f"times such as {shown(texts[0].as_py())} can be read in several ways. {_DECLARE}"
    if not fit.any() and (forms := usual_formats.list_fitting(texts)):
        return f"{shown(texts[0].as_py())} is not a recognised time. {_name_forms(forms)}"
    if not fit.any():
        if timestamps.lost_digits(texts[0].as_py()):
            return f"{shown(texts[0].as_py())} {_LOSSY}"
        hints = [*_abbreviated(texts[0].as_py()), *_other_epochs(texts[0].as_py(), now)]
        return f"{shown(texts[0].as_py())} is not a recognised time. {' '.join([_DECLARE, *hints])}"
    odd, like = (shown(texts.filter(pa.array(mask))[0].as_py()) for mask in (~fit, fit))
    declared = f'format = "{best.format}"' if best.format else f'unit = "{best.unit}"'
    return (
        f"the times do not all have one form: {odd} differs from {like}. "
        f"If {declared} is right, write it in the mapping; rows that differ are then rejected. "
        "Otherwise convert the times to one form."
    )


def _name_forms(forms: list[str]) -> str:
    """The formats that a sample fits. No load takes one by itself: the next row may tell another."""
    listed = " or ".join(f'format = "{form}"' for form in forms)
    if len(forms) == 1:
        return f"Write {listed} in the mapping, which fits the sample."
    return f"Several formats fit the sample. Write the right one in the mapping: {listed}."


def _abbreviated(text: str) -> list[str]:
    """What to write for an ISO time that ends with an abbreviation."""
    time, _, word = text.rpartition(" ")
    if not (
        word.isalpha() and word.isupper() and len(word) <= 5 and timestamps.iso_shaped(pa.array([time]))[0]
    ):
        return []
    return [
        f"{word} can mean several time zones. Write the zone that is meant, and the word as a part of the "
        f'format, such as format = "%Y-%m-%d %H:%M:%S {word}" and zone = "America/Chicago".'
    ]


def _fit(texts: pa.Array, candidate: Clock, window: Window) -> Mask:
    """The texts that a candidate reads as plausible times.

    The shape of an ISO time is enough, because nothing else has it. The shape of YYYYMMDD is enough if at
    least half of the texts are plausible days: then a 30 February among them is a mistake of that row.
    """
    if candidate.format == "iso":
        return timestamps.iso_shaped(texts)
    times = timestamps.read(texts, texts, candidate)
    plausible: Mask = (
        times.good & (times.wall >= window.earliest - _DAY) & (times.wall <= window.latest + _DAY)
    )
    if candidate.format is not None and plausible.sum() * 2 >= len(texts):
        return numpy_mask(pc.match_substring_regex(texts, timestamps.shape(candidate.format)))
    return plausible
