"""What a running load does with a ledger: it finds keys, marks them, and says what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.ledger.records import Digests, Records
from loader.ledger.runs import MemoryRun, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from loader.ledger.ledger import Ledger
    from loader.ledger.records import Numbers, Ordinals
    from loader.ledger.store import Batch


# The digest of a body that nobody knows: no other body is equal to it.
UNKNOWN_BODY = np.uint64(0)


class Fate(IntEnum):
    """What the checkpoint says of a row whose key is pending."""

    OPEN = 0
    SENT = 1
    DOUBT = 2
    NOT_SENT = 3
    REPLACED = 4
    """Sent, but not what was sent last for its key."""


@dataclass(slots=True)
class KeyStates:
    """What is known of some keys.

    Attributes:
        load: the number of the load that sent each, or has it pending; 0 for none.
        body: the digest of the body that it sent.
        pending: whether nobody knows if it was sent.
        ordinal: of a pending key, the row in that load.
    """

    load: np.ndarray[Any, np.dtype[np.int64]]
    body: Numbers
    pending: np.ndarray[Any, np.dtype[np.bool_]]
    ordinal: Ordinals


class _Open:
    """Marked keys whose rows are not all settled."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.ordinals = batch.ordinals
        self.fates = np.zeros(len(batch.ordinals), np.uint8)
        self.changed = False

    def note(self, ordinals: Ordinals, fate: Fate) -> None:
        """Note what became of rows, some of which may be of another batch; ascending."""
        places = np.searchsorted(self.ordinals, ordinals)
        places[places == len(self.ordinals)] = 0
        self.fates[places[self.ordinals[places] == ordinals]] = fate

    def put_bodies(self, body: Numbers) -> None:
        """Put other digests of bodies in the place of those that were marked."""
        self.changed = bool((body != self.batch.digests.body).any())
        self.batch = replace(self.batch, digests=replace(self.batch.digests, body=body))

    @property
    def sent(self) -> bool:
        """Whether all were sent, and are as they were marked."""
        return not self.changed and bool((self.fates == Fate.SENT).all())

    def take(self, *fates: Fate) -> tuple[Digests, Ordinals]:
        """The keys with one of some fates."""
        chosen = np.isin(self.fates, fates)
        return self.batch.digests.take(chosen), self.ordinals[chosen]


