"""Texts on disk: each comes back as it was, wherever it lies."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ConfigError
from loader.lookups.texts import Texts

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.lists(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)))


@given(TEXTS, st.sampled_from([1, 9, 40, 1 << 30]), st.randoms())
def test_each_text_comes_back_from_its_row(
    parts: list[list[str | None]], most_bytes: int, chance: object
) -> None:
    """In any order, also twice, from any segment; an empty cell and row -1 are null."""
    texts = Texts(most_bytes)
    for part in parts:
        # A slice, because the columns of a chunk are slices.
        texts.add(pa.array(["before", *part], pa.string()).slice(1))
    texts.finish()
    expected = [text or None for part in parts for text in part]
    rows = [*range(-1, len(expected)), *range(len(expected))]
    chance.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    found = texts.take(np.array(rows, np.int64)).to_pylist()
    assert found == [None if row < 0 else expected[row] for row in rows]


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what the disk was needed for, and which setting moves it elsewhere."""

    class Full:
        def close(self) -> None:
            pass

        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ConfigError, match=r"A look-up stores its keys and values in .*No space left.*TMPDIR"):
        Texts().add(pa.array(["a"]))
