"""Folders of table formats are refused: which of their files count is written elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import SourceError
from loader.sources import open_source
from loader.sources.tableformats import TABLE_FORMATS, TableFormat
from tests.sources.conftest import cells

SIGNS = {
    "a Delta table": "_delta_log/00000000000000000000.json",
    "a Hudi table": ".hoodie/hoodie.properties",
    "an Iceberg table": "metadata/v1.metadata.json",
    "a Lance table": "_versions/1.manifest",
    "a Paimon table": "manifest/manifest-list-1",
    "the output of a Spark stream": "_spark_metadata/0",
    "a transactional Hive table": "delta_0000001_0000001_0000/bucket_00000",
}


def make_table(folder: Path, form: TableFormat) -> None:
    """A folder as the format leaves it, with two files of rows, one of which a newer one replaced."""
    sign = folder / SIGNS[form.name]
    sign.parent.mkdir(parents=True)
    sign.write_text("{}")
    (folder / "data").mkdir()
    for name in ("old.csv", "new.csv"):
        (folder / "data" / name).write_text(f"n\n{name}\n")


@pytest.mark.parametrize("form", TABLE_FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("given", ["lake/table", "lake", "lake/table/data/*.csv", "lake/**/*.csv"])
def test_a_table_is_not_read_as_its_files(tmp_path: Path, form: TableFormat, given: str) -> None:
    """Given itself, within a folder, or by a pattern; with its format and how to get at its rows."""
    make_table(tmp_path / "lake" / "table", form)
    with pytest.raises(SourceError) as refusal:
        open_source([given])
    message = str(refusal.value)
    assert message.startswith(f"lake/table: is {form.name} (it holds {Path(SIGNS[form.name]).parts[0]}")
    assert form.reading.format(folder="lake/table") in message
    assert "a query" in message


def test_a_file_of_a_table_can_be_named(tmp_path: Path) -> None:
    """Whoever names it knows it."""
    make_table(tmp_path / "table", TABLE_FORMATS[0])
    assert cells(open_source(["table/data/new.csv"])) == [["new.csv"]]


@pytest.mark.parametrize("name", ["metadata/a.csv", "manifest/a.csv", "base_1/a.csv", "delta_1_1/a.csv"])
def test_a_folder_that_is_only_called_so_is_a_folder(tmp_path: Path, name: str) -> None:
    """The name of a folder alone makes no table."""
    path = tmp_path / "folder" / name
    path.parent.mkdir(parents=True)
    path.write_text("n\n1\n")
    assert cells(open_source(["folder"])) == [["1"]]
