"""Slabs of any size become slabs of the size that is wanted, with every record and reason in its place."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import gathering
from loader.sources.gathering import gather_slabs
from loader.sources.records import Slab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = st.lists(st.integers(1, 12), max_size=12)


def make_slabs(sizes: Sequence[int], unusable: set[int]) -> Iterator[Slab]:
    """Slabs of these sizes; each record says its number, and so does the reason of one that is unusable."""
    for first, end in pairwise(accumulate(sizes, initial=0)):
        numbers = range(first, end)
        bad = {number - first: f"bad {number}" for number in numbers if number in unusable and number % 2}
        total = {
            number - first: f"total {number}" for number in numbers if number in unusable and not number % 2
        }
        yield Slab(first, pa.table({"number": pa.array(numbers)}), bad, total)


@given(sizes=SIZES, rows=st.integers(1, 20), unusable=st.sets(st.integers(0, 60)))
def test_each_record_comes_once_with_its_number_and_its_reason(
    sizes: list[int], rows: int, unusable: set[int]
) -> None:
    """Gathering neither loses, doubles nor moves a record, and each reason stays with its own."""
    gathered = list(gather_slabs(make_slabs(sizes, unusable), rows))
    found = [
        (slab.first + at, number)
        for slab in gathered
        for at, number in enumerate(slab.table["number"].to_pylist())
    ]
    assert found == [(number, number) for number in range(sum(sizes))]
    reasons = {
        slab.first + at: why for slab in gathered for at, why in (slab.unreadable | slab.no_data).items()
    }
    assert reasons == {
        number: f"{'bad' if number % 2 else 'total'} {number}" for number in unusable if number < sum(sizes)
    }


@given(sizes=SIZES, rows=st.integers(1, 20))
def test_only_the_last_slab_of_a_file_is_small(sizes: list[int], rows: int) -> None:
    """The steps of a mapping, each of which costs time for each chunk, are made as seldom as can be."""
    gathered = [slab.end - slab.first for slab in gather_slabs(make_slabs(sizes, set()), rows)]
    assert gathered[:-1] == [rows] * (len(gathered) - 1)
    assert not gathered or 0 < gathered[-1] <= rows


def test_wide_records_make_small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of a table with a thousand columns takes no more memory than one of a narrow table."""
    monkeypatch.setattr(gathering, "ENOUGH_BYTES", 8 * 5)
    gathered = [slab.end - slab.first for slab in gather_slabs(make_slabs([3] * 6, set()), 1000)]
    assert gathered == [6, 6, 6]


def test_each_table_keeps_its_own_columns() -> None:
    """Where a file goes on with other types, no cell is converted to those before it."""
    slabs = [
        Slab(0, pa.table({"a": [1, 2]}), {}),
        Slab(2, pa.table({"a": ["x"]}), {}),
        Slab(3, pa.table({"a": ["y"]}), {}),
    ]
    gathered = list(gather_slabs(slabs, 10))
    assert [slab.table.to_pydict() for slab in gathered] == [{"a": [1, 2]}, {"a": ["x", "y"]}]


def test_all_records_before_a_damage_come_before_its_error() -> None:
    """A file that is damaged in the middle is loaded up to there, however few records wait."""

    def read() -> Iterator[Slab]:
        yield from make_slabs([3, 1], set())
        raise SourceError("damaged")

    seen: list[int] = []
    with pytest.raises(SourceError, match="damaged"):
        seen += (slab.end for slab in gather_slabs(read(), 3))
    assert seen == [3, 4]
