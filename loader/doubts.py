"""Rows that must not go again: a later row of their device or user is, or may be, at the vendor.

`registerUser` keeps the last call for a device, so an older row that is sent now would undo a newer one.
`setTags` keeps the last value of each tag, so there it matters which tags both rows name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from loader.journal import Journal
    from loader.mapping import Mapped, Mapper
    from loader.methods import Method
    from loader.sources import Source

# What a call changes that does not merge: all of it, which any two calls have in common.
_EVERYTHING = frozenset({""})


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Rows that would undo a later row if they were sent now.

    Attributes:
        later: each with the ordinal of a later row.
        partly: those of them that also set something that no later row sets, and which is therefore not set.
    """

    later: dict[int, int] = field(default_factory=dict)
    partly: frozenset[int] = frozenset()

    def only(self, rows: Collection[int]) -> Overtaken:
        """Those of them that are among the rows."""
        later = {row: newer for row, newer in self.later.items() if row in rows}
        return Overtaken(later, self.partly & later.keys())


def find_overtaken(
    source: Source, mapper: Mapper, journal: Journal, wanted: Collection[int], doubtful: Collection[int]
) -> Overtaken:
    """Find wanted rows that would undo a later row that is, or may be, at the vendor.

    Reads the input from the first wanted row up to the intent mark, because nothing beyond it was ever sent.

    Args:
        source: the input.
        mapper: its mapping.
        journal: knows which rows are confirmed.
        wanted: rows that are to go again.
        doubtful: rows in doubt, which may be at the vendor too; wanted rows among them are sent again in
            their order.
    """
    method = mapper.mapping.kind.method
    if not wanted or not method.last_wins:
        return Overtaken()
    ordinals = np.fromiter(sorted(wanted), np.int64)
    waiting = _Waiting()
    for chunk in source.chunks(int(ordinals[0])):
        if chunk.first >= journal.mark:
            break
        for ordinal, owner, body in _select_rows(mapper.map(chunk), ordinals, waiting.owners):
            if ordinal in wanted:
                waiting.add(owner, ordinal, _read_changes(method, body))
            elif ordinal in doubtful or journal.confirmed(ordinal):
                waiting.overtake(owner, ordinal, _read_changes(method, body))
    return waiting.overtaken


def explain_overtaking(method: Method, *, partly: bool) -> str:
    """Why such a row is not sent, as a part of a sentence."""
    because = f"not sent, because a later row of the same {method.owner} is at the vendor, or may be"
    if partly and (names := method.container and method.container.many):
        return f"{because}, and sets some of the same {names}; the others are not set"
    return f"{because}; it would undo that one"


class _Waiting:
    """Wanted rows that were read, by owner, each with what of it no later row has changed."""

    def __init__(self) -> None:
        self.owners: dict[str, dict[int, frozenset[str]]] = {}
        self._later: dict[int, int] = {}

    def add(self, owner: str, row: int, changes: frozenset[str]) -> None:
        """A wanted row."""
        self.owners.setdefault(owner, {})[row] = changes

    def overtake(self, owner: str, newer: int, changes: frozenset[str]) -> None:
        """Take what a later row changes out of what the rows of its owner are left with."""
        rows = self.owners.get(owner, {})
        for row in [row for row, names in rows.items() if names & changes]:
            self._later.setdefault(row, newer)
            rows[row] -= changes
            if not rows[row]:
                del rows[row]
        if not rows:
            self.owners.pop(owner, None)

    @property
    def overtaken(self) -> Overtaken:
        """The rows of which a later row changed something, or all."""
        unset = frozenset(chain.from_iterable(self.owners.values()))
        return Overtaken(self._later, unset & self._later.keys())


def _read_changes(method: Method, body: bytes) -> frozenset[str]:
    """What a call changes: the names in its container, or everything."""
    if not method.merges or method.container is None:
        return _EVERYTHING
    return frozenset(json.loads(body)["request"][method.container.name])


def _select_rows(
    mapped: Mapped, wanted: np.ndarray[tuple[int], np.dtype[np.int64]], waiting: Collection[str]
) -> Iterator[tuple[int, str, bytes]]:
    """Ordinal, owner and body of the wanted rows and of all rows of their owners, ascending."""
    chosen = mapped.owners.filter(pa.array(np.isin(mapped.ordinals, wanted)))
    owners = pa.concat_arrays([chosen, pa.array(list(waiting), mapped.owners.type)])
    rows = pc.is_in(mapped.owners, value_set=owners)
    return zip(
        mapped.ordinals[rows.to_numpy(zero_copy_only=False)].tolist(),
        mapped.owners.filter(rows).to_pylist(),
        mapped.bodies.filter(rows).to_pylist(),
        strict=True,
    )
