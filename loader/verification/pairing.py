"""Which rows of both sides are one row: the same by value, or one that was altered.

1. The same value, written in another way: those are the same rows. A row that may have been mapped in several
   ways is the same if any of its forms is; as many rows as possible are matched (Kuhn's algorithm).
2. All keys that say which row it is are the same: it was altered elsewhere.
3. All but one of these keys are the same: that key was altered, perhaps others too.

Within a step the pair with the fewest changes goes first, then confirmed rows before rows in doubt, then the
order of the input. What is left after that is missing, or extra.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.verification.rows import Fate
from loader.verification.values import canonical, canonical_row, list_changes, read_form

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from loader.verification.differences import Change

# Of keys that thousands of rows share, all pairs would be millions: only those are looked at whose places
# among the rows with these keys are near each other.
_NEAR = 50
_IDS = frozenset({"hwid", "userId"})


@dataclass(frozen=True, slots=True)
class Lonely:
    """A row that was not matched by its bytes.

    Attributes:
        compartment: only rows of one compartment are compared.
        place: what orders it, and tells it from the others.
        rows: the keys and values of each of its forms.
        fate: of a row that was expected.
    """

    compartment: int
    place: tuple[int, int]
    rows: tuple[dict[str, Any], ...]
    fate: Fate = Fate.CONFIRMED

    @classmethod
    def of(
        cls, compartment: int, place: tuple[int, int], forms: Iterable[bytes], fate: Fate = Fate.CONFIRMED
    ) -> Lonely:
        """A row by its forms."""
        return cls(compartment, place, tuple(map(read_form, forms)), fate)

    def list_values(self) -> list[Hashable]:
        """What it has in common with a row of the same value, for each of its forms."""
        return list(dict.fromkeys((self.compartment, canonical_row(row)) for row in self.rows))

    def list_keys(self, keys: Sequence[str]) -> Iterator[Hashable]:
        """What it has in common with a row of which these keys are the same."""
        for row in self.rows:
            known = [canonical(row[key]) if key in row else None for key in keys]
            needed = _IDS.intersection(keys) or keys
            if any(key in row for key in needed):
                yield (self.compartment, tuple(keys), tuple(known))


class Pair(NamedTuple):
    """Two rows that are one; without changes they are the same."""

    expected: Lonely
    landed: Lonely
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class Pairs:
    """The pairs, and what is left."""

    pairs: list[Pair] = field(default_factory=list)
    expected: list[Lonely] = field(default_factory=list)
    landed: list[Lonely] = field(default_factory=list)


def loosen(keys: Sequence[str]) -> list[tuple[str, ...]]:
    """The keys without one of them, for each of them; a single key as it is."""
    return (
        [tuple(other for other in keys if other != key) for key in keys] if len(keys) > 1 else [tuple(keys)]
    )


def list_common(row: Lonely, keys: Sequence[str]) -> list[Hashable]:
    """What a row has in common with each row that it can be paired with."""
    common = row.list_values()
    for names in loosen(keys):
        if names:
            common += row.list_keys(names)
    return common


def pair_rows(expected: Sequence[Lonely], landed: Sequence[Lonely], keys: Sequence[str]) -> Pairs:
    """Pair rows of both sides.

    Args:
        expected: what was not found.
        landed: what no row explains.
        keys: the keys that say which row it is.
    """
    left = Pairs([], sorted(expected, key=_order), sorted(landed, key=_order))
    _take(left, match_values(left.expected, left.landed))
    for step in ([tuple(keys)], loosen(keys)):
        _take(left, _choose(_list_candidates(left, [names for names in step if names])))
    return left


def _order(row: Lonely) -> tuple[int, tuple[int, int]]:
    return (int(row.fate is Fate.IN_DOUBT), row.place)


def _take(left: Pairs, pairs: list[Pair]) -> None:
    left.pairs += pairs
    taken = {id(row) for pair in pairs for row in pair[:2]}
    left.expected = [row for row in left.expected if id(row) not in taken]
    left.landed = [row for row in left.landed if id(row) not in taken]


def match_values(expected: Sequence[Lonely], landed: Sequence[Lonely]) -> list[Pair]:
    """As many rows of the same value as possible."""
    values = _Values(landed)
    for row in expected:
        values.place(row, set())
    return values.list_pairs()


class _Values:
    """What landed, by value: free, or held by a row that was expected."""

    def __init__(self, landed: Sequence[Lonely]) -> None:
        self._free: dict[Hashable, list[Lonely]] = defaultdict(list)
        for row in reversed(landed):
            self._free[row.list_values()[0]].append(row)
        self._held: dict[Hashable, dict[int, Pair]] = defaultdict(dict)

    def place(self, row: Lonely, seen: set[Hashable]) -> bool:
        """Give a row what is the same; rows that hold it move to another of their forms if they can."""
        for value in row.list_values():
            if value in self._free and value not in seen:
                seen.add(value)
                other = self._free[value].pop() if self._free[value] else self._release(value, seen)
                if other is not None:
                    self._held[value][id(row)] = Pair(row, other)
                    return True
        return False

    def _release(self, value: Hashable, seen: set[Hashable]) -> Lonely | None:
        for pair in list(self._held[value].values()):
            if len(pair.expected.rows) > 1 and self.place(pair.expected, seen):
                del self._held[value][id(pair.expected)]
                return pair.landed
        return None

    def list_pairs(self) -> list[Pair]:
        """The pairs."""
        return [pair for held in self._held.values() for pair in held.values()]


def _list_candidates(left: Pairs, step: Sequence[Sequence[str]]) -> Iterator[tuple[Lonely, Lonely]]:
    """Pairs of rows that have some of the keys in common, each once."""
    seen: set[tuple[int, int]] = set()
    for keys in step:
        groups: dict[Hashable, list[Lonely]] = defaultdict(list)
        for row in left.landed:
            for key in row.list_keys(keys):
                groups[key].append(row)
        met: Counter[Hashable] = Counter()
        for row in left.expected:
            for key in dict.fromkeys(row.list_keys(keys)):
                at = met[key]
                met[key] += 1
                for other in groups.get(key, ())[max(0, at - _NEAR) : at + _NEAR]:
                    if (id(row), id(other)) not in seen:
                        seen.add((id(row), id(other)))
                        yield row, other


def _choose(candidates: Iterable[tuple[Lonely, Lonely]]) -> list[Pair]:
    """The pairs with the fewest changes, each row once."""
    found = [
        Pair(row, other, min((list_changes(form, other.rows[0]) for form in row.rows), key=len))
        for row, other in candidates
    ]
    found.sort(key=lambda pair: (len(pair.changes), _order(pair.expected), pair.landed.place))
    taken: set[int] = set()
    chosen: list[Pair] = []
    for pair in found:
        if id(pair.expected) not in taken and id(pair.landed) not in taken:
            taken |= {id(pair.expected), id(pair.landed)}
            chosen.append(pair)
    return chosen
