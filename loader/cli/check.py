"""`check`: the path of a load, with nothing sent at its end."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING, Any

import click

from loader.cli import asking, show, speech, standard_input, summary
from loader.cli.memory import choose_memory_pool
from loader.cli.options import InputOptions, OutputOptions
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.defaults import NO_APPLICATION
from loader.errors import ConfigError, SourceError
from loader.file_names import name_files
from loader.load_options import DEFAULT_ENDPOINT, LoadOptions, TargetOptions
from loader.methods import Kind
from loader.option import FileUse, Option, Section, nested, option
from loader.output_files import ENDINGS, FORMS, choose_form
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from loader.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsOption:
    """Which job file to check."""

    jobs: Path | None = option(
        None,
        Option(
            "Check the jobs of this job file: all of them, or those that are named in place of the kind and "
            "the files.",
            Section.CONTENT,
            metavar="JOBS",
            without="the input that is named",
            file=FileUse.READ,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What `check` takes."""

    kind: Kind = argument("|".join(Kind))
    input: InputOptions = nested(InputOptions)
    target: TargetOptions = nested(TargetOptions, "application")
    options: LoadOptions = nested(LoadOptions, "limit", "min_rows", "fail_if_empty", "rate", "ledger")
    rejects: Path | None = option(
        None,
        Option(
            "Write every row that would be rejected to a file, with its source columns, reason and remedy.",
            Section.OUTPUT,
            metavar="FILE",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    vanishing: Path | None = option(
        None,
        Option(
            "Write which devices change users, and which users vanish by it, to a file (CSV, or by its "
            "ending). For users only.",
            Section.OUTPUT,
            metavar="FILE",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    format: str | None = option(
        None,
        Option(
            "Format of the rejects, as of `failures`: spreadsheet is CSV that cannot be loaded again.",
            Section.OUTPUT,
            words=FORMS,
            without="by the file's ending, .csv, .jsonl or .parquet",
        ),
    )
    of_jobs: JobsOption = nested(JobsOption)
    output: OutputOptions = nested(OutputOptions, "summary", "quiet")


class Check(Sectioned):
    """The check of one input; with `--jobs`, that of the jobs of a file, which takes other words."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of whichever check the words ask for."""
        if any(word == "--jobs" or word.startswith("--jobs=") for word in args):
            from loader.cli.check_jobs import check_jobs_command  # noqa: PLC0415 - only if it is requested

            return check_jobs_command.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command("check", cls=Check)
@takes(CheckRequest)
def check_command(request: CheckRequest) -> None:
    """Map every row without sending anything.

    No socket is opened, unless the input lies elsewhere. The command shows how each column is read, why rows
    would be rejected, what the values are, when the events happened, which users would be overwritten, the
    first request bodies exactly as they would be sent, and how many requests, bytes and hours the load would
    take. It exits with 0, or with 3 if some rows would be rejected.

    FILE is CSV, TSV, JSON Lines, Parquet, Arrow, Avro or Excel (.xlsx), compressed or not. It may be a
    folder, a ZIP archive, a pattern such as 2024-*.csv, an address such as s3://BUCKET/KEY, or - for
    standard input. With --query, it is a table of a query, whose result is checked.

    To fix rejected rows, correct the cells in the file that --rejects writes, and load that file. Columns
    that begin with "_loader_" are ignored.

    With --jobs, a job file is checked as a whole, and then the input of each of its jobs.

    \b
    Examples:
      pushwoosh-loader check --jobs jobs.toml
      pushwoosh-loader check events purchases.csv --mapping purchases.toml
      pushwoosh-loader check users users.csv --rejects rejects.csv --summary check.json
      pushwoosh-loader check users users.csv --vanishing vanishing.csv
    """
    run_check(request)


def run_check(request: CheckRequest) -> None:
    """One check, from what was given to the exit code."""
    sys.exit(check_input(request))


def check_input(request: CheckRequest) -> int:
    """Check, with a file in the place of standard input or of a query; the exit code."""
    asking.refuse_lone_options(request.input)
    if request.input.asked.query is not None:
        output = request.output
        with asking.keep_for_look(request.input, speech.choose_watch(output)) as given:
            return show_check(replace(request, input=given))
    with standard_input.keep_for_check(request.input.files) as files:
        return show_check(replace(request, input=replace(request.input, files=files)))


def show_check(request: CheckRequest) -> int:
    """Check, and show what was found; the exit code."""
    choose_memory_pool()
    from loader.checking import FirstPass, check  # noqa: PLC0415 - `--help` must start without pandas
    from loader.cli.show_check import build_curl, describe_profile  # noqa: PLC0415
    from loader.planning import prepare  # noqa: PLC0415
    from loader.profile import build_record  # noqa: PLC0415

    output = request.output
    say = speech.choose_speaker(quiet=output.quiet, summary=output.summary)
    write_rejects, write_changes = choose_writer(request), choose_change_writer(request)
    watch = speech.choose_watch(output)
    settings = build_settings(request)
    summary.current().know(kind=request.kind.value, input=name_files(settings.files))
    with closing(FirstPass(settings, rejects=write_rejects is not None)) as first_pass:
        plan = prepare(settings, watch=watch, first_pass=first_pass)
        say("\n".join([show.describe_decisions(plan), *show.note_new_ledger(plan)]))
        profile = check(plan, write_rejects, watch, changes=write_changes, first_pass=first_pass)
    say(describe_profile(plan, profile, speech.measure_terminal(summary=output.summary)))
    record = build_record(profile, plan.suspicions)
    record["curl"] = build_curl(plan, profile.bodies[0]) if profile.bodies else None
    summary.current().finish(record | {"error": describe_end(profile)})
    return profile.exit_code


def describe_end(profile: Profile) -> dict[str, str] | None:
    """Why the input ended before its end, for a program; None if it did not."""
    return {"code": SourceError.code, "message": profile.stopped} if profile.stopped else None


def build_settings(request: CheckRequest) -> Settings:
    """The settings of a check, which needs neither application nor token nor checkpoint."""
    given, asked = request.input, request.options
    return Settings(
        kind=request.kind,
        files=given.files,
        application=find_application(request) or NO_APPLICATION,
        endpoint=Endpoint.parse(DEFAULT_ENDPOINT),
        mapping=given.mapping,
        dialect=given.text.dialect,
        options=LoadOptions(
            limit=asked.limit,
            min_rows=asked.min_rows,
            fail_if_empty=asked.fail_if_empty,
            rate=asked.rate,
            ledger=asked.ledger,
        ),
    )


def find_application(request: CheckRequest) -> str | None:
    """The application of the bodies: of a check with a ledger, that of the ledger.

    Raises:
        LedgerDiffers: another one was given.
        LedgerError: the ledger cannot be read.
    """
    given, ledger = request.target.application, request.options.ledger
    if ledger is None:
        return given
    from loader.known_keys import choose_application  # noqa: PLC0415 - only if there is a ledger

    return choose_application(ledger, given)


def choose_writer(request: CheckRequest) -> Callable[[Iterator[pd.DataFrame]], object] | None:
    """Writes the frames of rejected rows to where `--rejects` says; None if it says nothing.

    Raises:
        ConfigError: the format is not clear.
    """
    target = request.rejects
    if target is None:
        return None
    form = choose_form(target, "rejects", request.format)
    from loader.row_files import write_rows  # noqa: PLC0415 - `--help` must start without pandas

    return partial(write_rows, form=form, target=target)


def choose_change_writer(request: CheckRequest) -> Callable[[Iterator[pd.DataFrame]], object] | None:
    """Writes the frames of devices that change users to where `--vanishing` says; None if it says nothing.

    Raises:
        ConfigError: the rows tie no device to a user.
    """
    target = request.vanishing
    if target is None:
        return None
    if not request.kind.method.ties_users:
        raise ConfigError(
            f"--vanishing is for users, because {request.kind.method.many} do not tie devices to users. "
            "Check the file of users: pushwoosh-loader check users FILE --vanishing FILE."
        )
    from loader.row_files import write_rows  # noqa: PLC0415 - `--help` must start without pandas

    return partial(write_rows, form=ENDINGS.get(target.suffix.lower(), "csv"), target=target)
