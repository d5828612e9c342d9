"""Wanted rows on their way from the chunks to the leases."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from loader.journal import collect_ranges
from loader.leases import pick_rejects
from loader.model import Chunk, Reject
from loader.reading import group_ranges, select_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = st.sets(st.integers(0, 60)).map(sorted)


def chunks(rows: int, size: int) -> Iterator[Chunk]:
    """A source of a given number of rows, each of which holds its own ordinal."""
    for first in range(0, rows, size):
        frame = pd.DataFrame({"row": range(first, min(first + size, rows))})
        yield Chunk(first, frame, "x.csv", first + 1, {})


@given(ROWS, st.integers(1, 20))
def test_wanted_rows_come_once_in_order_with_their_own_cells(wanted: list[int], size: int) -> None:
    """Whatever rows are wanted and however the source is cut, they and no others are handed on."""
    found: list[int] = []
    for chunk, rows in select_chunks(chunks(61, size), collect_ranges(wanted)):
        assert (chunk.first, chunk.rows.stop) == (rows[0].start, rows[-1].stop)
        found += [int(chunk.frame["row"].iloc[row - chunk.first]) for row in chain.from_iterable(rows)]
    assert found == wanted


@given(ROWS, st.integers(1, 20))
def test_groups_hold_all_rows_and_are_full(wanted: list[int], size: int) -> None:
    """Each lease but the last takes as many rows as it may."""
    groups = [list(chain.from_iterable(group)) for group in group_ranges(collect_ranges(wanted), size)]
    assert list(chain.from_iterable(groups)) == wanted
    assert all(len(group) == size for group in groups[:-1])
    assert all(0 < len(group) <= size for group in groups)


@given(ROWS, ROWS)
def test_rejects_follow_their_rows(rejected: list[int], wanted: list[int]) -> None:
    """A lease is given the rejects among its rows, and no others."""
    rejects = [Reject(ordinal, "", "", "", "") for ordinal in rejected]
    found = pick_rejects(rejects, list(collect_ranges(wanted)))
    assert [reject.ordinal for reject in found] == [row for row in wanted if row in set(rejected)]
