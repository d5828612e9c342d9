"""What a dead run left: which of its rows are in doubt, and whether the checkpoint is the newest there was.

| the slot file says | rows leased and unsettled |
| --- | --- |
| same checkpoint, boot, opening and file | those in slots in doubt, the others never sent |
| anything else, or nothing | all in doubt |
| a later commit than the checkpoint knows | refused: an older copy, or the write-ahead log is gone |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal.ranges import collect_ranges

if TYPE_CHECKING:
    from pathlib import Path

    from loader.journal.reading import Snapshot
    from loader.journal.slots import LeftSlots

KILLED = "the load was killed while this row was on the wire; nobody knows whether it was taken"
UNKNOWN = (
    "the load ended without warning (a power loss, or its slot file is gone); the row may have been sent"
)
_NO_BOOT = bytes(16)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Rows of a dead run: in doubt for `reason`, or given back. `attempts` is what is known of each doubt."""

    in_doubt: tuple[int, ...] = ()
    released: tuple[range, ...] = ()
    reason: str = UNKNOWN
    attempts: int = 0


def refuse_older(path: Path, snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> None:
    """Raise `CheckpointError` where commits that were made are missing from the checkpoint.

    After a power loss the commits since the last durable one may be gone; in the same boot none may.
    """
    if left is not None and left.header.checkpoint.hex() == snapshot.checkpoint:
        same_boot = left.header.boot == boot != _NO_BOOT
        known = left.header.committed if same_boot else left.header.durable
        lost = snapshot.head.commits < known
    else:
        lost = not snapshot.head.clean and not snapshot.log
    if lost:
        raise CheckpointError(
            f"{path} is older than what was last written to it: it was restored from a copy, or "
            f"{path.name}-wal was deleted or damaged. Rows sent since would be sent twice. Nothing was sent. "
            "Put the newest files back, all of them together."
        )


def classify(snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> Leftovers:
    """What became of the rows that are leased and unsettled, after the process that leased them is gone."""
    if not snapshot.unsettled:
        return Leftovers()
    on_wire = _trust_slots(snapshot, left, boot)
    if on_wire is None:
        return Leftovers(in_doubt=snapshot.unsettled)
    return Leftovers(
        in_doubt=tuple(ordinal for ordinal in snapshot.unsettled if ordinal in on_wire),
        released=tuple(collect_ranges(ordinal for ordinal in snapshot.unsettled if ordinal not in on_wire)),
        reason=KILLED,
        attempts=1,
    )


def _trust_slots(snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> frozenset[int] | None:
    """The rows on the wire, or None if the slots cannot be trusted to name all of them."""
    if left is None or not left.own_file:
        return None
    header = left.header
    same_opening = (
        header.checkpoint.hex() == snapshot.checkpoint
        and header.boot == boot != _NO_BOOT
        and header.generation == snapshot.head.generation
        # A process that dies between a commit and the note of it leaves the slots one commit behind.
        and snapshot.head.commits - header.committed in (0, 1)
    )
    return left.ordinals if same_opening else None
