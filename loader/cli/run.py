"""`run`: the jobs of a file, one after the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import check, speech, summary
from loader.cli.ending import complain_of_stop, list_signals
from loader.cli.faults import ADD_SANDBOX, refuse_faults
from loader.cli.jobs.job_claims import list_claims
from loader.cli.jobs.job_file import choose_jobs, find_summary, list_names, read_job_file, refuse_problems
from loader.cli.jobs.job_requests import (
    Wishes,
    build_job_check,
    build_request,
    find_problems,
    list_given,
)
from loader.cli.jobs.series import JobEnd, Series
from loader.cli.loading import load_once, refuse_lone_keep
from loader.cli.options import FAULTS, KEEP, SANDBOX, AccessOptions, OutputOptions
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.load_options import LoadOptions, TargetOptions
from loader.option import FileUse, Option, Section, nested, option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.claims import Claim
    from loader.cli.jobs.job import Job, JobFile


def complete_names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The names of the jobs in the file that stands before them."""
    path = context.params.get("jobs")
    names = list_names(Path(path)) if path else []
    return [name for name in names if name.startswith(begun)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What `run` takes."""

    jobs: Path = argument("JOBS", FileUse.READ)
    names: tuple[str, ...] = argument("[NAME]...", complete=complete_names)
    target: TargetOptions = nested(TargetOptions, "application", "endpoint", "checkpoint_dir")
    sandbox: bool = option(False, SANDBOX)  # noqa: FBT003 - the value of a flag that is not set
    keep: bool = option(False, KEEP)  # noqa: FBT003 - as above
    faults: str | None = option(None, FAULTS)
    access: AccessOptions = nested(AccessOptions)
    dry_run: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Map every row and send nothing (the same as `check --jobs`).", Section.CONTENT),
    )
    options: LoadOptions = nested(LoadOptions)
    output: OutputOptions = nested(OutputOptions, "summary", "quiet", "log_format", "yes")

    def list_job_claims(self) -> Iterator[Claim]:
        """The files that the jobs name."""
        return claim_files(self.jobs)


@click.command("run", cls=Sectioned)
@takes(RunRequest)
def run_command(request: RunRequest) -> None:
    """Run the loads of a job file, one after the other.

    JOBS is a TOML file with a table [jobs.NAME] for each load, or a mapping file with a table [load]. Without
    a NAME all of its jobs are run: users, then tags, then events, unless the file says what a job waits for.
    With names only those are run, and they do not wait for others.

    Each job has its own checkpoint, and all have one summary and one exit code: the worst. A job that does
    not come to its end stops only the jobs that wait for it. Options that are given here hold for every job.
    Run the same command again to continue.

    \b
    Examples:
      pushwoosh-loader check --jobs jobs.toml
      pushwoosh-loader run jobs.toml --sandbox
      pushwoosh-loader run jobs.toml users events --summary account.json
    """
    refuse_lone_keep(keep=request.keep, sandbox=request.sandbox)
    refuse_faults(request.faults, sandboxed=request.sandbox, otherwise=ADD_SANDBOX)
    file, jobs = read_jobs(request.jobs, request.names)
    wishes = Wishes(
        target=request.target,
        access=request.access,
        options=request.options,
        output=replace(request.output, summary=begin_summary(file, request.output.summary)),
        sandbox=request.sandbox,
        keep=request.keep,
        faults=request.faults,
        given=list_given(),
    )
    if request.dry_run:
        check_jobs(jobs, wishes)
        return
    if problems := find_problems(jobs, wishes):
        refuse_problems(file.path, problems)
    run_series(jobs, wishes, lambda job: load_job(job, wishes))


def claim_files(path: Path) -> Iterator[Claim]:
    """The files that the jobs of a file name; a file that is refused has its summary written all the same.

    Raises:
        ConfigError: the file has mistakes.
    """
    mine, typed = summary.current(), "summary" in list_given()
    # Each job has an application and an endpoint of its own.
    mine.know(job_file=str(path), jobs=[], application=None, endpoint=None)
    if not typed:
        mine.target = find_summary(path)
    file = read_job_file(path)
    return (each for each in list_claims(file, file.jobs) if not (typed and each.setting == "summary"))


def read_jobs(path: Path, names: tuple[str, ...]) -> tuple[JobFile, tuple[Job, ...]]:
    """A job file, and the jobs of it that are wanted.

    Raises:
        ConfigError: the file has mistakes, or no job of a name.
    """
    file = read_job_file(path)
    return file, choose_jobs(file, names)


def begin_summary(file: JobFile, typed: Path | None) -> Path | None:
    """Say in the summary that the jobs run; where it is.

    Raises:
        ConfigError: it cannot be written.
    """
    mine, target = summary.current(), typed or file.summary
    if target != typed:
        mine.begin(target)
    summary.end_as_interrupted(list_signals())
    return target


def load_job(job: Job, wishes: Wishes) -> JobEnd:
    """Load one job."""
    loaded = load_once(job.kind, build_request(job, wishes), alone=False)
    result = loaded.result
    complain_of_stop(result, quiet=wishes.output.quiet)
    # A planned end, as by `max_duration`, is no failure; but the rows that others wait for are not there.
    complete = result.complete and result.account.never_sent <= result.not_requested
    return JobEnd(complete, loaded.stopped_by_user)


def check_jobs(jobs: tuple[Job, ...], wishes: Wishes) -> None:
    """Check every job: none waits for another, because nothing is sent."""

    def check_job(job: Job) -> JobEnd:
        check.check_input(build_job_check(job, wishes))
        return JobEnd(complete=True)

    run_series(tuple(replace(job, after=()) for job in jobs), wishes, check_job, "check")


def run_series(
    jobs: tuple[Job, ...], wishes: Wishes, work: Callable[[Job], JobEnd], command: str = ""
) -> None:
    """Run jobs one after the other, and end with the exit code for all.

    Args:
        jobs: in their order.
        wishes: the options that were given by hand.
        work: runs one job.
        command: what the summary of each job calls its command, if not by the kind of the job.
    """
    output = wishes.output
    say = speech.choose_speaker(quiet=output.quiet, summary=output.summary)
    log = None if output.quiet else speech.find_event_log()
    series = Series(jobs, summary.current(), command)

    def begin(job: Job, number: int) -> None:
        if log is not None:
            log.write("job", name=job.name, number=number, jobs=len(jobs))
        say(f"Job {job.name} ({number} of {len(jobs)})")

    code = series.run(work, begin)
    series.finish()
    say(series.describe())
    if wishes.sandbox and not command and code == 0:
        say("The same command without --sandbox sends the rows to the vendor.")
    if log is not None:
        log.write("end", **summary.current().record)
    sys.exit(code)
