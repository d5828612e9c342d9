"""An index finds exactly the rows that have a key, whatever the hashes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.lookups import index
from loader.lookups.index import Index
from loader.lookups.texts import Texts
from loader.profile.sketch import hash_values

if TYPE_CHECKING:
    from collections.abc import Callable

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

KEYS = st.lists(st.none() | st.text("ab0", min_size=1, max_size=3), max_size=60)


def one_for_all(texts: pa.Array) -> Hashes:
    """The worst hash: all keys have the same one."""
    return np.full(len(texts), 7, np.uint64)


def by_length(texts: pa.Array) -> Hashes:
    """A bad hash: keys of one length share it."""
    lengths: Hashes = pa.compute.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.uint64)
    return lengths << np.uint64(62)


def build(keys: list[str | None], keep: str, digest: Callable[[pa.Array], Hashes]) -> Index:
    """An index over a column of keys."""
    texts, column = Texts(), pa.array(keys, pa.string())
    texts.add(column)
    texts.finish()
    rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    return Index(texts, digest(column.drop_null()), rows, keep, digest=digest)


@given(
    st.sampled_from(["", "first", "last"]),
    st.sampled_from([hash_values, one_for_all, by_length]),
    KEYS,
    KEYS,
    st.sampled_from([1, 5, 1000]),
)
def test_the_row_of_each_key_is_found(
    keep: str,
    digest: Callable[[pa.Array], Hashes],
    keys: list[str | None],
    wanted: list[str | None],
    block: int,
) -> None:
    """As a dictionary would find it, also if all hashes are the same: keys are compared exactly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "BLOCK", block)
        found = build(keys, keep, digest)
    pairs = [(key, row) for row, key in enumerate(keys) if key is not None]
    expected = dict(pairs if keep == "last" else pairs[::-1])
    assert found.find(pa.array(wanted, pa.string())).tolist() == [
        expected.get(key, -1) if key is not None else -1 for key in wanted
    ]
    assert len(found) == len(expected)
    assert found.list_rows(2).tolist() == sorted(expected.values())[:2]


@given(st.sampled_from([hash_values, one_for_all, by_length]), KEYS, st.sampled_from([1, 5, 1000]))
def test_keys_in_several_rows_are_counted_and_the_first_is_named(
    digest: Callable[[pa.Array], Hashes], keys: list[str | None], block: int
) -> None:
    """The two rows are those of the key that is the first one to come again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "BLOCK", block)
        doubled = build(keys, "", digest).doubled
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            rows.setdefault(key, []).append(row)
    several = sorted((found[1], found[0]) for found in rows.values() if len(found) > 1)
    if not several:
        assert doubled is None
        return
    assert doubled is not None
    assert (doubled.keys, doubled.again, doubled.first) == (len(several), *several[0])
