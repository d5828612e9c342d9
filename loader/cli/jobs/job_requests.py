"""A job and the command line as the request of one load: what the command `users` or `events` would take.

What is typed comes first, then what stands in the job, then what stands in ``[load]``, then the environment.
A variable of the shell is last, because a file that names its application must not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from loader.cli.jobs.job_claims import find_checkpoint, find_shared_checkpoints
from loader.cli.jobs.job_keys import displace
from loader.cli.loading import LoadRequest, build_check, build_settings, choose_token, refuse_outputs
from loader.cli.options import AccessOptions, InputOptions, OutputOptions, TextOptions
from loader.errors import CheckpointError, ConfigError
from loader.load_options import LoadOptions, QueryOptions, TargetOptions
from loader.option import offered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loader.cli.check import CheckRequest
    from loader.cli.jobs.job import Job

R = TypeVar("R", TargetOptions, AccessOptions, QueryOptions, LoadOptions, OutputOptions)

NO_APPLICATION = (
    "it has no application code. Write application in [load], give --app XXXXX-XXXXX, or set "
    "PUSHWOOSH_APPLICATION. To try the jobs on this machine first, add --sandbox."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says, for all jobs.

    Attributes:
        given: the names of the options that were typed.
    """

    target: TargetOptions
    access: AccessOptions
    options: LoadOptions
    output: OutputOptions
    sandbox: bool
    keep: bool
    faults: str | None
    given: frozenset[str]


def list_given() -> frozenset[str]:
    """The options that were typed, and are not from the environment or a default."""
    context = click.get_current_context()
    return frozenset(
        name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    )


def build_request(job: Job, wishes: Wishes) -> LoadRequest:
    """The request of one load."""
    values = select_values(job, wishes.given)
    target = take_in(wishes.target, values)
    checkpoint = find_checkpoint(job, sandbox=wishes.sandbox, folder=target.checkpoint_dir)
    return LoadRequest(
        input=InputOptions(
            files=job.files,
            asked=take_in(QueryOptions(), values),
            mapping=job.mapping,
            text=TextOptions(),
        ),
        requery=False,
        target=replace(target, checkpoint=checkpoint, checkpoint_dir=None),
        sandbox=wishes.sandbox,
        keep=wishes.keep,
        faults=wishes.faults,
        access=take_in(wishes.access, values),
        options=drop_needless(job, take_in(wishes.options, values)),
        output=replace(take_in(wishes.output, values), job=job.name),
    )


def select_values(job: Job, given: frozenset[str]) -> dict[str, object]:
    """What the file says of a job, without what the command line says too."""
    return displace(job.values, given)


def take_in(record: R, values: Mapping[str, object]) -> R:
    """A record of options with those values that are its own."""
    own = {each.name: values[each.name] for each in fields(record) if each.name in values}
    return replace(record, **own)  # type: ignore[arg-type] # each was read for this field


def drop_needless(job: Job, options: LoadOptions) -> LoadOptions:
    """The options without those that mean nothing for the kind: typed once, they are for other jobs."""
    method = job.kind.method
    needless = {each.name: each.default for each in offered(LoadOptions) if not each.option.needed(method)}
    return replace(options, **needless)  # type: ignore[arg-type] # the default of each field


def build_job_check(job: Job, wishes: Wishes) -> CheckRequest:
    """The request of the check of a job."""
    rejects = job.values.get("rejects")
    request = build_check(job.kind, build_request(job, wishes))
    return replace(request, rejects=rejects if isinstance(rejects, Path) else None)


def find_problems(jobs: Sequence[Job], wishes: Wishes) -> list[str]:
    """What would refuse any of the jobs before its first row."""
    requests = {job.name: build_request(job, wishes) for job in jobs}
    places = {name: Path(str(request.target.checkpoint)) for name, request in requests.items()}
    found = [find_problem(job, requests[job.name]) for job in jobs]
    return [*find_shared_checkpoints(places), *filter(None, found)]


def find_problem(job: Job, request: LoadRequest) -> str:
    """What would refuse a job: no application, an unreadable token, a missing folder; "" if nothing would.

    Tokens are read here, once for all jobs, so that no job fails at midnight for one that cannot be read.
    """
    from loader.journal.checkpoint_files import Files  # noqa: PLC0415 - `--help` must start without SQLite

    try:
        refuse_outputs(request.output)
        Files(Path(str(request.target.checkpoint))).refuse_unusable_folder()
        if request.sandbox:
            choose_token(request.access, None)
        elif not request.target.application:
            return f"[jobs.{job.name}] {NO_APPLICATION}"
        else:
            build_settings(job.kind, request, None)
    except (ConfigError, CheckpointError) as error:
        return f"[jobs.{job.name}] {error}"
    return ""
