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

from loader.errors import ConfigError
from loader.failures import add_source
from loader.journal.table_rows import ExceptionRow
from loader.mapping.table import Table
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
@example([",\r,"])
@example(["',\r,'", ",,\n,,\n,,"])
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


NUMBERS = {
    "decimal": pa.array(["42.000000000", "0.000000001", None]).cast(pa.decimal128(38, 9)),
    "double": pa.array([42.0, 0.1, None]),
    "float": pa.array([42.0, 0.1, None], pa.float32()),
    "bytes": pa.array([b"42", "é".encode(), None]),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", NUMBERS)
def test_an_id_out_of_a_typed_column_is_the_same_when_it_is_loaded_again(
    name: str, form: str, tmp_path: Path
) -> None:
    """A row that failed for another reason does not go to another user after it was written as text."""
    table = pa.table({"key": ["a", "b", "c"], "id": NUMBERS[name]})
    pq.write_table(table, tmp_path / "in.parquet")
    given = open_source([tmp_path / "in.parquet"])
    target = tmp_path / f"out.{form}"
    write_rows(iter([chunk.frame for chunk in given.chunks()]), form, target)
    texts = [
        Table(chunk.frame).text("id").to_pylist()
        for source in (given, open_source([target]))
        for chunk in source.chunks()
    ]
    assert texts[0] == texts[1]


def test_bytes_that_are_not_text_are_shown(tmp_path: Path) -> None:
    """The row is there with all its columns, although nothing could load the cell."""
    frame = pd.DataFrame({"a": pd.Series([b"\xff", b"x"], dtype=pd.ArrowDtype(pa.binary()))})
    write_rows(iter([frame]), "csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n\\xff\nx\n"


def test_cells_that_no_type_of_parquet_holds_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """Two files of one input, one with large integers and one with fractions: the other forms hold both."""
    kinds = (pa.float64(), pa.int64())
    frames = [
        pd.DataFrame({"n": pd.Series([number], dtype=pd.ArrowDtype(kind))})
        for kind, number in zip(kinds, (0.5, 2**53 + 1), strict=True)
    ]
    with pytest.raises(ConfigError, match=r"column n .* Write the rows with --format csv or jsonl"):
        write_rows(iter(frames), "parquet", tmp_path / "out.parquet")
    write_rows(iter(frames), "csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"n\r\n0.5\r\n9007199254740993\r\n"
