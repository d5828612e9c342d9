"""Rows that would come twice: equal bytes under two names, packed and unpacked, a copy by its name."""

from __future__ import annotations

import bz2
import gzip
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells
from tests.sources.test_content import zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sources.conftest import Written

CSV = b"n,x\n1,a\n2,b\n"
JSON = b'{"n": 1}\n{"n": 2}\n'
ADVICE = (
    "Remove one of the two, or name only the files to load. If the rows are meant twice, put them into one "
    "file."
)


def parquet_of() -> bytes:
    """A file of two rows."""
    out = pa.BufferOutputStream()
    parquet.write_table(pa.table({"n": [1, 2]}), out)
    return bytes(out.getvalue())


def refusal(*given: str) -> str:
    """Why the files are not read: before the first row is given out."""
    source = open_source(given)
    with pytest.raises(SourceError) as refused:
        next(source.chunks())
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (CSV, ("january.csv", "february.csv")),
        (JSON, ("a.jsonl", "b.json")),
        (parquet_of(), ("a.parquet", "sub/a.parquet")),
        (gzip.compress(CSV, mtime=0), ("a.csv.gz", "b.csv.gz")),
    ],
    ids=["csv", "json", "parquet", "packed"],
)
def test_equal_bytes_under_two_names_are_refused(
    written: Written, content: bytes, names: tuple[str, str]
) -> None:
    """Both files are named, and what to do."""
    Path("sub").mkdir()
    for name in names:
        written(content, name)
    assert refusal(*names) == (
        f"{names[1]}: holds the same bytes as {names[0]}, so 2 rows would be loaded twice. {ADVICE}"
    )


PACKERS: dict[str, Callable[[bytes, str], bytes]] = {
    "gz": lambda content, _: gzip.compress(content),
    "bz2": lambda content, _: bz2.compress(content),
    "zip": lambda content, name: zipped(content, name=name),
}


@pytest.mark.parametrize(("plain", "content"), [("a.csv", CSV), ("a.jsonl", JSON)], ids=["csv", "json"])
@pytest.mark.parametrize("packing", PACKERS)
def test_packed_and_unpacked_are_the_same_rows(
    written: Written, plain: str, content: bytes, packing: str
) -> None:
    """The bytes of the files differ, those in them do not."""
    written(content, plain)
    packed = str(written(PACKERS[packing](content, plain), f"b{plain[1:]}.{packing}"))
    assert refusal(plain, packed) == (
        f"{packed}: holds, unpacked, the same bytes as {plain}, so 2 rows would be loaded twice. {ADVICE}"
    )


def test_all_copies_are_counted(written: Written) -> None:
    """The first two are named, and how many more there are."""
    for name in ("a.csv", "b.csv", "c.csv"):
        written(CSV, name)
    for name in ("d.csv", "e.csv"):
        written(CSV.replace(b"1", b"7"), name)
    assert "2 more files are such a copy." in refusal("a.csv", "b.csv", "c.csv", "d.csv", "e.csv")


def test_the_way_on_works(written: Written) -> None:
    """One of them alone is read; and rows that are meant twice are read from one file."""
    written(CSV, "a.csv")
    written(CSV, "b.csv")
    assert cells(open_source(["a.csv"])) == [["1", "a"], ["2", "b"]]
    written(CSV + CSV.partition(b"\n")[2], "both.csv")
    assert len(cells(open_source(["both.csv"]))) == 4


def test_files_without_rows_may_be_alike(written: Written) -> None:
    """Days on which nothing happened are written all the same."""
    for name in ("a.csv", "b.csv"):
        written(b"n,x\n", name)
    assert cells(open_source([written(CSV, "c.csv"), "a.csv", "b.csv"])) == [["1", "a"], ["2", "b"]]


def test_folders_that_are_columns_make_other_rows_of_equal_bytes(written: Written) -> None:
    """Two days with one equal event each are two events; the same day twice is not."""
    for folder in ("day=1", "day=2", "copy/day=1"):
        Path(folder).mkdir(parents=True)
        written(CSV, f"{folder}/a.csv")
    assert len(cells(open_source(["day=1/a.csv", "day=2/a.csv"]))) == 4
    assert "holds the same bytes as day=1/a.csv" in refusal("day=1/a.csv", "copy/day=1/a.csv")


def test_a_load_that_was_begun_with_copies_can_be_continued(written: Written) -> None:
    """An earlier version let them pass; to refuse them now would leave that load half done."""
    written(CSV, "a.csv")
    written(CSV, "b.csv")
    known = [open_source([name]).survey().files[0] for name in ("a.csv", "b.csv")]
    assert len(cells(open_source(["a.csv", "b.csv"], known=known))) == 4


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("events.csv", "events (1).csv"),
        ("events.csv", "events(12).csv"),
        ("events.csv.gz", "events (1).csv.gz"),
        ("events.csv", "events - Copy.csv"),
        ("events.csv", "events - Copy (2).csv"),
        ("events.csv", "events copy.csv"),
        ("events.csv", "events copy 2.csv"),
        ("events.csv", "Copy of events.csv"),
        ("events.csv", "events (copy).csv"),
        ("events.csv", "events (another copy).csv"),
        ("events.csv", "events (3rd copy).csv"),
        ("events.csv", "events (copy 2).csv"),
        ("events.csv", "events - Kopie.csv"),
        ("events.csv", "events-copia.csv"),
        ("events.csv", "events.csv.gz"),
        ("events.jsonl", "events.jsonl.zip"),
    ],
)
@pytest.mark.parametrize("given", ["folder", "folder/*"])
def test_a_copy_beside_its_original_is_refused_by_its_name(
    written: Written, original: str, copy: str, given: str
) -> None:
    """A later download holds what an earlier one held and more, so their bytes differ; the way on works."""
    Path("folder").mkdir()
    rows = JSON if "json" in original else CSV
    for name, content in zip((original, copy), (rows, rows.replace(b"1", b"3")), strict=True):
        pack = PACKERS.get(Path(name).suffix[1:])
        written(pack(content, original) if pack else content, f"folder/{name}")
    with pytest.raises(SourceError) as refused:
        open_source([given])
    assert str(refused.value) == (
        f"folder/{copy}: is folder/{original} again, by its name, so its rows could be loaded twice. Remove "
        "one of the two. If they hold different rows, give both by their names instead of a folder or a "
        "pattern."
    )
    assert len(cells(open_source([f"folder/{original}", f"folder/{copy}"]))) == 4


@pytest.mark.parametrize(
    "names",
    [
        ("a (1).csv", "a (2).csv"),
        ("copy.csv", "a.csv"),
        ("2024 (1)/a.csv", "2024/a.csv"),
        ("sales (2023).csv", "sales.csv"),
    ],
)
def test_a_name_without_its_original_is_a_name(written: Written, names: tuple[str, str]) -> None:
    """Parts that are numbered in parentheses are read, and a year there is not the number of a copy."""
    shutil.rmtree("folder", ignore_errors=True)
    for name, content in zip(names, (CSV, CSV.replace(b"1", b"3")), strict=True):
        Path("folder", name).parent.mkdir(parents=True, exist_ok=True)
        written(content, f"folder/{name}")
    assert len(cells(open_source(["folder"]))) == 4
