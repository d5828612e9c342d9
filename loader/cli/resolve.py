"""`resolve`: settle rows in doubt, as the user found out or decided."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options

import click

from loader.cli import show_checkpoint, speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.model import Decision
from loader.option import FileUse, Option, option


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """What `resolve` takes."""

    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    landed: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("The rows are at the vendor: count them as confirmed."),
    )
    dropped: bool = option(
        False,  # noqa: FBT003 - as above
        Option("The rows are not at the vendor: the next load sends them."),
    )
    resend: bool = option(
        False,  # noqa: FBT003 - as above
        Option(
            "Nobody knows: the next load sends the rows anyway, and they stay marked as possible duplicates."
        ),
    )
    looked_up: Path | None = option(
        None,
        Option(
            "Settle only the rows in this file (CSV, JSON Lines or Parquet). It has one column of the input "
            '(the ids that you looked up), a column "row" (numbers as `failures` shows them), or the columns '
            "that `failures` writes.",
            flags=("--from",),
            metavar="FILE",
            without="all rows in doubt",
            file=FileUse.READ,
        ),
    )
    recover: bool = option(
        False,  # noqa: FBT003 - as above
        Option(
            "A part of the checkpoint is lost, and it is refused for that: keep what is known, and put every "
            "row in doubt that may have been sent since."
        ),
    )
    files: tuple[str, ...] = files_moved()
    yes: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Do not ask before all rows in doubt are settled.", flags=("-y", "--yes")),
    )

    @property
    def decision(self) -> Decision:
        """The one decision that was given.

        Raises:
            UsageError: none was given, or several.
        """
        given = {Decision.LANDED: self.landed, Decision.DROPPED: self.dropped, Decision.RESEND: self.resend}
        chosen = [decision for decision, is_set in given.items() if is_set]
        if len(chosen) != 1:
            raise click.UsageError("Say what became of the rows: give --landed, --dropped or --resend.")
        return chosen[0]

    def refuse_mixed(self) -> None:
        """Raise `UsageError` if something is to be settled together with the recovery."""
        if self.landed or self.dropped or self.resend or self.looked_up:
            raise click.UsageError("--recover comes first and alone: settle the rows in doubt afterwards.")


@click.command("resolve", cls=Sectioned)
@takes(ResolveRequest)
def resolve_command(request: ResolveRequest) -> None:
    """Settle rows in doubt: say whether the vendor has them.

    Nothing is sent. A row of users or tags is never sent again if it would undo a later row that the vendor
    already has: --resend leaves it in doubt, and after --dropped the next load rejects it.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader resolve purchases.csv.events.ckpt --landed --from found.csv
      pushwoosh-loader resolve purchases.csv.events.ckpt --resend
      pushwoosh-loader resolve purchases.csv.events.ckpt --recover
    """
    say = speech.choose_speaker(quiet=False, summary=None)
    if request.recover:
        request.refuse_mixed()
        say(recover(request.checkpoint, ask=not request.yes))
        return
    decision = request.decision
    from loader import resolution  # noqa: PLC0415 - `--help` must start without pandas

    if request.looked_up is None and not request.yes:
        ask_before_settling(request.checkpoint, decision)
    resolved = resolution.resolve(
        request.checkpoint, decision, looked_up=request.looked_up, files=request.files
    )
    say(show_checkpoint.describe_resolved(resolved, decision, request.checkpoint))


def recover(checkpoint: Path, *, ask: bool) -> str:
    """Recover a checkpoint that has lost a part, after a yes; what that did."""
    from loader import resolution  # noqa: PLC0415 - `--help` must start without pandas

    if ask and sys.stdin.isatty() and not speech.ask(show_checkpoint.RECOVER_QUESTION):
        click.echo("Nothing was changed.", err=True)
        sys.exit(2)
    return show_checkpoint.describe_recovered(resolution.recover(checkpoint), checkpoint)


def ask_before_settling(checkpoint: Path, decision: Decision) -> None:
    """Name the number of rows; continue after a yes, or if there is nobody to ask."""
    from loader.journal import CheckpointView  # noqa: PLC0415 - `--help` must start without SQL

    rows = CheckpointView.open(checkpoint).account().in_doubt
    if not rows or not sys.stdin.isatty():
        return
    if not speech.ask(show_checkpoint.word_question(rows, decision)):
        speech.echo("Nothing was changed.", err=True)
        sys.exit(2)
