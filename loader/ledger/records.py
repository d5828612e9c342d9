"""What a ledger keeps of a key: 28 bytes, from which nobody learns the key.

The digest of a key has 128 bits and is keyed with a secret of the ledger, so that nobody can look keys up
without the ledger, and nobody can make two keys with one digest. The digest of a body only tells whether two
bodies of one key differ: 64 bits are enough for that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Ordinals = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]

HALF = np.dtype("<u8")
REST = np.dtype([("low", "<u8"), ("body", "<u8"), ("load", "<u4")])
RECORD_BYTES = HALF.itemsize + REST.itemsize


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of some rows: the two halves of that of the key, and that of the body."""

    high: Numbers
    low: Numbers
    body: Numbers

    def __len__(self) -> int:
        return len(self.high)

    def take(self, places: Places | Mask | slice) -> Digests:
        """Some of them."""
        return Digests(self.high[places], self.low[places], self.body[places])

    @classmethod
    def join(cls, parts: Sequence[Digests]) -> Digests:
        """All of several."""
        empty = np.empty(0, HALF)
        columns = (
            np.concatenate([empty, *(getattr(part, name) for part in parts)])
            for name in ("high", "low", "body")
        )
        return cls(*columns)

    def pack(self) -> bytes:
        """The bytes that `unpack` reads: column by column."""
        return b"".join(
            np.ascontiguousarray(each, HALF).tobytes() for each in (self.high, self.low, self.body)
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Digests:
        """What `pack` wrote."""
        high, low, body = np.frombuffer(packed, HALF).reshape(3, -1)
        return cls(high, low, body)


class Digester:
    """Makes the digests of keys and bodies.

    Args:
        secret: of the ledger.
        domain: what the keys are of: those of events and of users have nothing to do with each other.
    """

    def __init__(self, secret: bytes, domain: str) -> None:
        self._made_of = secret, domain
        self._keyed = hashlib.blake2b(key=secret, person=domain.encode(), digest_size=16)
        self._seed = int.from_bytes(hashlib.blake2b(b"body", key=secret, digest_size=8).digest(), "little")

    def __reduce__(self) -> tuple[type[Digester], tuple[bytes, str]]:
        """What a hash has taken in cannot be pickled; what it was made of can."""
        return Digester, self._made_of

    def digest(self, keys: pa.Array, bodies: pa.Array) -> Digests:
        """The digests of rows: Arrow arrays of bytes, of one length."""
        high, low = self.digest_keys(keys)
        seed = self._seed
        found = [xxh3_64_intdigest(body, seed) for body in bodies.to_pylist()]
        return Digests(high, low, np.array(found, HALF))

    def digest_keys(self, keys: pa.Array) -> tuple[Numbers, Numbers]:
        """The halves of the digest of each key, an Arrow array of bytes."""
        copy = self._keyed.copy

        def digest_key(key: bytes) -> bytes:
            keyed = copy()
            keyed.update(key)
            return keyed.digest()

        halves = np.frombuffer(b"".join(map(digest_key, keys.to_pylist())), HALF).reshape(-1, 2)
        return halves[:, 0].copy(), halves[:, 1].copy()


def format_digest(high: int, low: int) -> str:
    """The digest of a key for people, from its two halves."""
    return high.to_bytes(8, "little").hex() + low.to_bytes(8, "little").hex()


def parse_digest(text: str) -> tuple[int, int]:
    """The two halves of the digest of a key that `format_digest` wrote.

    Raises:
        ValueError: it is not a digest.
    """
    packed = bytes.fromhex(text)
    if len(packed) != 2 * HALF.itemsize:
        raise ValueError(text)
    return int.from_bytes(packed[:8], "little"), int.from_bytes(packed[8:], "little")


@dataclass(frozen=True, slots=True)
class Records:
    """Records of keys, ascending by digest, each key once.

    Attributes:
        high: the first half of the digest of each key.
        rest: the other half, the digest of the body, and the number of the load that sent it.
    """

    high: Numbers
    rest: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.high)

    @classmethod
    def of(cls, digests: Digests, load: int | np.ndarray[Any, Any]) -> Records:
        """Sort digests; of those with one key the last one counts."""
        rest = np.empty(len(digests), REST)
        rest["low"], rest["body"], rest["load"] = digests.low, digests.body, load
        return sort_records(digests.high, rest)

    @classmethod
    def merge(cls, parts: Sequence[Records]) -> Records:
        """One sequence of several; of those with one key that of the last part counts."""
        if len(parts) == 1:
            return parts[0]
        high = np.concatenate([np.empty(0, HALF), *(part.high for part in parts)])
        return sort_records(high, np.concatenate([np.empty(0, REST), *(part.rest for part in parts)]))

    def without(self, loads: Sequence[int]) -> Records:
        """Those that other loads have sent."""
        kept = ~np.isin(self.rest["load"], np.array(loads, np.uint32))
        return Records(self.high[kept], self.rest[kept])

    def slice(self, start: int, stop: int | None) -> Records:
        """Those whose first half is from `start` up to `stop`, or to the end."""
        low = int(np.searchsorted(self.high, np.uint64(start)))
        high = len(self) if stop is None else int(np.searchsorted(self.high, np.uint64(stop)))
        return Records(self.high[low:high], self.rest[low:high])

    def find(self, high: Numbers, low: Numbers) -> tuple[Places, np.ndarray[Any, Any]]:
        """The keys that are here, by their places among those asked for, and their records.

        Args:
            high: the first halves of digests, ascending.
            low: the second halves.
        """
        return pick(self, np.searchsorted(self.high, high), high, low)

    def lacking(self, others: Records) -> Records:
        """Those whose keys are not among others."""
        hits, _ = others.find(self.high, self.rest["low"])
        kept = np.ones(len(self), np.bool_)
        kept[hits] = False
        return Records(self.high[kept], self.rest[kept])


