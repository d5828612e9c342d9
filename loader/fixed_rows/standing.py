"""Which rows of a file may be sent: those that the load rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from loader.errors import SourceError
from loader.fixed_rows.places import SHOWN
from loader.journal.bitmap import CHUNK
from loader.message import Command, Message
from loader.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import CheckpointView
    from loader.sources import FixedRows, Source
    from loader.sources.fixed import Ordinals


def choose_waiting(
    name: str,
    rows: FixedRows,
    places: Ordinals,
    ledger: CheckpointView,
    stored: FixedRows,
    whole: Source,
) -> set[int]:
    """The rows that wait to be sent: those that are rejected, or that such a retry has given back.

    A row that an earlier run of the same command sent with the same cells is done.

    Raises:
        SourceError: another row is not rejected.
    """
    rejected = {row.ordinal for row in ledger.exceptions(State.REJECTED)}
    again = set(ledger.given_back) & set(stored.ordinals.tolist())
    others = set(places.tolist()) - rejected - again
    sent, now = stored.write_cells(others), rows.write_cells(others)
    wrong = sorted(ordinal for ordinal in others if sent.get(ordinal) != now[ordinal])
    if wrong:
        refuse_rows(name, wrong, places, ledger, whole)
    return set(places.tolist()) - others


def refuse_rows(
    name: str,
    wrong: Sequence[int],
    places: Ordinals,
    ledger: CheckpointView,
    whole: Source,
) -> NoReturn:
    """Refuse rows that are not rejected.

    Raises:
        SourceError: always.
    """
    first = wrong[0]
    lines = {ordinal: at + 1 for at, ordinal in enumerate(places.tolist())}
    raise SourceError(
        Message(
            "{name}, row {row}: {place} is not rejected, {state}.{others} Nothing was sent. Only rejected "
            "rows can be sent with other cells: remove {it} from {name}. {rejected} lists the rejected rows.",
            name=name,
            row=lines[first],
            place=whole.survey().place(first),
            state=describe_state(first, ledger),
            others=name_others([lines[ordinal] for ordinal in wrong[1:]]),
            it="this row" if len(wrong) == 1 else "these rows",
            rejected=Command.REJECTED,
        )
    )


def name_others(rows: Sequence[int]) -> str:
    """The further rows that are not rejected."""
    if not rows:
        return ""
    shown = ", ".join(map(str, rows[:SHOWN])) + (", …" if len(rows) > SHOWN else "")
    return f" The same holds for its row{'s' if len(rows) > 1 else ''} {shown}."


def describe_state(ordinal: int, ledger: CheckpointView) -> Message:
    """The state of a row that is not rejected, and what can be done with it."""
    if any(row.ordinal == ordinal for row in ledger.exceptions(State.IN_DOUBT)):
        return Message(
            "but in doubt: the vendor may have it. To settle it, use {resolve}", resolve=Command.RESOLVE
        )
    if is_confirmed(ordinal, ledger):
        return Message("but confirmed: the vendor has it")
    if ordinal in ledger.given_back:
        return Message(
            "but given back, to be sent as it is in the input: {retry} sends it so", retry=Command.RETRY
        )
    if any(is_set(bits, ordinal - rows.start) for rows, bits in ledger.left_out() if ordinal in rows):
        return Message("but left out: the mapping says that it is no part of the load")
    return Message("but was never sent: the load itself sends it")


def is_confirmed(ordinal: int, ledger: CheckpointView) -> bool:
    """Whether the vendor has a row."""
    for chunk in ledger.confirmed():
        if chunk.number == ordinal // CHUNK:
            return chunk.bits is None or is_set(chunk.bits, ordinal % CHUNK)
    return False


def is_set(bits: bytes, offset: int) -> bool:
    """Whether the bit of a row is set, by its place among the rows of the bits."""
    return bool(bits[offset >> 3] >> (offset & 7) & 1)
