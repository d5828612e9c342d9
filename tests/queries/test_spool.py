"""The result of a query as a file, while it is written and afterwards."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from loader.errors import ConfigError, SourceError
from loader.progress import Silent
from loader.queries import spool
from loader.queries.keeping import run_query
from loader.queries.query import Query
from loader.queries.spool import read_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.progress import ReadingProgress

TEXT = "SELECT i AS number FROM range(300000) r(i)"


class Recorder(Silent):
    """A watch that looks once, at the end of a pass."""

    @contextmanager
    def reading(self, reading: Callable[[], ReadingProgress]) -> Iterator[None]:
        """Look after the pass."""
        yield
        self.seen = reading()


def test_rows_are_counted_while_they_come(tmp_path: Path) -> None:
    """How many there will be is not known; so none are promised."""
    watch = Recorder()
    run_query(Query.of(TEXT, []), tmp_path / "r.parquet", watch)
    assert tuple(watch.seen) == (300_000, 0, "rows", "Running the query")


def test_a_result_comes_in_groups_that_fit_memory(tmp_path: Path) -> None:
    """Whatever the parts in which the engine gives it; and it says what it is."""
    target = tmp_path / "r.parquet"
    run_query(Query.of(TEXT, []), target)
    metadata = parquet.read_metadata(target)
    sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert sum(sizes) == 300_000
    assert max(sizes) <= spool._GROUP_ROWS
    assert sizes[0] > 65_536
    kept = read_kept(target)
    assert kept is not None
    assert (kept.query, kept.rows) == (Query.of(TEXT, []), 300_000)
    assert kept.begun.endswith("+00:00")


def test_a_failure_leaves_the_earlier_result(tmp_path: Path) -> None:
    """A new one takes its place only when it is complete."""
    target = tmp_path / "r.parquet"
    run_query(Query.of("SELECT 1 AS a", []), target)
    before = target.read_bytes()
    with pytest.raises(SourceError, match="The query failed"):
        run_query(
            Query.of(
                "SELECT CASE WHEN i > 250000 THEN error('no') ELSE i::TEXT END AS a FROM range(300000) r(i)",
                [],
            ),
            target,
        )
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_none_is_known(tmp_path: Path) -> None:
    """Standard input may have been Parquet too, and is not taken for a result."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1")
    assert read_kept(path) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are written beside the thread that reads them; what fails there is not lost."""
    monkeypatch.setattr(spool, "create_for_owner", lambda _: os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(ConfigError, match=f"cannot be kept in {tmp_path}: No space left on device") as error:
        run_query(Query.of(TEXT, []), tmp_path / "r.parquet")
    assert list(tmp_path.iterdir()) == []
    assert "name a checkpoint in another folder" in str(error.value)
    assert "TMPDIR" in str(error.value)
