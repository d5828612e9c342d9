"""The first rows that fail for each reason: few enough for a log, whatever becomes of the load."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from loader.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.model import Outcome, Reject

FIRST_ROWS = 3
"""Rows that are told of each reason."""

MOST_REASONS = 50
"""Reasons that are told: a vendor may write another sentence for each row."""


class FailedRow(NamedTuple):
    """A row that is rejected or in doubt, and why; the codes are of the vendor's answer."""

    ordinal: int
    state: State
    reason: str
    http_status: int | None = None
    code: int | None = None


class FirstFailures:
    """Selects the first rows of each reason."""

    def __init__(self) -> None:
        self._told: Counter[tuple[State, str]] = Counter()

    def select(self, rows: Iterable[FailedRow]) -> Iterator[FailedRow]:
        """The rows to be told."""
        for row in rows:
            reason = row.state, row.reason
            if reason not in self._told and len(self._told) >= MOST_REASONS:
                continue
            if self._told[reason] < FIRST_ROWS:
                self._told[reason] += 1
                yield row


def list_rejects(rejects: Iterable[Reject]) -> Iterator[FailedRow]:
    """Rows that are not sent."""
    return (FailedRow(reject.ordinal, State.REJECTED, reject.reason) for reject in rejects)


def list_failed(outcomes: Iterable[Outcome]) -> Iterator[FailedRow]:
    """Rows that were sent and are not confirmed."""
    return (
        FailedRow(ordinal, state, reason or message, http_status, code)
        for ordinal, state, _, http_status, code, message, _, _, reason in outcomes
        if state is State.REJECTED or state is State.IN_DOUBT
    )
