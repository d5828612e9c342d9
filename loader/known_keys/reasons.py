"""Why rows are left out, in the words of the account: which load has sent their keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.errors import CheckpointError
from loader.known_keys.judging import Judged
from loader.known_keys.keys import read_keys
from loader.known_keys.ledger_notes import LedgerNote
from loader.ledger import Ledger
from loader.ledger.sending import Sending
from loader.mapping.selection import Outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loader.journal import CheckpointView
    from loader.ledger import KnownLoad
    from loader.ledger.records import Mask, Ordinals
    from loader.mapping import Mapper
    from loader.model import Chunk

REPEAT = "repeat of another row"
OTHER_REPEAT = "repeat of another row, with other content"


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why rows are left out.

    Attributes:
        judged: which rows are left out.
        own: the number of this load.
        loads: by number.
        last_wins: whether rows with an unchanged body are left out, and others sent.
    """

    judged: Judged
    own: int
    loads: Mapping[int, KnownLoad]
    last_wins: bool

    def list(self, places: Ordinals, count: int) -> list[Outside]:
        """The rows that are left out, by the reason.

        Args:
            places: of the rows in their chunk.
            count: rows of the chunk.
        """
        judged = self.judged
        flags = judged.pending * 1 + judged.changed * 2 + judged.older * 4
        codes = np.where(judged.load < 0, -1, judged.load * 8 + flags)
        found: dict[str, Mask] = {}
        for code in np.unique(codes[codes >= 0]).tolist():
            reason = self._say(*divmod(code, 8))
            rows = found.setdefault(reason, np.zeros(count, np.bool_))
            rows[places[codes == code]] = True
        return [Outside(rows, reason) for reason, rows in found.items()]

    def _say(self, number: int, flags: int) -> str:
        pending, changed, older = bool(flags & 1), bool(flags & 2), bool(flags & 4)
        if number == self.own:
            return OTHER_REPEAT if changed else REPEAT
        load = self.loads.get(number)
        name = load.name if load else f"load {number}"
        dated = f"{name} on {load.day}" if load else name
        if older:
            return f"older than what was sent by {dated}"
        if pending:
            return f"in doubt in {name}"
        if self.last_wins:
            return f"unchanged since {dated}"
        return f"changed since it was sent by {dated}" if changed else f"sent by {dated}"


class KeyReasons:
    """Says of rows that were left out which load has sent their keys, as far as the ledger still knows it.

    Args:
        ledger: open for reading.
        number: of the load whose rows they are.
        kind: of the rows.
        last_wins: whether the last row of a key counts.
    """

    def __init__(self, ledger: Ledger, number: int, kind: str, *, last_wins: bool) -> None:
        self._ledger, self._number, self._last_wins = ledger, number, last_wins
        self._digester = ledger.digester(kind)
        self._sending = Sending(ledger, number, last_wins=last_wins)

    @classmethod
    def find(cls, view: CheckpointView) -> KeyReasons | None:
        """Those of a checkpoint; None if its load has no ledger, or it cannot be read where it was."""
        note = LedgerNote.find(view)
        try:
            ledger = Ledger.read(Path(note.path)) if note else None
        except CheckpointError:
            return None
        if ledger is None or note is None or ledger.header.id != note.id:
            return None
        number = next((load.number for load in ledger.loads.values() if load.checkpoint == view.id), 0)
        method = view.identity.kind.method
        return cls(ledger, number, view.identity.kind.value, last_wins=method.last_wins)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def explain(self, mapper: Mapper, chunk: Chunk, places: Sequence[int]) -> dict[int, str]:
        """Why rows of a chunk are left out, by their places; a row of which nothing is known has none."""
        mapped = mapper.map(chunk)
        rows = np.flatnonzero(np.isin(mapped.ordinals, np.array(places, np.int64) + chunk.first))
        known, keys = read_keys(mapper, chunk, mapped, rows)
        rows = rows[known]
        digests = self._digester.digest(keys, mapped.bodies.take(pa.array(rows)))
        states = self._sending.find(digests)
        load = np.where(states.load > 0, states.load, -1)
        other, pending = states.body != digests.body, states.pending & (load > 0)
        newer = self._last_wins & other & (load > self._number)
        changed = other & (not self._last_wins)
        judged = Judged(load, pending, changed, older=newer)
        reasons = Reasons(judged, self._number, self._ledger.loads, self._last_wins)
        offsets = mapped.ordinals[rows] - chunk.first
        return {
            offset: outside.reason
            for outside in reasons.list(offsets, mapped.count)
            for offset in np.flatnonzero(outside.rows).tolist()
        }
