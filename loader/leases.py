"""Rows on their way to delivery: read and mapped by the crew, leased, handed out."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Any, assert_never

from loader.conditions import REASONS, REMEDIES, Remedies, ShownReasons
from loader.errors import CheckpointError, SourceError, WorkersLost
from loader.journal import DiskFull
from loader.message import Message, Quote
from loader.model import NOT_YET, Stop, StopCode
from loader.policies import find_limits
from loader.reading import group_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np

    from loader.crew import Crew
    from loader.delivery import Dispatch
    from loader.journal import Journal, PackedCategories
    from loader.known_keys import NoLedger
    from loader.mapping import Mapped
    from loader.model import Reject, Request
    from loader.planning import Plan


class Leases:
    """Has rows read and mapped, and leases them in the journal before it hands them out.

    Args:
        plan: of the load.
        crew: reads, maps and sends.
        journal: where rows are leased.
        dispatch: asked whether the load has stopped.
        wanted: rows that may be leased, ascending.
        canary: if the first N rows are all rejected for one reason, nothing is sent; 0 for never.
        hear: told of rows that are rejected.
        keys: of rows, in the ledger of the load.

    Attributes:
        stopped: why the input ended before its end, or None.
    """

    def __init__(  # noqa: PLR0913 - what a lease needs to know, each once
        self,
        plan: Plan,
        crew: Crew,
        journal: Journal,
        dispatch: Dispatch,
        wanted: Iterable[range],
        *,
        canary: int,
        hear: Callable[[Sequence[Reject]], None],
        keys: NoLedger,
    ) -> None:
        self.stopped: Stop | None = None
        self._wanted = list(wanted)
        self._canary = canary
        self._hear = hear
        self._keys = keys
        self._plan = plan
        self._crew = crew
        self._journal = journal
        self._dispatch = dispatch
        self._known = {REMEDIES: Remedies(), REASONS: ShownReasons()}

    @property
    def rows(self) -> int:
        """How many rows are wanted."""
        return sum(map(len, self._wanted))

    def requests(self) -> Iterator[Request]:
        """Every wanted row, as the crew hands them out. Rows before a damaged place are handed out.

        `NOT_YET` if there is none at the moment.
        """
        return self._crew.hand_out(self._groups())

    def _groups(self) -> Iterator[Iterable[Request]]:
        """The rows of one lease after the other, in order."""
        try:
            for piece in self._sifted():
                if piece is None:
                    yield (NOT_YET,)
                    continue
                yield from self._lease(*piece)
                if self._dispatch.stopped:
                    return
        except (SourceError, CheckpointError, WorkersLost) as error:
            # What is on the wire is still answered and settled.
            self.stopped = stop_for(error)

    def _lease(
        self, mapped: Mapped, wanted: list[range], categories: PackedCategories | None
    ) -> Iterator[Iterable[Request]]:
        """Lease the wanted rows of a piece, a group at a time, until the load has stopped."""
        for rows in group_rows(wanted, mapped.kept, mapped.first, self._journal.lease_rows):
            rejects = pick_rejects(mapped.rejects, rows)
            for what, known in self._known.items():
                if note := known.note_new(rejects):
                    self._journal.note(what, note)
            left_out = mapped.left_out(*rows)
            self._keys.mark(rows)
            self._journal.lease(*rows, rejects=rejects, left_out=left_out, categories=categories)
            categories = None
            self._keys.leased()
            self._hear(rejects)
            if left_out:
                self._dispatch.limit(*find_limits(self._plan, self._journal.account()))
            self._dispatch.count_rejected(len(rejects))
            if self._dispatch.stopped:
                return
            yield mapped.requests(*rows)

    def _sifted(self) -> Iterator[tuple[Mapped, list[range], PackedCategories | None] | None]:
        """The pieces without the rows whose keys are known; None while the crew has none ready."""
        canary = self._canary
        for piece in self._crew.read(self._wanted):
            if piece is None:
                yield None
                continue
            mapped, wanted = self._keys.sift(piece.mapped, piece.keyed), piece.wanted
            if canary and (stop := refuse_unmappable(mapped, mapped.find_first(canary, wanted[0]), canary)):
                self.stopped = stop
                return
            canary = 0
            yield mapped, wanted, piece.categories


def group_rows(
    wanted: Sequence[range], kept: np.ndarray[Any, np.dtype[np.int64]] | None, first: int, size: int
) -> Iterator[list[range]]:
    """Group the rows so that each group has at most `size` that are not left out.

    Args:
        wanted: rows of a chunk, in ascending ranges.
        kept: the places in the chunk of rows that are not left out; None for all.
        first: ordinal of the chunk's first row.
        size: of a group.
    """
    if kept is None:
        yield from group_ranges(wanted, size)
        return
    ends = [*(kept[size::size] + first).tolist(), wanted[-1].stop]
    rest = deque(wanted)
    for end in ends:
        group = []
        while rest and rest[0].start < end:
            rows = rest.popleft()
            group.append(range(rows.start, min(rows.stop, end)))
            if rows.stop > end:
                rest.appendleft(range(end, rows.stop))
        if group:
            yield group


def pick_rejects(rejects: Sequence[Reject], rows: Iterable[range]) -> list[Reject]:
    """Pick the rejects that are in the ranges; both ascend."""
    found: list[Reject] = []
    for each in rows:
        low, high = (bisect_left(rejects, at, key=_ordinal) for at in (each.start, each.stop))
        found += rejects[low:high]
    return found


def _ordinal(reject: Reject) -> int:
    return reject.ordinal


def stop_for(error: SourceError | CheckpointError | WorkersLost) -> Stop:
    """The end of a load whose input, checkpoint or workers fail."""
    match error:
        case SourceError():
            code = StopCode.INPUT
        case WorkersLost():
            code = StopCode.WORKERS_LOST
        case DiskFull():
            code = StopCode.DISK_FULL
        case CheckpointError():
            code = StopCode.CHECKPOINT
        case _:
            assert_never(error)
    return Stop(code, error.message)


def refuse_unmappable(mapped: Mapped, first: range, rows: int) -> Stop | None:
    """Return a `Stop` if the first rows are all rejected for the same reason: then nothing is sent at all."""
    rejects = pick_rejects(mapped.rejects, [first])
    if len(rejects) < rows or len({reject.reason for reject in rejects}) > 1:
        return None
    return Stop(
        StopCode.UNMAPPABLE,
        Message(
            "None of the first {rows} rows can be mapped, all for the same reason. Nothing was sent. "
            "Fix the mapping.{first}",
            rows=rows,
            first=Quote(f" The first of them: {rejects[0].message}"),
        ),
    )
