"""Several files are one source: one row of ordinals, the same columns, no file twice."""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources import Survey, open_source
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written


COMMAS = r'CSV: delimiter = ",", quote = "\"", encoding = "utf-8", header = true'


def numbers(start: int, stop: int) -> str:
    """A CSV file of one number a row."""
    return "n,x\n" + "".join(f"{number},\n" for number in range(start, stop))


@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    first=st.integers(0, 50),
    chunk_rows=st.integers(1, 15),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
def test_ordinals_run_on_over_all_files(
    written: Written, sizes: list[int], first: int, chunk_rows: int
) -> None:
    """Whatever the sizes, the records are those of the files one after the other, each placed in its file."""
    bounds = [sum(sizes[:end]) for end in range(len(sizes) + 1)]
    paths = [
        written(numbers(start, stop), f"part{number}.csv")
        for number, (start, stop) in enumerate(pairwise(bounds))
    ]
    source = open_source(paths, chunk_rows=chunk_rows)
    assert cells(source, first) == [[str(number), ""] for number in range(first, bounds[-1])]
    for chunk in source.chunks(first):
        part = int(chunk.file[4])
        assert chunk.place(chunk.first) == f"part{part}.csv, row {chunk.first - bounds[part] + 1}"


def test_survey_tells_which_files_they_are(written: Written) -> None:
    """Name as given, size, hash of the bytes and number of records, for each file and in all."""
    content = numbers(0, 3).encode()
    table = pa.table({"n": ["7"], "x": [""]})
    written(content, "a.csv")
    parquet.write_table(table, "b.parquet")
    binary = Path("b.parquet").read_bytes()
    assert open_source([Path("a.csv"), "./b.parquet"]).survey() == Survey(
        (
            FileRecord("a.csv", len(content), hashlib.sha256(content).hexdigest(), 3, form=COMMAS),
            FileRecord("./b.parquet", len(binary), hashlib.sha256(binary).hexdigest(), 1, form="Parquet"),
        )
    )
    assert open_source(["a.csv", "b.parquet"]).survey().rows == 4


def test_columns_of_later_files_are_put_in_the_order_of_the_first(written: Written) -> None:
    """Only the names count, not where they stand."""
    source = open_source([written("a,b\n1,2\n", "one.csv"), written("b,a\n4,3\n", "two.csv")])
    assert cells(source) == [["1", "2"], ["3", "4"]]


def test_other_columns_are_refused_with_the_difference(written: Written) -> None:
    """Before anything is read, and with every difference at once."""
    parquet.write_table(pa.table({"id": [1], "day": ["x"]}), "one.parquet")
    parquet.write_table(pa.table({"id": ["1"], "date": ["x"]}), "two.parquet")
    with pytest.raises(SourceError) as refusal:
        open_source(["one.parquet", "two.parquet"])
    assert str(refusal.value) == (
        'two.parquet: its columns are not those of one.parquet: "day" is missing; "date" is not in the '
        'first; "id" is string, in the first int64. '
        "Make the columns alike, or load the files one by one, each with a checkpoint of its own."
    )


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_one_file_twice_is_refused(written: Written, link: str) -> None:
    """Also when the second name is a link: its rows would be loaded twice."""
    path = written(numbers(0, 3))
    other = Path("again.csv")
    if link == "symbolic":
        other.symlink_to(path)
    elif link == "hard":
        other.hardlink_to(path)
    else:
        other = Path("../") / Path.cwd().name / path
    with pytest.raises(SourceError) as refusal:
        open_source([path, other])
    assert str(refusal.value) == (
        f"{other}: is the same file as export.csv; its rows would be loaded twice. Name it once."
    )


def test_sample_is_the_first_readable_records_of_all_files(written: Written) -> None:
    """Ragged records are left out of it, and a file that is too short is followed by the next."""
    first = written("n,x\n1\n2,\n", "a.csv")
    second = written("n,x\n3,\n4,,\n5,\n6,\n", "b.csv")
    sample = open_source([first, second]).sample(3)
    assert sample["n"].tolist() == ["2", "3", "5"]
    assert list(sample.index) == [0, 1, 2]


def test_what_is_no_file_is_refused() -> None:
    """A missing file, a pipe without a writer and a device: a sentence each, and no waiting."""
    os.mkfifo("pipe.csv")
    again = (
        "A load that can be resumed must read its input again. Write it to a file first, or give it as "
        "standard input (-)."
    )
    expected = {
        "missing.csv": "missing.csv: there is no such file.",
        "pipe.csv": f"pipe.csv: is a pipe (FIFO), which can be read only once. {again}",
        "/dev/null": f"/dev/null: is a device, which can be read only once. {again}",
    }
    for name, sentence in expected.items():
        with pytest.raises(SourceError) as refusal:
            open_source([name])
        assert str(refusal.value) == sentence
    with pytest.raises(SourceError, match="No input file was given"):
        open_source([])


def test_cells_are_not_copied_into_python(written: Written) -> None:
    """The frame holds the Arrow arrays of the reader, so that a mapping can work on them as columns."""
    (chunk,) = open_source([written(numbers(0, 3))]).chunks()
    assert isinstance(chunk.frame["n"].array.__arrow_array__(), pa.ChunkedArray)
