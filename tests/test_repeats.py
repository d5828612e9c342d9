"""Rows that repeat the key of another row: exactly those, however many there are, and the same each time."""

from __future__ import annotations

import gc
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from loader import repeats as room
from loader import spill
from loader.dialect import Dialect
from loader.mapping import bind, parse_mapping
from loader.repeats import Repeats, find_repeats
from loader.sources import open_source
from loader.spill import Spill

MAPPING = """
kind = "events"
{top}
[fields]
hwid = "device"
event = "name"
timestamp = {{ column = "time", unit = "s" }}
{more}
"""


def find(folder: Path, lines: list[str], top: str, more: str = "") -> dict[int, int]:
    """The repeats of a file with the columns device, name, time and id: each with the row that goes."""
    path = folder / "input.csv"
    path.write_text("\n".join(["device,name,time,id", *lines]) + "\n")
    source = open_source([str(path)], dialect=Dialect())
    mapping = parse_mapping(MAPPING.format(top=top, more=more), "x.toml")
    mapper = bind(mapping, source.schema, source.sample(), application="AAAAA-BBBBB", where="x")
    found = find_repeats(source, mapper, len(lines))
    assert found is not None
    whole = dict(zip(*(each.tolist() for each in found.within(range(len(lines)))), strict=True))
    assert found.count == len(whole)
    return whole


