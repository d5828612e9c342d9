"""Convert cells to times: wall clock seconds, and the offset of each cell that carries one.

A parsed date always exists. pyarrow's `strptime` turns 19970230 into 2 March, and pandas reads the text
"now" as this moment, so the shape of each text is checked before pandas sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import written_zones
from loader.mapping.cells import is_moment, present, whole_seconds
from loader.mapping.encode import nulled, numpy_mask
from loader.mapping.written_zones import NO_NAMES, Names

if TYPE_CHECKING:
    from loader.mapping.rules import Clock
    from loader.mapping.zones import Mask, Seconds

DAY, MOMENT = "%Y%m%d", "%Y%m%d%H%M%S"
#: RFC 5322, section 3.3, and HTTP (RFC 9110, section 5.6.7).
MAIL = "%a, %d %b %Y %H:%M:%S %z"
#: Digits of a second in each unit.
UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
#: Name of a spreadsheet's calendar -> days from its day 0 to 1970. The first counts a 29 February 1900, which
#: never was, as its day 60, as Lotus 1-2-3 did; so 1970 is a day further from the days before it.
EXCEL_EPOCHS = {"excel": 25_569, "excel1904": 24_107}
_NO_DAY = 60


class Epoch(NamedTuple):
    """A count that does not begin in 1970.

    Attributes:
        per_second: how many of its ticks are a second.
        since: seconds from its beginning to 1970.
        utc: whether it is counted in UTC; otherwise on a clock whose zone the count does not say.
        name: what the user calls it.
    """

    per_second: int
    since: int
    utc: bool
    name: str


#: Format -> the count. Microsoft's documentation of `DateTime.Ticks` (from the year 1) and of `FILETIME`
#: (1601), Chromium's `base/time/time.h` (1601), Apple's of `timeIntervalSinceReferenceDate` (2001).
EPOCHS = {
    "dotnet": Epoch(10**7, 62_135_596_800, utc=False, name=".NET ticks"),
    "filetime": Epoch(10**7, 11_644_473_600, utc=True, name="Windows file times"),
    "webkit": Epoch(10**6, 11_644_473_600, utc=True, name="Chromium's microseconds since 1601"),
    "apple": Epoch(1, -978_307_200, utc=True, name="Apple's seconds since 2001"),
}
# A number with an exponent and at most this many digits may have lost some: spreadsheets show six digits in
# this form, and C's `%g` writes six (C11, 7.21.6.1). Writers of the shortest exact form (Java) write more.
_LOSSY_DIGITS = 6
_EXPONENT = r"^-?\d(?:\.\d+)?[eE]\+?\d{1,2}$"
_PLAIN_COUNT = r"^(?:\d{1,18}(?:\.\d*)?|1\d{18}(?:\.\d*)?|-\d{1,18})$"

_ISO = (
    r"^(?P<wall>(?:\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?)|(?:\d{8}T\d{6}))"
    r"(?P<offset> ?(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?))?$"
)
# The same with what Go, Java, Presto and others add: a zone's name, an hour of one digit, more blanks.
_WORDED_ISO = (
    r"^(?P<day>\d{4}-\d\d-\d\d)[Tt ] *(?P<clock>\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) *"
    r"(?P<offset>(?:[Zz]|UTC|UT|GMT|[+-]\d\d(?::?\d\d)?)\b)? *"
    r"(?P<name>\[!?[A-Za-z][\w+/-]*\]|[A-Za-z_]+(?:/[\w+-]+)+|[A-Z]{2,5}|[+-]\d\d(?:\d\d)?)?$"
)
_ISO_LENGTH = len("2024-01-31T10:20:30")
_DIGITS = {
    "Y": r"\d{4}", "y": r"\d\d", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "I": r"\d{1,2}",
    "M": r"\d{1,2}", "S": r"\d{1,2}", "f": r"\d{1,9}", "j": r"\d{1,3}",
}  # fmt: skip
_WORDS = {"b": r"[^\d\s]+", "B": r"[^\d\s]+", "a": r"[^\d\s]+", "A": r"[^\d\s]+", "p": r"[^\d\s]+"}
ZONE_CODES = {
    "z": r"(?:Z|UTC|UT|GMT|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)",
    "Z": r"\[?[A-Za-z_]+(?:/[\w+-]+)*\]?",
}
CODES = _DIGITS | _WORDS | ZONE_CODES | {"%": "%"}
_TIME_CODES = {"H", "I", "M", "S", "f", "p", *ZONE_CODES}


@dataclass(frozen=True, slots=True)
class Times:
    """Times as they were written.

    Attributes:
        wall: seconds since 1970 on the clock that was read.
        own: seconds east of UTC that the value itself carries.
        zoned: the rows that carry their own offset.
        good: the rows that could be read.
        days: the rows that are a calendar day, without a time of day.
        names: the zones that rows name instead of an offset.
    """

    wall: Seconds
    own: Seconds
    zoned: Mask
    good: Mask
    days: Mask
    names: Names = NO_NAMES

    @property
    def carried(self) -> Mask:
        """The rows that say their offset, or name their zone."""
        return self.zoned | self.names.rows if self.names.zones else self.zoned

    def take(self, indices: Any) -> Times:
        """The times at some positions."""
        return Times(
            self.wall[indices],
            self.own[indices],
            self.zoned[indices],
            self.good[indices],
            self.days[indices],
            self.names.take(indices),
        )

    def with_fixed_days(self) -> Times:
        """The same, with calendar days as midnight in UTC, so that no zone moves them."""
        return replace(self, own=np.where(self.days, 0, self.own), zoned=self.zoned | self.days)


def read(cells: pa.Array, texts: pa.Array, clock: Clock) -> Times:
    """Read a column of times.

    Args:
        cells: the cells with their own type.
        texts: the same cells as text.
        clock: format or unit, decided.
    """
    if is_moment(cells.type):
        return _native(cells)
    if clock.unit is not None and not pa.types.is_string(cells.type):
        return _counted(cells, clock)
    if clock.format == "iso" and (times := _even_iso(texts)) is not None:
        return times
    encoded = texts.dictionary_encode()
    indices = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    valid = present(encoded.indices)
    if not len(encoded.dictionary):
        return _none(len(texts))
    times = _text(encoded.dictionary, clock).take(indices)
    return replace(times, good=times.good & valid)


def _text(texts: pa.Array, clock: Clock) -> Times:
    if clock.unit is not None:
        return _counted(texts, clock)
    if clock.format in EXCEL_EPOCHS:
        return _excel(texts, EXCEL_EPOCHS[str(clock.format)])
    if clock.format in EPOCHS:
        return _since(texts, EPOCHS[str(clock.format)])
    if clock.format == "iso":
        return _any_iso(texts)
    return _formatted(texts, str(clock.format))


def _native(cells: pa.Array) -> Times:
    zoned = pa.types.is_timestamp(cells.type) and cells.type.tz is not None
    seconds = whole_seconds(cells)
    days = np.full(len(cells), pa.types.is_date(cells.type))
    return replace(_local(seconds, present(cells), zoned=zoned), days=days)


def _none(rows: int) -> Times:
    return _local(np.zeros(rows, np.int64), np.zeros(rows, np.bool_))


def _counted(cells: pa.Array, clock: Clock) -> Times:
    digits = UNITS[str(clock.unit)]
    seconds, good = _count_text(cells, digits) if pa.types.is_string(cells.type) else _count(cells, digits)
    return _local(seconds, good, zoned=not clock.local)


def _count(cells: pa.Array, digits: int) -> tuple[Seconds, Mask]:
    if pa.types.is_floating(cells.type):
        values = pc.fill_null(cells, 0).to_numpy(zero_copy_only=False).astype(np.float64)
        good = present(cells) & (np.abs(values) < 2.0**62)
        return np.floor(np.where(good, values, 0) / 10**digits).astype(np.int64), good
    if pa.types.is_decimal(cells.type):
        return _count_text(cells.cast(pa.string()), digits)
    try:
        whole = cells.cast(pa.int64())
    except pa.ArrowInvalid:  # an unsigned integer of 64 bits
        return _count_text(cells.cast(pa.string()), digits)
    values = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    return np.floor_divide(values, 10**digits), present(cells)


def _count_text(texts: pa.Array, digits: int) -> tuple[Seconds, Mask]:
    shaped = pc.match_substring_regex(texts, _PLAIN_COUNT)
    if pc.all(shaped).as_py() is False:
        texts = _without_exponents(texts)
        shaped = pc.match_substring_regex(texts, _PLAIN_COUNT)
    good = numpy_mask(shaped)
    whole = pc.if_else(shaped, pc.replace_substring_regex(texts, r"\..*$", ""), "0")
    values = pc.fill_null(whole, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.floor_divide(values, 10**digits), good


def _without_exponents(texts: pa.Array) -> pa.Array:
    """Exact numbers such as 1.709588261E9 in plain digits; others stay as they are."""
    powers = pc.fill_null(pc.match_substring_regex(texts, _EXPONENT), fill_value=False)
    if not pc.any(powers).as_py():
        return texts
    plain = [_plain_digits(text) for text in texts.filter(powers).to_pylist()]
    return pc.replace_with_mask(texts, powers, pa.array(plain, pa.string()))


def _plain_digits(text: str) -> str:
    return text if lost_digits(text) else f"{Decimal(text):f}"


def lost_digits(text: str) -> bool:
    """Whether a number in the form of a spreadsheet or of C's ``%g`` has fewer digits than it had."""
    if not re.fullmatch(_EXPONENT, text, re.ASCII):
        return False
    digits = len(re.sub(r"\D", "", re.split("[eE]", text)[0]))
    return digits <= min(_LOSSY_DIGITS, Decimal(text).adjusted())


