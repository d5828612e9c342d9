"""How far the survey is, for whoever looks at it."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from typing import TYPE_CHECKING

import pytest

from loader.sources import Odometer, open_source
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

CSV = (SAMPLES / "events.csv").read_bytes()


class Recorded(Odometer):
    """Remembers what it showed."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[int] = []

    def add(self, read: int) -> None:
        """Count, and remember."""
        super().add(read)
        self.shown.append(self.done)


def inputs(folder: Path) -> dict[str, Path]:
    """One file of each kind."""
    packed = folder / "events.csv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", CSV)
    (folder / "events.csv.gz").write_bytes(gzip.compress(CSV))
    (folder / "events.csv.bz2").write_bytes(bz2.compress(CSV))
    (folder / "events.jsonl").write_text('{"event": "purchase", "user_id": "7"}\n' * 5000)
    names = ("events.csv.gz", "events.csv.bz2", "events.csv.zip", "events.jsonl")
    made = {name: folder / name for name in names}
    return made | {"events.csv": SAMPLES / "events.csv", "events.parquet": SAMPLES / "events.parquet"}


@pytest.mark.parametrize(
    "name",
    ["events.csv", "events.parquet", "events.jsonl", "events.csv.gz", "events.csv.bz2", "events.csv.zip"],
)
def test_a_survey_goes_from_nothing_to_all_of_the_file(tmp_path: Path, name: str) -> None:
    """It never goes back, never exceeds the file, and ends at its size, also where the file is read twice."""
    path, odometer = inputs(tmp_path)[name], Recorded()
    source = open_source([path], odometer=odometer)
    odometer.shown.clear()
    source.survey()
    assert odometer.done == odometer.total == path.stat().st_size
    assert odometer.shown == sorted(odometer.shown)
    assert odometer.shown[-1] == odometer.total


def test_several_files_are_one_way(tmp_path: Path) -> None:
    """Three files are read to a third, to two thirds and to the end; reading them again counts no more."""
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for path in paths:
        path.write_bytes(CSV.replace(b"purchase", f"purchas{path.stem}".encode()))
    odometer = Recorded()
    source = open_source(paths, odometer=odometer)
    source.survey()
    assert {len(CSV), 2 * len(CSV), 3 * len(CSV)} <= set(odometer.shown)
    assert odometer.done == odometer.total == 3 * len(CSV)
    assert sum(len(chunk.frame) for chunk in source.chunks()) > 0
    assert odometer.done == odometer.total
