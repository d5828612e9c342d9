"""What the user does with a ledger beside loading: look at it, take over loads, forget, verify, list."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.chosen_rows import read_table
from loader.errors import ConfigError
from loader.failures import (
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    refuse_other_lookups,
    suggest_moved,
)
from loader.journal import CheckpointView, Journal
from loader.known_keys import (
    LEDGER,
    LedgerNote,
    count_sent,
    read_fates,
    read_keys,
    refuse_older_checkpoint,
    with_key,
)
from loader.ledger import Bound, Digests, Ledger, Records
from loader.ledger.kept_ids import BUCKETS, KeptIds, drop_unknown, list_kept, name_ids
from loader.ledger.records import format_digest, parse_digest
from loader.ledger.run_files import RunDamaged, cut_space
from loader.ledger.sending import Sending
from loader.mapping import parse_mapping
from loader.mapping.row_rules import say_no_key
from loader.model import OWN_COLUMNS, State
from loader.planning import draw_up, refuse_keyless
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.journal.table_rows import Run
    from loader.ledger import KnownLoad
    from loader.ledger.records import Mask, Ordinals
    from loader.planning import Plan

# The column with digests in a list of gone keys, and in an export.
DIGESTS = (f"{OWN_COLUMNS}key_digest", "key_digest")
_CONFIRMED, _IN_DOUBT = ORDER.index(State.CONFIRMED), ORDER.index(State.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """A load that a ledger knows.

    Attributes:
        load: the load.
        sent: keys that it sent last.
        in_doubt: keys of which it does not know whether it sent them.
    """

    load: KnownLoad
    sent: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What is in a ledger.

    Attributes:
        path: its file.
        bound: the application and endpoint that it is of.
        size: bytes on the disk, all of its files together.
        files: how many these are.
        ids: files with the ids of keys, which are personal data.
        loads: the loads, the oldest first.
    """

    path: Path
    bound: Bound
    size: int
    files: int
    ids: tuple[str, ...]
    loads: tuple[LoadFacts, ...]

    @property
    def sent(self) -> int:
        """Keys that were sent."""
        return sum(each.sent for each in self.loads)

    @property
    def in_doubt(self) -> int:
        """Keys of which nobody knows whether they were sent."""
        return sum(each.in_doubt for each in self.loads)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a ledger took over of a load: keys that it did not know, and rows without a key."""

    sent: int
    in_doubt: int
    keyless: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a ledger has forgotten: keys, beside those that stay because they are in doubt."""

    keys: int
    in_doubt: int


def describe_ledger(path: Path) -> LedgerFacts:
    """Count what is in a ledger; a load may be writing to it.

    Raises:
        LedgerError: it cannot be read.
    """
    with Ledger.read(path) as ledger:
        sent, pending = Counter[int](), Counter[int]()
        for records in list_records(ledger):
            counts = np.bincount(records.rest["load"])
            sent.update({number: int(counts[number]) for number in np.flatnonzero(counts).tolist()})
        for batch in ledger.pending():
            pending[batch.load] += len(batch.digests)
        files = [each for each in ledger.path.parent.iterdir() if each.name.startswith(ledger.path.name)]
        files = [each for each in files if is_part(ledger.path, each)]
        loads = tuple(
            LoadFacts(load, sent[number], pending[number]) for number, load in sorted(ledger.loads.items())
        )
        size = sum(each.stat().st_size for each in files)
        ids = tuple(str(name_ids(ledger.path, kind)) for kind in list_kept(ledger.path))
        return LedgerFacts(ledger.path, ledger.header.bound, size, len(files), ids, loads)


def is_part(ledger: Path, file: Path) -> bool:
    """Whether a file belongs to a ledger."""
    rest = file.name.removeprefix(ledger.name)
    if rest.endswith("-lock"):
        return False
    return rest in {"", "-wal", "-shm"} or rest.startswith(("-keys-", "-ids-"))


def list_records(ledger: Ledger) -> Iterator[Records]:
    """The records of keys that were sent, in parts; of a key with several the newest only."""
    for start, stop in cut_space(ledger.sent):
        yield ledger.slice(start, stop)


