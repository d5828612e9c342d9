"""The rows to send first: so few that they can be looked at, and together they have all things.

To find the fewest rows is NP-hard (R. Karp, 1972, "set covering"). So the most frequent thing that is still
missing decides, and of the rows that have it the one with the most missing things is taken. If the rows do
not suffice, the rare things are missing in the end.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loader.canary.things import Thing


class Candidate(NamedTuple):
    """A row that may be chosen, and what it has."""

    ordinal: int
    things: frozenset[Thing]


class CanaryRow(NamedTuple):
    """A chosen row.

    Attributes:
        ordinal: the row.
        covers: what it has and no row chosen before it has, the most frequent first.
    """

    ordinal: int
    covers: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True)
class Canary:
    """The rows to send first.

    Attributes:
        rows: in the order of the choice; at its end those that were added to make up the number.
        covered: how many things are in them.
        missing: things that are in none of them, with the number of rows that have each, the most frequent
            first.
        ordered: whether only the first row of each device or user, near the beginning, could be chosen.
        overflow: whether the input has more things than were counted.
    """

    rows: tuple[CanaryRow, ...] = ()
    covered: int = 0
    missing: tuple[tuple[Thing, int], ...] = ()
    ordered: bool = False
    overflow: bool = False

    @property
    def ordinals(self) -> tuple[int, ...]:
        """The rows, ascending."""
        return tuple(sorted(row.ordinal for row in self.rows))


def choose_rows(
    candidates: Sequence[Candidate], counts: Mapping[Thing, int], first: Iterable[int], most: int
) -> tuple[CanaryRow, ...]:
    """Choose at most `most` rows.

    Args:
        candidates: rows to choose from.
        counts: how many rows of the input have each thing.
        first: rows that make up the number, after candidates that cover nothing new.
        most: how many rows to choose, if there are as many.
    """
    chosen = _cover_things(candidates, counts, most)
    taken = {row.ordinal for row in chosen}
    others = dict.fromkeys([*sorted(each.ordinal for each in candidates), *first])
    rest = [CanaryRow(ordinal) for ordinal in others if ordinal not in taken]
    return (*chosen, *rest[: most - len(chosen)])


def rank_things(counts: Mapping[Thing, int]) -> list[Thing]:
    """The things, the most frequent first."""
    return sorted(counts, key=lambda thing: (-counts[thing], thing))


def _cover_things(candidates: Sequence[Candidate], counts: Mapping[Thing, int], most: int) -> list[CanaryRow]:
    having: dict[Thing, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        for thing in candidate.things:
            having[thing].append(candidate)
    ranked = rank_things(counts)
    missing, chosen = set(ranked), list[CanaryRow]()
    for thing in ranked:
        if len(chosen) == most:
            break
        if thing not in missing or not having[thing]:
            continue
        best = max(having[thing], key=lambda each: (len(each.things & missing), -each.ordinal))
        chosen.append(
            CanaryRow(best.ordinal, tuple(each for each in ranked if each in best.things & missing))
        )
        missing -= best.things
    return chosen
