"""By what a report counts events: name and month of each row, kept in the checkpoint beside its lease.

A category follows from the input and the mapping alone. What becomes of a row is decided later, perhaps more
than once. So no sum by state is kept, which a kill could leave wrong: a report puts the categories beside the
states that the checkpoint has at that moment.

    Categoriser().categorise(mapped)     the categories of a mapped chunk
    KeptCategories(ledger).of(rows)      those that a checkpoint has
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.journal import PackedCategories
from loader.methods import MAX_EVENT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import CheckpointView
    from loader.mapping import Mapped

#: More names than this are not event names but a column of something else; memory must not grow with them.
MOST_NAMES = 10_000
#: Ages ago and ages ahead; a mapping may allow such times, and a report need not show their months.
MOST_MONTHS = 12 * 400
#: The month of a row whose time the mapping rejects, or does not read.
TIMELESS = -(1 << 15)

# The codes of rows that have no category: it is not known here, or the mapping leaves the row out.
UNKNOWN, OUTSIDE, _FIRST = 0, 1, 2
_DAY = 86_400
# Up to as many categories that could occur, those that do are found by counting.
_DENSE = 1 << 16
_CODEC = "zstd"
# Bytes of the names, categories, rows, and bytes of a code.
_HEAD = struct.Struct("<IIIB")

Codes = np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class EventNames:
    """The names of events that were seen, up to as many as a report tells apart."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def admit(self, name: str) -> bool:
        """Whether a name is told apart; what is longer than any may be is another value of a shifted row."""
        if name not in self._seen:
            if len(self._seen) >= MOST_NAMES or len(name) > MAX_EVENT_LENGTH:
                return False
            self._seen.add(name)
        return True


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """The categories of consecutive rows.

    Attributes:
        first: ordinal of the first row.
        names: names of events; None for all that are not told apart.
        name_of: for each category, the place of its name in `names`.
        month_of: for each category, its month by the user's clock, counted from January 1970, or `TIMELESS`.
        codes: for each row `UNKNOWN`, `OUTSIDE`, or the number of its category plus 2.
    """

    first: int
    names: tuple[str | None, ...]
    name_of: Numbers
    month_of: Numbers
    codes: Codes

    @property
    def rows(self) -> range:
        """The rows' ordinals."""
        return range(self.first, self.first + len(self.codes))

    @property
    def known(self) -> Mask:
        """Which rows have a category."""
        found: Mask = self.codes >= _FIRST
        return found

    @property
    def numbers(self) -> Numbers:
        """The numbers of the categories of the rows that have one."""
        return self.codes[self.known].astype(np.int64) - _FIRST

    def part(self, rows: range) -> Categories:
        """Those of them that are among some rows."""
        first = max(rows.start, self.first)
        part = self.codes[first - self.first : max(rows.stop - self.first, 0)]
        return replace(self, first=first, codes=part)

    def pack(self) -> PackedCategories:
        """The same as bytes."""
        names = json.dumps(self.names).encode()
        head = _HEAD.pack(len(names), len(self.name_of), len(self.codes), self.codes.itemsize)
        arrays = self.name_of.astype("<u2"), self.month_of.astype("<i2"), self.codes
        plain = b"".join([head, names, *(array.tobytes() for array in arrays)])
        packed = pa.compress(plain, codec=_CODEC, asbytes=True)
        return PackedCategories(self.rows.start, self.rows.stop, len(plain).to_bytes(4, "little") + packed)

    @classmethod
    def unpack(cls, packed: PackedCategories) -> Categories:
        """What `pack` packed; the journal has verified it."""
        size = int.from_bytes(packed.codes[:4], "little")
        plain = pa.decompress(packed.codes[4:], size, codec=_CODEC, asbytes=True)
        length, categories, rows, width = _HEAD.unpack_from(plain)
        at = _HEAD.size + length
        names = tuple(json.loads(plain[_HEAD.size : at]))
        name_of = np.frombuffer(plain, "<u2", categories, at)
        month_of = np.frombuffer(plain, "<i2", categories, at + 2 * categories)
        codes = np.frombuffer(plain, f"<u{width}", rows, at + 4 * categories)
        return cls(packed.first, names, name_of.astype(np.int64), month_of.astype(np.int64), codes)


class Categoriser:
    """Finds the categories of mapped chunks of one input."""

    def __init__(self) -> None:
        self._names = EventNames()

    def categorise(self, mapped: Mapped, wanted: Sequence[range] = ()) -> Categories:
        """The categories of a chunk, rejected rows included.

        Args:
            mapped: events.
            wanted: the rows whose category is wanted, in ascending ranges; by default all.
        """
        values = pick_fields(mapped)
        names, name_codes = self._encode_names(values["event"])
        utc, current = (values[name].to_numpy() for name in ("timestampUTC", "timestampCurrent"))
        # A row may be rejected for something else than its time; a time that was not read is 0.
        months = find_months(current, (utc != 0) | mapped.clocks.known)
        name_of, month_of, codes = combine(name_codes, len(names), months)
        if mapped.kept is not None:
            selected, codes = codes, np.full(mapped.count, OUTSIDE, codes.dtype)
            codes[mapped.kept] = selected
        if wanted:
            hide_others(codes, mapped.first, wanted)
        return Categories(mapped.first, names, name_of, month_of, codes)

    def _encode_names(self, events: pa.Array) -> tuple[tuple[str | None, ...], Numbers]:
        """The names, and for each row the place of its name; the last place is of those not told apart."""
        encoded = pc.fill_null(events, "").dictionary_encode()
        codes, found = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
        admitted = [self._names.admit(name) for name in found]
        if all(admitted):
            return tuple(found), codes
        kept = [name for name, known in zip(found, admitted, strict=True) if known]
        places = np.where(admitted, np.cumsum(admitted) - 1, len(kept))
        return (*kept, None), places[codes]


