"""`status`: the account of a checkpoint, even while a load runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options

import click

from loader.cli import show, show_checkpoint, speech, summary
from loader.cli.options import OutputOptions
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.model import Result
from loader.option import FileUse, nested
from loader.text.next_steps import Why


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What `status` takes."""

    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    output: OutputOptions = nested(OutputOptions, "summary")


@click.command("status", cls=Sectioned)
@takes(StatusRequest)
def status_command(request: StatusRequest) -> None:
    """Show the account of a load, even while it runs.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader status purchases.csv.events.ckpt
      pushwoosh-loader status purchases.csv.events.ckpt --summary -
    """
    from loader.failures import explain  # noqa: PLC0415 - `--help` must start without pandas
    from loader.journal import CheckpointView  # noqa: PLC0415 - `--help` must start without SQL

    say = speech.choose_speaker(quiet=False, summary=request.output.summary)
    ledger = CheckpointView.open(request.checkpoint)
    summary.current().know(**summary.describe_checkpoint(ledger))
    run = ledger.runs[-1].run if ledger.runs else ""
    result = Result(ledger.identity.kind, ledger.account(), str(request.checkpoint), run=run)
    why = Why() if ledger.running and request.output.summary is None else explain(ledger)
    say(show_checkpoint.describe_checkpoint(ledger, result, why))
    show.write_summary(result, why, summary.RUNNING if ledger.running else summary.ENDED)
