"""`report`: what became of a load, as a page for people who did not watch it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options

import click

from loader.cli import speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.option import FileUse, Option, option


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """What `report` takes."""

    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    output: Path | None = option(
        None,
        Option(
            "Where to write.",
            flags=("-o", "--output"),
            metavar="FILE|-",
            without="beside the checkpoint, ending in .report.html",
            file=FileUse.OUTPUT,
        ),
    )
    files: tuple[str, ...] = files_moved()
    with_examples: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Quote up to three rows for each reason. Without this option, the report quotes no values."),
    )


@click.command("report", cls=Sectioned)
@takes(ReportRequest)
def report_command(request: ReportRequest) -> None:
    """Write an HTML report of a load, even while it runs.

    The page needs no network; you can print it and send it. It shows what was sent where and when, the
    account, speed and answers over time, events by name and month, rejects by reason, doubts and decisions,
    the configuration without secrets, and what to do next. To count events, the input is read again.

    \b
    Examples:
      pushwoosh-loader report purchases.csv.events.ckpt
      pushwoosh-loader report purchases.csv.events.ckpt -o report.html --input /archive/purchases.csv
    """
    from loader.reporting import write_report  # noqa: PLC0415 - `--help` must start without pandas

    examples = request.with_examples
    path = write_report(request.checkpoint, request.output, files=request.files, with_examples=examples)
    if path != speech.STDOUT:
        speech.choose_speaker(quiet=False, summary=None)(f"The report is in {path}.")
