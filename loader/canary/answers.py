"""What became of the rows that were sent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.model import State
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.canary.choice import Canary, CanaryRow
    from loader.journal import CheckpointView


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of the canary, and what is known of it.

    Attributes:
        message: why it is rejected or in doubt; "" if it is neither.
    """

    row: CanaryRow
    state: State
    message: str = ""


def read_answers(canary: Canary, ledger: CheckpointView) -> list[Answered]:
    """What became of each row, in the order of the choice."""
    states, messages = States(ledger), _read_messages(ledger, canary.ordinals)
    found = {ordinal: ORDER[int(states.of(range(ordinal, ordinal + 1))[0])] for ordinal in canary.ordinals}
    return [Answered(row, found[row.ordinal], messages.get(row.ordinal, "")) for row in canary.rows]


def _read_messages(ledger: CheckpointView, rows: Iterable[int]) -> dict[int, str]:
    wanted = frozenset(rows)
    return {
        row.ordinal: row.message
        for state in (State.REJECTED, State.IN_DOUBT)
        for row in ledger.exceptions(state)
        if row.ordinal in wanted
    }
