"""`prune`: delete checkpoints that nobody needs any more."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from loader.choices import Duration  # noqa: TC001 - the fields' types are read to make options
from loader.cli import speech
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.errors import ConfigError
from loader.option import FileUse, Option, option

if TYPE_CHECKING:
    from pathlib import Path

    from loader.housekeeping import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """What `prune` takes."""

    places: tuple[str, ...] = argument("DIR|CKPT...", FileUse.CHECKPOINT)
    older_than: Duration | None = option(
        None,
        Option(
            "Only those that were last at work longer ago (30d, 12h).", metavar="DURATION", without="any age"
        ),
    )
    confirmed: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Only those whose rows are all confirmed."),
    )
    with_doubts: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Also those with rows in doubt: nobody will know any more which rows these are."),
    )
    with_unsent: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Also those with rows never sent: the same load then sends all of its rows again."),
    )
    yes: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Do not ask before they are deleted.", flags=("-y", "--yes")),
    )


@click.command("prune", cls=Sectioned)
@takes(PruneRequest)
def prune_command(request: PruneRequest) -> None:
    """Delete checkpoints that nobody needs any more, with all of their parts.

    Of a folder, the checkpoints in it are meant. First it lists what would be deleted, and what is kept and
    why. A checkpoint in use is always kept.

    A load whose checkpoint is gone begins again: the same command sends all rows a second time.

    \b
    Examples:
      pushwoosh-loader prune /var/lib/pushwoosh --older-than 30d --confirmed
      pushwoosh-loader prune purchases.csv.events.ckpt --yes
    """
    from loader import housekeeping  # noqa: PLC0415 - `--help` must start without SQL

    say, wanted = speech.choose_speaker(quiet=False, summary=None), choose_wanted(request)
    standings = [housekeeping.look_at(path) for path in housekeeping.find_checkpoints(request.places)]
    reasons = {standing.path: wanted.keep(standing) for standing in standings}
    doomed = [path for path, reason in reasons.items() if not reason]
    say("\n".join(f"kept     {path}: {reason}" for path, reason in reasons.items() if reason))
    if not doomed:
        say("No checkpoint is to be deleted.")
        return
    say("\n".join(f"delete   {path}" for path in doomed))
    ask_before_deleting(doomed, yes=request.yes)
    say(f"{delete(doomed)} deleted.")


def choose_wanted(request: PruneRequest) -> Wanted:
    """Which checkpoints may be deleted."""
    from loader.housekeeping import Wanted  # noqa: PLC0415 - `--help` must start without SQL

    before = None if request.older_than is None else time.time() - request.older_than.seconds
    return Wanted(before, request.confirmed, request.with_doubts, request.with_unsent)


def ask_before_deleting(doomed: list[Path], *, yes: bool) -> None:
    """Continue after a yes; without anybody to ask, only with --yes.

    Raises:
        ConfigError: nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("Nothing was deleted, because nobody can be asked. To delete these, add --yes.")
    if not speech.ask(f"Delete {count(len(doomed))}?"):
        click.echo("Nothing was deleted.", err=True)
        sys.exit(2)


def delete(doomed: list[Path]) -> str:
    """Delete them; how many."""
    from loader.journal.removal import remove_checkpoint  # noqa: PLC0415 - `--help` must start without SQL

    for path in doomed:
        remove_checkpoint(path)
    return count(len(doomed))


def count(number: int) -> str:
    """Checkpoints, counted."""
    return "1 checkpoint" if number == 1 else f"{number:,} checkpoints"
