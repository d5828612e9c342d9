"""The words of a check on terminals of any width."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len

from loader.message import spell_option
from loader.profile.plain_text import UNBOUNDED, describe_times, lay_out_table
from loader.profile.times import EventTimes

HEAD = ("  name", "type", ">empty", "examples")
ROWS = [
    ("  hwid", "string", "1,200", "b4618383c0c47c25, 313b98085eb0542f"),
    ("  登録", "float", "0", "日本語" * 9),
]


@pytest.mark.parametrize("width", [24, 25, 30, 40])
def test_a_narrow_terminal_cuts_the_examples_and_nothing_else(width: int) -> None:
    """Names, types and numbers are whole at every width; the examples end in a sign that they continue."""
    for line, row in zip(list(lay_out_table(HEAD, ROWS, width))[1:], ROWS, strict=True):
        assert cell_len(line) <= width
        assert line.endswith("…")
        assert all(cell.strip() in line for cell in row[:3])


def test_columns_stand_below_each_other_in_any_script() -> None:
    """Wide letters do not move the columns behind them."""
    head, *lines = lay_out_table(HEAD, ROWS, UNBOUNDED)
    assert {cell_len(line[: line.index(row[1])]) for line, row in zip(lines, ROWS, strict=True)} == {
        head.index("type")
    }
    assert all(row[3] in line for line, row in zip(lines, ROWS, strict=True))


def test_numbers_stand_right_and_texts_left() -> None:
    """Digits of the same worth are below each other, so that a large number is seen as one."""
    lines = list(lay_out_table((">rows", "name"), [("1,200", "é"), ("7", "b")], UNBOUNDED))
    assert lines == [" rows  name", "1,200  é", "    7  b"]


def test_many_months_are_shown_as_years() -> None:
    """Twenty years are twenty lines, not 240."""
    months = Counter({f"{year}-{month:02}": 1 for year in range(2000, 2020) for month in range(1, 13)})
    lines = list(describe_times(EventTimes(0, first=0, last=1, months=months), 80, spell_option))
    assert sum("12  █" in line for line in lines) == 20


def test_bars_fit_the_terminal() -> None:
    """No line of the histogram is wider than the terminal; the largest month has the longest bar."""
    found = EventTimes(0, first=0, last=1, months=Counter({"2024-01": 10_000_000, "2024-02": 1}))
    january, february = list(describe_times(found, 40, spell_option))[-2:]
    assert len(january) <= 40
    assert january.count("█") > february.count("█") == 1
