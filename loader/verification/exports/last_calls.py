"""What must stand in an export of users or tags: of each device or user the last call, not every call.

A registration replaces the one before. Tags merge: the last row of a user stands for all of them, with every
value that no later row replaced. A row in doubt behind the last confirmed one may have replaced it, so that
one need not be there any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from loader.spill import Spill
from loader.verification.exports.scope import digest_owners
from loader.verification.rows import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.mapping import Mapped
    from loader.methods import Container
    from loader.spill import Records
    from loader.verification.rows import ExpectedRows, Fates, LoadSide, Numbers

_DOUBTFUL = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Order:
    """Which rows of a load still stand.

    Attributes:
        overtaken: rows, confirmed or in doubt, that a later confirmed row of their owner replaced; ascending.
        open: confirmed rows that a later row in doubt may have replaced, ascending.
        replaced: how many of the overtaken rows are confirmed.
        merged: of rows that stand for several, the ordinals of all of them, ascending, themselves the last.
    """

    overtaken: Numbers
    open: Numbers
    replaced: int = 0
    merged: dict[int, list[int]] = field(default_factory=dict)


class OrderReader:
    """Takes rows of a load, then says which of them still stand.

    Args:
        merges: whether a row changes only what it names.
    """

    def __init__(self, *, merges: bool) -> None:
        self._merges = merges
        self._spill = Spill(2, what="A verification stores about 50 bytes for each row")

    def see(self, mapped: Mapped, fates: Fates) -> None:
        """Take in some rows of the load, with the fate of each row of the chunk."""
        here = fates[mapped.ordinals - mapped.first]
        sent = np.isin(here, [Fate.CONFIRMED, Fate.RESENT, Fate.IN_DOUBT])
        if sent.any():
            # The ordinal, and in its lowest bit whether the row is in doubt: rows of an owner sort by it.
            tags = mapped.ordinals.astype(np.uint64) << _DOUBTFUL | (here == Fate.IN_DOUBT)
            self._spill.add(digest_owners(mapped.owners)[sent], tags[sent])

    def read(self) -> Order:
        """Which rows still stand; nothing can be taken in afterwards."""
        overtaken, soft, merged = [np.empty(0, np.int64)], [np.empty(0, np.int64)], dict[int, list[int]]()
        replaced = 0
        for records in self._spill.buckets():
            group = _Groups(records)
            overtaken.append(group.ordinals[group.is_overtaken])
            replaced += int((group.is_overtaken & ~group.in_doubt).sum())
            soft.append(group.ordinals[group.is_open])
            if self._merges:
                merged |= group.list_merged()
        self._spill.close()
        stands = np.sort(np.concatenate(overtaken)), np.sort(np.concatenate(soft))
        return Order(*stands, replaced, merged)


class _Groups:
    """The rows of some owners, each owner's together and in order."""

    def __init__(self, records: Records) -> None:
        records = records[np.lexsort((records[:, 1], records[:, 0]))]
        self._begins = np.flatnonzero(np.append(True, records[1:, 0] != records[:-1, 0]))[: len(records)]
        self._sizes = np.diff(np.append(self._begins, len(records)))
        self.ordinals = (records[:, 1] >> _DOUBTFUL).astype(np.int64)
        self.in_doubt = (records[:, 1] & _DOUBTFUL) == 1
        sure = np.where(self.in_doubt, -1, self.ordinals)
        self._last = np.repeat(self._reduce(sure), self._sizes)
        end = np.repeat(self._reduce(self.ordinals), self._sizes)
        self.is_overtaken = self.ordinals < self._last
        self.is_open = (self.ordinals == self._last) & (end > self._last)

    def _reduce(self, numbers: Numbers) -> Any:
        return np.maximum.reduceat(numbers, self._begins) if len(numbers) else numbers

    def list_merged(self) -> dict[int, list[int]]:
        """Of each row that is not the first of its owner and stands, the rows that it stands for."""
        found: dict[int, list[int]] = {}
        for begin, size in zip(self._begins[self._sizes > 1], self._sizes[self._sizes > 1], strict=True):
            rows = range(begin, begin + size)
            sure = [int(self.ordinals[at]) for at in rows if not self.in_doubt[at]]
            for at in rows:
                ordinal = int(self.ordinals[at])
                before = [row for row in sure if row < ordinal]
                if before and not self.is_overtaken[at]:
                    found[ordinal] = [*before, ordinal]
        return found


def keep_standing(
    side: LoadSide, order: Order, container: Container | None, write: Callable[[bytes], bytes]
) -> LoadSide:
    """A load of whose rows only those are expected that still stand, each as what it stands for.

    Args:
        side: the load, with bodies as its forms.
        order: which rows stand.
        container: what merges, if anything does.
        write: turns a body into a form.
    """
    merging = _Merging(side, order, container) if container and order.merged else None

    def reform(ordinals: Sequence[int], bodies: Sequence[bytes]) -> list[bytes]:
        whole = merging.merge(ordinals, bodies) if merging else bodies
        return list(map(write, whole))

    def read(version: Callable[[], Iterator[ExpectedRows]]) -> Callable[[], Iterator[ExpectedRows]]:
        def rows() -> Iterator[ExpectedRows]:
            for each in version():
                kept = ~np.isin(each.ordinals, order.overtaken)
                bodies = [body for body, stands in zip(each.forms, kept.tolist(), strict=True) if stands]
                fates = np.where(np.isin(each.ordinals, order.open), Fate.IN_DOUBT, each.fates)[kept]
                ordinals = each.ordinals[kept]
                forms = reform(ordinals.tolist(), bodies)
                formless = tuple(row for row in each.formless if row[0] not in overtaken)
                yield each._replace(
                    ordinals=ordinals, fates=fates.astype(np.uint8), forms=forms, formless=formless
                )

        return rows

    def fetch(ordinals: Sequence[int]) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        for ordinal, bodies in side.fetch(ordinals):
            yield ordinal, tuple(reform([ordinal] * len(bodies), bodies))

    overtaken = frozenset(order.overtaken.tolist())
    confirmed = side.confirmed - order.replaced - len(order.open)
    return replace(side, confirmed=confirmed, versions=tuple(map(read, side.versions)), fetch=fetch)


class _Merging:
    """Puts the members of earlier rows of an owner into the row that stands for them all."""

    def __init__(self, side: LoadSide, order: Order, container: Container) -> None:
        self._side = side
        self._merged = order.merged
        self._name = container.name

    def merge(self, ordinals: Sequence[int], bodies: Sequence[bytes]) -> list[bytes]:
        """The bodies of some rows, each with what it stands for."""
        wanted = {row for ordinal in ordinals for row in self._merged.get(ordinal, ())}
        known = {row: forms[-1] for row, forms in self._side.fetch(sorted(wanted)) if forms}
        return [
            self._join([known[row] for row in self._merged[ordinal] if row in known])
            if ordinal in self._merged
            else body
            for ordinal, body in zip(ordinals, bodies, strict=True)
        ]

    def _join(self, bodies: Sequence[bytes]) -> bytes:
        whole = [msgspec.json.decode(body, type=dict[str, dict[str, msgspec.Raw]]) for body in bodies]
        members: dict[str, msgspec.Raw] = {}
        for each in whole:
            members |= msgspec.json.decode(each["request"][self._name], type=dict[str, msgspec.Raw])
        request = whole[-1]["request"] | {self._name: msgspec.Raw(msgspec.json.encode(members))}
        return msgspec.json.encode({"request": request})
