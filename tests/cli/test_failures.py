"""`failures`: rows that failed, beside their source columns, in any form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import GOOD, NAMELESS, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_rejected_rows_are_found_again(command: CommandLine, tmp_path: Path) -> None:
    """A load with a bad row sends the others, exits 3, and `failures` gives the row with all its columns."""
    source = events_csv(tmp_path, GOOD, NAMELESS, GOOD.replace("0042", "0043"))
    summary = command.summary("events", source, "--sandbox")
    assert (summary["confirmed"], summary["rejected"], summary["exit_code"]) == (2, 1, 3)
    ran = command.run("failures", summary["checkpoint"], "--rejected", "--format", "jsonl")
    (row,) = map(json.loads, ran.out.splitlines())
    assert (row["event"], row["amount"], row["_loader_state"], row["_loader_row"]) == (
        "purchase",
        "12.00",
        "rejected",
        2,
    )
    assert "hwid" in row["_loader_reason"]


def test_failures_load_again_as_they_are(command: CommandLine, tmp_path: Path) -> None:
    """The written file loads as it is once it is fixed: the loader's own columns are not sent."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    checkpoint = command.summary("events", source, "--sandbox")["checkpoint"]
    fixed = tmp_path / "fixed.csv"
    assert command.run("failures", checkpoint, "-o", fixed).code == 0
    fixed.write_text(fixed.read_text().replace(NAMELESS, GOOD))
    assert command.summary("events", fixed, "--sandbox")["confirmed"] == 1
    assert {attributes for (attributes,) in command.held("SELECT attributes FROM events")} == {
        '{"amount":"12.00"}'
    }


@pytest.mark.parametrize("precious", ["events.csv", "events.csv.events.sandbox.ckpt"])
def test_failures_never_take_the_place_of_what_they_come_from(
    command: CommandLine, loaded: Path, precious: str
) -> None:
    """`failures -o` onto the input or the checkpoint is refused, and both stay as they were."""
    before = (loaded.parent / precious).read_bytes()
    ran = command.run("failures", "events.csv.events.sandbox.ckpt", "-o", precious)
    assert ran.code == 2
    assert ran.err.startswith(f"Error: {precious} would be overwritten, and it is needed: it is ")
    assert "Name another file with --output." in ran.err
    assert (loaded.parent / precious).read_bytes() == before


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_failures_that_cannot_be_written_say_so(
    command: CommandLine, loaded: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room for the rejects is a sentence, and leaves what stood there."""
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    target = loaded.parent / "rejected"
    target.write_text("of yesterday")
    before = sorted(loaded.parent.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setenv("COLD", "1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))  # a new interpreter inherits it
    try:
        process = command.start(
            "failures", f"{loaded.name}.events.sandbox.ckpt", "-o", target, "--format", form
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (2, f"Error: {target} cannot be written: File too large.")
    assert target.read_text() == "of yesterday"
    assert sorted(loaded.parent.iterdir()) == before
