"""Records on disk."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loader.errors import ConfigError
from loader.spill import Spill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("rows", [0, 5, 16, 17, 5000])
def test_every_record_comes_back_once_and_in_order(rows: int) -> None:
    """Parts share no key, hold every record once, and keep the order of the records of a key."""
    keys = np.random.default_rng(0).integers(0, 2**64, max(rows // 3, 1), np.uint64)
    records = np.column_stack([np.resize(keys, rows), np.arange(rows, dtype=np.uint64)])
    spill = Spill(2, buffered=16)
    for start in range(0, rows, 11):
        spill.add(*records[start : start + 11].T)
    seen: list[tuple[int, int]] = []
    owners: dict[int, int] = {}
    for number, part in enumerate(spill.buckets()):
        assert all(owners.setdefault(key, number) == number for key in part[:, 0].tolist())
        seen += map(tuple, part.tolist())
    spill.close()
    assert sorted(seen, key=lambda record: record[1]) == [tuple(record) for record in records.tolist()]
    for key in keys.tolist():
        mine = [ordinal for found, ordinal in seen if found == key]
        assert mine == sorted(mine)


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files is as empty afterwards as before."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill = Spill(1, buffered=4)
    spill.add(np.arange(100, dtype=np.uint64))
    assert sum(len(part) for part in spill.buckets()) == 100
    spill.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where the room is missing, and how to take it elsewhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    spill = Spill(1, buffered=4)
    with pytest.raises(ConfigError, match=r"nowhere, .* failed: No such file or directory\. .*TMPDIR"):
        spill.add(np.arange(100, dtype=np.uint64))
