"""How the times of a column are written, decided from a sample; never if two readings are possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import timestamps
from loader.mapping.cells import is_moment
from loader.mapping.encode import numpy_mask
from loader.mapping.instants import Window
from loader.mapping.rules import Clock
from loader.text.escape import quote as shown

if TYPE_CHECKING:
    from datetime import datetime

    from loader.mapping.zones import Mask

_DAY = 86_400
_CANDIDATES = (
    *(Clock(format=form) for form in (timestamps.DAY, timestamps.MOMENT, "iso")),
    *(Clock(unit=unit) for unit in timestamps.UNITS),
)
_DECLARE = (
    'Say in the mapping how it is written: format = "iso", strptime codes such as format = "%d.%m.%Y %H:%M", '
    'or unit = "s", "ms", "us" or "ns".'
)


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
        midnight: whether the values are days, read as local midnight.
    """

    clock: Clock
    own: bool
    midnight: bool


def decide(cells: pa.Array, texts: pa.Array, clock: Clock, now: datetime) -> Reading:
    """Decide the format, the unit, and whether a zone is needed.

    Raises:
        Undecided: none or several readings fit, or a zone is needed and not given.
    """
    if clock.format is None and clock.unit is None and not is_moment(cells.type):
        clock = _fitting(texts.drop_null(), clock, now)
    times = timestamps.read(cells, texts, clock)
    own = bool(times.zoned[times.good].all())
    if not own and clock.zone is None:
        bare = texts.filter(pa.array(times.good & ~times.zoned))[0].as_py()
        raise NoZone(
            f"{shown(bare)} carries no time zone, and the loader never guesses one. Set zone in the mapping, "
            'for example zone = "America/New_York", zone = "+05:45" or zone = { column = "timezone" }.'
        )
    days = pa.types.is_date(cells.type) or clock.format == timestamps.DAY
    return Reading(clock, own, days)


def _fitting(texts: pa.Array, clock: Clock, now: datetime) -> Clock:
    if not len(texts):
        # Without a value nothing can be read wrongly: a later value that is not an ISO time is rejected.
        return replace(clock, format="iso")
    texts = texts.unique()
    window = Window.of(clock, now)
    fits = {candidate: _fit(texts, candidate, window) for candidate in _CANDIDATES}
    whole = [candidate for candidate, fit in fits.items() if fit.all()]
    if len(whole) == 1:
        return replace(clock, format=whole[0].format, unit=whole[0].unit)
    best = max(fits, key=lambda candidate: int(fits[candidate].sum()))
    raise Undecided(_why(texts, best, fits[best], several=len(whole) > 1))


def _why(texts: pa.Array, best: Clock, fit: Mask, *, several: bool) -> str:
    if several:
        return f"times such as {shown(texts[0].as_py())} can be read in several ways. {_DECLARE}"
    if not fit.any():
        return f"{shown(texts[0].as_py())} is not a recognised time. {_DECLARE}"
    odd, like = (shown(texts.filter(pa.array(mask))[0].as_py()) for mask in (~fit, fit))
    declared = f'format = "{best.format}"' if best.format else f'unit = "{best.unit}"'
    return (
        f"the times do not all have one form: {odd} differs from {like}. "
        f"If {declared} is right, write it in the mapping; rows that differ are then rejected. "
        "Otherwise convert the times to one form."
    )


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
