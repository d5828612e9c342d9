"""The keys of a load that runs: known ones are left out, others marked before their lease, and settled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from loader.errors import ConfigError
from loader.journal import CheckpointView
from loader.known_keys.fates import bring_in_line, refuse_unknown_rows
from loader.known_keys.ledger_notes import (
    LEDGER,
    LedgerNote,
    find_ledger,
    refuse_lost,
    refuse_older,
    refuse_older_checkpoint,
    say_missing,
    with_key,
)
from loader.known_keys.sifting import Keyed, KeyReader, Sifter
from loader.ledger import Bound, Digests, Ledger, LedgerError
from loader.ledger.sending import Fate, Sending
from loader.model import State
from loader.planning import refuse_keyless, say_no_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from loader.journal import Journal
    from loader.mapping import Mapped
    from loader.model import Outcome
    from loader.planning import Plan


class NoLedger:
    """A load without a ledger: every row is new, and nothing is written down of its key."""

    def begin(self) -> None:
        """Nothing is to be brought in line."""

    @property
    def reader(self) -> KeyReader | None:
        """No key is read."""
        return None

    def sift(self, mapped: Mapped, keyed: Keyed | None) -> Mapped:  # noqa: ARG002 - as `KnownKeys`
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
        self._key = plan.mapper.mapping.key
        view = CheckpointView.open(journal.path)
        if journal.blank and plan.settings.rehearsal is not None:
            self._forget_rehearsal(journal.path)
        with ledger.store.transaction():
            number = ledger.store.enter_load(
                view.id, journal.path, plan.settings.kind.value, ", ".join(plan.mapper.mapping.key)
            )
            generation = ledger.store.raise_generation()
        self._unnoted: int | None = generation
        self._sending = Sending(ledger, number, last_wins=plan.settings.kind.method.last_wins)
        self._sifter = Sifter.of(plan.mapper, ledger, number, self._sending.find)
        self._note(generation)
        self._marked = (np.empty(0, np.int64), Digests.join([]))

    def begin(self) -> None:
        """Bring the ledger in line with the checkpoint, after what was decided and before the first lease.

        Raises:
            CheckpointError: it cannot be written. Nothing was sent.
        """
        bring_in_line(self._sending, self._journal.path)

    @property
    def reader(self) -> KeyReader:
        """Reads the keys of rows."""
        return self._sifter.keys

    def sift(self, mapped: Mapped, keyed: Keyed | None) -> Mapped:
        """Leave out the rows whose keys are known, and reject those without a key.

        Args:
            mapped: a chunk.
            keyed: what `reader` read of it.
        """
        assert keyed is not None  # noqa: S101 - there is a reader
        sifted = self._sifter.sift(mapped, keyed)
        self._marked = sifted.ordinals, sifted.digests
        return sifted.mapped

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
        """Say that the lease was made, with which the checkpoint has the note of this run."""
        self._sending.leased()
        if self._unnoted is not None:
            with self._ledger.store.transaction():
                self._ledger.store.put_noted(self._sending.load, self._unnoted)
            self._unnoted = None

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
        bring_in_line(self._sending, self._journal.path)
        with self._ledger.store.transaction():
            generation = self._ledger.store.raise_generation()
        self._note(generation)
        self._sending.finish()

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _note(self, generation: int) -> None:
        note = LedgerNote(self._ledger.header.id, str(self._ledger.path), generation, self._key)
        self._journal.note(LEDGER, note.to_text())

    def _forget_rehearsal(self, checkpoint: Path) -> None:
        """Forget a rehearsal that begins again: the sandbox has forgotten it too."""
        earlier = [load.number for load in self._ledger.loads.values() if load.path == str(checkpoint)]
        if earlier:
            self._ledger.forget_loads(earlier)


def open_known_keys(plan: Plan, journal: Journal) -> NoLedger:
    """The keys of a load in its ledger, if it has one.

    Raises:
        ConfigError: the mapping names no key, or there is no ledger and one is needed.
        CheckpointError: the ledger cannot be used, or is not the one that the checkpoint knows. Nothing was
            sent.
    """
    view = CheckpointView.open(journal.path)
    path = find_ledger(plan.settings, view)
    if path is None:
        if plan.settings.options.report_gone is not None:
            raise ConfigError(say_no_ledger())
        return NoLedger()
    note = LedgerNote.find(view)
    mapping = with_key(plan.mapper.mapping, note)
    plan = replace(plan, mapper=replace(plan.mapper, mapping=mapping))
    refuse_keyless(mapping, plan.source.schema.names)
    if note is not None and not path.exists():
        raise LedgerError(say_missing(path, view.path))
    bound = Bound(plan.settings.application, plan.settings.endpoint.name)
    if not path.exists():
        refuse_lost(path, journal.path.parent, bound)
    patience = plan.settings.options.ledger_wait
    ledger = Ledger.open(path, bound, wait_seconds=patience.seconds if patience else 0.0)
    try:
        if note is not None:
            refuse_older(ledger, note, view.path)
        refuse_older_checkpoint(ledger, note, view)
        refuse_unknown_rows(ledger, view)
        return KnownKeys(ledger, plan, journal)
    except BaseException:
        ledger.close()
        raise
