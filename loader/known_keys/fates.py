"""What a checkpoint says of rows whose keys a ledger has pending: sent, in doubt, or not sent."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.journal import CheckpointView
from loader.known_keys.ledger_notes import LedgerNote, refuse_older
from loader.ledger import Bound, Ledger
from loader.ledger.sending import Fate, Sending
from loader.model import State
from loader.states import ORDER, States

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
        number = next((load.number for load in ledger.loads.values() if load.checkpoint == view.id), None)
        if number is not None:
            last_wins = view.identity.kind.method.last_wins
            Sending(ledger, number, last_wins=last_wins).reconcile(read_fates(checkpoint))
