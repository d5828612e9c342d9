"""Which ledger a load has: its checkpoint says so, and any other one is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.housekeeping import list_checkpoints
from loader.journal import CheckpointView
from loader.ledger import Bound, Ledger, LedgerDiffers, LedgerError
from loader.message import Message, Setting

if TYPE_CHECKING:
    from loader.mapping import Mapping
    from loader.settings import Settings

# What a checkpoint calls its notes of the ledger.
LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class LedgerNote:
    """What a checkpoint knows of its ledger.

    Attributes:
        id: of the ledger.
        path: where it was.
        generation: how far it was.
        key: the columns of the key with which the load was taken over, if its mapping names none.
    """

    id: str
    path: str
    generation: int
    key: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self))

    @classmethod
    def find(cls, view: CheckpointView) -> LedgerNote | None:
        """The latest note of a checkpoint; None if its load has no ledger."""
        for note in reversed(view.notes):
            if note.what == LEDGER:
                record = json.loads(note.detail)
                key = tuple(record.get("key", ()))
                return cls(str(record["id"]), str(record["path"]), int(record["generation"]), key)
        return None


def with_key(mapping: Mapping, note: LedgerNote | None) -> Mapping:
    """The mapping with the key with which its load was taken over, if it names none itself."""
    if note is None or not note.key or mapping.key:
        return mapping
    return replace(mapping, key=note.key)


def find_ledger(settings: Settings, view: CheckpointView | None) -> Path | None:
    """The ledger of a load: the one that is given, else the one that its checkpoint knows."""
    if settings.options.ledger is not None:
        return settings.options.ledger
    note = LedgerNote.find(view) if view else None
    return Path(note.path) if note else None


def refuse_lost(path: Path, folder: Path, bound: Bound) -> None:
    """Refuse to begin a ledger where one was: loads were made with it, and it is gone.

    Args:
        path: of the ledger, which is missing.
        folder: where the checkpoints of such loads are.
        bound: what they have to be of.

    Raises:
        LedgerError: there are such loads.
    """
    loads = list_loads_with(path, folder, bound)
    if loads:
        raise LedgerError(
            Message(
                "{path} is missing, and {count} in {folder} had that ledger. A new one would know none of "
                "the rows that were sent, and send them again. Nothing was sent. Put it back from a backup; "
                "or take over each of these loads, oldest first: ledger import {path} {checkpoint}. To begin "
                "with an empty ledger, give it another name with {ledger}.",
                path=path,
                count="1 load" if len(loads) == 1 else f"{len(loads):,} loads",
                folder=folder,
                checkpoint=loads[0],
                ledger=Setting("ledger"),
            )
        )


def list_loads_with(path: Path, folder: Path, bound: Bound) -> list[Path]:
    """The checkpoints in a folder whose loads have sent rows with a ledger, the oldest first."""
    found = []
    for checkpoint in list_checkpoints([folder]):
        with suppress(CheckpointError):
            view = CheckpointView.open(checkpoint)
            note = LedgerNote.find(view)
            same = bound == Bound(view.identity.application, view.identity.endpoint)
            if note is not None and Path(note.path) == path.resolve() and same and not view.blank:
                found.append((view.runs[0].started, checkpoint))
    return [checkpoint for _, checkpoint in sorted(found)]


def refuse_older(ledger: Ledger, note: LedgerNote, checkpoint: Path) -> None:
    """Refuse another ledger than the checkpoint knows, or an older copy of it.

    Raises:
        LedgerDiffers: it is.
    """
    if ledger.header.id != note.id:
        raise LedgerDiffers(
            Message(
                "{path} is not the ledger with which {checkpoint} was loaded so far; that was {known}. "
                "Nothing was sent. Give that one with {ledger}; or take over what this load has sent: "
                "ledger import {path} {checkpoint}",
                path=ledger.path,
                checkpoint=checkpoint,
                known=note.path,
                ledger=Setting("ledger"),
            )
        )
    if ledger.header.generation < note.generation:
        raise LedgerDiffers(
            Message(
                "{path} is older than {checkpoint}, which was loaded with it: it was put back from a backup. "
                "It does not know what was sent since, and would let it be sent again. Nothing was sent. Put "
                "the newer one in its place; or bring it up to date with each load since the backup: "
                "ledger import {path} {checkpoint}",
                path=ledger.path,
                checkpoint=checkpoint,
            )
        )


def refuse_older_checkpoint(ledger: Ledger, note: LedgerNote | None, view: CheckpointView) -> None:
    """Refuse a checkpoint that is older than what the ledger knows of its load: it would free keys in doubt.

    Raises:
        LedgerDiffers: it is.
    """
    noted = next((load.noted for load in ledger.loads.values() if load.checkpoint == view.id), 0)
    if note is not None and note.id != ledger.header.id:  # the load has had another ledger since
        return
    if noted > (note.generation if note else 0):
        raise LedgerDiffers(
            Message(
                "{checkpoint} is older than what {path} knows of this load: it was put back from a backup, "
                "and does not know which rows were sent since. Nothing was sent. Put the newer one in its "
                "place. If it is lost, delete this one, with all files whose names begin with its name, and "
                "load the input again: rows that the ledger knows are left out; those in doubt are named.",
                path=ledger.path,
                checkpoint=view.path,
            )
        )


def say_missing(path: Path, checkpoint: Path) -> Message:
    """Say that the ledger of a load is missing."""
    return Message(
        "{path} is missing, the ledger with which {checkpoint} was loaded so far. Nothing was sent. If it "
        "was moved, give its place with {ledger}. If it is lost, begin a new one with what was sent: "
        "ledger import {path} {checkpoint}, and the same for each earlier load.",
        path=path,
        checkpoint=checkpoint,
        ledger=Setting("ledger"),
    )
