"""Rows are named by ids, by numbers or by a file of failed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.failed_rows import Load, Vendor, counts

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_that_are_not_in_doubt_cannot_be_resolved(load: Load, vendor: Vendor, tmp_path: Path) -> None:
    """A list with one wrong id changes nothing, and the id is named."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (tmp_path / "found.csv").write_text("user_id\n0003\n0004\n")
    assert load.run("resolve", "--landed", "--from", "found.csv", code=2).strip() == (
        "Error: found.csv names 1 row that is not in doubt: 0004. Nothing was changed. "
        "`failures --in-doubt` lists the rows in doubt."
    )
    assert counts(load.summary()) == (28, 0, 2, 0)


@pytest.mark.parametrize("form", ["failures", "rows"])
def test_doubts_can_be_named_by_their_place(load: Load, vendor: Vendor, tmp_path: Path, form: str) -> None:
    """What `failures` wrote, or the row numbers in it, name rows as well as ids do."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    load.run("failures", "--in-doubt", "-o", "doubts.csv")
    doubts = pd.read_csv(tmp_path / "doubts.csv", dtype=str)
    assert list(doubts["_loader_row"]) == ["3", "17"]
    assert list(doubts["user_id"]) == ["0003", "0017"]
    chosen = doubts.iloc[:1]
    if form == "rows":
        chosen = chosen[["_loader_row"]].rename(columns={"_loader_row": "row"})
    chosen.to_csv(tmp_path / "found.csv", index=False)
    load.run("resolve", "--landed", "--from", "found.csv")
    assert counts(load.summary()) == (29, 0, 1, 0)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_failures_of_every_form_name_their_rows_after_the_input_was_renamed(
    load: Load, vendor: Vendor, form: str
) -> None:
    """What `failures` wrote under the old name of the input settles its rows under the new one."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    load.run("failures", "--in-doubt", "--format", form, "-o", "doubts")
    (load.command.folder / "events.csv").rename(load.command.folder / "moved.csv")
    said = load.run("resolve", "--landed", "--from", "doubts", "--input", "moved.csv")
    assert said.startswith("2 rows in doubt are now confirmed")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("row\n999\n", "found.csv names 1 row that is not in doubt: row 999. "),
        ("_loader_file,_loader_row\ne.csv,9\n", "names 1 row that is not in doubt: e.csv, row 9. "),
        ("user_id\n", "found.csv names no row: it has only a header."),
    ],
)
def test_what_is_wrong_with_a_list_of_rows_is_said(
    load: Load, vendor: Vendor, text: str, sentence: str
) -> None:
    """A row that is not in doubt is named as people count, and a list without a row is not taken for all."""
    vendor.cut = {"0003"}
    load.summary()
    (load.command.folder / "found.csv").write_text(text)
    assert sentence in load.run("resolve", "--landed", "--from", "found.csv", code=2)
