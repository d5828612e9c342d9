"""The outcomes that wait to be settled together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.model import InDoubt, Outcome, Rejected, State

if TYPE_CHECKING:
    from loader.delivery.clock import DispatchClock
    from loader.delivery.lanes import Row

NOTHING_TO_ADD = InDoubt("")


class Outbox:
    """Collects outcomes into groups; a group is handed over at most `seconds` after its first outcome.

    Attributes:
        due: when the group must be handed over, on the clock; meaningless while it is empty.
    """

    def __init__(self, clock: DispatchClock, seconds: float) -> None:
        self.due = 0.0
        self._clock = clock
        self._seconds = seconds
        self._group: list[Outcome] = []

    def __bool__(self) -> bool:
        return bool(self._group)

    def add(
        self, row: Row, state: State, why: Rejected | InDoubt = NOTHING_TO_ADD, *, resending: bool = False
    ) -> None:
        """Write down what became of a row, in the words of its verdict."""
        if not self._group:
            self.due = self._clock.monotonic() + self._seconds
        self._group.append(
            Outcome(
                ordinal=row.request.ordinal,
                state=state,
                attempts=row.attempts,
                http_status=why.http_status,
                code=why.code,
                message=why.message if isinstance(why, Rejected) else why.reason,
                resending=resending,
                reason="" if isinstance(why, Rejected) else why.shared,
            )
        )

    def hand_over(self) -> list[Outcome]:
        """The group so far; the next outcome begins another."""
        group, self._group = self._group, []
        return group
