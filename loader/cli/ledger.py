"""`ledger`: look at a ledger of sent keys, and take over, forget or verify what is in it."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING, Self

import click

from loader.cli import speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.cli.summary import format_time
from loader.errors import ConfigError
from loader.option import FileUse, Option, option
from loader.text.nouns import count_rows, is_or_are

if TYPE_CHECKING:
    from loader.bookkeeping import LedgerFacts

_DAYS = {"d": 1, "w": 7, "y": 365}


@dataclass(frozen=True, slots=True)
class Age:
    """How long ago: a number of days.

    Attributes:
        days: at least one.
    """

    days: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``400d``, ``52w`` or ``2y``.

        Raises:
            ConfigError: it is none of them.
        """
        found = re.fullmatch(r"([1-9]\d{0,5})([dwy])", text.strip())
        if found is None:
            raise ConfigError(
                f'"{text}" is not an age. Write a number of days, weeks or years: 400d, 52w, 2y.'
            )
        return cls(int(found[1]) * _DAYS[found[2]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRequest:
    """What `ledger show` takes."""

    ledger: Path = argument("LEDGER", FileUse.READ)
    json: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Write one JSON object to standard output."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What `ledger import` takes."""

    ledger: Path = argument("LEDGER", FileUse.READ)
    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    key: str | None = option(
        None,
        Option(
            "Columns of the key, with commas between them.",
            metavar="COLUMN,...",
            without="the key of the mapping with which the load was made",
        ),
    )
    files: tuple[str, ...] = files_moved()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRequest:
    """What `ledger forget` takes."""

    ledger: Path = argument("LEDGER", FileUse.READ)
    older_than: Age | None = option(
        None,
        Option("Forget loads that wrote last longer ago (400d, 52w, 2y).", metavar="AGE", without="no load"),
    )
    keys: Path | None = option(
        None,
        Option(
            "Forget the keys of this list, which --report-gone wrote (or a part of its rows), and their ids.",
            metavar="FILE",
            without="no list",
            file=FileUse.READ,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OneLedgerRequest:
    """What a command takes that needs nothing but the ledger."""

    ledger: Path = argument("LEDGER", FileUse.READ)


@click.group("ledger", context_settings={"help_option_names": ["-h", "--help"]})
def ledger_command() -> None:
    """Look at a ledger of sent keys, and take over, forget or verify what is in it.

    A load with --ledger writes it. It holds digests of keys and bodies, and nothing of the rows.

    \b
    Examples:
      pushwoosh-loader ledger show nightly.ledger
      pushwoosh-loader ledger import nightly.ledger monday.csv.events.ckpt
      pushwoosh-loader ledger verify nightly.ledger
    """


@ledger_command.command("show", cls=Sectioned)
@takes(ShowRequest)
def show_ledger(request: ShowRequest) -> None:
    """Show how many keys a ledger knows, and of which loads.

    \b
    Examples:
      pushwoosh-loader ledger show nightly.ledger
      pushwoosh-loader ledger show nightly.ledger --json
    """
    from loader.bookkeeping import describe_ledger  # noqa: PLC0415 - `--help` must start without SQL

    facts = describe_ledger(request.ledger)
    click.echo(json.dumps(list_facts(facts)) if request.json else describe(facts))


@ledger_command.command("import", cls=Sectioned)
@takes(ImportRequest)
def import_command(request: ImportRequest) -> None:
    """Take over what a load has sent, as if it had been made with the ledger.

    For loads that were made without one, and after a ledger was lost or put back from a backup. The input is
    read and mapped again. The ledger is created if there is none; the load keeps it from then on.

    \b
    Examples:
      pushwoosh-loader ledger import nightly.ledger monday.csv.events.ckpt
      pushwoosh-loader ledger import nightly.ledger old.csv.events.ckpt --key insert_id
    """
    from loader.bookkeeping import import_load  # noqa: PLC0415 - `--help` must start without SQL

    key = [column.strip() for column in (request.key or "").split(",") if column.strip()]
    found = import_load(request.ledger, request.checkpoint, key=key, files=request.files)
    speech.echo(f"Taken over: {count_keys(found.sent)} as sent, {found.in_doubt:,} in doubt.")
    if found.keyless:
        speech.echo(f"{count_rows(found.keyless)} without a key: no ledger can know them again.")


@ledger_command.command("forget", cls=Sectioned)
@takes(ForgetRequest)
def forget_command(request: ForgetRequest) -> None:
    """Forget the keys of old loads, so that the ledger stays small; or keys that are gone.

    A row with one of these keys is sent again if it comes once more. So keep what inputs can still overlap.
    And forget the users that you delete at the vendor: otherwise one who comes back unchanged is left out.

    \b
    Examples:
      pushwoosh-loader ledger forget nightly.ledger --older-than 400d
      pushwoosh-loader ledger forget users.ledger --keys gone.csv
    """
    if request.older_than is None and request.keys is None:
        raise click.UsageError("Say what to forget: --older-than 400d, or --keys gone.csv.")
    if request.older_than is not None and request.keys is not None:
        raise click.UsageError("Give one of --older-than and --keys.")
    if request.keys is not None:
        forget_listed(request.ledger, request.keys)
        return
    from loader.bookkeeping import forget  # noqa: PLC0415 - `--help` must start without SQL

    assert request.older_than is not None  # noqa: S101 - for mypy: one of the two is given
    loads = forget(request.ledger, before=time.time() - 86400 * request.older_than.days)
    speech.echo(f"{loads:,} load{'' if loads == 1 else 's'} forgotten.")


def forget_listed(ledger: Path, keys: Path) -> None:
    """Forget the keys of a list."""
    from loader.bookkeeping import forget_keys  # noqa: PLC0415 - `--help` must start without SQL

    found = forget_keys(ledger, keys)
    speech.echo(f"{count_keys(found.keys)} forgotten.")
    if found.in_doubt:
        speech.echo(
            f"{count_keys(found.in_doubt)} in doubt {is_or_are(found.in_doubt)} still known: settle "
            f"{'it' if found.in_doubt == 1 else 'them'} with `resolve` first."
        )


@ledger_command.command("verify", cls=Sectioned)
@takes(OneLedgerRequest)
def verify_command(request: OneLedgerRequest) -> None:
    """Read all of a ledger and compare it with its checksums.

    \b
    Examples:
      pushwoosh-loader ledger verify nightly.ledger
    """
    from loader.bookkeeping import verify_ledger  # noqa: PLC0415 - `--help` must start without SQL

    keys = verify_ledger(request.ledger)
    speech.echo(f"{request.ledger} is whole: {count_keys(keys)}.")


@ledger_command.command("export", cls=Sectioned)
@takes(OneLedgerRequest)
def export_command(request: OneLedgerRequest) -> None:
    """Write the keys of a ledger to standard output, as CSV: digests, state, load and day.

    \b
    Examples:
      pushwoosh-loader ledger export nightly.ledger > keys.csv
    """
    from loader.bookkeeping import export_rows  # noqa: PLC0415 - `--help` must start without SQL

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("key_digest", "body_digest", "state", "load", "day"))
    writer.writerows(export_rows(request.ledger))


def count_keys(count: int) -> str:
    """So many keys."""
    return f"{count:,} key{'' if count == 1 else 's'}"


def describe(facts: LedgerFacts) -> str:
    """A ledger, for people."""
    lines = [
        f"{facts.path}",
        f"  of application {facts.bound.application}, {facts.bound.endpoint}",
        f"  {count_keys(facts.sent)} sent, {facts.in_doubt:,} in doubt; {facts.size:,} bytes in "
        f"{facts.files} file{'' if facts.files == 1 else 's'}",
    ]
    lines += [f"  keeps ids, which are personal data, in {path}" for path in facts.ids]
    for each in facts.loads:
        doubts = f", {each.in_doubt:,} in doubt" if each.in_doubt else ""
        lines.append(
            f"  {each.load.day}  {each.load.kind}  {count_keys(each.sent)}{doubts}  {each.load.name}"
        )
    return "\n".join(lines)


def list_facts(facts: LedgerFacts) -> dict[str, object]:
    """A ledger, for programs."""
    return {
        "ledger": str(facts.path),
        **asdict(facts.bound),
        "bytes": facts.size,
        "files": facts.files,
        "sent": facts.sent,
        "in_doubt": facts.in_doubt,
        "ids": list(facts.ids),
        "loads": [
            {
                "checkpoint": each.load.path,
                "kind": each.load.kind,
                "key": each.load.key,
                "began": format_time(datetime.fromtimestamp(each.load.began, UTC)),
                "at": format_time(datetime.fromtimestamp(each.load.at, UTC)),
                "sent": each.sent,
                "in_doubt": each.in_doubt,
            }
            for each in facts.loads
        ],
    }