def import_load(
    path: Path,
    checkpoint: Path,
    *,
    key: Sequence[str] = (),
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
) -> Imported:
    """Take over what a load has sent, as if it had been made with this ledger; the load then keeps it.

    Args:
        path: the ledger; created if there is none.
        checkpoint: of the load, which may not be running.
        key: columns of the key, if the load's mapping names none and the load was not taken over before.
        files: where its input is now, if it has moved; of a table, what it is called.
        memory: the tables of the load that are in memory.

    Raises:
        ConfigError: no key is known.
        CheckpointError, SourceError: the checkpoint, the input or the ledger cannot be used.
    """
    view = CheckpointView.open(checkpoint)
    view.refuse_unusable()
    plan = plan_import(view, key, files, memory)
    bound = Bound(view.identity.application, view.identity.endpoint)
    with Ledger.open(path, bound) as ledger:
        refuse_older_checkpoint(ledger, LedgerNote.find(view), view)
        began, at = find_period(view.runs)
        named = ", ".join(plan.mapper.mapping.key)
        with ledger.store.transaction():
            number = ledger.store.enter_load(
                view.id, view.path.absolute(), plan.settings.kind.value, named, began=began, at=at
            )
            generation = ledger.store.raise_generation()
        sending = Sending(ledger, number, last_wins=plan.settings.kind.method.last_wins)
        sending.reconcile(read_fates(view.path))
        imported = take_over(plan, view, ledger, sending, began)
        with ledger.store.transaction():
            ledger.store.put_rows(number, count_sent(view))
        while ledger.tidy():
            pass
        note = LedgerNote(ledger.header.id, str(ledger.path), generation, plan.mapper.mapping.key)
        with Journal.open(view.path, view.identity) as journal:
            journal.note(LEDGER, note.to_text())
        return imported


def plan_import(view: CheckpointView, key: Sequence[str], files: Sequence[str], memory: InMemory) -> Plan:
    """Plan the load of a checkpoint once more, with a key.

    Raises:
        ConfigError: no key is known.
        SourceError: the input cannot be read, or is another one.
    """
    names = list(files) or [file.name for file in view.identity.files]
    mapping = with_key(parse_mapping(view.identity.mapping, str(view.path)), LedgerNote.find(view))
    if key:
        if mapping.method.last_wins:
            raise ConfigError(say_no_key(mapping.kind))
        mapping = replace(mapping, key=tuple(key))
    refuse_missing_table(view, names, memory)
    with suggest_moved(files):
        plan = draw_up(recall_settings(view, names, memory), view, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in view.identity.files], view.path)
    refuse_other_lookups(plan.mapper.lookups.records, view)
    refuse_keyless(plan.mapper.mapping, plan.source.schema.names)
    return plan


def find_period(runs: Sequence[Run]) -> tuple[float, float]:
    """When a load began and when it last worked, in seconds since 1970."""
    ends = [run.ended or run.started for run in runs]
    return (runs[0].started, max(ends)) if runs else (time.time(), time.time())


def take_over(plan: Plan, view: CheckpointView, ledger: Ledger, sending: Sending, began: float) -> Imported:
    """Enter the keys of all rows of a load that were sent, or may have been."""
    states, counts = States(view), Counter[str]()
    digester = ledger.digester(plan.settings.kind.value)
    for chunk in plan.source.chunks():
        mapped = plan.mapper.map(chunk)
        numbers = states.of(chunk.rows)[mapped.ordinals - chunk.first]
        for state, name in ((_CONFIRMED, "sent"), (_IN_DOUBT, "pending")):
            places = np.flatnonzero(numbers == state)
            known, keys = read_keys(plan.mapper, chunk, mapped, places)
            counts["keyless"] += int((~known).sum())
            places = places[known]
            digests = digester.digest(keys, mapped.bodies.take(places))
            new = find_new(ledger, sending, digests, began)
            counts[name] += int(new.sum())
            rows = mapped.ordinals[places][new]
            enter(ledger, sending.load, digests.take(new), rows, pending=name == "pending")
    return Imported(counts["sent"], counts["pending"], counts["keyless"])


def find_new(ledger: Ledger, sending: Sending, digests: Digests, began: float) -> Mask:
    """Which keys no load sent that began later: what it sent is newer than what is taken over."""
    found = sending.find(digests)
    later = [load.number for load in ledger.loads.values() if load.began > began]
    own = (found.load == sending.load) & (found.body == digests.body)
    new: Mask = ~np.isin(found.load, later) & ~own
    return new


def enter(ledger: Ledger, load: int, digests: Digests, ordinals: Ordinals, *, pending: bool) -> None:
    """Write keys to a ledger."""
    if not len(digests):
        return
    with ledger.store.transaction():
        ledger.store.add_batch(load, digests, ordinals if pending else None)
    if not pending:
        ledger.add_sent(digests, load)
    if ledger.due:
        ledger.flush()


