"""Convert cells to times: wall clock seconds, and the offset of each cell that carries one.

A parsed date always exists. pyarrow's `strptime` turns 19970230 into 2 March, and pandas reads the text
"now" as this moment, so the shape of each text is checked before pandas sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.cells import is_moment, present, whole_seconds
from loader.mapping.encode import nulled, numpy_mask
from loader.mapping.zones import parse_offset

if TYPE_CHECKING:
    from loader.mapping.rules import Clock
    from loader.mapping.zones import Mask, Seconds

DAY, MOMENT = "%Y%m%d", "%Y%m%d%H%M%S"
#: Digits of a second in each unit.
UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
#: Name of a spreadsheet's calendar -> days from its day 0 to 1970. The first counts a 29 February 1900, which
#: never was, as its day 60, as Lotus 1-2-3 did; so 1970 is a day further from the days before it.
EXCEL_EPOCHS = {"excel": 25_569, "excel1904": 24_107}
_NO_DAY = 60

_ISO = (
    r"^(?P<wall>(?:\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?)|(?:\d{8}T\d{6}))"
    r"(?P<offset> ?(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?))?$"
)
_ISO_LENGTH = len("2024-01-31T10:20:30")
_DIGITS = {
    "Y": r"\d{4}", "y": r"\d\d", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "I": r"\d{1,2}",
    "M": r"\d{1,2}", "S": r"\d{1,2}", "f": r"\d{1,9}", "j": r"\d{1,3}",
}  # fmt: skip
_WORDS = {"b": r"[^\d\s]+", "B": r"[^\d\s]+", "a": r"[^\d\s]+", "A": r"[^\d\s]+", "p": r"[^\d\s]+"}
_OFFSETS = {"z": r"(?:Z|[+-]\d\d:?\d\d(?::?\d\d)?)"}
CODES = _DIGITS | _WORDS | _OFFSETS | {"%": "%"}


@dataclass(frozen=True, slots=True)
class Times:
    """Times as they were written.

    Attributes:
        wall: seconds since 1970 on the clock that was read.
        own: seconds east of UTC that the value itself carries.
        zoned: the rows that carry their own offset.
        good: the rows that could be read.
    """

    wall: Seconds
    own: Seconds
    zoned: Mask
    good: Mask

    def take(self, indices: Any) -> Times:
        """The times at some positions."""
        return Times(self.wall[indices], self.own[indices], self.zoned[indices], self.good[indices])


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
    encoded = texts.dictionary_encode()
    indices = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    valid = present(encoded.indices)
    if not len(encoded.dictionary):
        return _none(len(texts))
    times = _text(encoded.dictionary, clock).take(indices)
    return Times(times.wall, times.own, times.zoned, times.good & valid)


def _text(texts: pa.Array, clock: Clock) -> Times:
    if clock.unit is not None:
        return _counted(texts, clock)
    if clock.format in EXCEL_EPOCHS:
        return _excel(texts, EXCEL_EPOCHS[str(clock.format)])
    if clock.format == "iso":
        return _iso(texts)
    return _formatted(texts, str(clock.format))


def _native(cells: pa.Array) -> Times:
    zoned = pa.types.is_timestamp(cells.type) and cells.type.tz is not None
    seconds = whole_seconds(cells)
    rows = len(cells)
    return Times(seconds, np.zeros(rows, np.int64), np.full(rows, zoned), present(cells))


def _none(rows: int) -> Times:
    zero, no = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    return Times(zero, zero, no, no)


def _counted(cells: pa.Array, clock: Clock) -> Times:
    digits = UNITS[str(clock.unit)]
    seconds, good = _count_text(cells, digits) if pa.types.is_string(cells.type) else _count(cells, digits)
    return Times(seconds, np.zeros(len(cells), np.int64), np.full(len(cells), not clock.local), good)


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
    shaped = pc.match_substring_regex(texts, r"^(?:\d{1,18}(?:\.\d*)?|1\d{18}(?:\.\d*)?|-\d{1,18})$")
    good = numpy_mask(shaped)
    whole = pc.if_else(shaped, pc.replace_substring_regex(texts, r"\..*$", ""), "0")
    values = pc.fill_null(whole, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.floor_divide(values, 10**digits), good


def _excel(texts: pa.Array, epoch: int) -> Times:
    shaped = pc.match_substring_regex(texts, r"^\d{1,7}(?:\.\d+)?$")
    values = pc.if_else(shaped, texts, "0").cast(pa.float64()).to_numpy(zero_copy_only=False)
    if epoch == EXCEL_EPOCHS["excel"]:
        # Days 1 to 59 count as usual; day 60 does not exist.
        good = numpy_mask(shaped) & ((values < _NO_DAY) | (values >= _NO_DAY + 1))
        values = np.where(values < _NO_DAY, values + 1, values)
    else:
        good = numpy_mask(shaped)
    return _local(np.rint((values - epoch) * 86_400).astype(np.int64), good)


def _local(seconds: Seconds, good: Mask) -> Times:
    return Times(seconds, np.zeros(len(seconds), np.int64), np.zeros(len(seconds), np.bool_), good)


def iso_shaped(texts: pa.Array) -> Mask:
    """The texts that look like an ISO date or time, real or not."""
    return numpy_mask(
        pc.match_substring_regex(texts, _ISO.replace("?P<wall>", "?:").replace("?P<offset>", "?:"))
    )


def _iso(texts: pa.Array) -> Times:
    return _even_iso(texts) or _any_iso(texts)


def _even_iso(texts: pa.Array) -> Times | None:
    """The common case, several times as fast: every text is 2024-01-31T10:20:30, or each ends with a Z."""
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    zoned = lengths["min"] == _ISO_LENGTH + 1
    if lengths["min"] != lengths["max"] or lengths["min"] not in {_ISO_LENGTH, _ISO_LENGTH + 1}:
        return None
    if zoned and not pc.all(pc.ends_with(texts, "Z")).as_py():
        return None
    try:
        parsed = pc.utf8_slice_codeunits(texts, 0, _ISO_LENGTH).cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        return None
    rows = len(texts)
    seconds = pc.fill_null(parsed.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return Times(seconds, np.zeros(rows, np.int64), np.full(rows, zoned), present(texts))


def _any_iso(texts: pa.Array) -> Times:
    parts = pc.extract_regex(texts, _ISO)
    walls, offsets = pc.struct_field(parts, "wall"), pc.struct_field(parts, "offset")
    walls = pc.replace_substring(pc.replace_substring(walls, ",", "."), "t", "T")
    seconds, good = _seconds(walls, "ISO8601")
    encoded = pc.fill_null(offsets, "").dictionary_encode()
    known = [_iso_offset(text) for text in encoded.dictionary.to_pylist()]
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    own = np.array([offset or 0 for offset in known], dtype=np.int64)[indices]
    zoned = np.array([offset is not None for offset in known], dtype=np.bool_)[indices]
    wrong = numpy_mask(pc.greater(pc.utf8_length(pc.fill_null(offsets, "")), 0)) & ~zoned
    return Times(seconds, own, zoned, good & ~wrong)


def _iso_offset(text: str) -> int | None:
    text = text.strip()
    if text in {"Z", "z", "UTC"}:
        return 0
    if re.fullmatch(r"[+-]\d\d(:?\d\d)?", text):
        minutes = text[-2:] if len(text) > 3 else "00"
        return parse_offset(f"{text[:3]}:{minutes}")
    return None


def _formatted(texts: pa.Array, form: str) -> Times:
    shaped = nulled(pc.invert(pc.match_substring_regex(texts, shape(form))), texts)
    if "%z" in form.replace("%%", ""):
        return _with_offset(shaped, form)
    return _local(*_seconds(shaped, form))


def _seconds(texts: pa.Array, form: str) -> tuple[Seconds, Mask]:
    parsed = pd.to_datetime(texts.to_pandas(), format=form, errors="coerce")
    good = np.asarray(parsed.notna())
    seconds = parsed.to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.where(good, seconds, 0), good


def _with_offset(texts: pa.Array, form: str) -> Times:
    """Read times with ``%z``, because pandas would lose each value's own offset."""
    parsed = [_strptime(text, form) for text in texts.to_pylist()]
    good = np.array([when is not None for when in parsed], dtype=np.bool_)
    own = np.array([_own_offset(when) for when in parsed], dtype=np.int64)
    utc = np.array([int(when.timestamp() // 1) if when else 0 for when in parsed], dtype=np.int64)
    return Times(utc + own, own, good, good)


def _own_offset(when: datetime | None) -> int:
    offset = when.utcoffset() if when else None
    return int(offset.total_seconds()) if offset is not None else 0


def _strptime(text: str | None, form: str) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.strptime(text, form)
    except (ValueError, OverflowError):
        return None
    return when if 1900 < when.year < 9999 else None


def shape(form: str) -> str:
    """A regular expression for texts of a format: digits that touch other digits have a fixed width.

    Without it "2024031" would pass as ``%Y%m%d``, and "now" as anything.
    """
    pieces = re.findall(r"%.|[^%]+", form, flags=re.DOTALL)
    result = ""
    for position, piece in enumerate(pieces):
        code = piece[1:] if piece.startswith("%") else None
        if code in _DIGITS:
            beside = pieces[max(position - 1, 0) : position] + pieces[position + 1 : position + 2]
            touching = any(other[1:] in _DIGITS if other.startswith("%") else False for other in beside)
            result += (
                _DIGITS[code].replace("{1,2}", "{2}").replace("{1,3}", "{3}") if touching else _DIGITS[code]
            )
        else:
            result += CODES[code] if code is not None else re.escape(piece)
    return f"^{result}$"
