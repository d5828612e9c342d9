"""What a verification leaves in a checkpoint: rows in doubt that it answers, and a note of what it found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from loader.conditions import BEGAN
from loader.errors import CheckpointError, ConfigError
from loader.journal import CheckpointView, Journal
from loader.message import Command, Message
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
        CheckpointError: a load is running or has run meanwhile, or the checkpoint cannot be written; that one
            was not changed.
    """
    refuse_nothing_found(verification)
    return [(load, _keep(verification, load, doubts)) for load, doubts in verification.list_doubts()]


def refuse_nothing_found(verification: Verification) -> None:
    """Refuse to settle by a source that has nothing of a load as it was sent.

    A load without a confirmed row is certain only if the source is the very store that it went to, or if one
    of its rows in doubt is there.

    Raises:
        ConfigError: it has none.
    """
    for load, doubts, same in verification.list_found():
        confirmed = load.ledger.account().confirmed
        is_its_store = verification.is_store and load.ledger.identity.rehearsed
        if not doubts or same or (not confirmed and (is_its_store or Doubt.LANDED in doubts.values())):
            continue
        raise ConfigError(
            Message(
                "{landed} has none of the {rows} of {path} as it was sent, so it says nothing about rows in "
                "doubt. Nothing was settled. Name the place that the rows were sent to. If you know what "
                "became of them, use {resolve}.",
                landed=verification.landed[:1].upper() + verification.landed[1:],
                rows=f"{confirmed:,} confirmed rows" if confirmed else "rows",
                path=load.name,
                resolve=Command.RESOLVE,
            )
        )


def refuse_changed(then: CheckpointView, now: CheckpointView) -> None:
    """Refuse to settle rows that may have been sent again since they were looked for.

    Raises:
        CheckpointError: a load ran, or the user decided about rows, after the verification had begun.
    """
    (runs, decisions), (later, more) = (
        (sum(each.what == BEGAN for each in view.notes), len(view.decisions)) for view in (then, now)
    )
    if (runs, decisions) != (later, more):
        raise CheckpointError(
            f"{then.path}: a load ran, or rows were settled, while the rows were looked for. None of them "
            "was settled now. Verify it again."
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
            now = CheckpointView.open(path)
            refuse_changed(load.ledger, now)
            rows = list(now.exceptions(State.IN_DOUBT))
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
