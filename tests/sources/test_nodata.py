"""Rows that are no data are rejected with that reason, and no row of data is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.sources import open_source
from loader.sources.nodata import COUNT, HEADER_AGAIN, RULE, TOTAL
from tests.sources.conftest import cells, unreadable

if TYPE_CHECKING:
    from tests.sources.conftest import Written


def no_data(path: object, dialect: Dialect | None = None) -> dict[int, str]:
    """Row and reason of each record that is no data."""
    return {
        chunk.first_row + offset: reason
        for chunk in open_source([str(path)], dialect=dialect).chunks()
        for offset, reason in chunk.no_data.items()
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("hwid,user_id", HEADER_AGAIN),
        ("\ufeffhwid,user_id", HEADER_AGAIN),
        (" hwid ,\u200buser_id\xa0", HEADER_AGAIN),
        ("HWID,User_ID", HEADER_AGAIN),
        ("HWID ,USER_ID", HEADER_AGAIN),
        ('"hwid","user_id"', HEADER_AGAIN),
        ('\ufeff"hwid","user_id"', HEADER_AGAIN),
        ("----,-------", RULE),
        ("----,", RULE),
        (",====", RULE),
        ("+----,----+", RULE),
        (" -- , -- ", RULE),
        ("────,─────", RULE),
        ("Total,2", TOTAL),
        ('Grand total:,"1,234.5"', TOTAL),
        ("(2 rows),", COUNT),
        ("(1 row affected),", COUNT),
        ("2 rows in set (0.00 sec),", COUNT),
        ('"1,234 rows selected.",', COUNT),
    ],
)
@pytest.mark.parametrize("columns", [(), ("device", "customer")])
def test_a_row_that_is_no_data_is_named(
    written: Written, row: str, reason: str, columns: tuple[str, ...]
) -> None:
    """The header again, whatever stands invisibly around its cells, and a line that is drawn."""
    path = written(f"hwid,user_id\nd1,u1\nd2,u2\n{row}\n")
    said = Dialect(columns=columns, header=True)
    assert no_data(path, said) == {3: reason}
    assert [record[0] for record in cells(open_source([path], dialect=said))][:2] == ["d1", "d2"]


def test_a_header_among_rows_without_one_is_named(written: Written) -> None:
    """With names given for a file without a header, a row of just these names is none of the data."""
    said = Dialect(columns=("hwid", "user_id"), header=False)
    assert no_data(written("hwid,user_id\nd1,u1\n"), said) == {1: HEADER_AGAIN}


@pytest.mark.parametrize(
    "row",
    [
        "hwid,u3",
        "d-1,",
        ",",
        "-5,-7",
        "user_id,hwid",
        "hwid2,user_id2",
        "_a,-",
        "é,-",
        "Total,u3",
        "total,",
        "Totaler,3",
    ],
)
def test_a_row_of_data_is_none_of_them(written: Written, row: str) -> None:
    """Names in one cell alone, signs with a letter or digit, and empty cells are data."""
    assert no_data(written(f"hwid,user_id\nd1,u1\n{row}\n")) == {}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["d1,1", "Total,2", "d2,3"], []),
        (["Total,1", "Total,2"], [2]),
        (["d1,1", "Total,1"], [2]),
        (["d1,1", "Subtotal,1", "Total,1"], [2, 3]),
        (["d1,1", "Total,1", "(1 row affected)"], [2]),
        (["d1,1", "Total,1", "plan,amount", "d2,1", "Total,2"], [2, 5]),
    ],
)
def test_only_a_row_below_the_others_is_a_total(written: Written, rows: list[str], found: list[int]) -> None:
    """A plan or a name may be called Total: such a row is sent, unless the rows end with it."""
    source = open_source([written("\n".join(["plan,amount", *rows]) + "\n")])
    source.survey()
    totals = [
        chunk.first + at + 1
        for chunk in source.chunks()
        for at, reason in chunk.no_data.items()
        if reason == TOTAL
    ]
    assert totals == found


def test_a_line_in_fewer_cells_is_named_too(written: Written) -> None:
    """A line that is drawn over the whole width has no delimiter."""
    source = open_source([written("hwid,user_id\n------------\nd1,u1\n")])
    assert unreadable(source) == {0: RULE}


def test_a_sample_has_no_such_rows(written: Written) -> None:
    """What is told from the beginning of a file is told from data."""
    source = open_source([written("hwid,user_id\nhwid,user_id\n--,--\nd1,u1\n")])
    assert source.sample().to_numpy().tolist() == [["d1", "u1"]]


@pytest.mark.parametrize("count", ["(2 rows)", "(2 rows affected)", "2 rows selected."])
@pytest.mark.parametrize("header", ["hwid,user_id", "hwid"])
@pytest.mark.parametrize("short_rows", [None, "fill"])
def test_a_count_of_rows_is_no_device(
    written: Written, count: str, header: str, short_rows: str | None
) -> None:
    """What a database writes below a table is named, however short it is and whatever fills short rows."""
    path = written(f"{header}\n{header.replace('hwid', 'd1').replace('user_id', 'u1')}\n{count}\n")
    said = Dialect(short_rows=short_rows)
    assert {
        **no_data(path, said),
        **{row + 1: reason for row, reason in unreadable(open_source([path], dialect=said)).items()},
    } == {2: COUNT}
