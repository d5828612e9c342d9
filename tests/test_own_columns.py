"""The columns that the loader adds to failed rows are the same wherever they come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq
import pytest

import loader
from loader.journal.table_rows import ExceptionRow
from loader.message import spell_keyword
from loader.model import Phase, State
from loader.own_columns import COLUMNS, OfLoad
from tests.failed_rows import HEADER, ROWS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from pathlib import Path

    from tests.conftest import CommandLine
    from tests.failed_rows import Load, Vendor

NAMES = [f"_loader_{name}" for name in COLUMNS]
BAD = [
    ROWS[1].replace("America/New_York", "Mars"),
    ROWS[2].replace("America/New_York", "Venus"),
    ",".join(["", "", *ROWS[3].split(",")[2:]]),
]
# What a check cannot know of a row.
OF_A_LOAD = ["_loader_at", "_loader_load"]


def read(path: Path) -> pd.DataFrame:
    """The rows of a file of failed rows, with the loader's columns as text."""
    if path.suffix == ".jsonl":
        frame = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    elif path.suffix == ".parquet":
        frame = pq.read_table(path).to_pandas()
    else:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.map(lambda cell: "" if pd.isna(cell) else str(cell).removesuffix(".0"))


def list_ours(columns: Iterable[Hashable]) -> list[str]:
    """The loader's columns among others."""
    return [name for name in map(str, columns) if name.startswith("_loader_")]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".ndjson", ".parquet", ".pq"])
def test_a_check_and_a_load_write_the_same_columns(command: CommandLine, tmp_path: Path, ending: str) -> None:
    """What groups the rejects of a check also groups those of the load, in the form of the file's ending."""
    (tmp_path / "e.csv").write_text(HEADER + "\n".join([ROWS[0], *BAD]) + "\n")
    command.run("check", "events", "e.csv", "--rejects", f"checked{ending}")
    command.run("events", "e.csv", "--sandbox", "--yes")
    assert command.run("failures", "e.csv.events.sandbox.ckpt", "-o", f"loaded{ending}").code == 0
    real = {".ndjson": ".jsonl", ".pq": ".parquet"}.get(ending, ending)
    for name in ("checked", "loaded"):
        (tmp_path / f"{name}{ending}").rename(tmp_path / f"{name}{real}")
    checked, loaded = read(tmp_path / f"checked{real}"), read(tmp_path / f"loaded{real}")
    assert list_ours(checked) == NAMES
    assert list(checked) == list(loaded)
    assert checked.drop(columns=OF_A_LOAD).equals(loaded.drop(columns=OF_A_LOAD))


def test_rejected_rows_can_be_grouped(command: CommandLine, tmp_path: Path) -> None:
    """Reason and remedy repeat nothing of a row; column, value, and the whole sentence stand beside them."""
    (tmp_path / "e.csv").write_text(HEADER + "\n".join([ROWS[0], *BAD]) + "\n")
    command.run("events", "e.csv", "--sandbox", "--yes")
    command.run("failures", "e.csv.events.sandbox.ckpt", "-o", "failed.csv")
    rows = read(tmp_path / "failed.csv")
    groups = rows.groupby(["_loader_reason", "_loader_remedy"])["_loader_row"].apply(list)
    assert sorted(groups) == [["2", "3"], ["4"]]
    assert rows["_loader_column"].tolist() == ["timezone", "timezone", "device_id, user_id"]
    assert rows["_loader_value"].tolist() == ["Mars", "Venus", ""]
    for number, row in enumerate(rows.to_dict("records"), 2):
        assert row["_loader_message"].startswith(f"e.csv, row {number}, ")
        assert row["_loader_message"].endswith(row["_loader_remedy"])
        assert not {"Mars", "Venus"} & set(row["_loader_reason"].split())
    summary = json.loads(command.run("status", "e.csv.events.sandbox.ckpt", "--summary", "-").out)
    counts = {each["reason"]: each["rows"] for each in summary["rejects"]}
    assert counts == rows["_loader_reason"].value_counts().to_dict()


