"""A job file on its way to jobs: every mistake is reported at once, before anything is read or sent.

It has one of two forms. A mapping file with a table ``[load]`` is one job. A file with a table
``[jobs.NAME]`` for each job names their mappings, and its ``[load]`` holds what is the same for all.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loader.cli.jobs.job_keys import locate
from loader.cli.jobs.job_reading import JobReading, Table
from loader.cli.jobs.job_words import suggest
from loader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.cli.jobs.job import Job, JobFile


def read_job_file(path: Path) -> JobFile:
    """Read a job file.

    Raises:
        ConfigError: it cannot be read, or has mistakes; all of them are listed.
    """
    reading = JobReading(path)
    found = reading.read(read_document(path))
    if found is None or reading.problems:
        refuse_problems(path, reading.problems)
    return found


def refuse_problems(path: Path, problems: Iterable[str]) -> NoReturn:
    """Report every mistake of a job file.

    Raises:
        ConfigError: always.
    """
    told = list(dict.fromkeys(problems))
    between = " " if len(told) == 1 else "\n  "
    raise ConfigError(f"{path}:" + "".join(between + problem for problem in told))


def read_document(path: Path) -> Table:
    """The content of a TOML file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        refuse_problems(path, [f"it is not UTF-8 text ({error}). Save it as UTF-8."])
    except tomllib.TOMLDecodeError as error:
        refuse_problems(path, [f"it is not valid TOML: {error}."])
    except OSError as error:
        refuse_problems(path, [f"the job file cannot be read: {error.strerror}."])


def choose_jobs(file: JobFile, names: Iterable[str]) -> tuple[Job, ...]:
    """The jobs of those names, or all of them, in the order in which they run.

    Raises:
        ConfigError: there is no job of a name.
    """
    wanted, known = list(dict.fromkeys(names)), [job.name for job in file.jobs]
    refuse_problems_if(
        file.path,
        [f'there is no job "{name}". {suggest(name, known)}' for name in wanted if name not in known],
    )
    return tuple(job for job in file.jobs if not wanted or job.name in wanted)


def refuse_problems_if(path: Path, problems: list[str]) -> None:
    """Report mistakes, if there are any.

    Raises:
        ConfigError: there are.
    """
    if problems:
        refuse_problems(path, problems)


def list_names(path: Path) -> list[str]:
    """The names of the jobs in a file that may have mistakes, for completion."""
    try:
        document = read_document(path)
    except ConfigError:
        return []
    jobs = document.get("jobs")
    return list(jobs) if isinstance(jobs, dict) else [path.stem]


def find_summary(path: Path) -> Path | None:
    """Where a file that may have mistakes has its summary written; None if it cannot be told."""
    try:
        load = read_document(path).get("load")
        named = load.get("summary") if isinstance(load, dict) else None
        return Path(locate(named, path.parent)) if isinstance(named, str) and named else None
    except (ConfigError, ValueError):
        return None
