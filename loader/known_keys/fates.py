"""What a checkpoint says of rows whose keys a ledger has pending: sent, in doubt, or not sent."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.journal import CheckpointView
from loader.known_keys.ledger_notes import LedgerNote, refuse_older, refuse_older_checkpoint
from loader.ledger import Bound, Ledger, LedgerDiffers
from loader.ledger.sending import Fate, Sending
from loader.message import Message
from loader.model import State
from loader.states import ORDER, States
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.ledger.records import Ordinals

_BLOCK = 1 << 16
_FATES = np.full(len(ORDER), Fate.NOT_SENT, np.uint8)
_FATES[ORDER.index(State.CONFIRMED)] = Fate.SENT
_FATES[ORDER.index(State.IN_DOUBT)] = Fate.DOUBT


def read_fates(checkpoint: Path) -> Callable[[Ordinals], np.ndarray[Any, np.dtype[np.uint8]]]:
    """What a checkpoint says of rows, by their ordinals, which ascend.

    Raises:
        CheckpointError: it cannot be read.
    """
    view = CheckpointView.open(checkpoint)
    again = view.may_have_landed

    def find(ordinals: Ordinals) -> np.ndarray[Any, np.dtype[np.uint8]]:
        states, found = States(view), np.empty(len(ordinals), np.uint8)
        ends = [0, *(np.flatnonzero(np.diff(ordinals // _BLOCK)) + 1).tolist(), len(ordinals)]
        for low, high in pairwise(ends):
            if low < high:
                first, last = int(ordinals[low]), int(ordinals[high - 1])
                found[low:high] = states.of(range(first, last + 1))[ordinals[low:high] - first]
        fates = _FATES[found]
        fates[np.isin(ordinals, again) & (fates == Fate.NOT_SENT)] = Fate.DOUBT
        return fates

    return find


def bring_in_line(sending: Sending, checkpoint: Path) -> None:
    """Bring the pending keys of a load in line with its checkpoint, while no row is leased.

    Raises:
        CheckpointError: it cannot be read, or the ledger not written.
    """
    sending.reconcile(read_fates(checkpoint))
    with sending.ledger.store.transaction():
        sending.ledger.store.limit_rows(sending.load, count_sent(CheckpointView.open(checkpoint)))


def count_sent(view: CheckpointView) -> int:
    """How many rows of a load were sent, or may have been, and were not refused by the vendor."""
    account = view.account()
    return account.confirmed + account.in_doubt + len(view.may_have_landed)


def refuse_unknown_rows(ledger: Ledger, view: CheckpointView) -> None:
    """Refuse a ledger without the keys of rows that this load has sent: another load would send them again.

    Raises:
        LedgerDiffers: it lacks some.
    """
    known = next((load.rows for load in ledger.loads.values() if load.checkpoint == view.id), 0)
    sent = count_sent(view)
    if sent > known:
        raise LedgerDiffers(
            Message(
                "{checkpoint} has sent {sent}, and {path} does not know the keys of all of them: this load "
                "was begun without the ledger, or the ledger was put back from a backup, has lost its newest "
                "part, or was told to forget this load. Another load would send them again. Nothing was sent "
                "now. Take over what this load has sent: ledger import {path} {checkpoint}",
                path=ledger.path,
                checkpoint=view.path,
                sent=count_rows(sent),
            )
        )


def carry_over(checkpoint: Path) -> None:
    """Bring the ledger of a load in line with what the user decided about its rows, if it is in its place.

    Raises:
        CheckpointError: it cannot be used right now.
    """
    view = CheckpointView.open(checkpoint)
    note = LedgerNote.find(view)
    if note is None:
        return
    path = Path(note.path)
    if not path.exists():
        return
    with Ledger.open(path, Bound(view.identity.application, view.identity.endpoint), create=False) as ledger:
        refuse_older(ledger, note, checkpoint)
        refuse_older_checkpoint(ledger, note, view)
        number = next((load.number for load in ledger.loads.values() if load.checkpoint == view.id), None)
        if number is not None:
            last_wins = view.identity.kind.method.last_wins
            bring_in_line(Sending(ledger, number, last_wins=last_wins), checkpoint)
