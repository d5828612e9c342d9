"""The page of `make bench`: figures are found in the tables, and what is missing is called so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.page import BEFORE, FIGURES, RESULTS, Figure, find_both, read_from, write_line, write_page

if TYPE_CHECKING:
    from pathlib import Path


def nothing(_: str) -> None:
    """The tables of a build that has none."""


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_found_in_a_table_that_is_kept(figure: Figure) -> None:
    """A benchmark that writes its table in another way must not lose its figures on the page."""
    tables = read_from(RESULTS)
    now, before = find_both(figure, tables, nothing)
    if tables(figure.table) is None:
        assert (now, before) == (None, None)
    else:
        assert now is not None
        assert now > 0


def test_what_is_missing_is_called_so(tmp_path: Path) -> None:
    """A benchmark that did not run leaves the word in its lines and its table, and the page is there."""
    page = write_page(BEFORE, read_from(tmp_path), nothing)
    for figure in FIGURES:
        assert write_line(figure, None, None) in page.splitlines()
        assert f"== {figure.table}\nmissing: no such table" in page


def test_both_builds_stand_side_by_side(tmp_path: Path) -> None:
    """Each in its column, with their quotient; a table with both builds gives the one before too."""
    (tmp_path / "check.txt").write_text("peak memory, MB                  150               160\n")
    (tmp_path / "report.txt").write_text(
        "every row confirmed                  5.0     4.0            0.42      47.0    46.0            0.30\n"
    )
    page = write_page("", read_from(tmp_path), {"check": "peak memory, MB   200   210\n"}.get)
    lines = {line[:40].strip(): line[40:].split() for line in page.splitlines()}
    assert lines["check, CSV, peak MB"] == ["<=", "250", "150", "200", "0.75"]
    assert lines["report, s"] == ["<=", "10", "5.00", "47.00", "0.11"]
