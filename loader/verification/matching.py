"""Two multisets of forms, compared by digest: every row of both sides is 24 bytes, on disk beyond a bound.

A group is all rows with one digest. In it stand, in this order, what landed, the rows that must be there, the
rows in doubt, and the rows that must not be there. Who of equal rows is matched decides nothing but names:
the first of them are.

The digest is XXH3 of 128 bits: among 10 million different rows, two share one with a probability of 10^-25.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from xxhash import xxh3_128_digest

from loader.spill import Spill
from loader.verification.rows import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.spill import Records
    from loader.verification.rows import ExpectedRows, LandedRows, LandedSide, LoadSide

Tags = np.ndarray[Any, np.dtype[np.uint64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

# A tag, from its highest bits down: the place in a group (2 bits), whether repeated calls change nothing (1),
# the fate (3), the load (10), the ordinal or the number of what landed (48).
_LANDED, _SURE, _DOUBTFUL, _ABSENT = range(4)
_PLACE, _AGAIN, _FATE, _LOAD = (np.uint64(bits) for bits in (62, 61, 58, 48))
_ORDINAL_MASK, _LOAD_MASK, _FATE_MASK = (np.uint64((1 << bits) - 1) for bits in (48, 10, 3))
_PLACE_MASK = np.uint64((1 << 58) - 1)
#: A number of a load and a few more must fit into ten bits.
MOST_LOADS = 1_000
# Rows held in memory, of 24 bytes each.
BUFFERED = 1 << 16

_PLACES = np.array([_SURE, _ABSENT, _DOUBTFUL, _ABSENT, _ABSENT, _SURE], np.uint64)  # by fate
_MAY_REPEAT = np.array([0, 0, 1, 0, 0, 1], np.uint64)  # by fate: may have been sent again


def digest_forms(forms: Sequence[bytes], compartment: int) -> Records:
    """The digest of each form, as two numbers; forms of different compartments never have the same."""
    digests = b"".join(map(xxh3_128_digest, forms, repeat(compartment)))
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


class Row(NamedTuple):
    """A row of a load, taken out of its tag."""

    load: int
    ordinal: int
    fate: Fate


def read_tags(tags: Tags) -> Iterator[Row]:
    """The rows of some tags."""
    loads, ordinals = (tags >> _LOAD) & _LOAD_MASK, tags & _ORDINAL_MASK
    fates = (tags >> _FATE) & _FATE_MASK
    return map(_make_row, loads.tolist(), ordinals.tolist(), fates.tolist())


def make_tag(row: Row) -> np.uint64:
    """The tag of a row that is confirmed or in doubt."""
    place, fate = np.uint64(_PLACES[row.fate]), np.uint64(row.fate)
    return np.uint64(place << _PLACE | fate << _FATE | np.uint64(row.load) << _LOAD | np.uint64(row.ordinal))


def _make_row(load: int, ordinal: int, fate: int) -> Row:
    return Row(load, ordinal, Fate(fate))


@dataclass(slots=True)
class Matched:
    """What became of the rows of some groups.

    Attributes:
        same: confirmed rows that were found.
        landed: rows that landed.
        repeated: calls that landed again and changed nothing.
        missing: tags of confirmed rows that were not found.
        found, lacking: tags of rows in doubt.
        unclear_found, unclear_lacking: the same, of rows for which equal rows leave it open: more landed than
            they explain, or fewer than are confirmed.
        partial: tags of rows in doubt with the same form, of which some were found and some were not.
        doubled: numbers of what landed once too often, and the tags of the rows that explain it.
        unexpected: numbers of what should not be there, and the tags of the rows that it is.
        extra: the records of what landed that no row explains.
    """

    same: int = 0
    landed: int = 0
    repeated: int = 0
    missing: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    found: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    lacking: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    unclear_found: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    unclear_lacking: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    partial: Tags = field(default_factory=lambda: np.empty(0, np.uint64))
    doubled: Records = field(default_factory=lambda: np.empty((0, 4), np.uint64))
    unexpected: Records = field(default_factory=lambda: np.empty((0, 4), np.uint64))
    extra: Records = field(default_factory=lambda: np.empty((0, 3), np.uint64))

    def add(self, other: Matched) -> None:
        """Take in what became of other groups."""
        self.same += other.same
        self.landed += other.landed
        self.repeated += other.repeated
        for name in _PARTS:
            more = getattr(other, name)
            if len(more):
                setattr(self, name, np.concatenate([getattr(self, name), more]))


_COUNTS = frozenset({"same", "landed", "repeated"})
_PARTS = tuple(each.name for each in fields(Matched) if each.name not in _COUNTS)


def join_numbers(tags: Tags) -> Tags:
    """The ordinals or numbers in some tags."""
    return tags & _ORDINAL_MASK


def join_places(tags: Tags) -> Tags:
    """The loads and ordinals in some tags, as one number each."""
    return tags & _PLACE_MASK


class Matcher:
    """Takes rows of both sides, then compares them.

    Args:
        buffered: rows held in memory; by default `BUFFERED`.
    """

    def __init__(self, buffered: int | None = None) -> None:
        self._spill = Spill(
            3, buffered=buffered or BUFFERED, what="A verification stores about 50 bytes for each row"
        )
        self.landed = 0

    def expect(self, rows: ExpectedRows, load: LoadSide, *, absent: bool = True) -> None:
        """Add rows of a load; those that must not be there only if `absent`."""
        rows = rows if absent else pick(rows, _PLACES[rows.fates] != _ABSENT)
        places, fates, ordinals = _PLACES[rows.fates], rows.fates, rows.ordinals
        if not len(places):
            return
        digests = digest_forms(rows.forms, load.compartment)
        again = _MAY_REPEAT[fates] if load.repeatable else np.zeros(len(fates), np.uint64)
        tags = (places << _PLACE) | (again << _AGAIN) | (fates.astype(np.uint64) << _FATE)
        tags |= (np.uint64(rows.load) << _LOAD) | ordinals.astype(np.uint64)
        self._spill.add(digests[:, 0], digests[:, 1], tags)

    def take(self, rows: LandedRows) -> None:
        """Add rows that landed."""
        if len(rows.numbers):
            digests = digest_forms(rows.forms, rows.compartment)
            tags = rows.numbers.astype(np.uint64) | (np.uint64(rows.compartment) << _LOAD)
            self._spill.add(digests[:, 0], digests[:, 1], tags)
            self.landed += len(rows.numbers)

    def take_again(self, records: Records) -> None:
        """Add what landed and was not matched before."""
        if len(records):
            self._spill.add(*records.T)

    def match(self) -> Matched:
        """Compare; nothing can be added afterwards."""
        whole = Matched(landed=self.landed)
        for records in self._spill.buckets():
            whole.add(match_groups(records))
        self._spill.close()
        return whole

    def close(self) -> None:
        """Give back memory and disk."""
        self._spill.close()


def match_rounds(loads: Sequence[LoadSide], landed: LandedSide) -> tuple[Matched, list[Row]]:
    """Match the rows under each mapping that the loads have had: first the oldest, last the present one.

    What a round does not match goes into the next one.

    Returns:
        What became of the rows, and those that have a form under no mapping.
    """
    rounds = _Rounds(loads)
    for rows in landed.read():
        rounds.matcher.take(rows)
    for _ in range(rounds.count - 1):
        rounds.match_earlier()
    return rounds.match_last()


class _Rounds:
    """The rounds of a comparison.

    Attributes:
        matcher: takes the rows of the next round.
        count: how many rounds there are.
    """

    def __init__(self, loads: Sequence[LoadSide]) -> None:
        self.matcher = Matcher()
        self.count = max(len(load.versions) for load in loads)
        self._loads = loads
        self._done = 0
        self._whole = Matched()
        self._waiting: list[Any] = [None] * len(loads)
        self._formless: list[Row] = []
        # What landed twice in an earlier round, if no later one explains it; rows that stay unclear.
        self._twins = Matched().doubled
        self._unclear = Matched().lacking

    def match_earlier(self) -> None:
        """Match the rows under a mapping that was replaced."""
        read = self._read(last=False)
        part = self.matcher.match()
        left = np.concatenate([part.missing, part.lacking, part.unclear_lacking])
        for index in read:
            rows = [row.ordinal for row in read_tags(left) if row.load == index]
            rows += [row.ordinal for row in self._formless if row.load == index]
            self._waiting[index] = np.array(sorted(rows), np.int64)
        self._twins = np.concatenate([self._twins, part.doubled])
        self._unclear = np.concatenate([self._unclear, part.unclear_lacking])
        self.matcher = Matcher()
        self.matcher.take_again(part.extra)
        self.matcher.take_again(part.doubled[:, :3])
        kept = Matched(part.same, part.landed, part.repeated, found=part.found)
        self._whole.add(replace(kept, unclear_found=part.unclear_found, partial=part.partial))

    def match_last(self) -> tuple[Matched, list[Row]]:
        """Match the rows under the present mapping."""
        self._read(last=True)
        part = self.matcher.match()
        was_unclear = np.isin(part.lacking, self._unclear)
        part.unclear_lacking = np.concatenate([part.unclear_lacking, part.lacking[was_unclear]])
        part.lacking = part.lacking[~was_unclear]
        is_twin = np.isin(part.extra[:, 2], self._twins[:, 2])
        twins = self._twins[np.isin(self._twins[:, 2], part.extra[is_twin, 2])]
        part.doubled = np.concatenate([part.doubled, twins])
        part.extra = part.extra[~is_twin]
        self._whole.add(part)
        return self._whole, self._formless

    def _read(self, *, last: bool) -> list[int]:
        """Read the loads that have a mapping for this round; returns which."""
        read = []
        for index, load in enumerate(self._loads):
            version = self._done - (self.count - len(load.versions))
            if version >= 0:
                read.append(index)
                self._formless = [row for row in self._formless if row.load != index]
                for rows in load.versions[version]():
                    self._expect(rows, load, last=last)
        self._done += 1
        return read

    def _expect(self, rows: ExpectedRows, load: LoadSide, *, last: bool) -> None:
        waiting = self._waiting[rows.load]
        formless = rows.formless
        if waiting is not None:
            left = np.isin(rows.ordinals, waiting) | (_PLACES[rows.fates] == _ABSENT)
            rows = pick(rows, left)
            known = frozenset(np.intersect1d([each for each, _ in formless], waiting).tolist())
            formless = tuple(each for each in formless if each[0] in known)
        self._formless += [Row(rows.load, *each) for each in formless]
        self.matcher.expect(rows, load, absent=last)


def pick(rows: ExpectedRows, chosen: Mask) -> ExpectedRows:
    """Some of the rows."""
    if chosen.all():
        return rows
    forms = [form for form, kept in zip(rows.forms, chosen.tolist(), strict=True) if kept]
    return rows._replace(ordinals=rows.ordinals[chosen], fates=rows.fates[chosen], forms=forms)


def match_groups(records: Records) -> Matched:
    """Compare the rows of whole groups, given in any order."""
    records = records.take(np.lexsort((records[:, 2], records[:, 1], records[:, 0])), axis=0)
    begins = _find_groups(records)
    sizes = np.diff(np.append(begins, len(records)))
    pairs = begins[sizes == 2]
    plain = pairs[(records[pairs, 2] >> _PLACE == _LANDED) & (records[pairs + 1, 2] >> _PLACE == _SURE)]
    rest = np.ones(len(records), np.bool_)
    rest[plain] = rest[plain + 1] = False
    matched = _match_others(records.compress(rest, axis=0))
    matched.same += len(plain)
    return matched


def _find_groups(records: Records) -> Any:
    """Where each group begins."""
    if not len(records):
        return np.empty(0, np.int64)
    differs = (records[1:, 0] != records[:-1, 0]) | (records[1:, 1] != records[:-1, 1])
    return np.flatnonzero(np.append(True, differs))


def _match_others(records: Records) -> Matched:
    """Compare groups, sorted, that are more than one row that was found once."""
    begins = _find_groups(records)
    if not len(begins):
        return Matched()
    sizes = np.diff(np.append(begins, len(records)))
    group = np.repeat(np.arange(len(begins)), sizes)
    tags = records[:, 2]
    place = (tags >> _PLACE).astype(np.int64)
    counts = [np.bincount(group[place == each], minlength=len(begins)) for each in range(4)]
    landed, sure, doubtful, absent = (each[group] for each in counts)
    before = np.stack([np.zeros_like(landed), landed, landed + sure, landed + sure + doubtful])
    rank = np.arange(len(records)) - begins[group] - before[place, np.arange(len(records))]
    again = np.bincount(group, weights=(tags >> _AGAIN) & np.uint64(1), minlength=len(begins))[group] > 0

    is_landed, is_sure, is_doubtful = (place == each for each in (_LANDED, _SURE, _DOUBTFUL))
    wanted = sure + doubtful
    surplus = is_landed & (rank >= wanted)
    explained = surplus & (wanted > 0)
    unexpected = surplus & (wanted == 0) & (rank < absent)
    partner = np.minimum(begins[group] + landed + np.where(unexpected, rank, 0), len(records) - 1)
    known = is_doubtful & (rank < landed - sure)
    too_few, too_many = landed < sure, (landed > wanted) & (wanted > 1) & ~again
    return Matched(
        same=int((is_sure & (rank < landed)).sum()),
        repeated=int((explained & again).sum()),
        missing=tags[is_sure & (rank >= landed)],
        found=tags[known & ~too_many],
        lacking=tags[is_doubtful & ~known & ~too_few],
        unclear_found=tags[known & too_many],
        unclear_lacking=tags[is_doubtful & ~known & too_few],
        partial=tags[is_doubtful & (landed > sure) & (landed < wanted)],
        doubled=_join(records, partner, explained & ~again),
        unexpected=_join(records, partner, unexpected),
        extra=records[surplus & ~explained & ~unexpected],
    )


def _join(records: Records, partner: Any, chosen: Mask) -> Records:
    """The chosen records of what landed, each with the tag of the row that explains it."""
    return np.column_stack([records[chosen], records[partner[chosen], 2]])
