r"""A file whose first backslash comes late is not read in the wrong way in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from loader.sources.trial import HEAD
from tests.sources.conftest import texts

if TYPE_CHECKING:
    from tests.sources.conftest import Written

LONG = HEAD // 10  # rows of ten bytes and more: what follows them is not in the beginning of the file


def write_late(cell: str, delimiter: str = "\t") -> str:
    """A table in which a cell comes after the beginning that decides how the file is read."""
    rows = [f"d{number:09}{delimiter}x\n" for number in range(LONG)]
    return f"hwid{delimiter}note\n" + "".join(rows) + f"last{delimiter}{cell}\n"


@pytest.mark.parametrize("delimiter", ["\t", "\x01", "|"])
@pytest.mark.parametrize("cell", [r"\N", r"two\nlines", r"C:\\new", r"a\tb"])
def test_late_backslashes_that_may_escape_are_refused(written: Written, cell: str, delimiter: str) -> None:
    """With their row, and each of the two settings that the message names reads the file."""
    file = written(write_late(cell, delimiter))
    with pytest.raises(
        SourceError, match=rf"row {LONG + 1:,}: what follows each .*--escape '\\'.*escape \"\""
    ):
        open_source([file]).survey()
    for escape, meant in (("\\", True), ("", False)):
        source = open_source([file], dialect=Dialect(escape=escape))
        source.survey()
        assert (texts(source, LONG) == [["last", cell]]) is not meant


@pytest.mark.parametrize(
    "cell",
    [r"C:\new", r"C:\Users", r"D:\tmp\x", r'{"a": "say \"hi\""}', r"a\qb"],
)
def test_late_backslashes_of_other_texts_are_characters(written: Written, cell: str) -> None:
    """A path, JSON, or anything that no database writes so is read as it is."""
    source = open_source([written(write_late(cell))])
    source.survey()
    assert texts(source, LONG) == [["last", cell]]


def test_a_file_with_quotes_or_commas_is_not_asked(written: Written) -> None:
    """Text with quotes or commas is CSV, in which a backslash has no meaning."""
    for content in (write_late(r'"two\nlines"'), write_late(r"two\nlines", ",")):
        source = open_source([written(content)])
        source.survey()
        assert texts(source, LONG) == [["last", r"two\nlines"]]


def write_hive(cell: str, *, late: bool) -> str:
    r"""A file of Hive that begins with ``\N``, and has a cell at once or beyond the beginning."""
    if late:
        return write_late(cell, "\x01").replace("\x01x", "\x01\\N", 1)
    return f"hwid\x01note\nd0\x01\\N\nlast\x01{cell}\n"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("cell", [r"two\nlines", r"a\\b", r"a\tb"])
def test_nothing_of_hive_does_not_make_backslashes_escape(written: Written, cell: str, late: bool) -> None:
    r"""Hive writes ``\N``, but protects others only if its table says so: the user is asked."""
    file = written(write_hive(cell, late=late))
    with pytest.raises(SourceError, match="what follows each backslash"):
        open_source([file]).survey()
    for escape, meant in (("\\", True), ("", False)):
        source = open_source([file], dialect=Dialect(escape=escape))
        source.survey()
        assert (texts(source)[-1] == ["last", cell]) is not meant


def test_nothing_of_hive_is_nothing(written: Written) -> None:
    r"""Without other backslashes there is no question: a cell that is ``\N`` is empty."""
    source = open_source([written(write_hive("a note", late=True))])
    source.survey()
    assert texts(source)[0][1] is None
    assert texts(source)[-1] == ["last", "a note"]


@pytest.mark.parametrize("cell", ["two\rparts", "two\r\\\nlines", "its end\r"])
def test_a_late_carriage_return_of_mysql_tears_no_row(written: Written, cell: str) -> None:
    r"""The beginning of such text shows that a line feed ends its rows; MySQL writes a return as it is."""
    source = open_source([written(write_late(cell).replace("\tx", "\t\\N", 1))])
    assert source.survey().rows == LONG + 1
    assert texts(source, LONG) == [["last", cell.replace("\\", "")]]
