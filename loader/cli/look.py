"""`status` and `failures`: what a checkpoint knows, also while a load runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import show, show_mend, speech
from loader.cli.options import CHECKPOINT, MOVED_INPUT, SUMMARY
from loader.cli.sections import Sectioned
from loader.model import Result, State
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(cls=Sectioned)
@CHECKPOINT
@SUMMARY
def status(checkpoint: Path, summary: Path | None) -> None:
    """Show the account of a load, finished, stopped or running.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader status purchases.csv.events.ckpt
      pushwoosh-loader status purchases.csv.events.ckpt --summary -
    """
    from loader.journal import Checkpoint  # noqa: PLC0415 - `--help` must start without SQL

    say = speech.speaker(quiet=False, summary=summary)
    ledger = Checkpoint.open(checkpoint)
    run = ledger.runs[-1].run if ledger.runs else ""
    result = Result(ledger.identity.kind, ledger.account(), str(checkpoint), run=run)
    say(show_mend.checkpoint_text(ledger, result))
    show.write_summary(result, summary)


@click.command(cls=Sectioned)
@CHECKPOINT
@click.option("--rejected", is_flag=True, help="Only the rejected rows.  [default: these and those in doubt]")
@click.option("--in-doubt", is_flag=True, help="Only the rows in doubt.  [default: these and those rejected]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet", "spreadsheet"]),
    default="csv",
    show_default=True,
    help="Form of the output. Cells are byte for byte those of the input; only the form for a spreadsheet "
    "puts an apostrophe before those that it would run as a formula, and cannot be loaded again.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default=speech.STDOUT,
    metavar="FILE|-",
    help="Where to write.  [default: standard output]",
)
@MOVED_INPUT
def failures(
    checkpoint: Path, output: Path, form: str, files: Sequence[str], *, rejected: bool, in_doubt: bool
) -> None:
    """List rejected and in-doubt rows, and why.

    CKPT is the file that the load wrote beside its input.

    Each comes with all its source columns. Columns that begin with "_loader_" are added: state, file, row,
    reason, HTTP status, vendor code, attempts, time. A load of the written file ignores them.

    \b
    Examples:
      pushwoosh-loader failures purchases.csv.events.ckpt
      pushwoosh-loader failures purchases.csv.events.ckpt --rejected -o rejected.csv
    """
    from loader.failures import failed_rows, write_rows  # noqa: PLC0415 - `--help` must start without pandas

    states = {State.REJECTED} if rejected else set()
    if in_doubt:
        states.add(State.IN_DOUBT)
    rows = failed_rows(checkpoint, states or {State.REJECTED, State.IN_DOUBT}, files, target=output)
    count = write_rows(rows, form, output)
    click.echo(f"{count_rows(count)}.", err=True)
