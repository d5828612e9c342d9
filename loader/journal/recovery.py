"""What a dead run left: which of its rows are in doubt, and whether the checkpoint is the newest there was.

| the slot file says | rows leased and unsettled |
| --- | --- |
| same checkpoint, boot, opening and file | those in slots in doubt, the others never sent |
| anything else, or nothing | all in doubt |
| a later commit than the checkpoint knows | refused: an older copy, or the write-ahead log is gone |

What is refused because a part is lost can be salvaged on request: what is known is kept, and every row that
may have been sent since is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal.ranges import Ranges, collect_ranges
from loader.message import Command, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.journal.checkpoint_files import Files
    from loader.journal.reading import Snapshot
    from loader.journal.slots import Header, LeftSlots
    from loader.journal.table_rows import ExceptionRow

KILLED = "the load was killed while this row was on the wire; nobody knows whether it was taken"
UNKNOWN = (
    "the load ended without warning (a power loss, or its slot file is gone); the row may have been sent"
)
LOST = "a part of the checkpoint was lost, and with it what became of this row; it may have been sent"
_NO_BOOT = bytes(16)
_RECOVER = (
    " If {it_is} lost, {recover} keeps what is known, and puts in doubt every row that may have been sent."
)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Rows of a dead run: in doubt for `reason`, or given back.

    Attributes:
        in_doubt: ordinals, ascending.
        released: rows that are given back beside those that were.
        attempts: what is known of each doubt.
        salvaged: what is known only because parts were lost; None usually.
    """

    in_doubt: tuple[int, ...] = ()
    released: tuple[range, ...] = ()
    reason: str = UNKNOWN
    attempts: int = 0
    salvaged: Salvaged | None = None

    def free(self, before: Ranges) -> Ranges:
        """The rows below the intent mark that may be leased; of what was salvaged, every other is settled."""
        return Ranges() if self.salvaged else before.with_rows(self.released)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far commits that are lost can have come.

    Attributes:
        mark: no row from here on can have been leased.
        commits: number of the newest commit that is known of.
        resent: whether they can have let settled rows go again, by a decision or because they were in doubt.
    """

    mark: int
    commits: int
    resent: bool


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What lost parts leave of the newest state.

    Attributes:
        reach: how far the lost commits can have come.
        reopened: records of rows that they may have let go again.
    """

    reach: Reach
    reopened: tuple[ExceptionRow, ...]


def refuse_older(
    files: Files, snapshot: Snapshot, left: LeftSlots | None, boot: bytes, *, names: int, folded: int
) -> None:
    """Raise `CheckpointError` if commits that were made are missing from the checkpoint.

    After a power loss the commits since the last durable one may be gone; in the same boot none may.

    Args:
        files: of the checkpoint.
        snapshot: its contents.
        left: its slot file.
        boot: of the machine, now.
        names: hard links of the checkpoint, itself among them.
        folded: number of the commit that the file has without its log. If that is later, the log is of a
            time before: under another name, the checkpoint has continued without it.
    """
    if not (_is_older(snapshot, left, boot) or folded > snapshot.head.commits):
        return
    if names > 1 and _is_of_other_opening(snapshot, left):
        raise CheckpointError(
            Message(
                "{path} has {names} names (hard links), and was last loaded under another one: its other "
                "parts lie beside that name. Nothing was sent. Use that name." + _RECOVER,
                path=files.path,
                names=names,
                it_is="it is",
                recover=Command.RECOVER,
            )
        )
    raise CheckpointError(
        Message(
            "{path} is older than what was last written to it: it was restored from a copy, or {log} was "
            "deleted or damaged. Rows sent since would be sent twice. Nothing was sent. Put the newest "
            "files back, all of them together." + _RECOVER,
            path=files.path,
            log=files.log.name,
            it_is="they are",
            recover=Command.RECOVER,
        )
    )


def refuse_without_slots(files: Files, snapshot: Snapshot, left: LeftSlots | None) -> None:
    """Raise `CheckpointError` if a checkpoint that was closed in order has lost its slot file.

    It is whole, but perhaps a copy from another day. Of a run that died, the log shows that; then all that
    was leased is in doubt. The first run has no slots yet if it dies right after its beginning.
    """
    begun = snapshot.head.generation > 1 or any(run.ended for run in snapshot.runs)
    if snapshot.head.clean and begun and not _belongs(snapshot, left):
        raise CheckpointError(
            Message(
                "{wire} is missing or damaged. It shows whether {name} is the newest: an older copy would "
                "send rows twice. Nothing was sent. Put {wire_name} back." + _RECOVER,
                wire=files.wire,
                wire_name=files.wire.name,
                name=files.path.name,
                it_is="it is",
                recover=Command.RECOVER,
            )
        )


def _belongs(snapshot: Snapshot, left: LeftSlots | None) -> bool:
    return left is not None and left.header.checkpoint.hex() == snapshot.checkpoint


def _is_of_other_opening(snapshot: Snapshot, left: LeftSlots | None) -> bool:
    head = snapshot.head
    return bool(head.generation) and (
        left is None or not _belongs(snapshot, left) or left.header.generation != head.generation
    )


def _is_older(snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> bool:
    head = snapshot.head
    closed_whole = head.clean or snapshot.log
    if left is None or not _belongs(snapshot, left):
        return not closed_whole
    header = left.header
    same_boot = _is_same_boot(header, boot)
    if head.commits < (header.committed if same_boot else header.durable):
        return True
    # Without its log a dead run is whole only if an SQLite tool has moved all of the log into the file.
    folded = header.generation == head.generation and (not same_boot or _is_latest(snapshot, header))
    return not (closed_whole or folded)


def _is_same_boot(header: Header, boot: bytes) -> bool:
    return header.boot == boot != _NO_BOOT


def _is_latest(snapshot: Snapshot, header: Header) -> bool:
    # A process that dies between a commit and the note of it leaves the slots one commit behind.
    return snapshot.head.commits - header.committed in (0, 1)


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
        _belongs(snapshot, left)
        and _is_same_boot(header, boot)
        and header.generation == snapshot.head.generation
        and _is_latest(snapshot, header)
    )
    return left.ordinals if same_opening else None


def find_reach(snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> Reach:
    """How far the lost commits can have come.

    The slot file knows the newest intent mark, and when a row was last let go again, if it is the very file
    of this boot and knows at least what the checkpoint knows. Else every row may have been sent, once or
    twice.
    """
    head, newest = snapshot.head, left.header.committed if left and _belongs(snapshot, left) else 0
    if left is None or newest < head.commits or not left.own_file or not _is_same_boot(left.header, boot):
        return Reach(snapshot.identity.rows, max(head.commits, newest), resent=True)
    if left.header.mark < head.mark:  # not known: version 0.1.0 wrote it
        return Reach(snapshot.identity.rows, newest, resent=True)
    return Reach(left.header.mark, newest, resent=left.header.resent > head.commits)


def salvage(reach: Reach, open_rows: Iterable[int], settled: Iterable[ExceptionRow]) -> Leftovers:
    """Put every row in doubt that the lost commits may have sent.

    If rows may have been given back among them, rejected rows are in doubt too, and every row in doubt may be
    there twice.

    Args:
        reach: how far they can have come.
        open_rows: rows below its mark that are neither confirmed, rejected nor in doubt.
        settled: all rows that are rejected or in doubt.
    """
    reopened = tuple(settled) if reach.resent else ()
    in_doubt = sorted([*open_rows, *(row.ordinal for row in reopened)])
    return Leftovers(tuple(in_doubt), reason=LOST, salvaged=Salvaged(reach, reopened))
