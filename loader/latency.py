"""Times that answers took, in a few numbers: a histogram whose buckets grow by a constant factor.

Four buckets to a doubling: a time read from it is at most 10 % off, whatever its size. From 0.1 ms to over a
minute and a half that takes eighty counters, and a time costs a logarithm.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST = 1e-4
PER_DOUBLING = 4
BUCKETS = 80


class Histogram:
    """Counts times.

    Attributes:
        counts: how many fell into each bucket.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS

    def add(self, seconds: float) -> None:
        """Count one time; what is too short or too long for the buckets goes into the first or the last."""
        bucket = int(math.log2(seconds / SHORTEST) * PER_DOUBLING) if seconds > SHORTEST else 0
        self.counts[bucket if bucket < BUCKETS else -1] += 1


def compute_middle(bucket: int) -> float:
    """The time in seconds that stands for a bucket: the geometric mean of its bounds."""
    return float(SHORTEST * 2 ** ((bucket + 0.5) / PER_DOUBLING))


def compute_quantile(counts: Sequence[int], share: float) -> float | None:
    """The time in seconds that this share of the answers did not exceed; None if none came."""
    total = sum(counts)
    if not total:
        return None
    wanted = max(1, math.ceil(share * total))
    return compute_middle(
        next(bucket for bucket, so_far in enumerate(accumulate(counts)) if so_far >= wanted)
    )


def find_longest(counts: Sequence[int]) -> float | None:
    """The longest time in seconds; None if no answer came."""
    return compute_quantile(counts, 1.0)


def to_text(counts: Sequence[int]) -> str:
    """The counts without the empty buckets at both ends: the first one's number, then the counts."""
    filled = [bucket for bucket, count in enumerate(counts) if count]
    if not filled:
        return ""
    first, last = filled[0], filled[-1]
    return f"{first}:{','.join(str(count) for count in counts[first : last + 1])}"


def from_text(text: str) -> tuple[int, ...]:
    """The counts that `to_text` wrote.

    Raises:
        ValueError: it did not write them.
    """
    if not text:
        return (0,) * BUCKETS
    first, _, counts = text.partition(":")
    found = [int(count) for count in counts.split(",")]
    padded = (*[0] * int(first), *found, *[0] * (BUCKETS - int(first) - len(found)))
    if len(padded) != BUCKETS or min(padded) < 0:
        raise ValueError(f"no histogram: {text[:80]!r}")
    return padded