def _since(texts: pa.Array, epoch: Epoch) -> Times:
    texts = _without_exponents(texts)
    shaped = pc.match_substring_regex(texts, _PLAIN_COUNT)
    whole = pc.fill_null(pc.if_else(shaped, pc.replace_substring_regex(texts, r"\..*$", ""), "0"), "0")
    ticks = whole.cast(pa.int64()).to_numpy(zero_copy_only=False)
    seconds = np.floor_divide(ticks, epoch.per_second) - epoch.since
    return _local(seconds, numpy_mask(shaped), zoned=epoch.utc)


def _excel(texts: pa.Array, epoch: int) -> Times:
    shaped = pc.match_substring_regex(texts, r"^\d{1,7}(?:\.\d+)?$")
    values = pc.if_else(shaped, texts, "0").cast(pa.float64()).to_numpy(zero_copy_only=False)
    if epoch == EXCEL_EPOCHS["excel"]:
        # Days 1 to 59 count as usual; day 60 does not exist.
        good = numpy_mask(shaped) & ((values < _NO_DAY) | (values >= _NO_DAY + 1))
        values = np.where(values < _NO_DAY, values + 1, values)
    else:
        good = numpy_mask(shaped)
    days = values == np.trunc(values)
    return replace(_local(np.rint((values - epoch) * 86_400).astype(np.int64), good), days=days)


