"""Records of keys: sorted, merged and found, in memory and in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.ledger import Bound, Digester, Digests, Ledger, LedgerError
from loader.ledger import ledger as ledger_module
from loader.ledger.records import RECORD_BYTES, Records, join_records
from loader.ledger.run_files import MappedRun, RunDamaged, cut_space, merge_runs, take_all, write_run
from loader.ledger.runs import MemoryRun, RecentRuns, search

if TYPE_CHECKING:
    from pathlib import Path

BOUND = Bound("AAAAA-11111", "http://127.0.0.1:9/")
# Few halves, so that keys meet that share one: real digests never do.
HALVES = st.sampled_from([0, 1, 2, (1 << 63), (1 << 64) - 1])
KEYS = st.tuples(HALVES, HALVES)
PARTS = st.lists(
    st.tuples(st.lists(st.tuples(KEYS, st.integers(0, 5)), max_size=30), st.integers(1, 9)), max_size=6
)


def make_digests(rows: list[tuple[tuple[int, int], int]]) -> Digests:
    """Digests of these halves and bodies."""
    columns = [[key[0] for key, _ in rows], [key[1] for key, _ in rows], [body for _, body in rows]]
    return Digests(*(np.array(column, np.uint64) for column in columns))


def spread(count: int, seed: int = 1) -> Digests:
    """Digests that are as even as real ones."""
    chance = np.random.default_rng(seed)
    return Digests(*(chance.integers(0, 1 << 64, count, np.uint64) for _ in range(3)))


@given(PARTS, st.lists(KEYS, max_size=20))
def test_the_newest_record_of_a_key_is_found(
    parts: list[tuple[list[tuple[tuple[int, int], int]], int]], asked: list[tuple[int, int]]
) -> None:
    """Whatever runs keys were spread over, a search says what was added last for each, and of no other."""
    known: dict[tuple[int, int], tuple[int, int]] = {}
    recent, runs = RecentRuns(), []
    for rows, load in parts:
        recent.add(make_digests(rows), load)
        recent.newest_first  # noqa: B018 - a search in between
        runs.append(MemoryRun(Records.of(make_digests(rows), load)))
        known |= {key: (load, body) for key, body in rows}
    digests = make_digests([(key, 0) for key in asked])
    expected = [known.get(key, (0, 0)) for key in asked]
    for searched in (recent.newest_first, runs[::-1]):
        found = search(searched, digests)
        assert list(zip(found.load.tolist(), found.body.tolist(), strict=True)) == expected


def test_a_merged_file_holds_the_newest_record_of_each_key(tmp_path: Path) -> None:
    """Runs that were merged slice by slice say the same as before, also after the file is opened again."""
    old, new = spread(150_000), spread(90_000, 2)
    both = Digests.join([new, Digests(old.high[:5], old.low[:5], old.body[:5] + 1)])
    runs = [
        MappedRun(tmp_path / "l", write_run(tmp_path / "l", number, join_records([(digests, number)])))
        for number, digests in ((1, old), (2, both))
    ]
    count = sum(map(len, runs))
    steps = merge_runs(tmp_path / "l", (3, 2), count, [run.slice for run in runs], cut_space(count))
    merged = MappedRun(tmp_path / "l", take_all(steps))
    merged.verify()
    assert len(merged) == 240_000
    for digests, load in ((old.take(slice(5, None)), 1), (both, 2)):
        found = search([merged], digests)
        assert (found.load == load).all()
        assert (found.body == digests.body).all()
    assert not search([merged], spread(1000, 3)).known.any()


@pytest.mark.parametrize("damage", ["flip", "steps", "cut", "delete"])
def test_a_damaged_run_is_told(tmp_path: Path, damage: str) -> None:
    """A changed byte is found by a verification, and a file that is short or missing when it is opened."""
    file = write_run(tmp_path / "l", 1, join_records([(spread(1000), 1)]))
    path = file.path(tmp_path / "l")
    content = bytearray(path.read_bytes())
    content[-1 if damage == "steps" else RECORD_BYTES * 500] ^= 1
    if damage == "delete":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else content)
    with pytest.raises(RunDamaged, match="l-keys-000001"):
        MappedRun(tmp_path / "l", file).verify()


def test_digests_are_of_this_ledger_and_kind_alone() -> None:
    """The same key has another digest in another ledger, and as the key of users."""
    keys = pa.array([b"e-1", b"e-2"])
    found = {
        tuple(Digester(secret, kind).digest(keys, keys).high.tolist())
        for secret in (b"a" * 32, b"b" * 32)
        for kind in ("events", "users")
    }
    assert len(found) == 4


@pytest.mark.parametrize("loads", [1, 3])
def test_a_ledger_keeps_its_runs_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: int) -> None:
    """After any number of keys there are few files, which a merge has left, and all keys are known."""
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 50)
    every = []
    for load in range(1, loads + 1):
        with Ledger.open(tmp_path / "l", BOUND) as ledger:
            for turn in range(20):
                every.append((spread(60, 100 * load + turn), load))
                ledger.add_sent(*every[-1])
                ledger.flush()
                ledger.tidy()
            while ledger.tidy():
                pass
    with Ledger.read(tmp_path / "l") as ledger:
        assert len(ledger.runs) < 5
        assert len(list(tmp_path.glob("l-keys-*"))) == len(ledger.runs)
        for digests, load in every:
            assert (ledger.find(digests).load == load).all()


def test_a_run_that_nobody_entered_is_removed(tmp_path: Path) -> None:
    """What a killed load left of a file is no part of the ledger, and goes when it is opened again."""
    Ledger.open(tmp_path / "l", BOUND).close()
    write_run(tmp_path / "l", 1, join_records([(spread(10), 1)]))
    (tmp_path / "l-keys-000002-new").write_bytes(b"half")
    with Ledger.open(tmp_path / "l", BOUND) as ledger:
        assert not ledger.find(spread(10)).known.any()
    assert not list(tmp_path.glob("l-keys-*"))


def test_a_ledger_whose_main_file_is_missing_is_not_begun_again(tmp_path: Path) -> None:
    """A new ledger beside the runs of a deleted one would send every row again: it is refused."""
    write_run(tmp_path / "l", 1, join_records([(spread(10), 1)]))
    with pytest.raises(LedgerError, match="parts of it are there"):
        Ledger.open(tmp_path / "l", BOUND)
