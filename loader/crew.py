"""The crew of a load: who reads, maps and sends its rows. This process, or the workers of a cluster."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

from loader.conditions import may_still_send
from loader.delivery import open_transport
from loader.journal import CheckpointView
from loader.progress import ReadingProgress
from loader.reading import read_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loader.delivery import Brake, PolledLine, Session
    from loader.journal import Journal
    from loader.known_keys import NoLedger
    from loader.model import Outcome, Request, Worker
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.reading import Piece


class Crew(Protocol):
    """Reads, maps and sends."""

    @property
    def line(self) -> PolledLine:
        """Puts the bodies of the requests that are handed out on the wire."""

    def read(self, wanted: Sequence[range]) -> Iterator[Piece | None]:
        """The wanted rows, which are in ascending ranges, in order; None while none are ready.

        Raises:
            SourceError: the input is damaged from some row on, or changed; the rows before have been yielded.
        """

    def hand_out(self, groups: Iterator[Iterable[Request]]) -> Iterator[Request]:
        """The requests of leases, in an order in which they can be sent; `NOT_YET` while there are none.

        Requests of one device keep their order.
        """

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Hear what became of rows, after that was written down."""

    def list_workers(self) -> tuple[Worker, ...]:
        """The workers, if there are others than this process; any thread may ask."""

    @property
    def sending(self) -> bool:
        """Whether somebody may still send a row whose attempt was given up."""

    def close(self) -> None:
        """Give up what is on the wire and let everybody go."""


class ThisProcess:
    """A load that one process reads, maps and sends.

    Args:
        plan: source and mapper.
        keys: in the ledger of the load.
        session: of the caller, to send over; it stays open.

    Raises:
        ConfigError: nothing can be sent in this way.
    """

    def __init__(self, plan: Plan, keys: NoLedger, session: Session | None = None) -> None:
        self.line = open_transport(plan.settings, session)
        self._plan = plan
        self._keys = keys

    def read(self, wanted: Sequence[range]) -> Iterator[Piece | None]:
        """Read and map as rows are asked for."""
        if wanted:
            chunks = self._plan.source.chunks(wanted[0].start)
            yield from read_pieces(chunks, self._plan.mapper, self._keys.reader, wanted)

    def hand_out(self, groups: Iterator[Iterable[Request]]) -> Iterator[Request]:
        """All in order."""
        return chain.from_iterable(groups)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Nothing is kept of rows that were sent."""

    @property
    def sending(self) -> bool:
        """Never: with its end, its connections are cut."""
        return False

    def list_workers(self) -> tuple[Worker, ...]:
        """There is this process alone."""
        return ()

    def close(self) -> None:
        """Give up what is on the wire."""
        self.line.close()


def open_crew(plan: Plan, keys: NoLedger, watch: Watch, session: Session | None = None) -> Crew:
    """The crew that a load asks for.

    Args:
        plan: of the load.
        keys: in its ledger.
        watch: is told of workers that come and go.
        session: of the caller, to send over; it stays open.

    Raises:
        ConfigError: it cannot be had.
    """
    if plan.settings.options.cluster is None:
        return ThisProcess(plan, keys, session)
    from loader.cluster import open_cluster  # noqa: PLC0415 - only if it is asked for

    return open_cluster(plan, keys, watch, session)


def await_workers(journal: Journal, brake: Brake, watch: Watch) -> bool:
    """Wait until the workers of an earlier run that died have stopped; False if the user ended the wait.

    Before anything is decided: what such a worker sends may arrive until then.
    """
    if not journal.resumed or not may_still_send(CheckpointView.open(journal.path).notes):
        return True
    from loader.cluster.permit import wait_out  # noqa: PLC0415 - only after a run on a cluster

    doing = "Waiting some seconds, because workers of the run before may still send"
    watch.hear_news("waiting", doing)
    with watch.reading(lambda: ReadingProgress(0, 0, doing=doing)):
        return wait_out(brake)
