"""Chunks for part after part."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loader.cluster import tape
from loader.cluster.tape import Tape
from loader.journal import collect_ranges
from loader.reading import select_chunks
from tests.test_leases import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from loader.model import Chunk

ROWS = 61


class Counted:
    """A source that counts how often it is begun."""

    def __init__(self, size: int) -> None:
        self.begun = 0
        self._size = size

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """From a row on, as a source gives them."""
        self.begun += 1
        for chunk in chunks(ROWS, self._size):
            if chunk.rows.stop > first:
                yield chunk.part(range(first, ROWS))


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, ROWS - 1), min_size=1), max_size=6), st.integers(1, 20))
def test_each_part_has_its_own_rows_in_whatever_order_parts_come(parts: list[set[int]], size: int) -> None:
    """Forward, back or twice: a part holds exactly the rows that were asked for."""
    source: Any = Counted(size)
    read = Tape(source)
    for wanted in map(sorted, parts):
        found: list[int] = []
        for chunk, rows in select_chunks(read.read(wanted[0]), collect_ranges(wanted)):
            found += [int(chunk.frame["row"].iloc[row - chunk.first]) for row in chain.from_iterable(rows)]
        assert found == wanted


def read_all(reader: Tape, starts: range) -> None:
    """Read parts of five rows."""
    for start in starts:
        list(select_chunks(reader.read(start), [range(start, start + 5)]))


def test_parts_that_follow_are_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file is unpacked once by each worker, not once for each part; far ahead it is begun again."""
    source: Any = Counted(8)
    read_all(Tape(source), range(0, 50, 15))
    assert source.begun == 1
    monkeypatch.setattr(tape, "_FARTHEST", 0)
    source = Counted(8)
    read_all(Tape(source), range(0, 50, 15))
    assert source.begun == 4
