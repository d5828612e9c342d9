"""`check --jobs`: the checks of the jobs of a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING

import click

from loader.cli.check import JobsOption
from loader.cli.jobs.job_requests import Wishes, list_given
from loader.cli.options import AccessOptions, OutputOptions
from loader.cli.parsing import argument, takes
from loader.cli.run import begin_summary, check_jobs, claim_files, complete_names, read_jobs
from loader.cli.sections import Sectioned
from loader.errors import ConfigError
from loader.load_options import LoadOptions, TargetOptions
from loader.option import nested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.claims import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJobsRequest:
    """What `check --jobs` takes."""

    names: tuple[str, ...] = argument("[NAME]...", complete=complete_names)
    of_jobs: JobsOption = nested(JobsOption)
    target: TargetOptions = nested(TargetOptions, "application")
    options: LoadOptions = nested(LoadOptions, "limit", "min_rows", "fail_if_empty")
    output: OutputOptions = nested(OutputOptions, "summary", "quiet")

    @property
    def path(self) -> Path:
        """The job file.

        Raises:
            ConfigError: none is named.
        """
        if self.of_jobs.jobs is None:
            raise ConfigError("No job file is named: give --jobs JOBS.")
        return self.of_jobs.jobs

    def list_job_claims(self) -> Iterator[Claim]:
        """The files that the jobs name."""
        return claim_files(self.path)


@click.command("check", cls=Sectioned)
@takes(CheckJobsRequest)
def check_jobs_command(request: CheckJobsRequest) -> None:
    """Check the jobs of a job file: first the file as a whole, then the input of each job.

    Nothing is sent. The exit code is the worst of all checks.

    \b
    Examples:
      pushwoosh-loader check --jobs jobs.toml
      pushwoosh-loader check --jobs jobs.toml users --summary check.json
    """
    file, jobs = read_jobs(request.path, request.names)
    wishes = Wishes(
        target=request.target,
        access=AccessOptions(),
        options=request.options,
        output=replace(request.output, summary=begin_summary(file, request.output.summary)),
        keep=False,
        sandbox=False,
        faults=None,
        given=list_given(),
    )
    check_jobs(jobs, wishes)
