"""What a verification leaves in a checkpoint: rows in doubt that it answers, and a note of what it found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from loader.errors import CheckpointError, ConfigError
from loader.journal import CheckpointView, Journal
from loader.message import Message
from loader.model import Decision, State
from loader.verification.differences import Doubt, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loader.journal.table_rows import Note
    from loader.verification.expected import Load
    from loader.verification.verification import Verification

VERIFIED = "verified"
_DECISIONS = {Doubt.LANDED: Decision.LANDED, Doubt.DROPPED: Decision.DROPPED}


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the rows in doubt of one load.

    Attributes:
        landed, dropped: rows that were settled.
        unclear: rows that stay in doubt.
    """

    landed: int = 0
    dropped: int = 0
    unclear: int = 0


@dataclass(frozen=True, slots=True)
class NotedVerification:
    """A verification as a checkpoint keeps it.

    Attributes:
        at: seconds since 1970.
        landed: what the load was compared with.
        totals: the counts, of all loads that were verified together.
        loads: how many these were.
        settled: what became of the rows in doubt of this load, or None if they were only looked at.
    """

    at: float
    landed: str
    totals: Totals = field(default_factory=Totals)
    loads: int = 1
    settled: Settled | None = None

    @property
    def ok(self) -> bool:
        """Whether there was not a difference."""
        return not self.totals.differences

    @classmethod
    def last(cls, notes: Iterable[Note]) -> NotedVerification | None:
        """The last one that a checkpoint keeps, or None; what cannot be read is passed over."""
        found = [cls._read(note) for note in notes if note.what == VERIFIED]
        return next((each for each in reversed(found) if each is not None), None)

    @classmethod
    def _read(cls, note: Note) -> NotedVerification | None:
        try:
            record: dict[str, Any] = json.loads(note.detail)
            settled = record["settled"]
            return cls(
                note.at,
                str(record["landed"]),
                Totals(**record["totals"]),
                int(record["loads"]),
                None if settled is None else Settled(**settled),
            )
        except (ValueError, TypeError, KeyError):
            return None


def settle(verification: Verification) -> list[tuple[Load, Settled]]:
    """Settle the rows in doubt that the verification answers, and note it; a durable step for each load.

    Found means landed, not found means dropped. A row stays in doubt if its answer is unclear: it was found
    with other values; equal rows landed more often than they explain; an equal row that is confirmed was not
    found; or it was not found in what is not complete. Of equal rows in doubt, of which some landed, those
    that come first in the input count as landed: to the vendor they are the same.

    Raises:
        ConfigError: nothing of a load was found, so this is hardly the place that its rows went to.
        CheckpointError: a load is running, or the checkpoint cannot be written; that one was not changed.
    """
    refuse_nothing_found(verification)
    return [(load, _keep(verification, load, doubts)) for load, doubts in verification.list_doubts()]


def refuse_nothing_found(verification: Verification) -> None:
    """Refuse to settle by a source that has none of the confirmed rows of any load.

    Raises:
        ConfigError: it has none.
    """
    totals = verification.totals
    if totals.expected and not totals.same + totals.different:
        raise ConfigError(
            Message(
                "None of the {rows:,} confirmed rows is in {landed}, so it says nothing about rows in doubt. "
                "Nothing was settled. Name the place that the rows were sent to.",
                rows=totals.expected,
                landed=verification.landed,
            )
        )


def note(verification: Verification) -> list[Load]:
    """Note in each checkpoint what was found; return the loads whose checkpoints could not take the note.

    A load that has begun meanwhile is not disturbed.
    """
    missed = []
    for load, _ in verification.list_doubts():
        try:
            _keep(verification, load, None)
        except CheckpointError:
            missed.append(load)
    return missed


def _keep(verification: Verification, load: Load, doubts: Mapping[int, Doubt] | None) -> Settled:
    """Settle, if doubts are given, and note, in one opening of the checkpoint."""
    path, settled = load.ledger.path, Settled()
    with Journal.open(path, load.ledger.identity) as journal:
        if doubts is not None:
            # Read again, because opening the journal wrote down what a dead run had left.
            rows = list(CheckpointView.open(path).exceptions(State.IN_DOUBT))
            for doubt, decision in _DECISIONS.items():
                moved = [row for row in rows if doubts.get(row.ordinal) is doubt]
                journal.decide(decision, moved, f"a verification against {verification.landed}")
            landed, dropped = (sum(doubts.get(row.ordinal) is doubt for row in rows) for doubt in _DECISIONS)
            settled = Settled(landed, dropped, len(rows) - landed - dropped)
        journal.note(VERIFIED, _write_note(verification, settled if doubts is not None else None))
    return settled


def _write_note(verification: Verification, settled: Settled | None) -> str:
    return json.dumps(
        {
            "landed": verification.landed,
            "totals": asdict(verification.totals),
            "loads": sum(len(part.loads) for part in verification.parts),
            "settled": None if settled is None else asdict(settled),
        },
        ensure_ascii=False,
    )