def pick(
    records: Records, places: Places, high: Numbers, low: Numbers
) -> tuple[Places, np.ndarray[Any, Any]]:
    """Pick the records with these keys; `places` says where the first one with each first half would be."""
    asked = np.flatnonzero(places < len(records))
    places = places[asked]
    same = records.high[places] == high[asked]
    asked, places = asked[same], places[same]
    hits, found = [np.empty(0, np.intp)], [np.empty(0, REST)]
    # Nearly always the first record with the same half is the one; another key may share that half.
    while len(asked):
        rest = records.rest[places]
        hit = rest["low"] == low[asked]
        hits.append(asked[hit])
        found.append(rest[hit])
        asked, places = asked[~hit], places[~hit] + 1
        inside = places < len(records)
        asked, places = asked[inside], places[inside]
        same = records.high[places] == high[asked]
        asked, places = asked[same], places[same]
    return np.concatenate(hits), np.concatenate(found)


def sort_records(high: Numbers, rest: np.ndarray[Any, Any]) -> Records:
    """Sort by the digest of the key; of those with one key the last one stays."""
    order = np.argsort(high, kind="stable")
    high, rest = high[order], rest[order]
    if len(high) < 2:
        return Records(high, rest)
    same = high[1:] == high[:-1]
    if same.any():
        low = rest["low"]
        if (same & (low[1:] != low[:-1])).any():  # two keys share one half: rare, and told apart
            order = np.lexsort((low, high))
            high, rest = high[order], rest[order]
            low = rest["low"]
        last = np.append((high[1:] != high[:-1]) | (low[1:] != low[:-1]), True)
        high, rest = high[last], rest[last]
    return Records(high, rest)


def join_records(parts: Sequence[tuple[Digests, int]]) -> Records:
    """The records of keys of several loads; of those with one key the last one counts."""
    loads = np.concatenate(
        [np.empty(0, np.uint32), *(np.full(len(each), load, np.uint32) for each, load in parts)]
    )
    return Records.of(Digests.join([each for each, _ in parts]), loads)
