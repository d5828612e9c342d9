"""Jobs, and the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loader.methods import Kind
    from loader.stores.address import Address


@dataclass(frozen=True, slots=True)
class Job:
    """One load of a job file.

    Attributes:
        name: what the file calls it.
        kind: what is loaded.
        files: its input, as paths and patterns.
        mapping: its mapping file, or None to recognise the columns by their names.
        after: the jobs that it waits for; None if the file does not say.
        values: the options that the file sets, by their names.
    """

    name: str
    kind: Kind
    files: tuple[str, ...]
    mapping: Path | Address | None = None
    after: tuple[str, ...] | None = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file that has no mistakes.

    Attributes:
        path: where it is.
        jobs: its jobs, in the order in which they run.
        summary: where the summary of all jobs is written; None for nowhere.
    """

    path: Path
    jobs: tuple[Job, ...]
    summary: Path | None = None


class Circle(Exception):
    """Jobs wait for each other.

    Args:
        names: the jobs in a circle, each waiting for the next; the last is the first again.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(" -> ".join(names))
        self.names = tuple(names)


def list_waits(job: Job, jobs: Sequence[Job]) -> tuple[str, ...]:
    """The jobs that a job waits for: what it says, or else all jobs of users.

    Tags and events wait for users, because what is sent for a device that nobody registered may be lost.
    Events do not wait for tags: an event is recorded whatever the tags of its user are.
    """
    if job.after is not None:
        return job.after
    if job.kind.method.ties_users:
        return ()
    return tuple(each.name for each in jobs if each.kind.method.ties_users)


def _find_place(kind: Kind) -> tuple[bool, bool]:
    """What sorts kinds of rows: users, tags, events.

    Users first, because a tag or an event may name a device that nobody has registered yet. Tags before
    events, so that whatever an event sets off finds the tags of its user.
    """
    return not kind.method.ties_users, kind.method.timed


def arrange(jobs: Sequence[Job]) -> list[str]:
    """The names of the jobs in the order in which they run.

    Of the jobs that wait for nothing more, users go first, then tags, then events; of one kind, that which
    stands first in the file.

    Raises:
        Circle: jobs wait for each other.
    """
    places = {job.name: (_find_place(job.kind), number) for number, job in enumerate(jobs)}
    sorter = TopologicalSorter({job.name: list_waits(job, jobs) for job in jobs})
    try:
        sorter.prepare()
    except CycleError as error:
        raise Circle(list(reversed(error.args[1]))) from None
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
        order.append(ready[0])
        sorter.done(ready.pop(0))
    return order