def forget(path: Path, *, before: float) -> int:
    """Forget the loads that wrote last before a moment, with all keys that they sent last; how many loads.

    Args:
        path: the ledger.
        before: in seconds since 1970.

    Raises:
        CheckpointError: the ledger cannot be used; it is as it was.
    """
    with Ledger.read(path) as found:
        bound = found.header.bound
    with Ledger.open(path, bound, create=False) as ledger:
        doomed = [load.number for load in ledger.loads.values() if load.at < before]
        if doomed:
            ledger.forget_loads(doomed)
            drop_unknown(ledger)
        return len(doomed)


def forget_keys(path: Path, listed: Path | pd.DataFrame) -> Forgotten:
    """Forget the keys of a list of gone ones, with their ids; those in doubt stay.

    Args:
        path: the ledger.
        listed: what `report_gone` or an export of the ledger wrote, or a part of it.

    Raises:
        ConfigError: the list names no keys.
        CheckpointError: the ledger cannot be used; what is not forgotten is known as before.
    """
    asked = read_digests(listed)
    with Ledger.read(path) as found:
        bound = found.header.bound
    with Ledger.open(path, bound, create=False) as ledger:
        known = ledger.find(asked).known
        pending = Records.merge([Records.of(batch.digests, 0) for batch in ledger.pending()])
        doubtful = len(asked) - len(Records.of(asked, 0).lacking(pending))
        ledger.forget_keys(asked.take(known))
        drop_unknown(ledger)
        return Forgotten(int(known.sum()), doubtful)


def read_list(listed: Path) -> pd.DataFrame:
    """A list of keys that are gone.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return read_table(listed)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ConfigError(f"{listed} cannot be read: {error}.") from None


def read_digests(listed: Path | pd.DataFrame) -> Digests:
    """The digests of keys that a list names, each once.

    Raises:
        ConfigError: it names none, or something that is not a digest.
    """
    if isinstance(listed, pd.DataFrame):
        table, where = listed, "The frame"
    else:
        table, where = read_list(listed), str(listed)
    column = next((name for name in DIGESTS if name in table), None)
    if column is None:
        raise ConfigError(
            f"{where} has no column {DIGESTS[0]}. Give the list that --report-gone wrote, or a part of its "
            "rows."
        )
    texts = sorted({str(text) for text in table[column] if isinstance(text, str) and text})
    try:
        halves = np.array([parse_digest(text) for text in texts], np.uint64).reshape(-1, 2)
    except ValueError as error:
        raise ConfigError(
            f"{where}, column {column}: {error} is not the digest of a key. Give the list as it was written."
        ) from None
    return Digests(halves[:, 0].copy(), halves[:, 1].copy(), np.zeros(len(halves), np.uint64))


def verify_ledger(path: Path) -> int:
    """Read all of a ledger and compare it with its checksums; how many keys it knows.

    Raises:
        ConfigError: a part is damaged.
        LedgerError: it cannot be read.
    """
    with Ledger.read(path) as ledger:
        try:
            for run in ledger.runs:
                run.verify()
        except RunDamaged as error:
            raise ConfigError(
                f"{path} is damaged: {error}. Put the ledger back from a backup, with all files whose names "
                "begin with its name, and take over each load since then: ledger import LEDGER CKPT"
            ) from error
        ledger.store.verify()
        for kind in list_kept(ledger.path):
            with KeptIds(ledger.path, kind) as kept:
                for bucket in range(BUCKETS):
                    kept.read(bucket, ledger.digester(kind))
        sent = sum(map(len, list_records(ledger)))
        return sent + sum(len(batch.digests) for batch in ledger.pending())


def export_rows(path: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """The keys of a ledger: digest, digest of the body, state, load, and the day on which that wrote last.

    Raises:
        LedgerError: it cannot be read.
    """
    with Ledger.read(path) as ledger:
        for records in list_records(ledger):
            for high, (low, body, load) in zip(records.high.tolist(), records.rest.tolist(), strict=True):
                yield build_row(ledger, high, low, body, "sent", load)
        for batch in ledger.pending():
            columns = (batch.digests.high.tolist(), batch.digests.low.tolist(), batch.digests.body.tolist())
            for high, low, body in zip(*columns, strict=True):
                yield build_row(ledger, high, low, body, "in doubt", batch.load)


def build_row(
    ledger: Ledger, high: int, low: int, body: int, state: str, number: int
) -> tuple[str, str, str, str, str]:
    """One line of an export."""
    load = ledger.loads.get(number)
    digest = format_digest(high, low)
    named = (load.name, load.day) if load else (f"load {number}", "")
    return (digest, body.to_bytes(8, "little").hex(), state, *named)
