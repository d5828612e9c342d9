"""Which rows have which things, over one pass, in memory that does not grow with the input."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from loader.canary.choice import Candidate
from loader.canary.things import read_things
from loader.profile.profile import list_types
from loader.profile.sketch import hash_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loader.canary.things import Codes, Held, Thing
    from loader.mapping import Mapped, Mapping
    from loader.profile.sketch import Hashes

#: An input with more things than this holds something other than names of events and attributes.
MOST_THINGS = 10_000
#: Combinations of things that are kept to choose from; what they lack is kept beyond that.
MOST_COMBINATIONS = 4_096
#: Of an ordered load, only this many rows are chosen from: what is before the last of them must be mapped
#: again at the next start, to keep the order.
WINDOW = 100_000

_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Cover:
    """Adds up mapped chunks.

    Args:
        mapping: says the types of attributes and tags.
        rows: at most this many rows will be chosen.
        ordered: rows of one device or user must keep their order, so only the first of each can be chosen.

    Attributes:
        counts: how many rows have each thing.
        candidates: rows to choose from: every thing that can be chosen at all is in one of them.
        first: the first rows that can be chosen.
        overflow: whether there were more things than are counted.
    """

    def __init__(self, mapping: Mapping, rows: int, *, ordered: bool) -> None:
        self.counts: dict[Thing, int] = {}
        self.candidates: list[Candidate] = []
        self.first: list[int] = []
        self.overflow = False
        self._types = list_types(mapping)
        self._rows = rows
        self._owners = _Owners() if ordered else None
        self._numbers: dict[Thing, int] = {}
        self._held: set[Thing] = set()
        self._combinations: set[int] = set()

    def add(self, mapped: Mapped) -> None:
        """Look at the rows of a chunk that would be sent."""
        if not len(mapped.ordinals):
            return
        free = self._find_free(mapped)
        ordinals = mapped.ordinals[free]
        self.first += ordinals[: max(0, self._rows - len(self.first))].tolist()
        held = list(self._read(mapped))
        for each in held:
            self._count(each)
        if len(ordinals):
            self._collect([each._replace(codes=each.codes[free]) for each in held], ordinals)

    def _find_free(self, mapped: Mapped) -> Mask:
        """The rows that may go before the others."""
        if self._owners is None:
            return np.ones(len(mapped.ordinals), np.bool_)
        near = mapped.ordinals < WINDOW
        return near & self._owners.find_first(mapped.owners) if near.any() else near

    def _read(self, mapped: Mapped) -> Iterator[Held]:
        keep = None
        if mapped.rejects:
            keep = pa.array(np.flatnonzero(mapped.good))
        for column in mapped.columns:
            values = column.values if keep is None else column.values.take(keep)
            held = read_things(column, values, self._types.get((column.name, column.member), "string"))
            if held is not None:
                yield held

    def _count(self, held: Held) -> None:
        rows = np.bincount(held.codes + 1, minlength=len(held.things) + 1)[1:]
        for thing, number in zip(held.things, rows.tolist(), strict=True):
            if number and (thing in self.counts or len(self.counts) < MOST_THINGS):
                self.counts[thing] = self.counts.get(thing, 0) + number
            elif number:
                self.overflow = True

    def _collect(self, held: Sequence[Held], ordinals: Codes) -> None:
        """Keep a row of each new combination of things, and of each thing that no kept row has."""
        combinations = self._combine(held, len(ordinals))
        new, rows = np.unique(combinations, return_index=True)
        fresh = sorted(
            (row, key) for row, key in zip(rows.tolist(), new.tolist(), strict=True) if self._is_new(key)
        )
        for row, key in islice(fresh, MOST_COMBINATIONS - len(self._combinations)):
            self._combinations.add(key)
            self._keep(held, ordinals, row)
        for row in self._find_unheld(held):
            self._keep(held, ordinals, row)

    def _is_new(self, combination: int) -> bool:
        return len(self._combinations) < MOST_COMBINATIONS and combination not in self._combinations

    def _combine(self, held: Iterable[Held], rows: int) -> Hashes:
        """A number for the combination of things that each row has."""
        combined = np.zeros(rows, np.uint64)
        for each in held:
            numbers = np.array([*map(self._number, each.things), 0], np.uint64)
            combined = (combined ^ numbers[each.codes]) * _FACTOR
            combined ^= combined >> np.uint64(29)
        return combined

    def _number(self, thing: Thing) -> int:
        """A number of its own for each thing that is counted; 0 for the others."""
        return self._numbers.setdefault(thing, len(self._numbers) + 1) if thing in self.counts else 0

    def _find_unheld(self, held: Iterable[Held]) -> Iterator[int]:
        for each in held:
            there, rows = np.unique(each.codes, return_index=True)
            for code, row in zip(there.tolist(), rows.tolist(), strict=True):
                if code >= 0 and (thing := each.things[code]) in self.counts and thing not in self._held:
                    yield row

    def _keep(self, held: Iterable[Held], ordinals: Codes, row: int) -> None:
        found = [each.things[code] for each in held if (code := int(each.codes[row])) >= 0]
        things = frozenset(thing for thing in found if thing in self.counts)
        self._held |= things
        self.candidates.append(Candidate(int(ordinals[row]), things))


class _Owners:
    """The devices and users of the rows so far."""

    def __init__(self) -> None:
        self._seen: Hashes = np.empty(0, np.uint64)

    def find_first(self, owners: pa.Array) -> Mask:
        """Whether each row is the first of its device or user."""
        hashes = hash_values(owners)
        distinct, rows = np.unique(hashes, return_index=True)
        first = np.zeros(len(hashes), np.bool_)
        first[rows] = True
        first &= ~np.isin(hashes, self._seen)
        self._seen = np.union1d(self._seen, distinct)
        return first