class SlowFile:
    """A file in which other threads go to other places before this one has read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.tell, self.write, self.close = file.read, file.tell, file.write, file.close
        self._file = file

    def seek(self, place: int) -> None:
        """Go there, and let others run."""
        self._file.seek(place)
        time.sleep(0.0005)


def test_several_threads_may_ask_at_once() -> None:
    """A worker maps chunks in threads, and all have the one mapper."""
    count = 3 * spill.BUFFERED + 1000  # more than is held in memory
    rows = np.arange(1, count, 2, dtype=np.uint64)
    found = Repeats(count)
    found.add(rows, rows - rows % 3)
    assert found._spill._file is not None
    found._spill._file = SlowFile(found._spill._file)  # type: ignore[assignment]  # as much of one as is used
    wanted = [range(first, first + 200) for first in range(0, count - 200, 5003)]
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(found.within, wanted))
    for among, (repeats, originals) in zip(wanted, asked, strict=True):
        expected = [row for row in among if row % 2]
        assert repeats.tolist() == expected
        assert originals.tolist() == [row - row % 3 for row in expected]


@pytest.mark.parametrize(
    ("top", "repeats"),
    [
        ('unique = ["id"]', {2: 0, 4: 0}),
        ('unique = ["id"]\nunique_keep = "last"', {0: 4, 2: 4}),
        ('unique = ["device", "name"]', {3: 1}),
        ("unique = true", {4: 0}),
    ],
)
def test_of_rows_with_one_key_one_goes(tmp_path: Path, top: str, repeats: dict[int, int]) -> None:
    """The first or the last, by some columns or by all that is sent; an empty key repeats nothing."""
    lines = ["d,buy,1700000000,a", "e,buy,1700000000,", "d,buy,1700000001,a", "e,buy,1700000003,b"]
    lines += ["d,buy,1700000000,a" if top == "unique = true" else "d,sell,1700000000,a", "f,buy,1700000000,"]
    if top == 'unique = ["device", "name"]':
        repeats = {2: 0, **repeats}
    assert find(tmp_path, lines, top) == repeats


def test_keys_of_several_columns_are_not_run_together(tmp_path: Path) -> None:
    """A cell never borrows from its neighbour, and empty is not the same as a mark for empty."""
    lines = [
        "ab,c,1700000000,1",
        "a,bc,1700000000,1",
        '"a,",b,1700000000,1',
        'a,",b",1700000000,1',
        "-,,1,",
        ",-,1,",
    ]
    assert find(tmp_path, lines, 'unique = ["device", "name"]') == {}
    assert find(tmp_path, [*lines, "a,bc,2,2"], 'unique = ["device", "name"]') == {6: 1}


def test_only_rows_that_are_selected_repeat_each_other(tmp_path: Path) -> None:
    """A row that is left out for what it is does not take the place of one that belongs to the load."""
    lines = ["d,view,1700000000,a", "d,buy,1700000000,a", "d,buy,1700000000,a"]
    assert find(tmp_path, lines, 'unique = ["id"]', '[rows]\nonly = { name = ["buy"] }') == {2: 1}


def test_a_row_that_is_rejected_keeps_its_place(tmp_path: Path) -> None:
    """It can be fixed and sent again, so its repeats stay left out; a damaged row has no key at all."""
    lines = [
        "d,buy,never,a",
        "d,buy,1700000000,a",
        "d,buy,1700000000,a,b,c",
        "d,buy,1700000000,x",
        "d,buy,1,x",
    ]
    assert find(tmp_path, lines, 'unique = ["id"]') == {1: 0, 4: 3}


@pytest.mark.parametrize("keep", ["first", "last"])
def test_many_keys_are_compared_exactly_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    """Thousands of rows through a buffer of a hundred give what a dictionary in memory gives."""
    monkeypatch.setattr(room, "Spill", lambda width, what: Spill(width, buffered=100, what=what))
    chance, rows = random.Random(3), 5000
    keys = [chance.choice([f"k{chance.randrange(3000)}", ""]) for _ in range(rows)]
    places: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        places.setdefault(key, []).append(row)
    goes = {key: rows[0 if keep == "first" else -1] for key, rows in places.items() if key}
    expected = {row: goes[key] for row, key in enumerate(keys) if key and goes[key] != row}
    lines = [f"d{row},buy,1700000000,{key}" for row, key in enumerate(keys)]
    assert find(tmp_path, lines, f'unique = ["id"]\nunique_keep = "{keep}"') == expected


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_key_of_many_rows_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    """A column that mostly says the same takes no more memory than one of different ids."""
    monkeypatch.setattr(room, "Spill", lambda width, what: Spill(width, buffered=100, what=what))
    monkeypatch.setattr(spill, "PART", 200)
    sizes: list[int] = []

    def measure(records: room.Numbers, *, last: bool) -> tuple[room.Numbers, room.Numbers]:
        sizes.append(len(records))
        return pair(records, last=last)

    pair = room.pair_repeats
    monkeypatch.setattr(room, "pair_repeats", measure)
    rows = 3000
    keys = ["same" if row % 10 else f"k{row % 50}" for row in range(rows)]
    goes = dict(zip(keys, range(rows), strict=True))
    if keep == "first":
        goes = dict(zip(reversed(keys), reversed(range(rows)), strict=True))
    lines = [f"d,buy,1700000000,{key}" for key in keys]
    found = find(tmp_path, lines, f'unique = ["id"]\nunique_keep = "{keep}"')
    assert found == {row: goes[key] for row, key in enumerate(keys) if goes[key] != row}
    assert max(sizes) < 200 + 100 + 10


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 100_000])
def test_any_range_finds_its_own_repeats(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """However the input is cut into chunks, a row is found in the chunk that it is in."""
    monkeypatch.setattr(room, "Spill", lambda width, what: Spill(width, buffered=64, what=what))
    chosen = np.unique(np.random.default_rng(1).integers(0, rows, 500)).astype(np.uint64)
    found = Repeats(rows)
    for part in np.array_split(np.random.default_rng(2).permutation(chosen), 7):
        found.add(part, part + np.uint64(1))
    assert found.within(range(rows))[0].tolist() == chosen.tolist()
    step = rows // 7 + 1
    pieces = [found.within(range(start, min(start + step, rows))) for start in range(0, rows, step)]
    assert np.concatenate([repeats for repeats, _ in pieces]).tolist() == chosen.tolist()
    assert all((originals == repeats + 1).all() for repeats, originals in pieces)


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the repeats goes when the load that holds them is done."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(room, "Spill", lambda width, what: Spill(width, buffered=16, what=what))
    find(tmp_path, [f"d,buy,1700000000,{row // 2}" for row in range(200)], 'unique = ["id"]')
    gc.collect()
    assert not list(folder.iterdir())
    assert not [each for each in Path("/proc/self/fd").iterdir() if str(folder) in str(each.resolve())]
