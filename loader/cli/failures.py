"""`failures`: the rows that failed, beside their source columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options

import click

from loader.cli import speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.model import State
from loader.option import FileUse, Option, option
from loader.output_files import FORMS, choose_form
from loader.stores.address import Address  # noqa: TC001 - the fields' types are read to make options
from loader.text.nouns import count_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresRequest:
    """What `failures` takes."""

    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    rejected: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("List only the rejected rows.", without="rejected rows and rows in doubt"),
    )
    in_doubt: bool = option(
        False,  # noqa: FBT003 - as above
        Option("List only the rows in doubt.", without="rejected rows and rows in doubt"),
    )
    left_out: bool = option(
        False,  # noqa: FBT003 - as above
        Option(
            "List the rows that are no part of the load, each with the reason: what the mapping selects, or "
            "the row that it repeats.",
            without="no such row",
        ),
    )
    format: str | None = option(
        None,
        Option(
            "Format of the output. csv, jsonl and parquet keep the cells of the input byte for byte. "
            "spreadsheet puts an apostrophe before cells that would run as formulas; it cannot be loaded "
            "again.",
            words=FORMS,
            without="by the file's ending, .csv, .jsonl or .parquet; csv on standard output",
        ),
    )
    output: Path | Address = option(
        speech.STDOUT,
        Option(
            "Where to write.",
            flags=("-o", "--output"),
            metavar="FILE|-",
            without="standard output",
            file=FileUse.OUTPUT,
        ),
    )
    files: tuple[str, ...] = files_moved()


@click.command("failures", cls=Sectioned)
@takes(FailuresRequest)
def failures_command(request: FailuresRequest) -> None:
    """List the rows that are rejected or in doubt, or left out, with the reason.

    CKPT is the file that the load wrote beside its input.

    Each row is listed with all its source columns, and with columns that begin with "_loader_": state, file,
    row, phase, reason, column, value, remedy, message, HTTP status, vendor code, attempts, time. These are
    ignored if you load the file.

    \b
    Examples:
      pushwoosh-loader failures purchases.csv.events.ckpt
      pushwoosh-loader failures purchases.csv.events.ckpt --rejected -o rejected.csv
      pushwoosh-loader failures purchases.csv.events.ckpt -o failed.parquet
      pushwoosh-loader failures purchases.csv.events.ckpt --left-out
    """
    from loader.failures import read_failed_rows  # noqa: PLC0415 - `--help` must start without pandas
    from loader.left_out_rows import read_left_out_rows  # noqa: PLC0415 - as above
    from loader.row_files import write_rows  # noqa: PLC0415 - as above

    place, files = request.checkpoint, request.files
    states = {State.REJECTED} if request.rejected else set()
    if request.in_doubt:
        states.add(State.IN_DOUBT)
    wanted = [read_left_out_rows(place, files, target=request.output)] if request.left_out else []
    if states or not wanted:
        states = states or {State.REJECTED, State.IN_DOUBT}
        wanted.insert(0, read_failed_rows(place, states, files, target=request.output))
    rows = chain.from_iterable(wanted)
    form = choose_form(request.output, "output", request.format)
    count = write_rows(rows, form, request.output)
    speech.echo(f"{count_rows(count)}.", err=True)
