"""Reading can begin at any mark of a text file, and nothing is different for it."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import delimited, open_source, segments
from loader.sources.textfile import TextFile
from tests.effort import EFFORT
from tests.sources.conftest import cells, unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.conftest import Written

REUSES_FOLDER = [HealthCheck.function_scoped_fixture]  # each example writes its file again
SIGNS = [",", '"', '""', "\n", "\r\n", "\r", "x", "long text", '"quoted"', '"a\nb"', '"a,""b"', "\ufeff", "é"]
CELLS = st.sampled_from(["plain", '5" pipe', '"quoted"', '"a\nb"', '"c""\nd"', '"x"y', 'e"', '"', ""])
MIXED = st.lists(st.tuples(CELLS, CELLS).map(",".join), max_size=20).map("\n".join)
JUMBLED = st.lists(st.sampled_from(SIGNS), max_size=60).map("".join)
CELL = st.text(st.sampled_from('a,"\n\r é\ufeff'), max_size=8)


def tidy(rows: list[tuple[str, str]], line_end: str, quoting: Any) -> str:
    """The rows as Python's own csv module writes them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=quoting).writerows(rows)
    return text.getvalue()


TIDY = st.builds(
    tidy,
    st.lists(st.tuples(CELL, CELL), max_size=40),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)


@given(text=st.one_of(TIDY, MIXED, JUMBLED), shortest=st.integers(1, 60), block=st.sampled_from([64, 4096]))
@example(text='1,5" pipe\n2,"a\nb"\n3,c\n', shortest=12, block=4096)
@example(text="1,2\n\ufeff3,4\n5,6\n", shortest=1, block=4096)
@settings(suppress_health_check=REUSES_FOLDER, max_examples=150 * EFFORT, deadline=None)
def test_records_are_the_same_wherever_reading_begins(
    written: Written, text: str, shortest: int, block: int
) -> None:
    """Whatever stands in the file, reading from any mark gives exactly the records of the whole read."""
    path = written("a,b\n" + text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SHORTEST", shortest)
        patch.setattr(delimited, "BLOCK", block)
        try:
            surveyed = open_source([path])
            (file,) = surveyed.survey().files
        except SourceError:
            return
        whole, lost = read_at_one_go(path, file.rows)
        assert cells(surveyed) == whole
        assert unreadable(surveyed) == lost
        for mark in file.marks:
            assert cells(surveyed, mark.row) == whole[mark.row :]


def read_at_one_go(path: Path, rows: int) -> tuple[list[list[object]], dict[int, str]]:
    """All records by a single reader over the whole file, which knows of no marks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SHORTEST", 1 << 30)
        patch.setattr(delimited, "BLOCK", 1 << 30)
        source = open_source([path])
        assert source.survey().files[0].marks == ()
        assert source.survey().rows == rows
        return cells(source), unreadable(source)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_marks_are_set_all_along_a_regular_file(written: Written, line_end: str, quoting: int) -> None:
    """Every 64 KB at first; each is the place of the record it names, and vouches for what stands before."""
    rows = [(str(number), 'a "quoted"\nline, twice' if number % 3 else "plain") for number in range(40_000)]
    content = ("\ufeff" + tidy([("n", "x"), *rows], line_end, quoting)).encode()
    (file,) = open_source([written(content)]).survey().files
    offsets = [0, *(mark.offset for mark in file.marks), len(content)]
    assert all(end - start < 150_000 for start, end in pairwise(offsets))
    for mark in file.marks:
        assert content[mark.offset :].lstrip(b'"').startswith(f"{mark.row}".encode())
        assert mark.digest == hashlib.sha256(content[: mark.offset]).hexdigest()[:32]


def test_marks_end_where_quotes_become_irregular(written: Written) -> None:
    """From a quote within an unquoted cell on nobody knows whether a line end is one, so none is trusted."""
    regular = "n,x\n" + "1,plain\n" * 50_000
    path = written(regular + '2,5" pipe\n' + "3,plain\n" * 50_000)
    source = open_source([path])
    marks = source.survey().files[0].marks
    assert len(marks) > 0
    assert all(mark.offset <= len(regular) for mark in marks)
    assert cells(source, 99_999) == [["3", "plain"], ["3", "plain"]]


def test_a_resumed_load_reads_from_the_mark_on(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is known nothing is parsed but the header and what is wanted."""
    path = written("n,x\n" + "".join(f"{number},plain\n" for number in range(200_000)))
    known = open_source([path]).survey().files
    source = open_source([path], known=known)
    parsed = []
    read = TextFile.read

    def remembered(text: TextFile, size: int) -> bytes:
        parsed.append(text.offset)
        return read(text, size)

    monkeypatch.setattr(TextFile, "read", remembered)
    assert source.survey().files == known
    assert parsed == []
    assert cells(source, 150_000)[0] == ["150000", "plain"]
    assert min(parsed) == max(mark.offset for mark in known[0].marks if mark.row <= 150_000)


def test_a_known_file_is_known_by_its_bytes(written: Written) -> None:
    """Under another name it is the same; with one byte changed it is surveyed again, and is another."""
    path = written("n,x\n" + "1,plain\n" * 100)
    known = open_source([path]).survey().files
    path.rename("moved.csv")
    assert open_source(["moved.csv"], known=known).survey().files == (replace(known[0], name="moved.csv"),)
    other = written("n,x\n" + "1,plain\n" * 99 + "2,plain\n")
    assert open_source([other], known=known).survey().files[0].sha256 != known[0].sha256
