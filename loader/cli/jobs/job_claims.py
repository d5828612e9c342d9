"""The files that jobs name, so that no output takes the place of one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loader.cli.jobs.job_keys import list_keys
from loader.defaults import default_checkpoint
from loader.option import FileUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        if job.mapping is not None and job.mapping != file.path:
            yield Claim(FileUse.READ, str(job.mapping))
        yield Claim(FileUse.CHECKPOINT, str(find_checkpoint(job)))
        for name, key in list_keys().items():
            if name in job.values and key.option.file not in {None, FileUse.CHECKPOINT}:
                # Which rehearsal uses a store is the command's affair: here it is only kept from outputs.
                use = FileUse.READ if key.option.file is FileUse.STORE else key.option.file
                yield Claim(use or FileUse.READ, str(job.values[name]), name)


def find_checkpoint(job: Job, *, sandbox: bool = False) -> Path:
    """Where the progress of a job is saved. A rehearsal in the sandbox has its own."""
    named = job.values.get("checkpoint")
    if not isinstance(named, Path):
        return default_checkpoint(job.kind, job.files[0], sandbox=sandbox)
    return named.with_name(f"{named.stem}.sandbox{named.suffix}") if sandbox else named