class Sending:
    """The keys of one load in a ledger that is open for writing.

    Args:
        ledger: the ledger.
        load: the number of the load in it.
        last_wins: whether the last call for a key counts, so that a later body takes the place of an earlier.
    """

    def __init__(self, ledger: Ledger, load: int, *, last_wins: bool) -> None:
        self.ledger = ledger
        self.load = load
        self._last_wins = last_wins
        self._open: list[_Open] = []
        self._settled: dict[Fate, list[int]] = {fate: [] for fate in Fate if fate}
        self._durable: dict[Fate, list[int]] = {fate: [] for fate in Fate if fate}
        mine: list[Batch] = []
        others: list[Batch] = []
        for batch in ledger.pending():
            (mine if batch.load == load else others).append(batch)
        self._left = mine
        self._doubts = _index([])
        self._others = _index(others)

    def reconcile(self, find_fates: Callable[[Ordinals], np.ndarray[Any, np.dtype[np.uint8]]]) -> None:
        """Bring pending keys of this load in line with its checkpoint, which knows better.

        Call it while no row is leased: before the first lease, and when all is settled.

        Args:
            find_fates: the `Fate` of rows, by their ordinals, which ascend.

        Raises:
            DiskFull, LedgerError: nothing was changed.
        """
        batches = [*self._left, *(each.batch for each in self._open)]
        found: list[_Open] = []
        for batch in sorted(batches, key=lambda each: each.number):
            found.append(open_batch := _Open(_ascending(batch)))
            open_batch.fates[:] = find_fates(open_batch.ordinals)
        if self._last_wins and found:
            self._keep_newest(found)
        kept = self._write(found, [Fate.DOUBT, Fate.OPEN])
        self._left, self._open = kept, []
        self._doubts = _index(kept)
        self._clear()

    def find(self, digests: Digests) -> KeyStates:
        """What is known of some keys: the newest load counts."""
        sent = self.ledger.find(digests)
        pending = np.zeros(len(digests), np.bool_)
        states = KeyStates(sent.load, sent.body, pending, np.full(len(digests), -1, np.int64))
        for index in (self._others, self._doubts):
            index.put_over(digests, states)
        return states

    def mark(self, digests: Digests, ordinals: Ordinals) -> None:
        """Mark keys as pending, durably, before their rows are leased.

        Raises:
            DiskFull, LedgerError: do not lease the rows.
        """
        self._note_durable()
        # In their order, so that of two bodies with one key the later one counts.
        closed = list(takewhile(lambda each: each.fates.all(), self._open))
        left = self._write(closed, [Fate.DOUBT], digests, ordinals)
        self._open = self._open[len(closed) :]
        self._left += left
        if self.ledger.due:
            self._flush()
        self.ledger.tidy()

    def _flush(self) -> None:
        self.ledger.flush()
        for batch in self._left:
            if self._last_wins:
                self._doubt(batch.digests)
            else:
                self._remember(batch.digests)
        for each in self._open:
            self._remember(each.batch.digests)

    def leased(self) -> None:
        """Say that a lease was made: it has made durable what the checkpoint had settled before."""
        for fate, rows in self._settled.items():
            self._durable[fate] += rows
            rows.clear()

    def settle(self, fate: Fate, ordinals: Iterable[int]) -> None:
        """Say what the checkpoint has settled."""
        self._settled[fate] += ordinals

    def finish(self) -> None:
        """Merge what can be merged, at the end of the load.

        Raises:
            DiskFull, LedgerError: it could not be written; the ledger stands as it was.
        """
        while self.ledger.tidy():
            pass

    def _write(
        self,
        closed: Sequence[_Open],
        kept: Sequence[Fate],
        digests: Digests | None = None,
        ordinals: Ordinals | None = None,
    ) -> list[Batch]:
        """Write what became of batches, and new pending keys, in one commit; what stays pending of them."""
        sent = Digests.join([each.take(Fate.SENT)[0] for each in closed])
        stay = [each.take(*kept) for each in closed]
        left = Digests.join([digests for digests, _ in stay])
        rows = np.concatenate([np.empty(0, np.int64), *(rows for _, rows in stay)])
        remaining: list[Batch] = []
        store = self.ledger.store
        with store.transaction():
            whole: list[_Open] = []
            others: list[_Open] = []
            for each in closed:
                (whole if each.sent else others).append(each)
            store.keep_as_sent(each.batch.number for each in whole)
            for each in others:
                # In its place: what was marked later was also sent later, whenever that is written down.
                store.keep_part_as_sent(each.batch.number, self.load, each.take(Fate.SENT)[0])
            if len(left):
                order = np.argsort(rows, kind="stable")
                remaining.append(store.add_batch(self.load, left.take(order), rows[order]))
            if digests is not None and ordinals is not None and len(digests):
                marked = store.add_batch(self.load, digests, ordinals)
            else:
                marked = None
            store.touch_load(self.load, 0 if marked is None else len(marked.digests))
        if len(sent):
            self.ledger.add_sent(sent, self.load, marked=digests is not None)
        if self._last_wins:
            self._forget(closed)
        if marked is not None:
            self._open.append(_Open(marked))
            self._remember(marked.digests)
        return remaining

    def _remember(self, digests: Digests) -> None:
        self.ledger.recent.add(digests, self.load)

    def _forget(self, closed: Sequence[_Open]) -> None:
        """Of rows that may not have arrived nobody knows what is at the vendor: the next row goes."""
        self._doubt(Digests.join([each.take(Fate.DOUBT, Fate.NOT_SENT)[0] for each in closed]))

    def _doubt(self, digests: Digests) -> None:
        """Say that nobody knows what is at the vendor, but of keys that a newer load has sent since."""
        digests = digests.take(self.ledger.find(digests).load <= self.load)
        if len(digests):
            self.ledger.recent.add(digests, 0)

    def _keep_newest(self, found: Sequence[_Open]) -> None:
        """Let only what was sent last count: of rows with one key the last one, and no older load's.

        While these keys were pending, a newer load may have sent them; and a doubt that is settled late may
        be of a row before others that were sent. If nobody knows which of two bodies of this load came last,
        the key is kept with the body `UNKNOWN_BODY`, so that the next row with it is sent.
        """
        digests = Digests.join([each.batch.digests for each in found])
        rows = np.concatenate([each.ordinals for each in found])
        fates = np.concatenate([each.fates for each in found])
        sent = np.flatnonzero(fates == Fate.SENT)
        known = self.ledger.find(digests.take(sent))
        order = sent[np.lexsort((rows[sent], digests.low[sent], digests.high[sent]))]
        high, low = digests.high[order], digests.low[order]
        fates[order[:-1][(high[1:] == high[:-1]) & (low[1:] == low[:-1])]] = Fate.REPLACED
        fates[sent[known.load > self.load]] = Fate.REPLACED
        body = digests.body.copy()
        body[sent[(known.load == self.load) & (known.body != body[sent])]] = UNKNOWN_BODY
        ends = np.cumsum([len(each.ordinals) for each in found])[:-1]
        for each, part, bodies in zip(found, np.split(fates, ends), np.split(body, ends), strict=True):
            each.fates = part
            each.put_bodies(bodies)

    def _note_durable(self) -> None:
        for fate, rows in self._durable.items():
            if rows:
                ordinals = np.sort(np.array(rows, np.int64))
                for each in self._open:
                    each.note(ordinals, fate)
                rows.clear()

    def _clear(self) -> None:
        for rows in (*self._settled.values(), *self._durable.values()):
            rows.clear()


