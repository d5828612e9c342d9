"""`resolve` and `retry`: what a person decides about rows in doubt, and rejected rows sent again."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loader.cli import reporting, show, show_mend, speech
from loader.cli.load import ask, brakes, leave
from loader.cli.options import (
    CHECKPOINT,
    MOVED_INPUT,
    QUIET,
    SENDING_OPTIONS,
    SUMMARY,
    retry_settings,
)
from loader.cli.sections import Sectioned
from loader.model import Decision, Phase, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from loader.journal import Checkpoint
    from loader.sandbox import EmbeddedSandbox

EVERYTHING, GIVEN_BACK = "everything", "given-back"


@click.command(cls=Sectioned)
@CHECKPOINT
@click.option("--landed", is_flag=True, help="They are at the vendor: count them as confirmed.")
@click.option("--dropped", is_flag=True, help="They are not at the vendor: the next load sends them.")
@click.option(
    "--resend",
    is_flag=True,
    help="Nobody knows: the next load sends them all the same, and they stay marked as possible duplicates.",
)
@click.option(
    "--from",
    "looked_up",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Only the rows that this file (CSV, JSON lines or Parquet) names: by one column of the input (ids "
    'that were looked up), by a column "row" (numbers as `failures` shows them), or as `failures` wrote '
    "them.  [default: all in doubt]",
)
@MOVED_INPUT
@click.option("-y", "--yes", is_flag=True, help="Do not ask before all rows in doubt are settled.")
def resolve(
    checkpoint: Path, looked_up: Path | None, files: Sequence[str], *, yes: bool, **decisions: bool
) -> None:
    """Settle rows in doubt, as you found out or decided.

    Nothing is sent. A user's row with a later row of its device at the vendor is never sent again, for it
    would undo that one: --resend leaves it in doubt, and after --dropped the next load rejects it.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader resolve purchases.csv.events.ckpt --landed --from found.csv
      pushwoosh-loader resolve purchases.csv.events.ckpt --resend
    """
    decision = the_decision(decisions)
    from loader import repair  # noqa: PLC0415 - `--help` must start without pandas

    if looked_up is None and not yes:
        ask_for_all(checkpoint, decision)
    resolved = repair.resolve(checkpoint, decision, looked_up=looked_up, files=files)
    say = speech.speaker(quiet=False, summary=None)
    say(show_mend.resolved_text(resolved, decision, checkpoint))


def the_decision(decisions: dict[str, bool]) -> Decision:
    """The one that was given."""
    given = [Decision(name) for name, said in decisions.items() if said]
    if len(given) != 1:
        raise click.UsageError("Say what became of them: one of --landed, --dropped and --resend.")
    return given[0]


def ask_for_all(checkpoint: Path, decision: Decision) -> None:
    """Name the number of rows; go on with a yes, or where nobody is there to answer."""
    from loader.journal import Checkpoint  # noqa: PLC0415 - `--help` must start without SQL

    rows = Checkpoint.open(checkpoint).account().in_doubt
    if not rows or not sys.stdin.isatty():
        return
    try:
        agreed = click.confirm(show_mend.question(rows, decision), err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        click.echo("Nothing was changed.", err=True)
        sys.exit(2)


@click.command(cls=Sectioned)
@CHECKPOINT
@click.option(
    "--only",
    type=click.Choice(["everything", "local", "vendor", GIVEN_BACK]),
    default=EVERYTHING,
    show_default=True,
    help="Which rows: those that the mapping rejected (local), those that the vendor rejected, or only those "
    "that `resolve` gave back. Rows given back are sent in any case.",
)
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A mended mapping file. Without one the checkpoint's own mapping is used.",
)
@MOVED_INPUT
@SUMMARY
@reporting.REPORT
@QUIET
@SENDING_OPTIONS
def retry(**options: Any) -> None:
    """Send rejected rows again, and rows given back; only those.

    They are read and mapped anew: with --mapping by a mended mapping, with which the load goes on from then
    on. Where to send is what the checkpoint says. A row that is rejected again has its new reason.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader retry purchases.csv.events.ckpt --only given-back
      pushwoosh-loader retry purchases.csv.events.ckpt --mapping mended.toml
    """
    from loader import repair  # noqa: PLC0415 - `--help` must start without pandas
    from loader.journal import Checkpoint  # noqa: PLC0415 - as above

    checkpoint: Path = options["checkpoint"]
    say = speech.speaker(quiet=options["quiet"], summary=options["summary"])
    ledger = Checkpoint.open(checkpoint)
    needed = [*options["files"], *(file.name for file in ledger.identity.files), checkpoint]
    needed += [options["mapping"], options["token_file"]]
    speech.refuse_summary(options["summary"], needed)
    speech.refuse_unwritable(options["report"], [*needed, options["summary"]], "--report")
    with stand_in(ledger, options) as sandbox:
        settings = retry_settings(ledger, options, sandbox)
        watch = speech.watch(options)
        plan = repair.prepare_retry(settings, watch=watch)
        show.announce(plan, quiet=options["quiet"])
        phase = phases(options["only"])
        rows = repair.to_retry(checkpoint, phase)
        say(show_mend.retry_text(plan, rows))
        if rows and not options["yes"]:
            ask(plan, rows, sandboxed=sandbox is not None)
        with brakes() as brake:
            result, later = repair.retry(plan, phase, brake=brake, watch=watch)
        show.write_summary(result, options["summary"])
        say(show_mend.overtaken_text(later, State.REJECTED))
        say(show.result_text(result, settings))
        say(reporting.write_after(result, options["report"], options["files"]))
        say(show.what_next(result, sandboxed=sandbox is not None, loading=False))
    leave(result, quiet=options["quiet"])


def phases(only: str) -> frozenset[Phase]:
    """Whose rejections are sent again."""
    if only == GIVEN_BACK:
        return frozenset()
    return frozenset(Phase) if only == EVERYTHING else frozenset({Phase(only)})


def stand_in(ledger: Checkpoint, options: dict[str, Any]) -> AbstractContextManager[EmbeddedSandbox | None]:
    """The sandbox, where the load was a rehearsal."""
    from loader.sandbox import EmbeddedSandbox  # noqa: PLC0415 - only where it is needed

    if not ledger.identity.endpoint.startswith("sandbox "):
        return nullcontext()
    return EmbeddedSandbox(options["sandbox_store"], application=None)
