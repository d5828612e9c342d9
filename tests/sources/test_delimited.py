"""CSV and TSV: every cell is text, every record keeps its ordinal, what cannot be read is named."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import delimited, open_source, ragged
from tests.sources.conftest import cells, unreadable

if TYPE_CHECKING:
    from tests.sources.conftest import Written

REUSES_FOLDER = [HealthCheck.function_scoped_fixture]  # each example writes its file again
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=40)
)


def as_csv(header: list[str], rows: list[list[str]], line_end: str = "\r\n") -> str:
    """The rows as Python's own csv module writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    return text.getvalue()


@given(
    rows=TABLES, chunk_rows=st.integers(1, 50), first=st.integers(0, 45), block=st.sampled_from([400, 4096])
)
@settings(suppress_health_check=REUSES_FOLDER, max_examples=150, deadline=None)
def test_cells_arrive_byte_for_byte(
    written: Written, rows: list[list[str]], chunk_rows: int, first: int, block: int
) -> None:
    """Any table written by Python's csv module comes back cell for cell, wherever reading begins."""
    header = [f"c{number}" for number in range(len(rows[0]) if rows else 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        source = open_source([written(as_csv(header, rows))], chunk_rows=chunk_rows)
        assert source.survey().rows == len(rows)
        assert cells(source, first) == rows[first:]
        assert all(len(chunk.frame) <= chunk_rows for chunk in source.chunks(first))


@given(
    widths=st.lists(st.integers(1, 4), max_size=60),
    chunk_rows=st.integers(1, 20),
    block=st.sampled_from([120, 4096]),
    first=st.integers(0, 60),
)
@settings(suppress_health_check=REUSES_FOLDER, max_examples=150, deadline=None)
def test_ragged_records_keep_their_ordinal(
    written: Written, widths: list[int], chunk_rows: int, block: int, first: int
) -> None:
    """Records with too few or too many cells are listed at their place, and none of the others moves."""
    lines = [",".join([str(number)] * width) for number, width in enumerate(widths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        source = open_source([written("\n".join(["a,b", *lines]))], chunk_rows=chunk_rows)
        found = cells(source, first)
        lost = unreadable(source)
    assert set(lost) == {number for number, width in enumerate(widths) if width != 2}
    for number in range(first, len(widths)):
        if number not in lost:
            assert found[number - first] == [str(number)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "00123",
        "9007199254740993",
        " 42 ",
        "1e5",
        "12345678901234567890",
        "NA",
        "null",
        "None",
        "true",
        "nan",
        "",
        "-0.0",
    ],
)
def test_no_cell_is_interpreted(written: Written, text: str) -> None:
    """Ids with zeros, blanks or exponents, long numbers and words such as NA stay the text they are."""
    assert cells(open_source([written(f"id,x\n{text},1\n")])) == [[text, "1"]]


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4",
        "\ufeffa,b\n1,2\n3,4\n",
        "a,b\r\n1,2\n3,4\r",
        "a,b\r1,2\r3,4\r",
        "\n\na,b\n\n1,2\n\n\n3,4\n\n",
    ],
    ids=["no line end at the end", "byte order mark", "mixed line ends", "old Macintosh", "blank lines"],
)
def test_harmless_variations_are_the_same_table(written: Written, content: str) -> None:
    """A byte order mark, mixed or missing line ends and blank lines change nothing."""
    source = open_source([written(content)])
    assert source.schema.names == ["a", "b"]
    assert cells(source) == [["1", "2"], ["3", "4"]]


def test_a_quoted_line_end_is_one_record(written: Written) -> None:
    """Rows are counted by records, not by lines."""
    source = open_source([written('a,b\n1,"x\r\ny\n"\n3\n4,"say ""hi"", ok"\n')])
    assert cells(source)[0::2] == [["1", "x\r\ny\n"], ["4", 'say "hi", ok']]
    assert list(unreadable(source)) == [1]


@pytest.mark.parametrize("shift", range(4))
def test_a_quoted_line_end_over_the_end_of_a_block_is_whole(
    written: Written, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line feed is not lost where the reader's block ends between it and its carriage return."""
    monkeypatch.setattr(delimited, "BLOCK", 100)
    cell = "x" * (88 + shift) + "\r\n" + "y" * 10
    assert cells(open_source([written(f'a,b\n1,"{cell}"\n')])) == [["1", cell]]


def test_a_nul_is_a_character_like_others(written: Written) -> None:
    """A stray NUL neither ends a cell nor stops the file."""
    assert cells(open_source([written("a,b\n1,x\0y\nlonger,text\n")]))[0] == ["1", "x\0y"]


def test_a_ragged_record_says_what_is_wrong(written: Written) -> None:
    """The reason tells both counts and the text, shortened and on one line, and what to do."""
    reasons = unreadable(open_source([written("a,b\n1\n1,2\n1,2,\x1b[31m" + "x" * 5000)]))
    assert reasons == {
        0: 'the row has 1 cell, the header has 2: "1". '
        "Complete the row, or put cells that contain a line end into quotes. If rows end early because their "
        'last cells are empty, set short_rows = "fill" under [source] in the mapping file (--short-rows '
        "fill).",
        2: 'the row has 3 cells, the header has 2: "1,2,\\x1b[31m' + "x" * 50 + '…". '
        "Put cells that contain the delimiter into quotes.",
    }


def test_another_table_is_refused_and_not_rejected_row_by_row(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run of ragged records stops the survey, so nothing is sent and memory does not fill up."""
    monkeypatch.setattr(ragged, "MAX_RUN", 10)
    harmless = "a,b\n" + ("1\n" * 10 + "1,2\n") * 5
    assert open_source([written(harmless)]).survey().rows == 55
    with pytest.raises(SourceError) as refusal:
        open_source([written("a,b\n1,2\n" + "1;2\n" * 11)]).survey()
    assert str(refusal.value) == (
        "export.csv: 10 consecutive rows, up to row 11, do not fit the header (the row has 1 cell, "
        "the header has 2). Is the delimiter wrong, or are there two tables in one file?"
    )


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', 2),
        ('a,b\n"1,2\n3,4\n', 1),
        ('a,b\n1,2\n3\n5,"', 3),
        ('a,b\n1,2\n3,4,"5\nend of file,\n', 2),
    ],
)
def test_an_open_quote_is_refused(written: Written, content: str, row: int) -> None:
    """A quote that is never closed would swallow all rows after it; the survey names its row."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(content)]).survey()
    assert str(refusal.value) == (
        f"export.csv, row {row}: a quote is opened and never closed, so the rest of the file is one cell. "
        "Close or double that quote, or export the file again. If quotes have no meaning in the file, give "
        '--quote "", or quote = "" under [source] in the mapping file.'
    )


def test_an_open_quote_in_the_header_is_refused(written: Written) -> None:
    """There is no header then, and no row to name."""
    with pytest.raises(SourceError, match=r"^export.csv: the header does not end. Close or remove the quote"):
        open_source([written('a,"b\n1,2\n')])


def test_a_cell_of_10_megabytes_is_read(written: Written) -> None:
    """Such a cell is longer than the reader's usual block; nothing is lost or repeated around it."""
    big = "x" * 10_000_000
    path = written("a,b\n" + "1,2\n" * 300_000 + f"3,{big}\n4,5\n")
    sample_first = open_source([path])
    assert len(sample_first.sample(300_001)) == 300_001
    source = open_source([path])
    assert source.survey().rows == 300_002
    records = cells(source, first=299_999)
    assert [len(str(record[1])) for record in records] == [1, 10_000_000, 1]


def test_a_record_beyond_all_measure_is_refused(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded: a record over the limit is named, with the usual cause."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 12)
    monkeypatch.setattr(delimited, "LARGE_BLOCK", 1 << 20)
    with pytest.raises(SourceError) as refusal:
        open_source([written('a,b\n1,2\n3,"' + "x" * 3_000_000)]).survey()
    assert str(refusal.value) == (
        "export.csv: somewhere after row 1 a record is longer than 1 MB. Most often a quote is opened and "
        "never closed; if the record is meant, shorten it: the API would not accept a request that large."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "export.csv: is empty, it has not even a header. Was the export cut off?"),
        ("\ufeff\n\n", "export.csv: is empty, it has not even a header. Was the export cut off?"),
        (
            "a,b,a\n1,2,3\n",
            'export.csv: the header names "a" twice, as columns 1 and 3. Rename or remove one of them.',
        ),
        (
            ",a\n0,1\n",
            "export.csv: column 1 has no name in the header. "
            "Give it a name, or leave it out (in pandas: to_csv(..., index=False)).",
        ),
        (
            "a,b,\n1,2,\n",
            "export.csv: column 3 has no name in the header. "
            "Does each line end with a delimiter? Remove it, or give the column a name.",
        ),
        (
            "a, ,b\n1,2,3\n",
            "export.csv: column 2 has no name in the header. Give it a name, or leave it out.",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_at_once(
    written: Written, content: str, sentence: str
) -> None:
    """Before anything else is done, and with what to change."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(content)])
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n\r\n"])
def test_a_header_alone_is_an_input_of_no_rows(written: Written, content: str) -> None:
    """Of several files one may be empty; it has its columns all the same."""
    source = open_source([written(content)])
    assert source.survey().rows == 0
    assert cells(source) == []
    assert list(source.sample().columns) == ["a", "b"]
