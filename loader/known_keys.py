"""Rows whose keys a ledger knows: left out of a load, each with the load that sent it.

The rules of one load. What is kept, and in which order it is written, is the ledger's; see `loader.ledger`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from loader.errors import CheckpointError
from loader.journal import CheckpointView
from loader.ledger import Bound, Digests, Ledger, LedgerDiffers, LedgerError
from loader.ledger.sending import Fate, Sending
from loader.mapping.selection import Outside, join_keys
from loader.message import Message, Setting
from loader.model import Reject, State
from loader.planning import refuse_keyless
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from loader.journal import Journal
    from loader.ledger import KnownLoad
    from loader.ledger.records import Mask, Ordinals
    from loader.ledger.sending import KeyStates
    from loader.mapping import Mapped, Mapper
    from loader.model import Chunk, Outcome
    from loader.planning import Plan
    from loader.settings import Settings

# What a checkpoint calls its notes of the ledger.
LEDGER = "ledger"
REPEAT = "repeat of another row"
OTHER_REPEAT = "repeat of another row, with other content"
_BLOCK = 1 << 16
_FATES = np.full(len(ORDER), Fate.NOT_SENT, np.uint8)
_FATES[ORDER.index(State.CONFIRMED)] = Fate.SENT
_FATES[ORDER.index(State.IN_DOUBT)] = Fate.DOUBT


@dataclass(frozen=True, slots=True)
class LedgerNote:
    """What a checkpoint knows of its ledger.

    Attributes:
        id: of the ledger.
        path: where it was.
        generation: how far it was.
    """

    id: str
    path: str
    generation: int

    def to_text(self) -> str:
        """The note."""
        return json.dumps({"id": self.id, "path": self.path, "generation": self.generation})

    @classmethod
    def find(cls, view: CheckpointView) -> LedgerNote | None:
        """The latest note of a checkpoint; None if its load has no ledger."""
        for note in reversed(view.notes):
            if note.what == LEDGER:
                record = json.loads(note.detail)
                return cls(str(record["id"]), str(record["path"]), int(record["generation"]))
        return None


class NoLedger:
    """A load without a ledger: every row is new, and nothing is written down of its key."""

    def begin(self) -> None:
        """Nothing is to be brought in line."""

    def sift(self, mapped: Mapped, chunk: Chunk, wanted: Sequence[range]) -> Mapped:  # noqa: ARG002 - as `KnownKeys`
        """No row is left out."""
        return mapped

    def mark(self, rows: Sequence[range]) -> None:
        """No key is marked."""

    def leased(self) -> None:
        """As above."""

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """As above."""

    def finish(self) -> None:
        """As above."""

    def close(self) -> None:
        """Nothing is open."""


class KnownKeys(NoLedger):
    """The keys of a load that runs, in its ledger.

    Args:
        ledger: open for writing.
        plan: of the load.
        journal: its checkpoint, opened.
    """

    def __init__(self, ledger: Ledger, plan: Plan, journal: Journal) -> None:
        self._ledger = ledger
        self._journal = journal
        self._mapper = plan.mapper
        self._method = plan.settings.kind.method
        self._digester = ledger.digester(plan.settings.kind.value)
        view = CheckpointView.open(journal.path)
        if journal.blank and plan.settings.rehearsal is not None:
            self._forget_rehearsal(journal.path)
        with ledger.store.transaction():
            number = ledger.store.enter_load(
                view.id, journal.path, plan.settings.kind.value, ", ".join(plan.mapper.mapping.key)
            )
            generation = ledger.store.raise_generation()
        self._sending = Sending(ledger, number, last_wins=self._method.last_wins)
        self._note(generation)
        self._marked = (np.empty(0, np.int64), Digests.join([]))

    def begin(self) -> None:
        """Bring the ledger in line with the checkpoint, after what was decided and before the first lease.

        Raises:
            CheckpointError: it cannot be written. Nothing was sent.
        """
        self._sending.reconcile(read_fates(self._journal.path))

    def sift(self, mapped: Mapped, chunk: Chunk, wanted: Sequence[range]) -> Mapped:
        """Leave out the rows whose keys are known, and reject those without a key.

        Args:
            mapped: a chunk.
            chunk: the same, as it was read.
            wanted: the rows that are to be sent, in ascending ranges.
        """
        places = np.concatenate(
            [np.empty(0, np.int64)]
            + [np.arange(*np.searchsorted(mapped.ordinals, (each.start, each.stop))) for each in wanted]
        )
        known, keys = read_keys(self._mapper, chunk, mapped, places)
        keyless, places = places[~known], places[known]
        digests = self._digester.digest(keys, mapped.bodies.take(pa.array(places)))
        ordinals = mapped.ordinals[places]
        reasons = self._judge(digests, ordinals)
        sent = reasons.load < 0
        self._marked = ordinals[sent], digests.take(sent)
        drop = np.zeros(len(mapped.ordinals), np.bool_)
        drop[places[~sent]] = drop[keyless] = True
        rejects = [self._reject(chunk, int(ordinal)) for ordinal in mapped.ordinals[keyless]]
        return leave_out(mapped, drop, reasons.list(ordinals - mapped.first, mapped.count), rejects)

    def mark(self, rows: Sequence[range]) -> None:
        """Mark the keys of rows that are leased next; call it before.

        Raises:
            CheckpointError: do not lease them.
        """
        ordinals, digests = self._marked
        places = np.concatenate(
            [np.arange(*np.searchsorted(ordinals, (each.start, each.stop))) for each in rows]
        )
        self._sending.mark(digests.take(places), ordinals[places])

    def leased(self) -> None:
        """Say that the lease was made."""
        self._sending.leased()

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Say what became of rows, after the checkpoint has it."""
        fates: dict[Fate, list[int]] = {Fate.SENT: [], Fate.DOUBT: [], Fate.NOT_SENT: []}
        sent = fates[Fate.SENT]
        for outcome in outcomes:
            if outcome.state is State.CONFIRMED:
                sent.append(outcome.ordinal)
            elif outcome.state is not State.IN_DOUBT:
                fates[Fate.NOT_SENT].append(outcome.ordinal)
            elif not outcome.resending:
                fates[Fate.DOUBT].append(outcome.ordinal)
        for fate, ordinals in fates.items():
            self._sending.settle(fate, ordinals)

    def finish(self) -> None:
        """Write what became of the last rows, after the checkpoint has given back what was not sent.

        Raises:
            CheckpointError: it could not be written; the next start of this load does it.
        """
        self._sending.reconcile(read_fates(self._journal.path))
        with self._ledger.store.transaction():
            generation = self._ledger.store.raise_generation()
        self._note(generation)
        self._sending.finish()

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _judge(self, digests: Digests, ordinals: Ordinals) -> Reasons:
        states = self._sending.find(digests)
        own = self._sending.load
        judge = judge_newest if self._method.last_wins else judge_events
        return Reasons(*judge(digests, ordinals, states, own), own, self._ledger.loads)

    def _reject(self, chunk: Chunk, ordinal: int) -> Reject:
        columns = self._mapper.mapping.key
        listed = " and ".join(f'"{column}"' for column in columns)
        reason = f"{'are' if len(columns) > 1 else 'is'} empty, so nobody could know whether the row was sent"
        remedy = "Fill it, or load such rows on their own, without a ledger."
        message = f"{chunk.place(ordinal)}, column{'s' * (len(columns) > 1)} {listed}: {reason}. {remedy}"
        return Reject(ordinal, ", ".join(columns), "", reason, message, remedy, remedy, reason)

    def _note(self, generation: int) -> None:
        note = LedgerNote(self._ledger.header.id, str(self._ledger.path), generation)
        self._journal.note(LEDGER, note.to_text())

    def _forget_rehearsal(self, checkpoint: Path) -> None:
        """Forget a rehearsal that begins again: the sandbox has forgotten it too."""
        earlier = [load.number for load in self._ledger.loads.values() if load.path == str(checkpoint)]
        if earlier:
            self._ledger.rewrite(earlier)


