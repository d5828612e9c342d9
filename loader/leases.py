"""Rows on their way from the source to delivery: read, mapped, leased, handed out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loader.errors import CheckpointError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.delivery import Dispatch
    from loader.journal import Journal
    from loader.mapping import Mapped
    from loader.model import Chunk, Request
    from loader.planning import Plan

# So many first rows that all fail to map for one reason: the mapping is wrong, not the rows.
CANARY_ROWS = 20


class Leases:
    """Takes rows from the source, maps them, and leases them in the journal before it hands them out.

    Args:
        plan: source and mapper.
        journal: where rows are leased.
        dispatch: asked whether the load has stopped.
        wanted: rows that may be leased, ascending.
        canary: so many first rows, all rejected for one reason, end it before anything is sent; 0 for never.

    Attributes:
        stopped: why the input ended before its end, or None.
    """

    def __init__(
        self, plan: Plan, journal: Journal, dispatch: Dispatch, wanted: Iterable[range], *, canary: int
    ) -> None:
        self.stopped: str | None = None
        self._wanted = list(wanted)
        self._canary = canary
        self._plan = plan
        self._journal = journal
        self._dispatch = dispatch

    def requests(self) -> Iterator[Request]:
        """Every row that was never sent, in order. Rows before a damaged place are handed out."""
        try:
            for mapped in self._mapped():
                for part in mapped.parts(self._journal.lease_rows):
                    self._journal.lease(part.rows, part.rejects)
                    self._dispatch.count_rejected(len(part.rejects))
                    if self._dispatch.stopped:
                        return
                    yield from part.requests()
        except (SourceError, CheckpointError) as error:
            # What is on the wire is still answered and settled.
            self.stopped = str(error)

    def _mapped(self) -> Iterator[Mapped]:
        if not self._wanted:
            return
        canary = self._canary
        for chunk in within(self._plan.source.chunks(self._wanted[0].start), self._wanted):
            mapped = self._plan.mapper.map(chunk)
            if canary and (reason := all_alike(mapped, canary)):
                self.stopped = reason
                return
            canary = 0
            yield mapped


def within(chunks: Iterable[Chunk], wanted: Iterable[range]) -> Iterator[Chunk]:
    """The parts of the chunks that are in the wanted ranges; both ascend."""
    ranges = deque(wanted)
    for chunk in chunks:
        while ranges and ranges[0].start < chunk.rows.stop:
            part = chunk.part(ranges[0])
            if len(part.rows):
                yield part
            if ranges[0].stop > chunk.rows.stop:
                break
            ranges.popleft()
        if not ranges:
            return


def all_alike(mapped: Mapped, rows: int) -> str | None:
    """A sentence, if the first rows are all rejected for one reason: then nothing is sent at all."""
    first = mapped.rejects[:rows]
    if len(first) < rows or first[-1].ordinal != mapped.first + rows - 1:
        return None
    if len({reject.reason for reject in first}) > 1:
        return None
    return (
        f"The first {rows} rows cannot be mapped, all for one reason: {first[0].message} "
        "Mend the mapping; nothing was sent."
    )
