"""The rows of a chunk whose keys are known are left out of it, and those without a key are rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.known_keys.judging import judge_events, judge_newest
from loader.known_keys.keys import read_keys
from loader.known_keys.reasons import Reasons
from loader.mapping.findings import named
from loader.model import Reject
from loader.text.nouns import is_or_are

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from loader.ledger import Digests, Ledger
    from loader.ledger.records import Digester, Mask, Ordinals
    from loader.ledger.sending import KeyStates
    from loader.mapping import Mapped, Mapper
    from loader.mapping.findings import Column
    from loader.mapping.selection import Outside
    from loader.model import Chunk


@dataclass(frozen=True, slots=True)
class Sifted:
    """A chunk without the rows that do not go.

    Attributes:
        mapped: the chunk.
        ordinals: the rows that go, of those that are wanted.
        digests: of their keys and bodies.
    """

    mapped: Mapped
    ordinals: Ordinals
    digests: Digests


@dataclass(frozen=True, slots=True)
class Keyed:
    """The keys of the wanted rows of a chunk that became a body.

    Attributes:
        places: of the rows that have a key, among those that became a body.
        digests: of their keys and bodies.
        keyless: places of the rows that have none.
        rejects: these rows, rejected for that.
    """

    places: Ordinals
    digests: Digests
    keyless: Ordinals
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class KeyReader:
    """Reads the keys of rows; it asks no ledger, so any process may do it.

    Attributes:
        mapper: of the load, with the key of the ledger.
        digester: of the ledger.
    """

    mapper: Mapper
    digester: Digester

    def read(self, mapped: Mapped, chunk: Chunk, wanted: Sequence[range]) -> Keyed:
        """Read the keys of the wanted rows of a chunk, which are in ascending ranges."""
        places = np.concatenate(
            [np.empty(0, np.int64)]
            + [np.arange(*np.searchsorted(mapped.ordinals, (each.start, each.stop))) for each in wanted]
        )
        known, keys = read_keys(self.mapper, chunk, mapped, places)
        keyless, places = places[~known], places[known]
        digests = self.digester.digest(keys, mapped.bodies.take(pa.array(places)))
        rejects = [self._reject(chunk, int(ordinal)) for ordinal in mapped.ordinals[keyless]]
        return Keyed(places, digests, keyless, rejects)

    def _reject(self, chunk: Chunk, ordinal: int) -> Reject:
        columns = self.mapper.mapping.key
        empty = f"{named(columns)} {is_or_are(len(columns))} empty"
        reason = f"{empty}, so nobody could know whether the row was sent"
        remedy = "Fill it, or load such rows on their own, without a ledger."
        message = f"{chunk.place(ordinal)}, {reason}. {remedy}"
        return Reject(ordinal, ", ".join(columns), "", reason, message, remedy, remedy, reason)


@dataclass(frozen=True, slots=True)
class Sifter:
    """Sifts the chunks of one load.

    Attributes:
        keys: reads their keys.
        ledger: of the load.
        own: the number of the load in the ledger.
        find: what is known of keys, those of earlier rows of the load among them.
    """

    keys: KeyReader
    ledger: Ledger
    own: int
    find: Callable[[Digests], KeyStates]

    @classmethod
    def of(cls, mapper: Mapper, ledger: Ledger, own: int, find: Callable[[Digests], KeyStates]) -> Sifter:
        """The sifter of a load with that mapper."""
        return cls(KeyReader(mapper, ledger.digester(mapper.mapping.kind.value)), ledger, own, find)

    def sift(self, mapped: Mapped, keyed: Keyed) -> Sifted:
        """Leave out the rows of a chunk whose keys are known, and reject those without a key."""
        digests, ordinals = keyed.digests, mapped.ordinals[keyed.places]
        reasons = self._judge(digests, ordinals)
        sent = reasons.judged.load < 0
        drop = np.zeros(len(mapped.ordinals), np.bool_)
        drop[keyed.places[~sent]] = drop[keyed.keyless] = True
        outside = reasons.list(ordinals - mapped.first, mapped.count)
        left = leave_out(mapped, drop, outside, keyed.rejects)
        return Sifted(left, ordinals[sent], digests.take(sent))

    def _judge(self, digests: Digests, ordinals: Ordinals) -> Reasons:
        last_wins = self.keys.mapper.mapping.method.last_wins
        judge = judge_newest if last_wins else judge_events
        judged = judge(digests, ordinals, self.find(digests), self.own)
        return Reasons(judged, self.own, self.ledger.loads, last_wins)


def leave_out(mapped: Mapped, drop: Mask, outside: Sequence[Outside], rejects: Sequence[Reject]) -> Mapped:
    """A mapped chunk without some of the rows that became a body.

    Args:
        mapped: the chunk.
        drop: for each row that became a body, whether it goes.
        outside: those of them that are left out.
        rejects: those of them that are rejected.
    """
    if not drop.any():
        return mapped
    keep = pa.array(~drop)
    kept = mapped.kept
    if outside:
        out = np.logical_or.reduce([each.rows for each in outside])
        stays = ~out if kept is None else ~out[kept]
        kept = np.flatnonzero(stays) if kept is None else kept[stays]
        mapped = replace(mapped, columns=keep_columns(mapped.columns, stays))
    return replace(
        mapped,
        ordinals=mapped.ordinals[~drop],
        bodies=mapped.bodies.filter(keep),
        owners=mapped.owners.filter(keep),
        rejects=sorted([*mapped.rejects, *rejects], key=lambda reject: reject.ordinal),
        outside=(*mapped.outside, *outside),
        kept=kept,
    )


def keep_columns(columns: Iterable[Column], kept: Mask) -> Iterator[Column]:
    """The converted values of some rows, for a check."""
    mask = pa.array(kept)
    for column in columns:
        yield column._replace(values=column.values.filter(mask))