def pick_fields(mapped: Mapped) -> dict[str, pa.Array]:
    """The converted values of the request's own keys, which come before what is made only when it is read."""
    own = takewhile(lambda column: not column.member, mapped.columns)
    return {column.name: column.values for column in own}


def find_months(seconds: Numbers, known: Mask) -> Numbers:
    """The month of each time, counted from January 1970, or `TIMELESS`.

    Args:
        seconds: since 1970.
        known: which of them are times.
    """
    if not known.all():
        found = np.full(len(seconds), TIMELESS, np.int64)
        found[known] = find_months(seconds[known], known[known])
        return found
    months = to_months(seconds // _DAY)
    return months if is_plausible(months) else np.where(np.abs(months) < MOST_MONTHS, months, TIMELESS)


def is_plausible(months: Numbers) -> bool:
    """Whether a report shows all of some months."""
    first, last = find_span(months)
    return first > -MOST_MONTHS and last < MOST_MONTHS


def to_months(days: Numbers) -> Numbers:
    """The months of days, both counted from January 1970."""
    if len(days):
        first, last = int(days.min()), int(days.max())
        if last - first < len(days):
            # Each day is converted once, which takes a fifth of the time.
            return convert_days(np.arange(first, last + 1))[days - first]
    return convert_days(days)


def convert_days(days: Numbers) -> Numbers:
    """As `to_months`, each day for itself."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def combine(name_codes: Numbers, names: int, months: Numbers) -> tuple[Numbers, Numbers, Codes]:
    """The categories that occur: the place of the name and the month of each; and the code of each row.

    Args:
        name_codes: for each row, the place of its name.
        names: how many there are.
        months: for each row.
    """
    timed = months != TIMELESS
    first, last = find_span(months if timed.all() else months[timed])
    width = last - first + 2
    # Of name and month one number; 0 stands for no month.
    pairs = name_codes * np.int64(width) + np.where(timed, months - (first - 1), 0)
    found, codes = number_pairs(pairs, names * width)
    months_found = found % width
    month_of = np.where(months_found == 0, TIMELESS, months_found + (first - 1))
    return found // width, month_of, codes


def number_pairs(pairs: Numbers, size: int) -> tuple[Numbers, Codes]:
    """The numbers that occur among some below `size`, ascending, and for each row the code of its number."""
    if size > _DENSE:
        found, places = np.unique(pairs, return_inverse=True)
        return found, (places + _FIRST).astype(np.min_scalar_type(len(found) + _FIRST))
    found = np.flatnonzero(np.bincount(pairs, minlength=size))
    code_of = np.zeros(size, np.min_scalar_type(len(found) + _FIRST))
    code_of[found] = np.arange(_FIRST, len(found) + _FIRST)
    return found, code_of[pairs]


def find_span(months: Numbers) -> tuple[int, int]:
    """The first month and the last; the same twice if there is none."""
    return (int(months.min()), int(months.max())) if len(months) else (0, 0)


def hide_others(codes: Codes, first: int, wanted: Sequence[range]) -> None:
    """Write `UNKNOWN` over the codes of all rows that are not wanted; `first` is the ordinal of the first."""
    at = 0
    for rows in wanted:
        codes[at : rows.start - first] = UNKNOWN
        at = rows.stop - first
    codes[at:] = UNKNOWN


class KeptCategories:
    """Reads the categories that a checkpoint has, by ascending ranges; holds those of one range in memory."""

    def __init__(self, ledger: CheckpointView) -> None:
        self._kept = ledger.categories()
        self._next = next(self._kept, None)
        self._open: list[tuple[int, Categories]] = []

    def of(self, rows: range) -> tuple[list[Categories], Mask]:
        """The categories among `rows`, which begin at or after the end of those asked before.

        Returns:
            Parts, in which each row has a category at most once, that of its last lease; and which rows have
            none that is kept, although they may be part of the load.
        """
        self._open_until(rows)
        known, outside = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        parts = []
        for _, categories in sorted(self._open, key=lambda each: -each[0]):
            part = categories.part(rows)
            here = slice(part.first - rows.start, part.first - rows.start + len(part.codes))
            parts.append(replace(part, codes=np.where(known[here], UNKNOWN, part.codes)))
            known[here] |= part.known
            outside[here] |= part.codes == OUTSIDE
        return parts, ~(known | outside)

    def _open_until(self, rows: range) -> None:
        self._open = [each for each in self._open if each[1].rows.stop > rows.start]
        while self._next is not None and self._next[1].first < rows.stop:
            number, packed = self._next
            if packed.stop > rows.start:
                self._open.append((number, Categories.unpack(packed)))
            self._next = next(self._kept, None)