class _Pending:
    """Pending keys that can be searched; the place of a record is its number in the arrays."""

    def __init__(self, records: Records, loads: Numbers, bodies: Numbers, ordinals: Ordinals) -> None:
        self._run = MemoryRun(records)
        self._loads, self._bodies, self._ordinals = loads, bodies, ordinals

    def put_over(self, digests: Digests, states: KeyStates) -> None:
        """Put what is known here over what older loads have sent."""
        if not len(self._run):
            return
        found = search([self._run], digests)
        hits = np.flatnonzero(found.known)
        places = found.load[hits] - 1
        newer = self._loads[places] >= states.load[hits].astype(np.uint64)
        hits, places = hits[newer], places[newer]
        states.load[hits] = self._loads[places]
        states.body[hits] = self._bodies[places]
        states.ordinal[hits] = self._ordinals[places]
        states.pending[hits] = True


def _index(batches: Sequence[Batch]) -> _Pending:
    """Make batches searchable; of those with one key the newest counts."""
    ordered = sorted(batches, key=lambda batch: (batch.load, batch.number))
    digests = Digests.join([batch.digests for batch in ordered])
    loads = [np.full(len(batch.digests), batch.load, np.uint64) for batch in ordered]
    rows = [batch.ordinals for batch in ordered]
    places = np.arange(1, len(digests) + 1)
    return _Pending(
        Records.of(digests, places),
        np.concatenate([np.empty(0, np.uint64), *loads]),
        digests.body,
        np.concatenate([np.empty(0, np.int64), *rows]),
    )


def _ascending(batch: Batch) -> Batch:
    order = np.argsort(batch.ordinals, kind="stable")
    return replace(batch, digests=batch.digests.take(order), ordinals=batch.ordinals[order])
