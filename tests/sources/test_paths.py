"""Folders, patterns, folders that are columns: which files are meant, in which order, with which columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells, texts

if TYPE_CHECKING:
    from tests.sources.conftest import Written


def names(*given: str) -> list[str]:
    """The files that are read, in order."""
    return [file.name for file in open_source(given).survey().files]


@pytest.fixture
def folder(written: Written) -> Path:
    """A folder as a job leaves it, with files in folders, marks and a checkpoint."""
    for name in ("data/b.csv", "data/a.csv", "data/more/c.CSV", "data/_SUCCESS", "data/.a.csv.crc"):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        written(f"n\n{name}\n", name)
    written(b"", "data/a.csv.users.ckpt-wal")
    return Path("data")


def test_a_folder_is_all_its_files(folder: Path) -> None:
    """Those in its folders too, in the order of their names; what a job marks itself with is none."""
    assert names("data/") == ["data/a.csv", "data/b.csv", "data/more/c.CSV"]
    assert names("data") == names("data/")


def test_what_a_folder_leaves_out_is_listed(folder: Path, written: Written) -> None:
    """Hidden files, marks and checkpoints, the first of them by name and the rest by number."""
    why = (
        "because names that begin with . or _ are those of hidden files and marks, and names with .ckpt "
        "those of checkpoints: data/.a.csv.crc, data/_SUCCESS, data/a.csv.users.ckpt-wal"
    )
    assert open_source(["data"]).notices == (f"3 files are left out of the folder data, {why}.",)
    for number in range(4):
        written(b"", f"data/b{number}.csv.ckpt")
    assert open_source(["data"]).notices == (
        f"7 files are left out of the folder data, {why}, data/b0.csv.ckpt, data/b1.csv.ckpt and 2 more.",
    )
    assert open_source(["data/*.csv"]).notices == ()


def test_nothing_in_a_folder_is_left_out_in_silence(folder: Path, written: Written) -> None:
    """A file that may hold rows, and is nothing to load by name and content, is named; each way on works."""
    written("n\n1\n", "data/part.old")
    with pytest.raises(SourceError) as refusal:
        open_source(["data"])
    assert str(refusal.value) == (
        "data: holds data/part.old, and neither its name nor its content says that it can be loaded. No file "
        "is left out in silence. Move it, or name the files, for example 'data/**/*.csv'. If all files are "
        "of one format, give --input-format."
    )
    assert len(cells(open_source(["data/**/*.csv"]))) == 2
    assert len(cells(open_source(["data"], dialect=Dialect(input_format="csv")))) == 4


def test_a_pattern_is_the_files_that_fit(folder: Path) -> None:
    """In the order of their names, whatever order the file system has."""
    assert names("data/[ab].csv") == ["data/a.csv", "data/b.csv"]
    assert names("data/**/*.csv", "data/more/c.CSV") == ["data/a.csv", "data/b.csv", "data/more/c.CSV"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(written: Written) -> None:
    """Browsers call a second download `export[1].csv`."""
    written("n\n1\n", "export[1].csv")
    assert names("export[1].csv") == ["export[1].csv"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["nothing-*.csv"], "nothing-*.csv: no file matches this pattern."),
        (["empty"], "empty: this folder holds no file to load. Known endings: .csv, .txt, "),
        (
            ["data/*.csv", "data/a.csv"],
            "data/a.csv: is the same file as data/a.csv; its rows would be loaded twice. Name it once.",
        ),
    ],
)
def test_nothing_and_twice_are_refused(folder: Path, given: list[str], sentence: str) -> None:
    """A pattern or folder without a file is a mistake, as is a file that is meant twice."""
    Path("empty").mkdir()
    with pytest.raises(SourceError) as refusal:
        open_source(given)
    assert str(refusal.value).startswith(sentence)


def test_folders_can_be_columns() -> None:
    """As Hive and Spark write them: text, decoded, never taken for a number; a default partition is empty."""
    for part, number in (("zone=a%2Fb/day=007", 1), ("zone=__HIVE_DEFAULT_PARTITION__/day=008", 2)):
        Path("data", part).mkdir(parents=True)
        parquet.write_table(pa.table({"n": [number]}), f"data/{part}/part-0.parquet")
    source = open_source(["data"])
    assert source.schema == pa.schema({"n": pa.int64(), "zone": pa.string(), "day": pa.string()})
    assert texts(source) == [[2, None, "008"], [1, "a/b", "007"]]
    survey = source.survey()
    assert [file.form for file in survey.files] == [
        "Parquet with zone=__HIVE_DEFAULT_PARTITION__, day=008",
        "Parquet with zone=a%2Fb, day=007",
    ]
    again = open_source([file.name for file in survey.files], known=survey.files)
    assert again.survey() == survey
    assert texts(again) == texts(source)


def test_a_column_of_the_file_goes_before_its_folder(written: Written) -> None:
    """Some writers keep the column in the file; and folders are columns of text files too."""
    Path("day=1/kind=x").mkdir(parents=True)
    source = open_source([written("n,day\n1,2024-01-01\n", "day=1/kind=x/a.csv")])
    assert texts(source) == [["1", "2024-01-01", "x"]]
    known = source.survey().files
    assert known[0].form.startswith('CSV with kind=x: delimiter = ","')
    assert len(known[0].marks) == 0
    assert open_source(["day=1/kind=x/a.csv"], known=known).survey().files == known
