"""Count distinct values: exactly up to a bound, approximately beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from collections.abc import Iterator

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

#: The number of hashes to keep. Counts up to it are exact; beyond, the standard error is 1/sqrt(KEPT), 1.6 %.
KEPT = 4096
_PART = 2048
# Longer texts, in bytes, are hashed one by one.
_LONGEST = 64
_LENGTHS = np.uint64(0x9E3779B97F4A7C15)
_STEPS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
#: What is left of a word, by how many of its bytes belong to the text.
_FIRST_BYTES = np.array([256**count - 1 for count in range(9)], np.uint64)


def hash_values(values: pa.Array) -> Hashes:
    """A 64-bit hash of each value, the same in every run; the values must not be null.

    Among 100 million values the chance that any two share one is 1 in 4,000.
    """
    if pa.types.is_string(values.type):
        values = values.cast(pa.binary())
    if pa.types.is_binary(values.type):
        return _hash_texts(values)
    parts = [pd.util.hash_array(part, categorize=False) for part in _part_out(values)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _hash_texts(texts: pa.Array) -> Hashes:
    """The hashes of bytes: eight at a time of all texts at once, because no object is made of each."""
    if not len(texts):
        return np.empty(0, np.uint64)
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1].astype(np.intp)
    lengths = np.diff(ends)
    found: Hashes = (lengths + 1).astype(np.uint64) * _LENGTHS
    words, begins, longest = _view_words(texts, ends), ends[:-1] - ends[0], int(lengths.max())
    shortest, room = int(lengths.min()), np.empty_like(found)
    for place in range(0, min(longest, _LONGEST), 8):
        if place + 8 <= shortest:
            found ^= words[begins + place]
            _mix(found, room)
        else:
            rows = np.flatnonzero(lengths > place)
            part = found[rows]
            part ^= words[begins[rows] + place] & _FIRST_BYTES[np.minimum(lengths[rows] - place, 8)]
            found[rows] = _mix(part, room[: len(part)])
    if longest > _LONGEST:
        rows = np.flatnonzero(lengths > _LONGEST)
        found[rows] = hash_bytes(texts.take(pa.array(rows)))
    return found


def _view_words(texts: pa.Array, ends: np.ndarray[Any, np.dtype[np.intp]]) -> Hashes:
    """The eight bytes that begin at each byte of the texts, as a number; there are seven more at the end."""
    low, high = int(ends[0]), int(ends[-1])
    content = np.zeros(high - low + 8, np.uint8)
    if high > low:
        content[: high - low] = np.frombuffer(texts.buffers()[2], np.uint8)[low:high]
    return np.ndarray(high - low + 1, np.dtype("<u8"), content, 0, (1,))


def _mix(hashes: Hashes, room: Hashes) -> Hashes:
    """The numbers mixed so that each bit depends on all; no two become the same.

    The steps and constants are those of SplitMix64 (G. Steele et al., "Fast splittable pseudorandom number
    generators", OOPSLA 2014).
    """
    for shift, factor in _STEPS:
        np.right_shift(hashes, shift, out=room)
        np.bitwise_xor(hashes, room, out=hashes)
        np.multiply(hashes, factor, out=hashes)
    np.right_shift(hashes, np.uint64(31), out=room)
    return np.bitwise_xor(hashes, room, out=hashes)


def hash_bytes(values: pa.Array) -> Hashes:
    """Another 64-bit hash of each value, for long ones: XXH3, which takes half of the time."""
    parts = [np.fromiter(map(xxh3_64_intdigest, part), np.uint64, len(part)) for part in _part_out(values)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _part_out(values: pa.Array) -> Iterator[np.ndarray[Any, Any]]:
    """The values in numpy, a few at a time, because objects that stay in the cache cost half as much."""
    for start in range(0, len(values), _PART):
        yield values.slice(start, _PART).to_numpy(zero_copy_only=False)


def hash_or(values: pa.Array, nothing: int) -> Hashes:
    """The hash of each value, `nothing` if it is null."""
    if not values.null_count:
        return hash_values(values)
    found: Hashes = np.full(len(values), nothing, np.uint64)
    found[values.is_valid().to_numpy(zero_copy_only=False)] = hash_values(values.drop_null())
    return found


class Distinct:
    """The smallest hashes of all values seen: the closer they lie, the more distinct values there are.

    The estimator comes from K. Beyer et al., "On synopses for distinct-value estimation under multiset
    operations", SIGMOD 2007: (k - 1) / u, where u is the k-th smallest hash as a fraction of all hashes.
    """

    def __init__(self) -> None:
        self._kept: Hashes = np.empty(0, np.uint64)
        self._full = False
        self._pending: list[Hashes] = []
        self._waiting = 0

    def add(self, hashes: Hashes) -> None:
        """Count these values."""
        if self._full:
            hashes = hashes[hashes < self._kept[-1]]
        if not len(hashes):
            return
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting >= KEPT:
            self._merge()

    @property
    def exact(self) -> bool:
        """Whether `count` is exact."""
        self._merge()
        return not self._full

    @property
    def count(self) -> int:
        """The number of distinct values; an estimate if `exact` is False."""
        self._merge()
        if not self._full:
            return len(self._kept)
        return round((KEPT - 1) / (float(self._kept[-1]) / 2.0**64))

    def _merge(self) -> None:
        if not self._pending:
            return
        # np.unique does the same by hashing, in four times the time.
        candidates = np.sort(np.concatenate([self._kept, *self._pending]))
        kept = candidates[np.append(True, candidates[1:] != candidates[:-1])]
        self._full = self._full or len(kept) > KEPT
        self._kept = kept[:KEPT].copy()
        self._pending, self._waiting = [], 0
