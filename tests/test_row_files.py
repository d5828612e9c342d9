"""Files of failed rows come back as they were written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.failures import add_source
from loader.journal.table_rows import ExceptionRow
from loader.model import Phase, State
from loader.row_files import write_rows
from loader.sources import open_source
from tests.failed_rows import HEADER, ROWS

if TYPE_CHECKING:
    from tests.conftest import CommandLine

CELLS = st.lists(st.text(st.sampled_from('",;\r\n \tab=ä\\'), max_size=6), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(CELLS)
@example(["c\rd"])
@example(["\r", "\n", "\r\n", '"', ""])
def test_every_cell_of_a_csv_comes_back_byte_for_byte(cells: list[str]) -> None:
    """Quotes, commas, blanks and line ends of any kind in a cell neither break a record nor change."""
    text = pd.ArrowDtype(pa.string())
    columns = {"user_id": [f"U{n}" for n in range(len(cells))], "note": cells, "_loader_state": "rejected"}
    frame = pd.DataFrame(columns).astype(text)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "rejected.csv")
        assert write_rows(iter([frame]), "csv", target) == len(cells)
        read = pd.concat([chunk.frame for chunk in open_source([target]).chunks()])
    assert read.to_dict("list") == frame.to_dict("list")


def failed(state: State, ordinal: int) -> ExceptionRow:
    """A row that failed."""
    if state is State.IN_DOUBT:
        return ExceptionRow.of_doubt(ordinal, "the connection was closed", attempts=1, at=0.0)
    return ExceptionRow(ordinal, state, Phase.VENDOR, 200, 210, "not today", 1, 0.0)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "spreadsheet"])
def test_doubts_before_rejects_are_written_in_every_form(form: str, tmp_path: Path) -> None:
    """The columns have the same types in every chunk, also where the first has no phase and no status."""
    (tmp_path / "in.csv").write_text("user_id\nU1\nU2\n")
    source = open_source([tmp_path / "in.csv"], chunk_rows=1)
    states = [State.IN_DOUBT, State.REJECTED]
    frames = [
        add_source(chunk, [failed(state, chunk.first)])
        for chunk, state in zip(source.chunks(), states, strict=True)
    ]
    target = tmp_path / f"out.{form}"
    assert write_rows(iter(frames), form, target) == 2
    if form == "parquet":
        read = pq.read_table(target).to_pylist()
        assert [row["_loader_phase"] for row in read] == [None, "vendor"]
        assert [row["_loader_http_status"] for row in read] == [None, 200]


def test_a_spreadsheet_runs_no_cell_and_its_file_is_not_loaded(command: CommandLine, tmp_path: Path) -> None:
    """The form for spreadsheets disarms formulas and leaves numbers alone; the form for machines is exact."""
    cells = ["=1+1", "@x", "-5", "+1,5", "-x", "plain"]
    rows = [f'U{n},D{n},purchase,20240230,America/New_York,"{cell}"\n' for n, cell in enumerate(cells)]
    (tmp_path / "events.csv").write_text(HEADER + ROWS[0] + "\n" + "".join(rows))
    command.run("events", "events.csv", "--sandbox", "--yes")
    listed = ("failures", "events.csv.events.sandbox.ckpt", "--rejected")
    command.run(*listed, "-o", "exact.csv")
    command.run(*listed, "--format", "spreadsheet", "-o", "sheet.csv")
    exact, sheet = (pd.read_csv(tmp_path / name, dtype=str) for name in ("exact.csv", "sheet.csv"))
    assert list(exact["amount"]) == cells
    assert list(sheet["amount"]) == ["'=1+1", "'@x", "-5", "+1,5", "'-x", "plain"]
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    ran = command.run("events", "sheet.csv", "--sandbox", "--yes")
    assert ran.code == 2
    assert ran.err.strip() == (
        "Error: sheet.csv was written for a spreadsheet, with apostrophes before some cells. "
        "Load a file that `failures --rejected` wrote in any other format, or the input itself."
    )
