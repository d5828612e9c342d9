"""An export in a store, loaded by several workers: what lands is what the export has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView
from tests.cluster.dask_processes import DaskProcesses
from tests.conftest import SAMPLES, CommandLine
from tests.stores.conftest import bucket, moto
from tests.test_load import expected, held, small

if TYPE_CHECKING:
    from tests.stores.conftest import Bucket

__all__ = ["bucket", "moto"]  # the fixtures of a store


def run(command: CommandLine, *words: object) -> None:
    """Run a command that may take half an hour, and whose exit code is 0."""
    ran = subprocess.run(
        [sys.executable, "-m", "loader", *map(str, words)],
        cwd=command.folder,
        env=command.environment | {"PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def load_copies(source: Path, copies: int, workers: int, bucket: Bucket, folder: Path) -> None:
    """Load a number of copies of an export, each an object of its own, and compare what landed.

    The copies have the same rows, so what landed is compared as a multiset: by `verify`, and by SQL.
    """
    head, _, rows = source.read_bytes().partition(b"\n")
    for copy in range(copies):
        bucket.put(f"purchases/{copy:03}.csv", head + b"\n" + rows + b"\n" * copy)
    (folder / "dask").mkdir()
    command = CommandLine(folder)
    command.environment |= bucket.environment
    load = ("events", bucket.address("purchases/"), "--mapping", SAMPLES / "events.toml", "--checkpoint", "c")
    with DaskProcesses(folder / "dask", workers, **bucket.environment) as dask:
        run(command, *load, "--sandbox", "--yes", "--quiet", "--cluster", dask.address)
    account = CheckpointView.open(folder / "c").account()
    assert account.confirmed == account.read == rows.count(b"\n") * copies
    run(command, "verify", "c")
    once = expected(source)
    assert held(command) == {row: count * copies for row, count in once.items()}


def test_a_store_is_loaded_by_several_workers(bucket: Bucket, tmp_path: Path) -> None:
    """Three workers read objects of a bucket with credentials of their own, and all purchases land once."""
    load_copies(small(tmp_path / "events.csv", "events.csv", 500), 4, 3, bucket, tmp_path)


@pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` loads the whole file, in minutes")
@pytest.mark.timeout(3600)
def test_twenty_times_the_whole_file_lands(bucket: Bucket, tmp_path: Path) -> None:
    """1.4 million purchases from S3 by four workers: `verify` finds no difference."""
    load_copies(Path(os.environ["CDNOW"]) / "events.csv", 20, 4, bucket, tmp_path)
