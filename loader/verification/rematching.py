"""Rows that several mappings explain: who takes what is chosen again, so that as many as possible are found.

The rounds of `matching` take one mapping after the other, and a row that both of two mappings explain takes
what landed in the first round. If another row needed just that, it is missing, and something else is extra.
Then all rows that can be involved are gathered (those whose forms are wanted or left over, then those that
share a form with these, and so on), and matched again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.verification.matching import Row, digest_forms, join_numbers, make_tag, read_tags
from loader.verification.pairing import Lonely, match_values
from loader.verification.rows import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.spill import Records
    from loader.verification.matching import Matched
    from loader.verification.rows import LandedSide, LoadSide

#: Beyond as many rows nothing is chosen again.
MOST_ROWS = 20_000
_EXPECTED = (Fate.CONFIRMED, Fate.RESENT, Fate.IN_DOUBT)
_UNFOUND = ("missing", "lacking", "unclear_lacking")


def rematch(loads: Sequence[LoadSide], landed: LandedSide, matched: Matched) -> None:
    """Match rows of loads with several mappings again, if some are missing and others extra."""
    missing = sum(len(getattr(matched, name)) for name in _UNFOUND)
    left = len(matched.extra) + len(matched.doubled)
    several = any(len(load.versions) > 1 for load in loads)
    if not (several and missing and left) or missing + left > MOST_ROWS:
        return
    lonely = [row for name in _UNFOUND for row in read_tags(getattr(matched, name))]
    pool = _Pool(loads, {row[:2]: row.fate for row in lonely})
    pool.add_digests(np.concatenate([matched.extra[:, :2], matched.doubled[:, :2]]))
    while len(pool.rows) <= MOST_ROWS and pool.widen():
        pass
    if len(pool.rows) <= MOST_ROWS:
        _apply(pool, list(pool.select(landed)), matched)


@dataclass(slots=True)
class _Pool:
    """Rows that can be involved, with their fates, and the digests of their forms."""

    loads: Sequence[LoadSide]
    rows: dict[tuple[int, int], Fate]
    digests: Any = None

    def add_digests(self, records: Records) -> None:
        """Forms that are wanted or left over."""
        more = _join(records)
        self.digests = more if self.digests is None else np.union1d(self.digests, more)

    def widen(self) -> bool:
        """Take in all rows that share a form with those in the pool; whether there were any."""
        before = len(self.rows), len(self.digests)
        for row in self.read():
            for form in row[1]:
                self.add_digests(digest_forms([form], self.loads[row[0][0]].compartment))
        for load in self.loads:
            for version in load.versions:
                for rows in version():
                    chosen = np.isin(_join(digest_forms(rows.forms, load.compartment)), self.digests)
                    for at in np.flatnonzero(chosen & np.isin(rows.fates, _EXPECTED)).tolist():
                        place = (rows.load, int(rows.ordinals[at]))
                        self.rows[place] = Fate(int(rows.fates[at]))
        return (len(self.rows), len(self.digests)) != before

    def read(self) -> Iterator[tuple[tuple[int, int], tuple[bytes, ...]]]:
        """The rows with their forms."""
        for at, load in enumerate(self.loads):
            ordinals = sorted(ordinal for number, ordinal in self.rows if number == at)
            for ordinal, forms in load.fetch(ordinals) if ordinals else ():
                yield (at, ordinal), forms

    def select(self, landed: LandedSide) -> Iterator[Lonely]:
        """What landed in one of the forms."""
        for rows in landed.read():
            chosen = np.isin(_join(digest_forms(rows.forms, rows.compartment)), self.digests)
            for at in np.flatnonzero(chosen).tolist():
                yield Lonely.of(rows.compartment, (0, int(rows.numbers[at])), (rows.forms[at],))

    def list_expected(self) -> list[Lonely]:
        """The rows, confirmed ones first."""
        found = [
            Lonely.of(self.loads[place[0]].compartment, place, forms, self.rows[place])
            for place, forms in self.read()
        ]
        return sorted(found, key=lambda row: (row.fate is Fate.IN_DOUBT, row.place))


def _join(digests: Records) -> Any:
    """Each digest as one value."""
    return np.ascontiguousarray(digests[:, :2]).view("V16").reshape(-1)


def _apply(pool: _Pool, landed: list[Lonely], matched: Matched) -> None:
    """Take the pool out of what was matched, match it again, and put it back."""
    expected = pool.list_expected()
    pairs = match_values(expected, landed)
    lonely = {row[:2] for name in _UNFOUND for row in read_tags(getattr(matched, name))}
    matched.same -= sum(row.fate is not Fate.IN_DOUBT and row.place not in lonely for row in expected)
    matched.same += sum(pair.expected.fate is not Fate.IN_DOUBT for pair in pairs)
    for name in (*_UNFOUND, "found"):
        tags = getattr(matched, name)
        kept = [row[:2] not in pool.rows for row in read_tags(tags)]
        setattr(matched, name, tags[np.array(kept, np.bool_)])
    taken = {pair.expected.place for pair in pairs}
    found = [pair.expected for pair in pairs if pair.expected.fate is Fate.IN_DOUBT]
    unfound = [row for row in expected if row.place not in taken]
    matched.found = _append(matched.found, found)
    matched.lacking = _append(matched.lacking, [row for row in unfound if row.fate is Fate.IN_DOUBT])
    matched.missing = _append(matched.missing, [row for row in unfound if row.fate is not Fate.IN_DOUBT])
    _put_back(matched, landed, {pair.landed.place[1] for pair in pairs})


def _append(tags: Any, rows: Sequence[Lonely]) -> Any:
    return np.append(tags, np.array([make_tag(Row(*row.place, row.fate)) for row in rows], np.uint64))


def _put_back(matched: Matched, landed: Sequence[Lonely], taken: set[int]) -> None:
    """What is left of what landed is doubled if it was, else extra."""
    used = np.array(sorted(taken), np.uint64)
    matched.doubled = matched.doubled[~np.isin(join_numbers(matched.doubled[:, 2]), used)]
    doubled = set(join_numbers(matched.doubled[:, 2]).tolist())
    pool = np.array([row.place[1] for row in landed], np.uint64)
    kept = matched.extra[~np.isin(join_numbers(matched.extra[:, 2]), pool)]
    free = [
        (0, 0, row.compartment << 48 | row.place[1])
        for row in landed
        if row.place[1] not in taken and row.place[1] not in doubled
    ]
    matched.extra = np.concatenate([kept, np.array(free, np.uint64).reshape(-1, 3)])
