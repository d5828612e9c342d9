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
        self._keyed = hashlib.blake2b(key=secret, person=domain.encode(), digest_size=16)
        self._seed = int.from_bytes(hashlib.blake2b(b"body", key=secret, digest_size=8).digest(), "little")

    def digest(self, keys: pa.Array, bodies: pa.Array) -> Digests:
        """The digests of rows: Arrow arrays of bytes, of one length."""
        copy = self._keyed.copy

        def digest_key(key: bytes) -> bytes:
            keyed = copy()
            keyed.update(key)
            return keyed.digest()

        halves = np.frombuffer(b"".join(map(digest_key, keys.to_pylist())), HALF).reshape(-1, 2)
        seed = self._seed
        found = [xxh3_64_intdigest(body, seed) for body in bodies.to_pylist()]
        return Digests(halves[:, 0].copy(), halves[:, 1].copy(), np.array(found, HALF))


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
