"""The histogram of times: small, and never far off."""

from __future__ import annotations

import random
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.latency import BUCKETS, PER_DOUBLING, Histogram, compute_quantile, from_text, to_text

#: Half a bucket, and a hair for the rounding of floats.
CLOSE = 2 ** (0.51 / PER_DOUBLING)


@given(st.lists(st.floats(1e-4, 100.0), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_at_most_a_tenth_off(seconds: list[float], share: float) -> None:
    """What is shown as p99 is the p99 of the answers, within 10 %."""
    histogram = Histogram()
    for each in seconds:
        histogram.add(each)
    exact = sorted(seconds)[max(1, ceil(share * len(seconds))) - 1]
    found = compute_quantile(histogram.counts, share)
    assert found is not None
    assert exact / CLOSE <= found <= exact * CLOSE


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-9, 1e3, 1e9])
def test_no_time_is_lost(seconds: float) -> None:
    """A clock that stood still, and an answer that took for ever, are counted too."""
    histogram = Histogram()
    histogram.add(seconds)
    assert sum(histogram.counts) == 1


@given(st.lists(st.integers(0, 10**9), min_size=BUCKETS, max_size=BUCKETS))
def test_the_text_keeps_every_count(counts: list[int]) -> None:
    """What is stored is what was counted."""
    assert from_text(to_text(counts)) == tuple(counts)


def test_the_text_is_short() -> None:
    """A usual second of traffic takes less than a hundred characters."""
    histogram, chance = Histogram(), random.Random(1)
    for _ in range(5000):
        histogram.add(chance.lognormvariate(-3.0, 0.4))
    assert len(to_text(histogram.counts)) < 100
    assert from_text("") == (0,) * BUCKETS
    assert compute_quantile(from_text(""), 0.5) is None
