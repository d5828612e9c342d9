"""Rows that are leased and have no outcome yet, and what a group of outcomes makes of them; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.journal.ranges import Ranges, runs
from loader.journal.rows import ExceptionRow, Lease
from loader.model import State

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from loader.model import Outcome

ON_THE_WIRE = "the load ended while this row was on the wire; nobody knows whether it was taken"


@dataclass(slots=True)
class OpenLease:
    """A lease, and how many of its rows have no outcome yet."""

    stored: Lease
    left: int


@dataclass(slots=True)
class Settlement:
    """What one group of outcomes writes.

    Attributes:
        rows: the rows that came to an end, or to a doubt.
        confirmed: rows whose bits are set.
        added, replaced: records of exceptions to write, and those that they take the place of.
        freed: rows that were given back, unsent.
        ended: leases that no open row is left of.
        attempts: requests sent for these rows since their last outcome.
    """

    rows: list[int]
    confirmed: list[int] = field(default_factory=list)
    added: list[ExceptionRow] = field(default_factory=list)
    replaced: list[ExceptionRow] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    ended: list[Lease] = field(default_factory=list)
    attempts: int = 0

    def released(self, before: Ranges) -> Ranges:
        """The released rows, with those that were given back."""
        return before.with_rows(runs(self.freed)) if self.freed else before


class Unsettled:
    """The rows an outcome may come for: leased ones, and doubts that are being sent again."""

    def __init__(self) -> None:
        self._leased: dict[int, OpenLease] = {}
        self._resending: dict[int, ExceptionRow] = {}

    def __contains__(self, ordinal: int) -> bool:
        return ordinal in self._leased or ordinal in self._resending

    def __len__(self) -> int:
        """Leased rows; a doubt that is sent again counts as a doubt."""
        return len(self._leased)

    @property
    def oldest(self) -> int | None:
        """A row of the lease that is open longest."""
        return next(iter(self._leased), None)

    def lease(self, lease: Lease, rows: Sequence[int]) -> None:
        """Open a lease over `rows`."""
        self._leased.update(dict.fromkeys(rows, OpenLease(lease, len(rows))))

    def settle(self, outcomes: Sequence[Outcome], *, at: float) -> Settlement:
        """Take the rows of the outcomes out, sorted by what is to be written of them.

        Raises:
            ValueError: a row is not unsettled, or named twice; then nothing is changed.
        """
        rows = [outcome.ordinal for outcome in outcomes]
        for ordinal in rows:
            if ordinal not in self._leased and ordinal not in self._resending:
                raise ValueError(f"row {ordinal} has no open lease")
        if len(set(rows)) != len(rows):
            raise ValueError("a group of outcomes names a row twice")
        settlement = Settlement(rows)
        for outcome in outcomes:
            lease = self._leased.pop(outcome.ordinal, None)
            if lease is None:
                self._sort_again(outcome, settlement, at)
            else:
                self._sort(outcome, lease, settlement, at)
        return settlement

    def give_back(self, on_wire: Container[int], *, at: float) -> Settlement:
        """Take all leased rows out: those on the wire as doubts, the others as never sent."""
        settlement = Settlement(list(self._leased))
        for ordinal in settlement.rows:
            if ordinal in on_wire:
                settlement.added.append(ExceptionRow.of_doubt(ordinal, ON_THE_WIRE, attempts=1, at=at))
            else:
                settlement.freed.append(ordinal)
        settlement.attempts = len(settlement.added)
        settlement.ended = list({lease.stored for lease in self._leased.values()})
        self._leased.clear()
        return settlement

    def _sort(self, outcome: Outcome, lease: OpenLease, settlement: Settlement, at: float) -> None:
        settlement.attempts += outcome.attempts
        lease.left -= 1
        if not lease.left:
            settlement.ended.append(lease.stored)
        if outcome.state is State.CONFIRMED:
            settlement.confirmed.append(outcome.ordinal)
        elif outcome.state is State.NEVER_SENT:
            settlement.freed.append(int(outcome.ordinal))
        else:
            row = ExceptionRow.of_outcome(outcome, at=at, resent=outcome.resending)
            settlement.added.append(row)
            if outcome.resending:
                self._resending[row.ordinal] = row

    def _sort_again(self, outcome: Outcome, settlement: Settlement, at: float) -> None:
        """A row in doubt that was sent again: its record is replaced, the mark of the resend stays."""
        before = self._resending.pop(outcome.ordinal)
        if outcome.state is State.NEVER_SENT:
            return  # the second request never left; the doubt about the first stays
        row = ExceptionRow.of_outcome(outcome, at=at, resent=True)
        settlement.attempts += max(0, row.attempts - before.attempts)
        settlement.replaced.append(before)
        settlement.added.append(row)
        if row.state is State.CONFIRMED:
            settlement.confirmed.append(row.ordinal)
        if outcome.resending:
            self._resending[row.ordinal] = row
