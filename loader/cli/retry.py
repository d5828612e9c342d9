"""`retry`: send rejected rows again, and rows that `resolve` gave back."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING

import click

from loader.cli import show, show_checkpoint, speech, summary
from loader.cli.ending import end_load, install_brakes, leave
from loader.cli.faults import NO_REHEARSAL, refuse_faults, say_faults
from loader.cli.loading import (
    adapt_options,
    ask_before_sending,
    begin_monitoring,
    choose_token,
    refuse_outputs,
    send_to_sandbox,
)
from loader.cli.options import FAULTS, AccessOptions, OutputOptions, files_moved
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.load_options import SENDING, LoadOptions
from loader.model import Phase
from loader.option import FileUse, Option, Section, nested, option
from loader.settings import Endpoint, Settings
from loader.stores.address import Address  # noqa: TC001 - the fields' types are read to make options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from loader.fixed_rows import FixedInput
    from loader.journal import CheckpointView
    from loader.sandbox import EmbeddedSandbox
    from loader.text.next_steps import Why

EVERYTHING, GIVEN_BACK = "everything", "given-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequest:
    """What `retry` takes."""

    checkpoint: Path = argument("CKPT", FileUse.CHECKPOINT)
    only: str = option(
        EVERYTHING,
        Option(
            "Which rejected rows to send: everything, only those that the mapping rejected (local), that the "
            "vendor rejected (vendor) or that a later row overtook (overtaken), or none (given-back). Rows "
            "that `resolve` gave back are always sent.",
            Section.CONTENT,
            words=(EVERYTHING, *Phase, GIVEN_BACK),
        ),
    )
    mapping: Path | Address | None = option(
        None,
        Option(
            "A corrected mapping file. Without one, the mapping in the checkpoint is used.",
            Section.CONTENT,
            metavar="FILE",
            file=FileUse.READ,
        ),
    )
    fixed: Path | Address | None = option(
        None,
        Option(
            "A file that `failures` wrote, with cells that you fixed. Its rows are sent "
            "with these cells, and no other rejected rows.",
            Section.CONTENT,
            flags=("--from",),
            metavar="FILE",
            without="the cells of the input",
            file=FileUse.READ,
        ),
    )
    files: tuple[str, ...] = files_moved()
    faults: str | None = option(None, FAULTS)
    access: AccessOptions = nested(AccessOptions)
    options: LoadOptions = nested(LoadOptions, *SENDING)
    output: OutputOptions = nested(OutputOptions)

    def refuse_mixed(self) -> None:
        """Raise `UsageError` if two options say which rows are meant."""
        if self.fixed is not None and self.only != EVERYTHING:
            raise click.UsageError("--from says which rows are sent: those of its file. Leave out --only.")


@click.command("retry", cls=Sectioned)
@takes(RetryRequest)
def retry_command(request: RetryRequest) -> None:
    """Send rejected rows again (and rows that `resolve` gave back).

    No other rows are sent. The rows are read and mapped again, with the corrected mapping if you give one
    with --mapping; the load then keeps that mapping. They go to the endpoint that the checkpoint names. A row
    that is rejected again gets its new reason.

    If cells are wrong, let `failures` write the rejected rows to a file, fix the cells there, and give the
    file with --from. Its rows go back to their places in this load, which the columns "_loader_file" and
    "_loader_row" name. Rows that you delete from the file stay rejected. The checkpoint keeps the cells.

    CKPT is the file that the load wrote beside its input.

    \b
    Examples:
      pushwoosh-loader retry purchases.csv.events.ckpt --only given-back
      pushwoosh-loader retry purchases.csv.events.ckpt --mapping corrected.toml
      pushwoosh-loader retry purchases.csv.events.ckpt --from fixed.csv
    """
    from loader import retries  # noqa: PLC0415 - `--help` must start without pandas
    from loader.journal import CheckpointView  # noqa: PLC0415 - as above

    request.refuse_mixed()
    output = request.output
    say = speech.choose_speaker(quiet=output.quiet, summary=output.summary)
    ledger = CheckpointView.open(request.checkpoint)
    refuse_outputs(output)
    begin_monitoring(ledger.identity.kind, output)
    with open_sandbox(ledger, request.access, request.faults) as sandbox:
        settings = build_settings(ledger, request, sandbox)
        summary.current().know(**summary.describe_load(settings))
        watch = summary.current().watch(speech.choose_watch(output))
        with summary.current().phase("survey"):
            plan = retries.prepare_retry(settings, fixed=name_fixed(request), watch=watch)
        show.announce(plan, quiet=output.quiet)
        phases = choose_phases(request.only)
        rows = retries.count_rows(request.checkpoint, phases, plan.fixed)
        say_faults(say, sandbox)
        say(show_checkpoint.describe_retry(plan, rows))
        if rows and not output.yes:
            ask_before_sending(plan, rows, sandboxed=sandbox is not None)
        with install_brakes() as brake:
            with summary.current().phase("delivery"):
                result = retries.retry(plan, phases, brake=brake, watch=watch)

            def tell(why: Why) -> None:
                say(show.describe_result(result, settings))
                store = request.access.sandbox_store if sandbox is not None else None
                say(show.describe_next_steps(result, why, sandboxed=False, store=store, loading=False))

            end_load(result, tell, say, output.report, request.files)
    leave(result, quiet=output.quiet)


def build_settings(
    ledger: CheckpointView, request: RetryRequest, sandbox: EmbeddedSandbox | None
) -> Settings:
    """The settings of a retry: what is sent, and where to, is what the checkpoint says.

    Raises:
        ConfigError: an option is wrong.
    """
    of = ledger.identity
    settings = Settings(
        kind=of.kind,
        files=request.files or tuple(file.name for file in of.files),
        application=of.application,
        endpoint=Endpoint(of.endpoint, of.endpoint) if sandbox else Endpoint.parse(of.endpoint),
        checkpoint=request.checkpoint,
        token=choose_token(request.access, sandbox),
        mapping=request.mapping,
        options=adapt_options(request.options, sandbox),
    )
    return settings if sandbox is None else send_to_sandbox(settings, sandbox, keep=True)


def name_fixed(request: RetryRequest) -> FixedInput | None:
    """The file of fixed rows, if one is given."""
    from loader.fixed_rows import FixedInput  # noqa: PLC0415 - `--help` must start without pandas

    return FixedInput(str(request.fixed)) if request.fixed else None


def choose_phases(only: str) -> frozenset[Phase]:
    """Whose rejections are sent again."""
    if only == GIVEN_BACK:
        return frozenset()
    return frozenset(Phase) if only == EVERYTHING else frozenset({Phase(only)})


def open_sandbox(
    ledger: CheckpointView, access: AccessOptions, faults: str | None
) -> AbstractContextManager[EmbeddedSandbox | None]:
    """The sandbox, if the load was a rehearsal.

    Raises:
        ConfigError: there are faults, and it was none; or they have no meaning.
    """
    from loader.sandbox import EmbeddedSandbox  # noqa: PLC0415 - only if it is needed

    rehearsed = ledger.identity.rehearsed
    refuse_faults(faults, sandboxed=rehearsed, otherwise=NO_REHEARSAL)
    if not rehearsed:
        return nullcontext()
    return EmbeddedSandbox(access.sandbox_store, application=None, faults=faults)