def test_rows_that_the_vendor_refused_have_the_same_columns(
    load: Load, vendor: Vendor, tmp_path: Path
) -> None:
    """The vendor's words are the reason, its code has a remedy, and a doubt has neither phase nor remedy."""
    vendor.refuse, vendor.cut = {"0005"}, {"0007"}
    load.summary()
    load.run("failures", "-o", "failed.jsonl")
    refused, doubt = read(tmp_path / "failed.jsonl").to_dict("records")
    assert list_ours(refused) == NAMES
    assert (refused["_loader_phase"], refused["_loader_reason"], refused["_loader_message"]) == (
        "vendor",
        "not today",
        "not today",
    )
    assert refused["_loader_remedy"].startswith("An argument is wrong, or an event does not exist")
    assert (doubt["_loader_state"], doubt["_loader_phase"], doubt["_loader_remedy"]) == ("in_doubt", "", "")
    assert doubt["_loader_reason"] == doubt["_loader_message"] != ""


def test_python_has_the_same_columns(tmp_path: Path) -> None:
    """`rejected` of a check and of a load, of a frame and of a file, have the columns that the files have."""
    frame = pd.DataFrame(
        {"device_id": ["a", None], "event": ["e", "e"], "timestamp": ["2024-01-01 00:00:00Z"] * 2}
    )
    frame.to_csv(tmp_path / "e.csv", index=False)
    with loader.Sandbox() as sandbox:
        for source in (frame, tmp_path / "e.csv"):
            checked = loader.check_events(source).rejected
            checkpoint = tmp_path / f"{type(source).__name__}.ckpt"
            result = loader.load_events(source, sandbox=sandbox, checkpoint=checkpoint, progress=False)
            for rejected in (checked, result.rejected):
                assert list_ours(rejected) == NAMES
            ours = [name for name in NAMES if name not in OF_A_LOAD]
            assert checked[ours].astype(str).equals(result.rejected[ours].astype(str))


def refused(message: str, code: int | None, http_status: int = 200) -> ExceptionRow:
    """A row that the vendor refused."""
    return ExceptionRow(0, State.REJECTED, Phase.VENDOR, http_status, code, message, 1, 0.0)


@pytest.mark.parametrize(
    ("row", "starts"),
    [
        (refused("Argument", 210), "An argument is wrong"),
        (refused("", 413), "The body is too large."),
        (refused("", None, 413), "The body is too large."),
        (
            refused("Application not found", 210),
            "The vendor does not know the application. Check application.",
        ),
        (refused("no", 404), ""),
        (refused("later", None)._replace(phase=Phase.OVERTAKEN), ""),
        (ExceptionRow.of_doubt(0, "cut", attempts=1, at=0.0), ""),
    ],
)
def test_the_remedy_depends_on_what_the_vendor_said(row: ExceptionRow, starts: str) -> None:
    """Each kind of rejection has its own, spelled as the front end writes settings, or none."""
    found = OfLoad(spelling=spell_keyword).find_remedy(row)
    assert found.startswith(starts)
    assert bool(found) == bool(starts)


def test_a_form_that_is_set_wins_over_the_ending(command: CommandLine, tmp_path: Path) -> None:
    """`--format` says what is written, whatever the file is called; standard output is CSV."""
    (tmp_path / "e.csv").write_text(HEADER + "\n".join([ROWS[0], *BAD]) + "\n")
    command.run("events", "e.csv", "--sandbox", "--yes")
    checkpoint = "e.csv.events.sandbox.ckpt"
    assert command.run("failures", checkpoint, "-o", "x.parquet", "--format", "csv").code == 0
    shown = command.run("failures", checkpoint).out
    assert (tmp_path / "x.parquet").read_text().splitlines() == shown.splitlines()
    ran = command.run("check", "events", "e.csv", "--rejects", "sheet.csv", "--format", "spreadsheet")
    assert ran.code == 3
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", ["failed.xlsx", "failed.csv.gz", "failed"])
def test_an_ending_that_says_no_form_is_refused(command: CommandLine, tmp_path: Path, name: str) -> None:
    """No file is written whose name promises another format."""
    (tmp_path / "e.csv").write_text(HEADER + "\n".join([ROWS[0], *BAD]) + "\n")
    command.run("events", "e.csv", "--sandbox", "--yes")
    ran = command.run("failures", "e.csv.events.sandbox.ckpt", "-o", name)
    assert (ran.code, (tmp_path / name).exists()) == (2, False)
    assert ran.err.strip() == (
        f"Error: --output {name}: the file's ending does not say which format to write. Use .csv, .jsonl or "
        ".parquet, or give --format."
    )
    assert command.run("failures", "e.csv.events.sandbox.ckpt", "-o", name, "--format", "csv").code == 0
