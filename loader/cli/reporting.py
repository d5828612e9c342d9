"""`report`: what became of a load, as a page for people who were not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import speech
from loader.cli.options import CHECKPOINT, MOVED_INPUT
from loader.cli.sections import Sectioned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.model import Result

REPORT = click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a report of the load as an HTML page at its end, also where it stopped or was interrupted.  "
    "[default: none]",
)


@click.command(cls=Sectioned)
@CHECKPOINT
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE|-",
    help="Where to write.  [default: beside the checkpoint, ending in .report.html]",
)
@MOVED_INPUT
@click.option(
    "--with-examples",
    is_flag=True,
    help="Quote up to three rows for each reason. Without it no value of a row stands in the report.",
)
def report(checkpoint: Path, output: Path | None, files: Sequence[str], *, with_examples: bool) -> None:
    """Write a report of a load, finished, stopped or running, as one HTML page.

    It needs no network to be read, can be printed and sent: what was sent where and when, the account, speed
    and answers over time, events by name and month, rejects by reason, doubts and decisions, configuration
    without secrets, and how to go on. Events are counted from the input, which is read once more.

    \b
    Examples:
      pushwoosh-loader report purchases.csv.events.ckpt
      pushwoosh-loader report purchases.csv.events.ckpt -o report.html --input /archive/purchases.csv
    """
    from loader.reporting import write_report  # noqa: PLC0415 - `--help` must start without pandas

    path = write_report(checkpoint, output, files=files, with_examples=with_examples)
    if path != speech.STDOUT:
        speech.speaker(quiet=False, summary=None)(f"The report is in {path}.")


def write_after(result: Result, target: Path | None, files: Sequence[str] = ()) -> str:
    """Write the report of a load that has ended, and say where it is.

    What goes wrong with it, an interrupt too, does not change the exit code, which speaks of the rows. The
    files are those of the input, where it has moved.
    """
    if target is None:
        return ""
    from loader.errors import LoaderError  # noqa: PLC0415 - only where it is asked for

    try:
        from loader.reporting import write_report  # noqa: PLC0415 - `--help` must start without pandas

        return f"The report is in {write_report(result.checkpoint, target, files=files)}."
    except LoaderError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a mistake in the report says nothing about the rows
        reason = f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:  # it reads the input once more, after the load has ended
        reason = "you interrupted it. `pushwoosh-loader report` makes one at any time."
    speech.complain(f"There is no report: {reason}", event="warning")
    return ""
