"""Zones as the texts of times carry them: offsets, names in brackets or behind the time, abbreviations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.cells import present
from loader.mapping.encode import numpy_mask
from loader.mapping.zones import known_zones, offsets, parse_offset, shipped

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loader.mapping.zones import Mask, Seconds

_UTC = frozenset({"Z", "z", "UTC", "UT", "GMT"})


@dataclass(frozen=True, slots=True)
class Names:
    """The zones that the rows of a column name.

    Attributes:
        zones: the zones.
        codes: for each row the position of its zone, or -1; empty if there are no zones.
    """

    zones: tuple[ZoneInfo, ...] = ()
    codes: Any = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rows(self) -> Mask:
        """The rows that name a zone."""
        mask: Mask = self.codes >= 0
        return mask

    def take(self, indices: Any) -> Names:
        """The names at some positions."""
        return Names(self.zones, self.codes[indices]) if self.zones else self

    def without(self, rows: Mask) -> Names:
        """The names of the other rows."""
        return Names(self.zones, np.where(rows, -1, self.codes)) if self.zones else self

    def spread(self, rows: Mask) -> Names:
        """The names of a whole column of which only some rows were read."""
        if not self.zones:
            return self
        codes = np.full(len(rows), -1, np.int64)
        codes[rows] = self.codes
        return Names(self.zones, codes)


NO_NAMES = Names()


def read_offsets(texts: pa.Array) -> tuple[Seconds, Mask, Mask]:
    """Seconds east of UTC, the rows that have an offset, and those whose offset cannot be."""
    encoded = pc.fill_null(texts, "").dictionary_encode()
    known = [_offset(text) for text in encoded.dictionary.to_pylist()]
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    own = np.array([offset or 0 for offset in known], dtype=np.int64)[indices]
    zoned = np.array([offset is not None for offset in known], dtype=np.bool_)[indices]
    wrong = numpy_mask(pc.greater(pc.binary_length(texts), 0)) & ~zoned
    return own, zoned, wrong


def _offset(text: str) -> int | None:
    text = text.strip()
    if text in _UTC:
        return 0
    if not re.fullmatch(r"[+-]\d\d(:?\d\d(:?\d\d)?)?", text):
        return None
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    return parse_offset(text[0] + ":".join(digits[place : place + 2] for place in range(0, len(digits), 2)))


def read_names(texts: pa.Array) -> Names:
    """The zones that texts name. An abbreviation names none: CST is in America, in Cuba and in China."""
    encoded = texts.dictionary_encode()
    found = [_zone(text) for text in encoded.dictionary.to_pylist()]
    zones = tuple(dict.fromkeys(zone for zone in found if zone is not None))
    if not zones:
        return NO_NAMES
    codes = np.array([-1 if zone is None else zones.index(zone) for zone in found], np.int64)
    indices = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    return Names(zones, np.where(present(texts), codes[indices], -1))


def _zone(text: str) -> ZoneInfo | None:
    name = text.strip("[!]")
    if name in _UTC:
        return shipped("UTC")
    return shipped(name) if "/" in name and name in known_zones() else None


def unread(offset_texts: pa.Array, names: pa.Array) -> Mask:
    """The rows whose word for a zone is unknown, or is an abbreviation that no offset explains."""
    named = read_names(names)
    known = named.rows if named.zones else np.zeros(len(names), np.bool_)
    abbreviated = numpy_mask(pc.match_substring_regex(names, r"^(?:[A-Z]{2,5}|[+-]\d\d(?:\d\d)?)$"))
    counted = numpy_mask(pc.match_substring_regex(offset_texts, r"^[+-]"))
    return present(names) & ~known & ~(abbreviated & counted)


def contradicted(wall: Seconds, own: Seconds, zoned: Mask, offset_texts: pa.Array, names: Names) -> Mask:
    """The rows whose zone is not off UTC by the offset beside it, as RFC 9557, section 3.4, describes.

    A Z beside a zone says only that the instant is counted in UTC (section 3.2).
    """
    wrong = np.zeros(len(wall), np.bool_)
    local = zoned & ~numpy_mask(pc.is_in(offset_texts, pa.array(sorted(_UTC))))
    for code, zone in enumerate(names.zones):
        rows = np.flatnonzero(local & (names.codes == code))
        if len(rows):
            wrong[rows] = offsets(wall[rows] - own[rows], zone) != own[rows]
    return wrong
