"""Rows that are leased and have no outcome yet, and what a group of outcomes makes of them; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.journal.ranges import Ranges, collect_ranges
from loader.journal.table_rows import Decided, ExceptionRow, Lease
from loader.model import Decision, State

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from loader.journal.fixed_cells import FixedCells
    from loader.model import LeftOut, Outcome

_CONFIRMED = State.CONFIRMED  # what nearly every outcome is: looked up once
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
        again: how many of the rows were in doubt before and were sent again.
        attempts: requests sent for these rows since their last outcome.
        decided: the decision that made it, if no outcome did.
        fixed: cells that came with the decision, in place of those of the input.
    """

    rows: list[int]
    confirmed: list[int] = field(default_factory=list)
    added: list[ExceptionRow] = field(default_factory=list)
    replaced: list[ExceptionRow] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    ended: list[Lease] = field(default_factory=list)
    again: int = 0
    attempts: int = 0
    decided: Decided | None = None
    fixed: Sequence[FixedCells] = ()

    def released(self, before: Ranges) -> Ranges:
        """The released rows, with those that were given back."""
        return before.with_rows(collect_ranges(self.freed)) if self.freed else before


def carry_out(decision: Decision, rows: Sequence[ExceptionRow], decided: Decided) -> Settlement:
    """What a decision about rejected rows, or rows in doubt, writes."""
    settlement = Settlement([], replaced=list(rows), decided=decided)
    for row in rows:
        if decision is Decision.LANDED:
            settlement.confirmed.append(row.ordinal)
            if row.resent:
                settlement.added.append(row._replace(state=State.CONFIRMED, at=decided.at))
        else:
            marked = decision is Decision.RESEND or (decision is Decision.RETRY and row.resent)
            settlement.freed.append(row.ordinal)
            settlement.added.append(row.given_back(marked=marked, at=decided.at))
    return settlement


