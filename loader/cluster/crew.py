"""The crew of a load whose rows are read, mapped and sent by the workers of a Dask cluster."""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loader._version import __version__
from loader.cluster import permit
from loader.cluster.connecting import open_client
from loader.cluster.joining import Joining
from loader.cluster.line import ClusterLine
from loader.cluster.messages import Assignment
from loader.cluster.spread import Spread
from loader.delivery import Target
from loader.errors import ConfigError, SourceError, WorkersLost
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loader.delivery import Session
    from loader.known_keys import NoLedger
    from loader.model import Outcome, Request, Worker
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.reading import Piece


class ClusterCrew:
    """See `loader.crew.Crew`.

    Args:
        plan: source, mapper and settings.
        keys: in the ledger of the load.
        client: of the cluster.
        opened: what is closed with the crew.
        watch: is told of workers that come and go.

    Raises:
        ConfigError: no worker can take part, or one cannot.
    """

    def __init__(
        self,
        plan: Plan,
        keys: NoLedger,
        client: Any,
        opened: ExitStack,
        watch: Watch,
    ) -> None:
        self._opened = opened
        self.line = ClusterLine(client.loop.asyncio_loop, watch.hear_news)
        if client.dashboard_link:
            watch.hear_news("dashboard", f"Dask's dashboard is at {client.dashboard_link}")
        target = replace(Target.of(plan.settings), token=None, proxy=None)
        work = pickle.dumps((plan.source, plan.mapper, keys.reader), pickle.HIGHEST_PROTOCOL)
        assignment = Assignment(__version__, work, target, permit.PERMIT_SECONDS)
        self._joining = Joining(client, plan.settings, list_names(plan), assignment, self.line.tell)
        opened.callback(self._joining.close)
        if refusals := self._joining.open_all():
            raise ConfigError(
                Message(
                    "{number} of the workers of {setting} cannot take part. The first, {name}: {reason}",
                    number=len(refusals),
                    setting=Setting("cluster"),
                    name=refusals[0].name,
                    reason=refusals[0].reason,
                )
            )
        self._workers = max(self.line.count_workers(), 1)

    def read(self, wanted: Sequence[range]) -> Iterator[Piece | None]:
        """The rows in order, part by part as workers have read them."""
        parts = self.line.parts
        parts.begin(wanted, self._workers)
        while not parts.exhausted:
            if self.line.failure:
                raise WorkersLost(self.line.failure)
            part = parts.next
            if part is None or part.read is None:
                yield None
                continue
            yield from part.read.pieces
            failure = part.read.failure
            parts.note_leased(part)
            if failure is not None:
                raise SourceError(failure)

    def hand_out(self, groups: Iterator[Iterable[Request]]) -> Iterator[Request]:
        """Requests of all workers in turn; each device keeps its order."""
        line = self.line
        return Spread(groups, line)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Have bodies forgotten whose rows have all come to an end."""
        self.line.parts.settle(outcomes)

    @property
    def sending(self) -> bool:
        """Whether a worker has rows whose outcome was not heard."""
        return any(station.burden for station in self.line.stations)

    def list_workers(self) -> tuple[Worker, ...]:
        """Those that take part, and those that were lost."""
        return self.line.list_workers()

    def close(self) -> None:
        """Let the workers go, and the cluster if it was started for this load."""
        self.line.close()
        self._opened.close()


def list_names(plan: Plan) -> list[str]:
    """The files that a worker reads: those of the input and of look-ups."""
    lookups = [file for record in plan.mapper.lookups.records for file in record.files]
    return [file.name for file in (*plan.survey.files, *lookups)]


def open_cluster(plan: Plan, keys: NoLedger, watch: Watch, session: Session | None = None) -> ClusterCrew:
    """Connect to the cluster that a load asks for, or start it.

    Raises:
        ConfigError: it cannot be reached, or its workers cannot take part. Nothing was sent.
    """
    cluster = plan.settings.options.cluster
    assert cluster is not None  # noqa: S101 - the load asks for one
    refuse_unfit(plan, session)
    with ExitStack() as opened:
        client = opened.enter_context(open_client(cluster))
        crew = ClusterCrew(plan, keys, client, opened, watch)
        crew._opened = opened.pop_all()  # noqa: SLF001
        return crew


def refuse_unfit(plan: Plan, session: Session | None) -> None:
    """Refuse what workers cannot have part in.

    Raises:
        ConfigError: there is something of the kind.
    """
    settings, setting = plan.settings, Setting("cluster")
    if session is not None:
        raise ConfigError(
            Message(
                "A session belongs to this process alone. Leave {setting} out if you pass one.",
                setting=setting,
            )
        )
    if settings.memory.table is not None:
        raise ConfigError(
            Message(
                "A table in memory cannot be read by the workers of {setting}. Write it to a Parquet file "
                "that all of them can read, and load that.",
                setting=setting,
            )
        )
    if settings.options.processes > 1:
        raise ConfigError(
            Message(
                "{processes} and {setting} both say who sends. Give one of them.",
                processes=Setting("processes"),
                setting=setting,
            )
        )
