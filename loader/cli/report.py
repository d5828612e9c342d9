"""`report`: what became of a load, as a page for people who did not watch it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.option import FileUse, Option, option
from loader.stores.address import Address  # noqa: TC001 - the fields' types are read to make options

if TYPE_CHECKING:
    from loader.progress import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """What `report` takes."""

    checkpoints: tuple[str, ...] = argument("CKPT|DIR...", FileUse.CHECKPOINT)
    output: Path | Address | None = option(
        None,
        Option(
            "Where to write.",
            flags=("-o", "--output"),
            metavar="FILE|-",
            without="beside the checkpoint, ending in .report.html; of several, loads.report.html",
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
    """Write an HTML report of one load or several, even while they run.

    The page needs no network; you can print it and send it. It shows what was sent where and when, the
    account, speed and answers over time, events by name and month, rejects by reason, doubts and decisions,
    the configuration without secrets, and what to do next. Events that the checkpoint does not know, as those
    that were never sent, are counted in the input.

    Of several checkpoints, or of a folder, it first shows the sum. Then each load is a line that unfolds to
    its own report. A checkpoint that cannot be read is named there, and the command ends with 2.

    \b
    Examples:
      pushwoosh-loader report purchases.csv.events.ckpt
      pushwoosh-loader report purchases.csv.events.ckpt -o report.html --input /archive/purchases.csv
      pushwoosh-loader report /var/lib/pushwoosh -o night.html
    """
    first = Path(request.checkpoints[0])
    if len(request.checkpoints) == 1 and not first.is_dir():
        report_load(request, first)
    else:
        report_several(request)


def report_load(request: ReportRequest, checkpoint: Path) -> None:
    """The report of one load."""
    from loader.reporting import write_report  # noqa: PLC0415 - `--help` must start without pandas

    examples = request.with_examples
    watch = choose_watch()
    path = write_report(checkpoint, request.output, files=request.files, with_examples=examples, watch=watch)
    say_where(path)


def report_several(request: ReportRequest) -> None:
    """The report of several loads.

    Raises:
        ConfigError: `--input` is given, which is of one load.
        CheckpointError: a checkpoint cannot be read; the report of the others is written.
    """
    from loader.overview import write_overview  # noqa: PLC0415 - `--help` must start without pandas

    if request.files:
        message = "{files} says where the input of one load is. With it, name one checkpoint."
        raise ConfigError(Message(message, files=Setting("files")))
    found = write_overview(
        request.checkpoints,
        request.output,
        with_examples=request.with_examples,
        begin=announce,
        watch=choose_watch(),
    )
    say_where(found.path)
    found.raise_for_unreadable()


def choose_watch() -> Watch:
    """What shows how far the reading of an input is."""
    from loader import progress  # noqa: PLC0415 - `--help` must start without it

    return progress.choose_watch(log=speech.find_event_log())


def announce(name: str, number: int, total: int) -> None:
    """Say on a terminal which checkpoint is read: to count its events can take long."""
    if sys.stderr and sys.stderr.isatty():
        speech.echo(f"Reading {name} ({number:,} of {total:,})", err=True)


def say_where(path: Path | Address) -> None:
    """Say where the report is, unless that is standard output."""
    if path != speech.STDOUT:
        speech.choose_speaker(quiet=False, summary=None)(f"The report is in {path}.")
