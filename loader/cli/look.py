"""`status` and `failures`: what a checkpoint knows, also while a load runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import show, show_mend, speech
from loader.cli.options import CHECKPOINT, MOVED_INPUT, SUMMARY
from loader.model import Result, State

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@CHECKPOINT
@SUMMARY
def status(checkpoint: Path, summary: Path | None) -> None:
    """Show the account of a load, finished, stopped or running.

    \b
    Example:
      pushwoosh-loader status purchases.csv.events.ckpt
    """
    from loader.journal import Checkpoint  # noqa: PLC0415 - `--help` must start without SQL

    say = speech.speaker(quiet=False, summary=summary)
    ledger = Checkpoint.open(checkpoint)
    result = Result(ledger.identity.kind, ledger.account(), str(checkpoint))
    say(show_mend.checkpoint_text(ledger, result))
    show.write_summary(result, summary)


@click.command()
@CHECKPOINT
@click.option("--rejected", is_flag=True, help="Only the rejected rows.")
@click.option("--in-doubt", is_flag=True, help="Only the rows in doubt.")
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
    click.echo(f"{show.counted(count)}.", err=True)
