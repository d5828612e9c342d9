"""All of a comparison in order: match the forms, pair what does not match, list what is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import merge
from typing import TYPE_CHECKING

import numpy as np

from loader.verification.differences import Difference, Doubt, Findings, Scope, Sign
from loader.verification.matching import Row, join_numbers, join_places, make_tag, match_rounds, read_tags
from loader.verification.pairing import Lonely, Pairs, list_common, pair_rows
from loader.verification.rematching import rematch
from loader.verification.rows import Fate

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from loader.spill import Records
    from loader.verification.matching import Matched, Tags
    from loader.verification.rows import LandedSide, LoadSide

#: Pairs are looked for if one side has at most this many rows left; each takes about 2 KB.
MOST_PAIRED = 20_000
_BATCH = 5_000


def compare(loads: Sequence[LoadSide], landed: LandedSide, *, whole: bool = True) -> Findings:
    """Compare what loads of one kind expect with what landed, as multisets, in bounded memory.

    Args:
        loads: the loads; those of one compartment share what landed.
        landed: what landed.
        whole: whether a form is all of a row. If it is not, rows in doubt with the same form may be different
            rows; if only some of them landed, it is not clear which.

    Raises:
        ConfigError: the folder for temporary files is full.
    """
    matched, formless = match_rounds(loads, landed)
    rematch(loads, landed, matched)
    found = Comparison(loads, landed, matched, formless, whole=whole)
    found.pair()
    return found.report()


@dataclass(slots=True)
class Comparison:
    """What was matched, and what becomes of the rest.

    Attributes:
        loads, landed: both sides.
        matched: what became of the rows by their bytes.
        formless: confirmed rows and rows in doubt that no mapping of the load gives a body for.
        altered: pairs of rows that differ.
        is_paired: whether pairs were looked for.
        whole: whether a form is all of a row.
    """

    loads: Sequence[LoadSide]
    landed: LandedSide
    matched: Matched
    formless: list[Row]
    altered: Pairs = field(default_factory=Pairs)
    is_paired: bool = True
    whole: bool = field(default=True, kw_only=True)

    @property
    def _lonely(self) -> Tags:
        """The rows that were not found."""
        of = self.matched
        return np.sort(np.concatenate([of.missing, of.lacking, of.unclear_lacking]))

    def pair(self) -> None:
        """Find the rows that are the same by value, and those that were altered."""
        lonely, extra = self._lonely, self.matched.extra[:, 2]
        if not len(lonely) or not len(extra):
            return
        if min(len(lonely), len(extra)) > MOST_PAIRED:
            self.is_paired = False
            return
        expected, others = self._read_expected(lonely), self._read_landed(extra)
        if len(lonely) <= len(extra):
            few = list(expected)
            pairs = pair_rows(few, self._select_near(few, others), self._keys)
        else:
            few = list(others)
            pairs = pair_rows(self._select_near(few, expected), few, self._keys)
        self._take(pairs)

    @property
    def _keys(self) -> tuple[str, ...]:
        return self.loads[0].keys

    def _read_expected(self, tags: Tags) -> Iterator[Lonely]:
        tags = tags[np.argsort(join_places(tags))]
        for start in range(0, len(tags), _BATCH):
            rows = list(read_tags(tags[start : start + _BATCH]))
            for index in sorted({row.load for row in rows}):
                load = self.loads[index]
                fates = {row.ordinal: row.fate for row in rows if row.load == index}
                for ordinal, forms in load.fetch(list(fates)):
                    yield Lonely.of(load.compartment, (index, ordinal), forms, fates[ordinal])

    def _read_landed(self, tags: Tags) -> Iterator[Lonely]:
        tags = np.sort(tags)
        for start in range(0, len(tags), _BATCH):
            rows = read_tags(tags[start : start + _BATCH])
            compartments = {row.ordinal: row.load for row in rows}
            for number, form in self.landed.fetch(sorted(compartments)):
                yield Lonely.of(compartments[number], (0, number), (form,))

    def _select_near(self, few: Iterable[Lonely], many: Iterator[Lonely]) -> list[Lonely]:
        """Those of many rows that may be one of the few, altered."""
        wanted: set[Hashable] = {each for row in few for each in list_common(row, self._keys)}
        near: list[Lonely] = []
        for row in many:
            if len(near) < 2 * MOST_PAIRED and not wanted.isdisjoint(list_common(row, self._keys)):
                near.append(row)
        return near

    def _take(self, pairs: Pairs) -> None:
        """Take the pairs out of what is left on both sides."""
        of = self.matched
        places = [make_tag(Row(*pair.expected.place, pair.expected.fate)) for pair in pairs.pairs]
        numbers = np.array([pair.landed.place[1] for pair in pairs.pairs], np.uint64)
        for name in ("missing", "lacking", "unclear_lacking"):
            tags = getattr(of, name)
            taken = np.isin(join_places(tags), join_places(np.array(places, np.uint64)))
            setattr(of, name, tags[~taken])
        of.extra = of.extra[~np.isin(join_numbers(of.extra[:, 2]), numbers)]
        self.altered.pairs = [pair for pair in pairs.pairs if pair.changes]
        for pair in pairs.pairs:
            if not pair.changes and pair.expected.fate is not Fate.IN_DOUBT:
                of.same += 1
            elif not pair.changes:
                of.found = np.append(of.found, make_tag(Row(*pair.expected.place, Fate.IN_DOUBT)))

    def report(self) -> Findings:
        """What was found."""
        of, findings = self.matched, Findings(doubts=[{} for _ in self.loads])
        totals = findings.totals
        totals.expected = sum(load.confirmed for load in self.loads)
        totals.landed, totals.same, totals.repeated = of.landed, of.same, of.repeated
        totals.missing = len(of.missing) + sum(row.fate is not Fate.IN_DOUBT for row in self.formless)
        totals.extra = len(of.extra) + len(of.unexpected)
        totals.different, totals.doubled = len(self.altered.pairs), len(of.doubled)
        totals.doubts_found = len(of.found) + len(of.unclear_found)
        totals.doubts_not_found = len(of.lacking) + len(of.unclear_lacking)
        self._answer(findings)
        findings.same = self._count_same()
        findings.is_paired = self.is_paired
        findings.differences = self.list_differences
        return findings

    def _count_same(self) -> list[int]:
        """The confirmed rows of each load that were found as they are."""
        unfound = [row.load for row in read_tags(self.matched.missing)]
        unfound += [row.load for row in self.formless if row.fate is not Fate.IN_DOUBT]
        changed = (pair.expected for pair in self.altered.pairs)
        unfound += [row.place[0] for row in changed if row.fate is not Fate.IN_DOUBT]
        lost = Counter(unfound)
        return [load.confirmed - lost[at] for at, load in enumerate(self.loads)]

    def _answer(self, findings: Findings) -> None:
        """What is known of the rows in doubt."""
        of = self.matched
        # Without a search for altered rows, one that was not found may be there with another value.
        lacking = Doubt.DROPPED if self.is_paired else Doubt.UNCLEAR
        answers = [(of.found, Doubt.LANDED), (of.lacking, lacking)]
        answers += [(of.unclear_found, Doubt.UNCLEAR), (of.unclear_lacking, Doubt.UNCLEAR)]
        answers += [] if self.whole else [(of.partial, Doubt.UNCLEAR)]
        for tags, doubt in answers:
            for row in read_tags(tags):
                findings.doubts[row.load][row.ordinal] = doubt
        unclear = [pair.expected.place for pair in self.altered.pairs if pair.expected.fate is Fate.IN_DOUBT]
        unclear += [row[:2] for row in self.formless if row.fate is Fate.IN_DOUBT]
        for load, ordinal in unclear:
            findings.doubts[load][ordinal] = Doubt.UNCLEAR

    def list_differences(self) -> Iterator[Difference]:
        """Every difference: in the order of the rows of the input, then what no row explains."""
        of = self.matched
        missing = np.column_stack([of.missing, of.missing])
        yield from merge(
            self._list_rows(Sign.MISSING, missing),
            self._list_rows(Sign.DOUBLED, of.doubled[:, 2:]),
            self._list_rows(Sign.EXTRA, of.unexpected[:, 2:]),
            self._list_others(),
            key=_place,
        )
        extra = self.matched.extra[:, 2]
        for row in self._read_landed(extra):
            load = next(at for at, load in enumerate(self.loads) if load.compartment == row.compartment)
            yield Difference(Sign.EXTRA, Scope.CALL, load, number=row.place[1], landed=row.rows[0])

    @staticmethod
    def _list_rows(sign: Sign, records: Records) -> Iterator[Difference]:
        """Differences of rows of the input, by what landed and the tag of the row."""
        order = np.argsort(join_places(records[:, 1]))
        for start in range(0, len(order), _BATCH):
            batch = records[order[start : start + _BATCH]]
            numbers = join_numbers(batch[:, 0]).tolist()
            for row, number in zip(read_tags(batch[:, 1]), numbers, strict=True):
                landed = None if sign is Sign.MISSING else number
                yield Difference(sign, Scope.CALL, row.load, row.ordinal, row.fate, landed)

    def _list_others(self) -> list[Difference]:
        found = [
            Difference(
                Sign.DIFFERENT,
                Scope.CALL,
                *pair.expected.place,
                pair.expected.fate,
                pair.landed.place[1],
                pair.changes,
            )
            for pair in self.altered.pairs
        ]
        found += [
            Difference(Sign.MISSING, Scope.CALL, *row)
            for row in self.formless
            if row.fate is not Fate.IN_DOUBT
        ]
        return sorted(found, key=_place)


def _place(difference: Difference) -> tuple[int, int]:
    assert difference.ordinal is not None  # noqa: S101 - for mypy: these are rows of the input
    return difference.load, difference.ordinal
