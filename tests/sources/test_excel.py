"""Excel workbooks: cells as they are shown, no date out of a number, no id through a float."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import texts, unreadable
from tests.sources.workbooks import Cell, number, text, workbook

if TYPE_CHECKING:
    from tests.sources.conftest import Written

HEADER: list[Cell] = [text("x"), text("n")]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (text("0042"), "0042"),
        (text(" a <b> "), " a <b> "),
        (number("42"), "42"),
        (number("-1.5"), "-1.5"),
        (number("0.1"), "0.1"),
        (number("0.30000000000000004"), "0.3"),
        (number("123456789012345"), "123456789012345"),
        (number("1234567890123456789"), "1234567890123456789"),
        (number("9007199254740993"), "9007199254740993"),
        (number("45355"), "45355"),
        (number("45355.5"), "45355.5"),
        (number("45355", 1), "2024-03-04"),
        (number("45355.90116898148", 2), "2024-03-04 21:37:41"),
        (number("45355", 2), "2024-03-04 00:00:00"),
        (number("42", 3), "00042"),
        (number("1234567", 3), "1234567"),
        (number("0.25", 4), "0.25"),
        (number("1.25", 5), "30:00:00"),
        (number("0.5", 6), "12:00:00"),
        ('t="b"><v>1</v>', "TRUE"),
        ('t="b"><v>0</v>', "FALSE"),
        ('t="str"><f>A1</f><v>made</v>', "made"),
        ("><f>1+1</f><v>2</v>", "2"),
        (None, None),
    ],
)
def test_a_cell_is_read_as_it_is_shown(written: Written, cell: Cell, shown: str | None) -> None:
    """Text stays text, a number keeps its digits; only the format of a cell makes a date of it."""
    path = written(workbook(HEADER, [cell, text("1")]), "export.xlsx")
    assert texts(open_source([path])) == [[shown, "1"]]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ('t="e"><v>#N/A</v>', "the row has the error #N/A in cell A3. Fix the formula there."),
        (
            "><f>B1+1</f><v/>",
            "the row has a formula without a result in cell A3. Open the workbook in a spreadsheet program "
            "and save it there.",
        ),
        (
            number("1.234567890123457E+18"),
            "the row has the number 1.23456789012346e+18, of which a spreadsheet keeps only the first 15 "
            "digits. Format such cells as text before they are filled.",
        ),
    ],
)
def test_a_cell_that_shows_no_value_rejects_its_row(written: Written, cell: Cell, reason: str) -> None:
    """The library gives an empty cell or a float for these; the rows around it are read."""
    rows: list[list[Cell]] = [HEADER, [text("a"), None], [cell, text("1")], [text("b"), None]]
    source = open_source([written(workbook(*rows), "export.xlsx")])
    assert texts(source) == [["a", None], [None, None], ["b", None]]
    assert unreadable(source) == {1: reason}


def test_rows_and_columns_are_counted_as_in_a_text_file(written: Written) -> None:
    """Empty rows are none, wherever the table begins; a row that is too long keeps its place."""
    rows: list[list[Cell]] = [
        [],
        [None, text("x"), text("n")],
        [None, text("a"), number("7", 3)],
        [],
        [None, text("b"), None, text("more")],
        [None, text("c")],
    ]
    source = open_source([written(workbook(*rows), "export.xlsx")])
    assert source.schema.names == ["x", "n"]
    assert texts(source) == [["a", "00007"], [None, None], ["c", None]]
    assert unreadable(source) == {1: "the row has 3 cells, the header has 2."}


def test_header_and_names_can_be_given(written: Written) -> None:
    """As for a text file."""
    path = written(workbook(HEADER, [text("a"), text("1")]), "export.xlsx")
    assert texts(open_source([path], dialect=Dialect(columns=("p", "q")))) == [["a", "1"]]
    without = Dialect(columns=("p", "q"), header=False)
    assert texts(open_source([path], dialect=without)) == [["x", "n"], ["a", "1"]]
    with pytest.raises(SourceError, match="the header has 2 columns, and 1 names are given"):
        open_source([path], dialect=Dialect(columns=("p",)))


def test_one_sheet_is_read(written: Written) -> None:
    """Empty ones do not count; of several nobody knows which is meant, so all are named."""
    empty: dict[str, list[list[Cell]]] = {"Sheet2": [], "Sheet3": [[None]]}
    source = open_source([written(workbook(HEADER, [text("a")], others=empty), "export.xlsx")])
    assert texts(source) == [["a", None]]
    assert source.survey().files[0].form == 'Excel, sheet "Sheet1"'
    with pytest.raises(SourceError) as refusal:
        open_source([written(workbook(HEADER, others={"b": [HEADER]}), "export.xlsx")])
    assert str(refusal.value) == (
        'export.xlsx: has 2 sheets with something in them: "Sheet1", "b". Save the one to load in a workbook '
        'of its own, or as "CSV UTF-8".'
    )
    with pytest.raises(SourceError, match="is empty, no sheet has a cell with something in it"):
        open_source([written(workbook(), "export.xlsx")])


@pytest.mark.parametrize("inside", ["word/document.xml", "xl/workbook.bin"])
def test_other_office_files_are_refused(written: Written, inside: str) -> None:
    """With what to save instead."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr(inside, "")
    with pytest.raises(
        SourceError, match=r"is an Office document that is not read\. Save its table as \.xlsx"
    ):
        open_source([written(out.getvalue(), "export.xlsx")])


def test_a_long_sheet_is_read_from_anywhere(written: Written) -> None:
    """In slabs, beyond column Z too."""
    rows: list[list[Cell]] = [[text(f"c{at}") for at in range(3)]]
    rows += [[number(str(at)), text(f"{at:05}"), number(str(at), 3)] for at in range(20_000)]
    source = open_source([written(workbook(*rows), "export.xlsx")])
    for first in (0, 8191, 8192, 19_999):
        assert texts(source, first) == [[str(at), f"{at:05}", f"{at:05}"] for at in range(first, 20_000)]
