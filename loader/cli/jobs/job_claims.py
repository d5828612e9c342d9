"""The files that jobs name, so that no output takes the place of one of them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from loader.cli.jobs.job_keys import list_keys
from loader.defaults import default_checkpoint
from loader.option import FileUse
from loader.queries.query import is_file
from loader.queries.tables import split_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from loader.claims import Claim
    from loader.cli.jobs.job import Job, JobFile


def list_claims(file: JobFile, jobs: Iterable[Job]) -> Iterator[Claim]:
    """The files that jobs name."""
    from loader.claims import Claim  # noqa: PLC0415 - bare `--help` needs no SQL

    yield Claim(FileUse.READ, str(file.path))
    if file.summary is not None:
        yield Claim(FileUse.OUTPUT, str(file.summary), "summary")
    for job in jobs:
        yield from (Claim(FileUse.INPUT, name) for name in job.files)
        yield from list_asked(job)
        if job.mapping is not None and job.mapping != file.path:
            yield Claim(FileUse.READ, str(job.mapping))
        for sandbox in (False, True):
            yield Claim(FileUse.CHECKPOINT, str(find_checkpoint(job, sandbox=sandbox)))
        for name, key in list_keys().items():
            if name in job.values and key.option.file not in {None, FileUse.CHECKPOINT}:
                # Which rehearsal uses a store is the command's affair: here it is only kept from outputs.
                use = FileUse.READ if key.option.file is FileUse.STORE else key.option.file
                yield Claim(use or FileUse.READ, str(job.values[name]), name)


def list_asked(job: Job) -> Iterator[Claim]:
    """The files that the query of a job reads, if it has one: its own, and those that it calls by a name."""
    from loader.claims import Claim  # noqa: PLC0415 - bare `--help` needs no SQL

    query = job.values.get("query")
    if query is None:
        return
    if is_file(str(query)):
        yield Claim(FileUse.READ, str(query), "query")
    yield from (Claim(FileUse.INPUT, path) for name, path in map(split_name, job.files) if name)


def find_checkpoint(job: Job, *, sandbox: bool = False, folder: Path | None = None) -> Path:
    """Where the progress of a job is saved. A rehearsal in the sandbox has its own.

    Args:
        job: the job.
        sandbox: whether it is such a rehearsal.
        folder: the folder for all checkpoints that the command names; else that of the file counts.
    """
    named, folder = job.values.get("checkpoint"), folder or job.values.get("checkpoint_dir")  # type: ignore[assignment] # it was read as a path
    if not isinstance(named, Path):
        query = job.values.get("query")
        first = job.files[0] if query is None else str(query)
        return default_checkpoint(job.kind, first, sandbox=sandbox, folder=folder)
    return named.with_name(f"{named.stem}.sandbox{named.suffix}") if sandbox else named


def find_shared_checkpoints(places: Mapping[str, Path]) -> list[str]:
    """What is wrong with jobs that would save their progress in the same file.

    Args:
        places: the checkpoint of each job, by its name.
    """
    from loader.claims import is_same  # noqa: PLC0415 - bare `--help` needs no SQL

    return [
        f"[jobs.{one}] and [jobs.{other}] have the same checkpoint, {places[one]}. Give one of them its own: "
        "checkpoint = ..."
        for one, other in combinations(places, 2)
        if is_same(places[one], places[other])
    ]