def _local(seconds: Seconds, good: Mask, *, zoned: bool = False) -> Times:
    rows = len(seconds)
    no = np.zeros(rows, np.bool_)
    return Times(seconds, np.zeros(rows, np.int64), np.full(rows, zoned), good, no)


def iso_shaped(texts: pa.Array) -> Mask:
    """The texts that look like an ISO date or time, real or not."""
    shaped = numpy_mask(pc.match_substring_regex(texts, _ISO))
    if not shaped.all():
        parts = pc.extract_regex(plain_blanks(texts), _WORDED_ISO)
        shaped |= present(parts) & ~written_zones.unread(*_zone_parts(parts))
    return shaped


def _even_iso(texts: pa.Array) -> Times | None:
    """The common case, several times as fast: every text is 2024-01-31T10:20:30, or each ends with a Z."""
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    zoned = lengths["min"] == _ISO_LENGTH + 1
    if lengths["min"] != lengths["max"] or lengths["min"] not in {_ISO_LENGTH, _ISO_LENGTH + 1}:
        return None
    if zoned and not pc.all(pc.ends_with(texts, "Z")).as_py():
        return None
    try:
        walls = pc.utf8_slice_codeunits(texts, 0, _ISO_LENGTH) if zoned else texts
        parsed = walls.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        return None
    seconds = pc.fill_null(parsed.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return _local(seconds, present(texts), zoned=zoned)


def _any_iso(texts: pa.Array) -> Times:
    parts = pc.extract_regex(texts, _ISO)
    times = _plain_iso(parts)
    if parts.null_count == texts.null_count:
        return times
    odd = present(texts) & ~present(parts)
    return _merged(times, _worded_iso(plain_blanks(texts.filter(pa.array(odd)))), odd)


def _plain_iso(parts: pa.Array) -> Times:
    walls, offsets = pc.struct_field(parts, "wall"), pc.struct_field(parts, "offset")
    days = numpy_mask(pc.equal(pc.binary_length(walls), len("2024-01-31")))
    walls = pc.replace_substring(pc.replace_substring(walls, ",", "."), "t", "T")
    seconds, good = _seconds(walls, "ISO8601")
    own, zoned, wrong = written_zones.read_offsets(offsets)
    return Times(seconds, own, zoned, good & ~wrong, days)


def _worded_iso(texts: pa.Array) -> Times:
    parts = pc.extract_regex(texts, _WORDED_ISO)
    day, clock = pc.struct_field(parts, "day"), pc.struct_field(parts, "clock")
    clock = pc.replace_substring(pc.replace_substring_regex(clock, r"^(\d):", r"0\1:"), ",", ".")
    seconds, good = _seconds(pc.binary_join_element_wise(day, clock, "T"), "ISO8601")
    return _with_zones(seconds, good, *_zone_parts(parts))


def _zone_parts(parts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The texts of offsets and of names; what a text lacks is null."""
    fields = (pc.struct_field(parts, name) for name in ("offset", "name"))
    offsets, names = (nulled(pc.equal(field, ""), field) for field in fields)
    return offsets, names


def _with_zones(wall: Seconds, good: Mask, offsets: pa.Array, names: pa.Array) -> Times:
    """Times whose texts also say an offset, the name of a zone, or both."""
    own, zoned, wrong = written_zones.read_offsets(offsets)
    wrong |= written_zones.unread(offsets, names)
    found = written_zones.read_names(names)
    wrong |= written_zones.contradicted(wall, own, zoned, offsets, found)
    return Times(wall, own, zoned, good & ~wrong, np.zeros(len(wall), np.bool_), found.without(zoned))


def _merged(times: Times, others: Times, rows: Mask) -> Times:
    """Times of which some rows come from another reading."""
    wall, own, zoned = times.wall.copy(), times.own.copy(), times.zoned.copy()
    good, days = times.good.copy(), times.days.copy()
    wall[rows], own[rows], zoned[rows] = others.wall, others.own, others.zoned
    good[rows], days[rows] = others.good, others.days
    return Times(wall, own, zoned, good, days, others.names.spread(rows))


def plain_blanks(texts: pa.Array) -> pa.Array:
    """Texts in which every Unicode blank is a plain one, and marks of the writing direction are gone.

    JavaScript writes U+202F before AM and PM since Unicode CLDR 42, and some browsers wrote U+200E around
    numbers.
    """
    if pc.all(pc.string_is_ascii(texts)).as_py() is not False:
        return texts
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, r"\p{Zs}", " "), _MARKS, "")


_MARKS = "[\u200e\u200f]"


def is_day_format(form: str) -> bool:
    """Whether strptime codes say a day and no time of day."""
    return form not in {"iso", *EXCEL_EPOCHS, *EPOCHS} and not _TIME_CODES & set(_codes(form))


def _codes(form: str) -> list[str]:
    return [piece[1:] for piece in _pieces(form) if piece.startswith("%")]


def _formatted(texts: pa.Array, form: str) -> Times:
    texts, form = plain_blanks(texts), _plain_blanks_of(form)
    if ZONE_CODES.keys() & set(_codes(form)):
        return _formatted_with_zone(texts, form)
    shaped = nulled(pc.invert(pc.match_substring_regex(texts, shape(form))), texts)
    times = _local(*_seconds(shaped, form))
    return replace(times, days=np.full(len(texts), is_day_format(form)))


def _plain_blanks_of(form: str) -> str:
    blanks: str = plain_blanks(pa.array([form]))[0].as_py()
    return blanks


def _seconds(texts: pa.Array, form: str) -> tuple[Seconds, Mask]:
    parsed = pd.to_datetime(texts.to_pandas(), format=form, errors="coerce")
    good = np.asarray(parsed.notna())
    seconds = parsed.to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.where(good, seconds, 0), good


def _formatted_with_zone(texts: pa.Array, form: str) -> Times:
    """Times with ``%z`` or ``%Z``. The zone is taken out first: pandas would lose each value's own offset."""
    before, code, after = _around_zone(form)
    parts = pc.extract_regex(
        texts,
        f"^(?P<before>{_shapes(before)})(?P<zone>{ZONE_CODES[code]})(?P<after>{_shapes(after)})"
        f"{'' if after else _COMMENT}$",
    )
    zones = pc.struct_field(parts, "zone")
    rest = pc.binary_join_element_wise(
        pc.struct_field(parts, "before"), pc.struct_field(parts, "after"), _BETWEEN
    )
    seconds, good = _seconds(rest, without_zone(form))
    offsets = nulled(pc.invert(pc.match_substring_regex(zones, f"^{ZONE_CODES['z']}$")), zones)
    names = nulled(pc.is_valid(offsets), zones)
    return _with_zones(seconds, good, offsets, names)


# What mail programs and JavaScript write behind an offset, which says all: (UTC), (Central European Time).
_COMMENT = r"(?: ?\([^()]*\))?"

# Stands where the zone was, so that the digits on both sides do not touch.
_BETWEEN = "\x1f"


def without_zone(form: str) -> str:
    """A format without its code for a zone, if it has one."""
    if not ZONE_CODES.keys() & set(_codes(form)):
        return form
    before, _, after = _around_zone(form)
    return before + _BETWEEN + after


def _around_zone(form: str) -> tuple[str, str, str]:
    pieces = _pieces(form)
    place = next(place for place, piece in enumerate(pieces) if piece[0] == "%" and piece[1:] in ZONE_CODES)
    return "".join(pieces[:place]), pieces[place][1:], "".join(pieces[place + 1 :])


def _pieces(form: str) -> list[str]:
    """A format as codes and the texts between them."""
    return re.findall(r"%.|[^%]+", form, flags=re.DOTALL)


def shape(form: str) -> str:
    """A regular expression for texts of a format: digits that touch other digits have a fixed width.

    Without it "2024031" would pass as ``%Y%m%d``, and "now" as anything.
    """
    return f"^{_shapes(form)}{_COMMENT if form.endswith(('%z', '%Z')) else ''}$"


def _shapes(form: str) -> str:
    pieces, result = _pieces(form), ""
    for position, piece in enumerate(pieces):
        code = piece[1:] if piece.startswith("%") else None
        if code in _DIGITS:
            beside = pieces[max(position - 1, 0) : position] + pieces[position + 1 : position + 2]
            touching = any(other[1:] in _DIGITS if other.startswith("%") else False for other in beside)
            result += (
                _DIGITS[code].replace("{1,2}", "{2}").replace("{1,3}", "{3}") if touching else _DIGITS[code]
            )
        else:
            result += CODES[code] if code is not None else _literal(piece)
    return result


def _literal(piece: str) -> str:
    """What stands between codes; a blank stands for any number of them, as in `strptime`."""
    return " +".join(re.escape(part) for part in re.split(" +", piece))