def leave_out(mapped: Mapped, drop: Mask, outside: Sequence[Outside], rejects: Sequence[Reject]) -> Mapped:
    """A mapped chunk without some of the rows that became a body.

    Args:
        mapped: the chunk.
        drop: for each row that became a body, whether it goes.
        outside: those of them that are left out.
        rejects: those of them that are rejected.
    """
    if not drop.any():
        return mapped
    keep = pa.array(~drop)
    kept = mapped.kept
    if outside:
        out = np.logical_or.reduce([each.rows for each in outside])
        kept = np.flatnonzero(~out) if kept is None else kept[~out[kept]]
    return replace(
        mapped,
        ordinals=mapped.ordinals[~drop],
        bodies=mapped.bodies.filter(keep),
        owners=mapped.owners.filter(keep),
        rejects=sorted([*mapped.rejects, *rejects], key=lambda reject: reject.ordinal),
        outside=(*mapped.outside, *outside),
        kept=kept,
    )


def read_keys(mapper: Mapper, chunk: Chunk, mapped: Mapped, places: Ordinals) -> tuple[Mask, pa.Array]:
    """Which of some rows that became a body have a key, and the keys of these as bytes.

    The key is made of the columns that the mapping names; else it is the device or user whose rows keep their
    order.
    """
    columns = mapper.mapping.key
    if columns:
        table = mapper.read(chunk).keep(mapped.ordinals[places] - mapped.first)
        return join_keys(columns, table, np.ones(len(places), np.bool_))
    return np.ones(len(places), np.bool_), mapped.owners.take(pa.array(places)).cast(pa.binary())


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why rows are left out.

    Attributes:
        load: for each row the number of the load because of which it is left out; -1 if it is sent.
        pending: whether that load does not know if it sent the key.
        changed: whether the body is another one.
        older: whether that load began later than this one, so that its row is the newer one.
        own: the number of this load.
        loads: by number.
        last_wins: whether rows with an unchanged body are left out, and others sent.
    """

    load: np.ndarray[Any, np.dtype[np.int64]]
    pending: Mask
    changed: Mask
    older: Mask
    last_wins: bool
    own: int
    loads: Mapping[int, KnownLoad]

    def list(self, places: Ordinals, count: int) -> list[Outside]:
        """The rows that are left out, by the reason.

        Args:
            places: of the rows in their chunk.
            count: rows of the chunk.
        """
        flags = self.pending * 1 + self.changed * 2 + self.older * 4
        codes = np.where(self.load < 0, -1, self.load * 8 + flags)
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


Judged = tuple["np.ndarray[Any, np.dtype[np.int64]]", "Mask", "Mask", "Mask", bool]


def judge_events(digests: Digests, ordinals: Ordinals, states: KeyStates, own: int) -> Judged:
    """Which events are left out: those whose key is known, and of those with one key all but the first.

    A row of this very load that is in doubt, and that the user has sent again, has its own key.
    """
    load = np.where(states.load > 0, states.load, -1)
    changed = (load > 0) & (states.body != digests.body)
    again = states.pending & (states.load == own) & (states.ordinal == ordinals)
    load[again] = -1
    order, begins = group_keys(digests)
    first = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    repeats = ~begins & (load[order] < 0) & ~again[order]
    load[order[repeats]] = own
    changed[order[repeats]] = digests.body[order[repeats]] != digests.body[first[repeats]]
    return load, states.pending & (load > 0), changed, np.zeros(len(load), np.bool_), False


def judge_newest(digests: Digests, ordinals: Ordinals, states: KeyStates, own: int) -> Judged:
    """Which rows of users and tags are left out: those that are what was sent last for the same key.

    A row is compared with the row before it with its key, else with the ledger. If the ledger knows a later
    load, this row is older than what is at the vendor. If nobody knows what is there, the row is sent.
    """
    del ordinals  # a row that goes again is in doubt, and so is sent
    order, begins = group_keys(digests)
    previous = np.empty(len(order), np.int64)
    previous[order[1:]] = order[:-1]
    followers = order[~begins]
    load = np.full(len(order), -1, np.int64)
    newer = states.load > own
    sure = (states.load > 0) & ~states.pending
    same = sure & (states.body == digests.body)
    load[newer] = states.load[newer]
    load[same] = states.load[same]
    followers = followers[~newer[followers]]
    repeats = digests.body[followers] == digests.body[previous[followers]]
    load[followers] = np.where(repeats, own, -1)
    older = newer & ~same
    return load, np.zeros(len(order), np.bool_), np.zeros(len(order), np.bool_), older, True


def group_keys(digests: Digests) -> tuple[Ordinals, Mask]:
    """The places of keys in an order that brings equal ones together, and which of these begin a group."""
    order = np.lexsort((digests.low, digests.high))
    high, low = digests.high[order], digests.low[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return order, begins


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
        reasons = Reasons(load, pending, changed, newer, self._last_wins, self._number, self._ledger.loads)
        offsets = mapped.ordinals[rows] - chunk.first
        return {
            offset: outside.reason
            for outside in reasons.list(offsets, mapped.count)
            for offset in np.flatnonzero(outside.rows).tolist()
        }


def find_ledger(settings: Settings, view: CheckpointView | None) -> Path | None:
    """The ledger of a load: the one that is given, else the one that its checkpoint knows."""
    if settings.options.ledger is not None:
        return settings.options.ledger
    note = LedgerNote.find(view) if view else None
    return Path(note.path) if note else None


def open_known_keys(plan: Plan, journal: Journal) -> NoLedger:
    """The keys of a load in its ledger, if it has one.

    Raises:
        ConfigError: the mapping names no key.
        CheckpointError: the ledger cannot be used, or is not the one that the checkpoint knows. Nothing was
            sent.
    """
    view = CheckpointView.open(journal.path)
    path = find_ledger(plan.settings, view)
    if path is None:
        return NoLedger()
    refuse_keyless(plan.mapper.mapping, plan.source.schema.names)
    note = LedgerNote.find(view)
    if note is not None and not path.exists():
        raise LedgerError(say_missing(path, view.path))
    bound = Bound(plan.settings.application, plan.settings.endpoint.name)
    patience = plan.settings.options.ledger_wait
    ledger = Ledger.open(path, bound, wait_seconds=patience.seconds if patience else 0.0)
    try:
        if note is not None:
            refuse_older(ledger, note, view.path)
        return KnownKeys(ledger, plan, journal)
    except BaseException:
        ledger.close()
        raise


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
