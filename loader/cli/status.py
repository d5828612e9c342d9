"""`status`: the account of a checkpoint, even while a load runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING

import click

from loader.cli import show, show_checkpoint, speech, summary
from loader.cli.options import OutputOptions
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.model import Result, Wire
from loader.option import FileUse, Option, nested, option
from loader.text.next_steps import Why

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.model import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What `status` takes."""

    checkpoint: Path = argument("CKPT|DIR", FileUse.CHECKPOINT)
    watch: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("While a load runs, show its share, rate and time left, until it ends."),
    )
    output: OutputOptions = nested(OutputOptions, "summary")


@click.command("status", cls=Sectioned)
@takes(StatusRequest)
def status_command(request: StatusRequest) -> None:
    """Show the account of a load, even while it runs.

    CKPT is the file that the load wrote beside its input. Of a folder, each checkpoint in it is a line.

    \b
    Examples:
      pushwoosh-loader status purchases.csv.events.ckpt
      pushwoosh-loader status purchases.csv.events.ckpt --watch
      pushwoosh-loader status /var/lib/pushwoosh
    """
    if request.checkpoint.is_dir():
        show_folder(request)
    else:
        if request.watch:
            watch_load(request.checkpoint)
        show_load(request)


def show_load(request: StatusRequest) -> None:
    """The account of one load."""
    from loader.checkpoint_facts import explain  # noqa: PLC0415 - `--help` must start without SQL
    from loader.journal import CheckpointView  # noqa: PLC0415 - `--help` must start without SQL

    say = speech.choose_speaker(quiet=False, summary=request.output.summary)
    ledger = CheckpointView.open(request.checkpoint)
    summary.current().know(**summary.describe_checkpoint(ledger))
    run = ledger.runs[-1].run if ledger.runs else ""
    result = Result(ledger.identity.kind, ledger.account(), str(request.checkpoint), run=run)
    why = Why() if ledger.running and request.output.summary is None else explain(ledger)
    say(show_checkpoint.describe_checkpoint(ledger, result, why))
    show.write_summary(result, why, summary.RUNNING if ledger.running else summary.ENDED)


def show_folder(request: StatusRequest) -> None:
    """A line for each checkpoint of a folder."""
    from loader import housekeeping  # noqa: PLC0415 - `--help` must start without SQL

    say = speech.choose_speaker(quiet=False, summary=request.output.summary)
    found = [housekeeping.look_at(path) for path in housekeeping.find_checkpoints([request.checkpoint])]
    say("\n".join(show_checkpoint.lay_out_standings(found)) if found else "There is no checkpoint here.")
    records = [show_checkpoint.record_standing(standing) for standing in found]
    summary.current().finish({"exit_code": 0, "checkpoints": records})


def watch_load(checkpoint: Path, *, every: float = 1.0, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show a running load until it ends.

    Args:
        checkpoint: its checkpoint.
        every: seconds between two looks; a look reads the whole checkpoint.
        sleep: waits.
    """
    from loader.journal import CheckpointView  # noqa: PLC0415 - `--help` must start without SQL
    from loader.progress import choose_watch  # noqa: PLC0415 - `--help` must start without it

    seen = [CheckpointView.open(checkpoint)]

    def account() -> Account:
        return seen[0].account()

    def wire() -> Wire:
        return Wire(seen[0].account().in_flight, seen[0].account().attempts)

    with choose_watch().watching(account, wire):
        while seen[0].running:
            sleep(every)
            seen[0] = CheckpointView.open(checkpoint)
