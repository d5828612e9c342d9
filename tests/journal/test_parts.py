"""The pure parts: ranges, bitmaps, lease sizes, the boot id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.journal import host
from loader.journal.bitmap import CHUNK, Bitmaps, StoredChunk, count_chunk_rows
from loader.journal.ranges import Ranges, collect_ranges
from loader.journal.sizing import LeaseSize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

spans = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda span: range(span[0], sum(span)))


@given(st.lists(spans), st.lists(spans, max_size=4), spans)
def test_ranges_are_a_set_of_ordinals(added: list[range], removed: list[range], asked: range) -> None:
    """Adding and removing ranges is adding and removing their rows, in as few ranges as there can be."""
    ranges = Ranges(added).without(*removed)
    expected = {ordinal for rows in added for ordinal in rows}.difference(*removed)
    assert [ordinal for rows in ranges for ordinal in rows] == sorted(expected)
    assert list(ranges) == list(collect_ranges(expected))
    assert len(ranges) == len(expected)
    assert ranges.covers(asked) is expected.issuperset(asked)
    assert all((ordinal in ranges) is (ordinal in expected) for ordinal in range(90))


def count_of(rows: int) -> Callable[[int], int]:
    """How many rows a chunk of an input has."""
    return lambda number: count_chunk_rows(number, rows)


@given(st.sets(st.integers(0, 2 * CHUNK + 99), max_size=50))
def test_bitmaps_give_back_the_bits_that_were_set(ordinals: set[int]) -> None:
    """What is written and read again says the same of every row."""
    rows, stored = 2 * CHUNK + 100, dict[int, StoredChunk]()
    bitmaps = Bitmaps(count_of(rows), stored.get)
    bitmaps.confirm(ordinals)
    for _, chunk in bitmaps.changed():
        assert chunk.sound(rows)
        stored[chunk.number] = chunk
    bitmaps.written(stored.values())
    assert not list(bitmaps.changed())
    bitmaps.close_below(3 * CHUNK)
    again = Bitmaps(count_of(rows), stored.get)
    assert all(ordinal in again for ordinal in ordinals)
    assert sum(chunk.confirmed for chunk in stored.values()) == len(ordinals)
    assert (CHUNK + 5 in bitmaps) is (CHUNK + 5 in ordinals)


def test_a_full_chunk_keeps_no_bitmap() -> None:
    """The last chunk of an input is full when its few rows are confirmed."""
    bitmaps = Bitmaps(count_of(CHUNK + 3), lambda number: None)
    bitmaps.confirm(range(CHUNK, CHUNK + 3))
    ((replaced, chunk),) = bitmaps.changed()
    assert (replaced, chunk.number, chunk.confirmed, chunk.bits) == (0, 1, 3, None)
    assert chunk.sound(CHUNK + 3)
    assert CHUNK + 1 in Bitmaps(count_of(CHUNK + 3), lambda number: chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        StoredChunk(0, 1, None, 0),
        StoredChunk.of(0, 5, None),
        StoredChunk.of(0, 2, b"\x01" + bytes(8191)),
        StoredChunk.of(0, 1, b"\x01"),
        StoredChunk.of(0, 1, bytes(100) + b"\x01" + bytes(8091)),
        StoredChunk.of(9, 1, b"\x01" + bytes(8191)),
    ],
)
def test_a_bitmap_that_contradicts_itself_is_not_sound(chunk: StoredChunk) -> None:
    """Count, length, CRC and the rows of the input must agree."""
    assert not chunk.sound(rows=100)


@pytest.mark.parametrize(
    ("commit_seconds", "rows_per_second", "rows"),
    [(0.004, 10_000, 2000), (0.004, 100, 64), (0.05, 10_000, 4096), (0.0, 10_000, 64), (0.004, 1000, 200)],
)
def test_leases_cost_two_percent_of_the_time(commit_seconds: float, rows_per_second: int, rows: int) -> None:
    """A slow disk or many rows a second ask for longer leases, within bounds."""
    sizing = LeaseSize()
    assert sizing.rows == 256
    for second in range(20):
        sizing.note_commit(second, second + commit_seconds)
        sizing.settled(rows_per_second)
    assert sizing.rows == pytest.approx(rows, abs=1)


def test_a_machine_without_a_boot_id_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then slots never count, which is the careful answer."""
    monkeypatch.setattr(host, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr("sys.platform", "freebsd")
    assert host.read_boot_id() is None