class Unsettled:
    """The rows an outcome may come for: leased ones, and doubts that are being sent again.

    Attributes:
        leased: the open lease of each leased row; always the same dict.
    """

    def __init__(self, given_back: Iterable[ExceptionRow] = ()) -> None:
        self._given_back = {row.ordinal: row for row in given_back}
        self.leased: dict[int, OpenLease] = {}
        self._resending: dict[int, tuple[ExceptionRow, int]] = {}  # and its requests in this run so far

    def __contains__(self, ordinal: int) -> bool:
        return ordinal in self.leased or ordinal in self._resending

    def __len__(self) -> int:
        """Leased rows; a doubt that is sent again counts as a doubt."""
        return len(self.leased)

    @property
    def oldest(self) -> int | None:
        """A row of the lease that is open longest."""
        return next(iter(self.leased), None)

    @property
    def given_back(self) -> list[int]:
        """Rows that a decision gave back and that have no outcome since, ascending."""
        return sorted(self._given_back)

    def take_over(self, settlement: Settlement) -> None:
        """The settlement is written: follow what it says of rows that are given back."""
        for row in settlement.replaced:
            self._given_back.pop(row.ordinal, None)
        for row in settlement.added:
            if row.state is State.NEVER_SENT:
                self._given_back[row.ordinal] = row

    def lease(self, lease: Lease, rows: Sequence[int]) -> None:
        """Open a lease over `rows`."""
        self.leased.update(dict.fromkeys(rows, OpenLease(lease, len(rows))))

    def settle(self, outcomes: Sequence[Outcome], *, at: float) -> Settlement:
        """Take the rows of the outcomes out, sorted by what is to be written of them.

        Raises:
            ValueError: a row is not unsettled, or named twice; then nothing is changed.
        """
        rows = [outcome.ordinal for outcome in outcomes]
        self._refuse_unknown(rows)
        settlement = Settlement(rows)
        take, plain, attempts = self.leased.pop, not self._given_back, 0
        for outcome in outcomes:
            ordinal, state, tried, *_ = outcome
            lease = take(ordinal, None)
            if lease is None:
                self._sort_again(outcome, settlement, at)
                continue
            attempts += tried
            lease.left -= 1
            if not lease.left:
                settlement.ended.append(lease.stored)
            if plain and state is _CONFIRMED:
                settlement.confirmed.append(ordinal)
            else:
                self._sort(outcome, settlement, at)
        settlement.attempts += attempts
        return settlement

    def _refuse_unknown(self, rows: list[int]) -> None:
        named = set(rows)
        if len(named) != len(rows):
            raise ValueError("a group of outcomes names a row twice")
        # `difference` takes the dicts as they are; a view of their keys it would walk through.
        if unknown := named.difference(self.leased).difference(self._resending):
            raise ValueError(f"row {min(unknown)} has no open lease")

    def refuse(self, rows: Iterable[ExceptionRow]) -> Settlement:
        """What is written of rows that are rejected before they are sent."""
        settlement = Settlement([])
        for row in rows:
            self._follow(row, settlement)
        return settlement

    def leave_out(self, parts: Sequence[LeftOut], settlement: Settlement, *, at: float) -> list[LeftOut]:
        """Which rows are left out; what is written of those that were given back goes into the settlement.

        A row that may be there already cannot be left out any more: it is in doubt.
        """
        if not self._given_back:
            return list(parts)
        return [
            part._replace(bits=part.bits & ~self._settle_given_back(part, settlement, at)) for part in parts
        ]

    def _settle_given_back(self, part: LeftOut, settlement: Settlement, at: float) -> int:
        """The bits of the rows of a part that are in doubt."""
        doubtful = 0
        for before in self._given_back.values():
            at_bit = before.ordinal - part.first
            if at_bit < 0 or not part.bits >> at_bit & 1:
                continue
            settlement.replaced.append(before)
            if before.resent:
                doubtful |= 1 << at_bit
                settlement.added.append(before.left_out_in_doubt(part.reason, at=at))
        return doubtful

    def give_back(self, on_wire: Container[int], *, at: float) -> Settlement:
        """Take all leased rows out: those on the wire as doubts, the others as never sent."""
        settlement = Settlement(list(self.leased))
        for ordinal in settlement.rows:
            if ordinal in on_wire:
                row = ExceptionRow.of_doubt(ordinal, ON_THE_WIRE, attempts=1, at=at)
                self._follow(row, settlement)
            else:
                settlement.freed.append(ordinal)
        settlement.attempts = len(settlement.added)
        settlement.ended = list({lease.stored for lease in self.leased.values()})
        self.leased.clear()
        return settlement

    def _sort(self, outcome: Outcome, settlement: Settlement, at: float) -> None:
        if outcome.state is State.CONFIRMED:
            settlement.confirmed.append(outcome.ordinal)
            if (before := self._given_back.get(outcome.ordinal)) is not None:
                self._confirm_given_back(outcome, before, settlement, at)
        elif outcome.state is State.NEVER_SENT:
            settlement.freed.append(int(outcome.ordinal))
        else:
            row = self._follow(ExceptionRow.of_outcome(outcome, at=at, resent=outcome.resending), settlement)
            if outcome.resending:
                self._resending[row.ordinal] = row, outcome.attempts

    def _follow(self, row: ExceptionRow, settlement: Settlement) -> ExceptionRow:
        """Write a record; it replaces the record of a row that was given back."""
        before = self._given_back.get(row.ordinal)
        if before is not None:
            settlement.replaced.append(before)
        settlement.added.append(row.follow_up(before))
        return settlement.added[-1]

    def _confirm_given_back(
        self, outcome: Outcome, before: ExceptionRow, settlement: Settlement, at: float
    ) -> None:
        if before.resent:
            self._follow(ExceptionRow.of_outcome(outcome, at=at, resent=True), settlement)
        else:
            settlement.replaced.append(before)

    def _sort_again(self, outcome: Outcome, settlement: Settlement, at: float) -> None:
        """A row in doubt that was sent again: its record is replaced, the mark of the resend stays."""
        before, tried = self._resending.pop(outcome.ordinal)
        settlement.again += 1
        if outcome.state is State.NEVER_SENT:
            return  # the second request never left; the doubt about the first stays
        row = ExceptionRow.of_outcome(outcome, at=at, resent=True)
        more = max(0, outcome.attempts - tried)
        row = row._replace(attempts=before.attempts + more)
        settlement.attempts += more
        settlement.replaced.append(before)
        settlement.added.append(row)
        if row.state is State.CONFIRMED:
            settlement.confirmed.append(row.ordinal)
        if outcome.resending:
            self._resending[row.ordinal] = row, outcome.attempts
