"""`verify`: compare what a checkpoint says with what landed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import speech
from loader.cli.options import files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.cli.verify_sources import SourceOptions
from loader.load_options import LoadOptions
from loader.option import FileUse, Option, Section, nested, option
from loader.output_files import FORMS, choose_form
from loader.text.escape import quote_for_shell

if TYPE_CHECKING:
    from loader.verification.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What `verify` takes."""

    checkpoints: tuple[str, ...] = argument("CKPT...", FileUse.CHECKPOINT)
    sandbox_store: Path | None = option(
        None,
        Option(
            "The store of the sandbox that the rows were sent to.",
            Section.PLACE,
            metavar="FILE",
            without="pushwoosh-sandbox.sqlite3, for a load that was sent with --sandbox",
            file=FileUse.READ,
        ),
    )
    settle: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Settle the rows in doubt: those that were found count as confirmed, those that were not are "
            "given back, and the next load sends them. Rows that stay unclear stay in doubt."
        ),
    )
    sources: SourceOptions = nested(SourceOptions)
    network: LoadOptions = nested(LoadOptions, "proxy", "ca_bundle")
    files: tuple[str, ...] = files_moved()
    diff: Path | None = option(
        None,
        Option(
            "Write every difference to a file, with its sign and its source columns.",
            Section.OUTPUT,
            metavar="FILE",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    format: str | None = option(
        None,
        Option(
            "Format of the file of differences.",
            Section.OUTPUT,
            words=FORMS,
            without="by the file's ending, .csv, .jsonl or .parquet",
        ),
    )
    json: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Write the totals and the first differences as one JSON object.", Section.OUTPUT),
    )


@click.command("verify", cls=Sectioned)
@takes(VerifyRequest)
def verify_command(request: VerifyRequest) -> None:
    """Compare what a load says with what landed, row by row.

    The rows are mapped again from their input, and each body is compared, key for key, with what the store of
    a sandbox holds. It is compared with an export of what landed if --landed names one, by the keys that both
    have; and with the vendor's own counts by event and hour, if --counts is given.

    A confirmed row must be there once, a row in doubt at most once, any other row not.

    \b
    The signs of the differences:
      -  missing: confirmed, and not there
      +  extra: there, and no row that was sent explains it
      *  different: there, with another value under some key
      2  doubled: there once more than it should be

    CKPT is the file that the load wrote beside its input. Several loads that share a store may be named. The
    command exits with 0 if there is not a difference, and with 9 if there is one. Rows in doubt are not
    differences: it says how many of them were found.

    \b
    Examples:
      pushwoosh-loader verify purchases.csv.events.ckpt
      pushwoosh-loader verify purchases.csv.events.sandbox.ckpt --diff differences.csv
      pushwoosh-loader verify purchases.csv.events.sandbox.ckpt --settle
      pushwoosh-loader verify purchases.csv.events.ckpt --landed export.csv --landed-mapping landed.toml
      pushwoosh-loader verify purchases.csv.events.ckpt --counts
    """
    form = choose_diff_form(request)
    request.sources.refuse_mixed(store=request.sandbox_store, settle=request.settle)
    if request.sources.counts:
        count_and_show(request, form)
    else:
        settle_and_show(request, verify(request), form)


def verify(request: VerifyRequest) -> Verification:
    """Compare with the source that the options name."""
    from loader.verification.verification import find_store, verify_store  # noqa: PLC0415 - `--help` must start without pandas

    checkpoints = [Path(name) for name in request.checkpoints]
    if request.sources.landed:
        from loader.verification.exports.export_comparison import verify_export  # noqa: PLC0415 - as above

        return verify_export(checkpoints, request.sources.export, request.files)
    from loader import progress  # noqa: PLC0415 - as above

    store = find_store(checkpoints, request.sandbox_store)
    watch = progress.choose_watch(quiet=request.json, log=speech.find_event_log())
    return verify_store(checkpoints, store, request.files, watch=watch)


def count_and_show(request: VerifyRequest, form: str) -> None:
    """Compare with the vendor's counts, write and show what was found; end with its exit code."""
    from loader.cli.show_counts import ShownCounts  # noqa: PLC0415 - `--help` must start without pandas
    from loader.row_files import write_rows  # noqa: PLC0415 - as above
    from loader.server_token import read_server_token  # noqa: PLC0415 - as above
    from loader.verification.counts.counting import CountsRequest, verify_counts  # noqa: PLC0415 - as above
    from loader.verification.counts.tables import build_hours  # noqa: PLC0415 - as above

    token = read_server_token(request.sources.server_token_file, warn=speech.complain)
    ca_bundle = request.network.ca_bundle
    asked = CountsRequest(token, request.network.proxy, str(ca_bundle) if ca_bundle else None)
    found = verify_counts([Path(name) for name in request.checkpoints], asked, request.files)
    if request.diff is not None:
        write_rows(iter([build_hours(found.comparison)]), form, request.diff)
    shown = ShownCounts(found)
    if request.json:
        click.echo(json.dumps(shown.record(), ensure_ascii=False))
    else:
        speech.echo(shown.describe())
    sys.exit(shown.exit_code)


def settle_and_show(request: VerifyRequest, verification: Verification, form: str) -> None:
    """Write, settle and show what was found; end with its exit code."""
    from loader.cli.show_verification import Shown, choose_first  # noqa: PLC0415 - `--help` must start without it
    from loader.verification import settling  # noqa: PLC0415 - as above

    if request.diff is not None:
        write_differences(verification, form, request.diff)
    first = choose_first(verification)
    settled = settling.settle(verification) if request.settle else None
    unnoted = settling.note(verification) if settled is None else []
    shown = Shown(
        verification,
        first,
        settled,
        unnoted,
        is_written=request.diff is not None,
        options=spell_options(request),
    )
    if request.json:
        click.echo(json.dumps(shown.record(), ensure_ascii=False))
    else:
        speech.echo(shown.describe())
    sys.exit(shown.exit_code)


def spell_options(request: VerifyRequest) -> str:
    """The options that say what is compared, for a command that does it again."""
    named = [("--sandbox-store", request.sandbox_store)] if request.sandbox_store else []
    named += [("--input", Path(name)) for name in request.files]
    spelled = "".join(f"{option} {quote_for_shell(str(path))} " for option, path in named)
    return request.sources.typed + spelled


def write_differences(verification: Verification, form: str, target: Path) -> None:
    """Write every difference beside its source columns."""
    from loader.row_files import write_rows  # noqa: PLC0415 - `--help` must start without pandas
    from loader.verification.listing import list_frames  # noqa: PLC0415 - as above

    write_rows(list_frames(verification), form, target)


def choose_diff_form(request: VerifyRequest) -> str:
    """The format of the file of differences; "" without one.

    Raises:
        ConfigError: it is not clear.
    """
    return "" if request.diff is None else choose_form(request.diff, "diff", request.format)
