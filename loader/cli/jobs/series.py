"""The jobs of one run, one after the other: each with its own account, all in one summary.

A job that did not come to its end stops those that wait for it, and no others. Rejected rows and rows in
doubt stop none: that is what `max_rejected` and `max_in_doubt` are for.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.cli import speech, summary
from loader.cli.jobs.exit_codes import MEANINGS, find_worst
from loader.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loader.cli.jobs.job import Job

WAITING, SKIPPED = "waiting", "skipped"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended.

    Attributes:
        complete: whether jobs that wait for it may begin.
        interrupted: whether the user asked the whole run to end.
    """

    complete: bool
    interrupted: bool = False


@dataclass(slots=True)
class Series:
    """The jobs of one run.

    Args:
        jobs: in the order in which they run.
        command: what the summary of each job calls its command, if not by the kind of the job.
        mine: the summary of them all.

    Attributes:
        entries: what the summary says of each job, by its name.
        interrupted: whether the user asked the run to end.
    """

    jobs: Sequence[Job]
    mine: summary.Summary
    command: str = ""
    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    interrupted: bool = False
    _stuck: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for job in self.jobs:
            self._write(job, {"state": WAITING, "exit_code": None, "error": None})

    def run(self, work: Callable[[Job], JobEnd], begin: Callable[[Job, int], object]) -> int:
        """Run the jobs; the exit code for all of them.

        Args:
            work: does one job. What it raises is the end of that job alone.
            begin: tells that a job begins, given its number from 1.
        """
        for number, job in enumerate(self.jobs, 1):
            if why := self._find_obstacle(job):
                self._skip(job, why)
                continue
            self._write(job, {"state": summary.RUNNING, "exit_code": None, "error": None})
            self.mine.note_running()
            begin(job, number)
            end = self._work(job, work)
            self.interrupted = self.interrupted or end.interrupted
            if not end.complete:
                self._stuck[job.name] = describe_end(self.entries[job.name])
        return self.exit_code

    @property
    def exit_code(self) -> int:
        """The worst of all exit codes; that of an interrupt if jobs were not run because of one."""
        codes = [code for entry in self.entries.values() if isinstance(code := entry["exit_code"], int)]
        left = any(entry["state"] == SKIPPED for entry in self.entries.values())
        return find_worst([*codes, INTERRUPTED] if self.interrupted and left else codes)

    def finish(self) -> None:
        """Write the summary of all jobs."""
        code = self.exit_code
        self.mine.finish({"exit_code": code, "error": self._find_error(code), "jobs": self._list_entries()})

    def describe(self) -> str:
        """The jobs and how each ended, for the user."""
        width = max((len(name) for name in self.entries), default=0)
        lines = [f"  {name:<{width}}  {describe_end(entry)}" for name, entry in self.entries.items()]
        return "\n".join([f"Exit code {self.exit_code}, the worst of all jobs", *lines])

    def _find_obstacle(self, job: Job) -> str:
        """Why a job cannot run; "" if it can."""
        if self.interrupted:
            return "the run was interrupted before it"
        cause = next((name for name in job.after or () if name in self._stuck), None)
        return "" if cause is None else f"it waits for {cause}: {self._stuck[cause]}"

    def _skip(self, job: Job, why: str) -> None:
        message = f"The job {job.name} was not run: {why}."
        self._stuck[job.name] = f"it was not run either, because {why}"
        error = {"code": SKIPPED, "message": message}
        self._write(job, {"state": SKIPPED, "exit_code": None, "error": error})
        speech.complain(message, event="warning")

    def _work(self, job: Job, work: Callable[[Job], JobEnd]) -> JobEnd:
        with summary.part(self.command or job.kind.value) as account:
            end = JobEnd(complete=False)
            try:
                end = work(job)
            except KeyboardInterrupt as error:
                end = JobEnd(complete=False, interrupted=True)
                if account.exit_code is None:
                    account.fail(error)
            except SystemExit as error:  # the answer before the first send was no
                account.close(error)
            except LoaderError as error:
                account.fail(error)
                speech.complain(f"The job {job.name} failed: {error}")
            except Exception as error:  # noqa: BLE001 - a bug in one job must not cost the others
                account.fail(error)
                speech.complain("".join(traceback.format_exception(error)))
            account.leave()
            self._write(job, account.record)
        return end

    def _write(self, job: Job, record: dict[str, object]) -> None:
        record = {key: value for key, value in record.items() if key not in {"pid", "version"}}
        self.entries[job.name] = {"name": job.name, **record}
        self.mine.know(jobs=self._list_entries())

    def _list_entries(self) -> list[dict[str, object]]:
        return list(self.entries.values())

    def _find_error(self, code: int) -> dict[str, str] | None:
        """Why the run did not do what it was to do: the error of the job with this exit code."""
        for entry in self.entries.values():
            match entry:
                case {"name": name, "exit_code": found, "error": {"code": kind, "message": told}} if (
                    found == code
                ):
                    return {"code": str(kind), "message": f"{name}: {told}"}
        if code == INTERRUPTED:
            return {
                "code": "interrupted",
                "message": "Interrupted before the last job. The same command continues.",
            }
        return None


def describe_end(entry: dict[str, object]) -> str:
    """How a job ended, in a few words."""
    match entry:
        case {"state": "skipped", "error": {"message": message}}:
            return f"not run: {str(message).partition(': ')[2].removesuffix('.')}"
        case {"exit_code": int(code)}:
            return f"ended with {code}, {MEANINGS[code]}"
    return str(entry["state"])
