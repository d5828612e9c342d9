"""Counting distinct values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.profile.sketch import KEPT, Distinct, hash_bytes, hash_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.profile.sketch import Hashes


def counting(values: range, parts: int = 7) -> Distinct:
    """These values, each twice, a part at a time."""
    distinct = Distinct()
    texts = pa.array([f"value {value}" for value in values] * 2)
    for part in range(parts):
        distinct.add(hash_values(texts)[part::parts])
    return distinct


@pytest.mark.parametrize("values", [0, 1, 1000, KEPT])
def test_few_values_are_counted_exactly(values: int) -> None:
    """Up to the bound the number is exact, and says so."""
    distinct = counting(range(values))
    assert (distinct.count, distinct.exact) == (values, True)


@pytest.mark.parametrize("values", [KEPT + 1, 20_000, 300_000])
def test_many_values_are_counted_nearly_and_it_says_so(values: int) -> None:
    """Beyond it the number is within 5 % (three standard errors), and is not called exact."""
    distinct = counting(range(values))
    assert not distinct.exact
    assert abs(distinct.count - values) < 0.05 * values


def test_the_number_does_not_depend_on_the_order() -> None:
    """The same values in another order, or in one part, give the same number: two checks can be compared."""
    values = hash_values(pa.array([str(value) for value in range(50_000)]))
    counts = []
    for order in (values, values[::-1], np.random.default_rng(1).permutation(values)):
        distinct = Distinct()
        for start in range(0, len(order), 4999):
            distinct.add(order[start : start + 4999])
        counts.append(distinct.count)
    assert len(set(counts)) == 1


def test_texts_that_are_nearly_alike_are_told_apart() -> None:
    """NUL, case, blanks and order count, at the beginning of a text, at its end and wherever it is split."""
    ends = ["", "\0", "a", "a\0", "a\0b", "A", " a", "a ", "ab", "ba", "é", "e\u0301"]
    texts = {
        "x" * before + end + "y" * behind for before in range(130) for end in ends for behind in (0, 1, 8, 64)
    }
    assert len(set(hash_values(pa.array(sorted(texts))).tolist())) == len(texts)


def test_no_text_has_the_hash_of_nobody() -> None:
    """The empty text is an id like any other."""
    assert hash_values(pa.array(["", "\0", "\0" * 8])).all()


@given(texts=st.lists(st.text(max_size=80), max_size=30), cut=st.integers(0, 30))
def test_a_hash_does_not_depend_on_the_texts_beside_it(texts: list[str], cut: int) -> None:
    """Long texts and short ones are hashed in steps for all at once, and none of these shows."""
    values = pa.array(texts, pa.string())
    alone = [int(hash_values(pa.array([text]))[0]) for text in texts]
    assert hash_values(values).tolist() == alone
    assert hash_values(values.slice(cut)).tolist() == alone[cut:]


@pytest.mark.parametrize("make_hashes", [hash_values, hash_bytes])
def test_a_hash_depends_on_the_value_alone(make_hashes: Callable[[pa.Array], Hashes]) -> None:
    """Equal values have one hash wherever they stand, and 50,000 different ones have as many."""
    texts = pa.array([str(value) for value in range(50_000)] * 2).cast(pa.binary())
    hashes = make_hashes(texts)
    assert np.array_equal(hashes[:50_000], hashes[50_000:])
    assert len(set(hashes.tolist())) == 50_000
    assert np.array_equal(make_hashes(texts.slice(49_999, 3)), hashes[49_999:50_002])
    assert not len(make_hashes(texts.slice(0, 0)))
