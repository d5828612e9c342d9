"""Keys in the order of their hashes: which row of a table has a key.

Keys are compared exactly. The hash only says where to look, so two keys with one hash are two keys. The first
bits of a hash give the place at which its like begin, a step or two from its own: no search, and thousands of
keys are looked for at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.encode import numpy_mask
from loader.profile.sketch import hash_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.lookups.texts import Rows, Texts
    from loader.profile.sketch import Hashes

    Hash = Callable[[pa.Array], Hashes]

Mask = np.ndarray[Any, np.dtype[np.bool_]]

#: Rows with one hash that are compared at a time.
BLOCK: Final = 1 << 20
_BITS = 64


@dataclass(frozen=True, slots=True)
class Doubled:
    """Keys that stand in several rows.

    Attributes:
        keys: how many such keys there are.
        first, again: two rows with one of them, those that come first.
    """

    keys: int
    first: int
    again: int


class Index:
    """Which row has a key.

    Args:
        keys: the keys of all rows of the table.
        hashes: of the rows that have a key.
        rows: these rows, ascending.
        keep: which of several rows with one key counts, "first" or "last"; "" for the first.
        digest: makes a 64-bit hash of each text.

    Attributes:
        doubled: keys that stand in several rows, or None.
    """

    def __init__(
        self, keys: Texts, hashes: Hashes, rows: Rows, keep: str = "", *, digest: Hash = hash_values
    ) -> None:
        self._keys = keys
        self._digest = digest
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._rows = rows[order].astype(np.int32 if keys.rows < 1 << 31 else np.int64)
        del order
        self.doubled = self._remove_repeats(last=keep == "last")
        self._shift = np.uint64(_BITS - max(len(self._hashes).bit_length() - 1, 1))
        buckets = 1 << (_BITS - int(self._shift))
        counts = np.bincount((self._hashes >> self._shift).astype(np.int64), minlength=buckets)
        self._starts = np.zeros(buckets + 1, self._rows.dtype)
        np.cumsum(counts, out=self._starts[1:])

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, keys: pa.Array) -> Rows:
        """The row that has each key; -1 if none has it, or the key is null."""
        found = np.full(len(keys), -1, np.int64)
        wanted = np.flatnonzero(numpy_mask(keys.is_valid()))
        hashes = self._digest(keys.take(pa.array(wanted)) if keys.null_count else keys)
        bucket = (hashes >> self._shift).astype(np.int64)
        at, stop = self._starts[bucket].astype(np.int64), self._starts[bucket + 1]
        left = np.flatnonzero(at < stop)
        while len(left):
            place = at[left]
            alike = self._hashes[place] == hashes[left]
            hits, rows = left[alike], self._rows[place[alike]].astype(np.int64)
            same = self._is_key(rows, keys, wanted[hits])
            found[wanted[hits[same]]] = rows[same]
            at[left] += 1
            open_ = at[left] < stop[left]
            open_[np.flatnonzero(alike)[same]] = False
            left = left[open_]
        return found

    def _is_key(self, rows: Rows, keys: pa.Array, places: Rows) -> Mask:
        """Whether each of some rows has the key at a place."""
        return numpy_mask(pc.equal(self._keys.take(rows), keys.take(pa.array(places))))

    def list_rows(self, count: int) -> Rows:
        """The first rows that have a key."""
        if len(self._rows) <= count:
            return np.sort(self._rows).astype(np.int64)
        return np.sort(np.partition(self._rows, count)[:count]).astype(np.int64)

    def _remove_repeats(self, *, last: bool) -> Doubled | None:
        """Keep one row of each key."""
        kept = np.ones(len(self._hashes), np.bool_)
        keys, first, again = 0, -1, -1
        for places in self._list_runs():
            rows = self._rows[places]
            codes = self._keys.take(rows.astype(np.int64)).dictionary_encode().indices.to_numpy()
            order = np.lexsort((rows.max() - rows if last else rows, codes))
            rows, codes = rows[order], codes[order]
            repeats = np.append(np.zeros(1, np.bool_), codes[1:] == codes[:-1])
            kept[places[order[repeats]]] = False
            seconds = np.flatnonzero(repeats & ~np.append(np.zeros(1, np.bool_), repeats[:-1]))
            keys += len(seconds)
            if len(seconds):
                at = int(seconds[np.argmin(np.maximum(rows[seconds], rows[seconds - 1]))])
                one, other = sorted((int(rows[at - 1]), int(rows[at])))
                if first < 0 or other < again:
                    first, again = one, other
        if not keys:
            return None
        self._hashes, self._rows = self._hashes[kept], self._rows[kept]
        return Doubled(keys, first, again)

    def _list_runs(self) -> Iterator[Rows]:
        """The places of keys whose hash is that of another one, in parts that have all keys of a hash."""
        same = self._hashes[1:] == self._hashes[:-1]
        inside = np.append(same, np.zeros(1, np.bool_)) if len(self._hashes) else same
        places = np.flatnonzero(inside | np.append(np.zeros(1, np.bool_), same)[: len(inside)])
        while len(places):
            stop = BLOCK
            while stop < len(places) and self._hashes[places[stop]] == self._hashes[places[stop - 1]]:
                stop += 1
            yield places[:stop]
            places = places[stop:]
