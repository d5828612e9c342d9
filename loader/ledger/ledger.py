"""The ledger as one finds it: opened, verified, searched, and kept small."""

from __future__ import annotations

import glob
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from loader.addresses import SANDBOX
from loader.journal import DiskFull
from loader.journal.checkpoint_files import is_filled
from loader.ledger.ledger_lock import LedgerLock
from loader.ledger.records import Digester, Records, join_records
from loader.ledger.run_files import MappedRun, RunDamaged, cut_space, merge_runs, write_run
from loader.ledger.runs import RecentRuns, search
from loader.ledger.store import Bound, LedgerDiffers, LedgerError, Store, explaining
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.ledger.records import Digests
    from loader.ledger.run_files import RunFile
    from loader.ledger.runs import Found, Run
    from loader.ledger.store import Batch, Header, KnownLoad

# So many sent keys are kept in memory and in the SQLite file before they become a run: 8 MB.
FLUSH_KEYS = 1 << 17
# A run is merged with newer ones that have together at least this part of its records.
_MERGE_PART = 4


class Ledger:
    """A ledger. Use as a context manager.

    Attributes:
        path: its file.
        store: its SQLite file.
        header: what it is of.
        loads: the loads that it knows, by number.
    """

    def __init__(self, path: Path, store: Store, lock: LedgerLock | None) -> None:
        """Use `open` or `read`."""
        self.path = path
        self.store = store
        self.header: Header = store.header
        self.loads: dict[int, KnownLoad] = {load.number: load for load in store.loads}
        self.runs: list[MappedRun] = []
        self.recent = RecentRuns()
        self._fresh: list[tuple[Digests, int]] = []
        self._lock = lock
        self._merging: Iterator[RunFile | None] | None = None
        self._merged: list[MappedRun] = []
        self._crowded = False
        with ExitStack() as undo:
            undo.callback(self._close_runs)
            self._open_runs()
            self._numbers = count(1 + max((run.file.number for run in self.runs), default=0))
            for batch in store.batches(pending=False):
                self.add_sent(batch.digests, batch.load)
            undo.pop_all()

    @classmethod
    def open(cls, path: Path, bound: Bound, *, create: bool = True, wait_seconds: float = 0.0) -> Ledger:
        """Open a ledger to write to it; create it if there is none.

        Args:
            path: its file.
            bound: what it has to be of.
            create: whether one is created if there is none.
            wait_seconds: for a load that has it.

        Raises:
            LedgerLocked: another load has it.
            LedgerDiffers: it is of another application or endpoint.
            LedgerError: it cannot be created, read or trusted. Nothing was sent.
        """
        path = follow_links(path)
        with ExitStack() as undo:
            refuse_folder(path)
            lock = LedgerLock(path)
            lock.take(wait_seconds=wait_seconds)
            undo.callback(lock.release)
            if create and not path.exists():
                refuse_remains(path)
                Store.create(path, bound)
            store = Store(path, readonly=False)
            undo.callback(store.close)
            header = store.header
            lock.keep_copies_out(header.id)
            refuse_other(path, header.bound, bound)
            ledger = cls(path, store, lock)
            undo.callback(ledger.close)
            ledger.remove_orphans()
            undo.pop_all()
            return ledger

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Open a ledger to look at it; a load may be writing to it.

        Raises:
            LedgerError: it is missing, or cannot be read.
        """
        path = follow_links(path)
        if not path.exists():
            raise LedgerError(f"There is no ledger {path}.")
        with ExitStack() as undo:
            store = Store(path, readonly=True)
            undo.callback(store.close)
            ledger = cls(path, store, None)
            undo.pop_all()
            return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files and give the lock back. What is only in memory is also in the SQLite file."""
        if self._merging is not None:
            self._merging = None
        self._close_runs()
        self.store.close()
        if self._lock is not None:
            self._lock.release()

    def digester(self, kind: str) -> Digester:
        """What makes the digests of the keys of one kind of rows."""
        return Digester(self.header.secret, kind)

    def find(self, digests: Digests) -> Found:
        """What is known of some keys as sent."""
        runs: list[Run] = [*self.recent.newest_first, *self.runs[::-1]]
        return search(runs, digests)

    def slice(self, start: int, stop: int | None) -> Records:
        """The records of keys that were sent, from one first half of digests up to another, or to the end.

        Of a key with several records the newest counts.
        """
        parts = [run.slice(start, stop) for run in self.runs]
        parts += [run.records.slice(start, stop) for run in reversed(self.recent.newest_first)]
        return Records.merge(parts)

    @property
    def sent(self) -> int:
        """How many keys count as sent; one that was sent again with another body may count twice."""
        return sum(map(len, self.runs)) + sum(len(digests) for digests, _ in self._fresh)

    def pending(self) -> list[Batch]:
        """The keys of which nobody knows whether they were sent."""
        return list(self.store.batches(pending=True))

    def add_sent(self, digests: Digests, load: int, *, marked: bool = False) -> None:
        """Know keys as sent that are in the SQLite file by now; those that were marked are in `recent`."""
        self._fresh.append((digests, load))
        if not marked:
            self.recent.add(digests, load)

    @property
    def due(self) -> bool:
        """Whether the keys in memory are enough for a run."""
        return sum(len(digests) for digests, _ in self._fresh) >= FLUSH_KEYS

    def flush(self) -> None:
        """Write the keys in memory as a run.

        Raises:
            DiskFull, LedgerError: it could not be written; what is in the SQLite file stands.
        """
        if not self._fresh:
            return
        number = next(self._numbers)
        with explaining(self.path):
            run = write_run(self.path, number, join_records(self._fresh))
        with self.store.transaction():
            self.store.replace_runs([], run)
            self.store.remove_sent()
        self.runs.append(self._map(run))
        self._fresh.clear()
        self.recent.clear()

    def tidy(self) -> bool:
        """Do one step of merging runs; whether there may be more to do.

        In steps, because answers come in meanwhile. If there is no room for a merged run, there is none until
        the ledger is opened again.

        Raises:
            DiskFull, LedgerError: the ledger could not be written; the runs stand.
        """
        if self._crowded:
            return False
        if self._merging is None:
            self._merged = choose_runs(self.runs)
            if not self._merged:
                return False
            self._merging = self._merge(self._merged)
        try:
            with explaining(self.path):
                run = next(self._merging)
        except DiskFull:  # the runs stand as they are, and are only searched more slowly
            self._crowded, self._merging = True, None
            return False
        except BaseException:
            self._merging = None
            raise
        if run is not None:
            self._merging = None
            self._put_in_place(run)
        return True

    def forget_loads(self, loads: Sequence[int]) -> None:
        """Forget all keys of some loads.

        Raises:
            DiskFull, LedgerError: it could not be written; the same again continues.
        """
        with self.store.transaction():
            self.store.empty_loads(loads)
        self._fresh = [(digests, load) for digests, load in self._fresh if load not in loads]
        self.recent.clear()
        for digests, load in self._fresh:
            self.recent.add(digests, load)
        self._rewrite_runs(lambda records: records.without(loads))
        # Last, so that after a kill the same command finds what is left to be forgotten.
        with self.store.transaction():
            self.store.remove_loads(loads)
        for number in loads:
            self.loads.pop(number, None)

    def forget_keys(self, digests: Digests) -> None:
        """Forget some keys, as far as they count as sent; pending ones stay.

        If that fails halfway, some are forgotten, and each other one is known as before.

        Raises:
            DiskFull, LedgerError: it could not be written.
        """
        self.flush()
        asked = Records.of(digests, 0)
        self._rewrite_runs(lambda records: records.lacking(asked))

    def _rewrite_runs(self, select: Callable[[Records], Records]) -> None:
        # The oldest first: until the newest is written, what it says of a key still counts.
        for run in tuple(self.runs):
            self._merged = [run]
            with explaining(self.path):
                written = next(filter(None, self._merge([run], select)))
            self._put_in_place(written)

    def remove_orphans(self) -> None:
        """Remove files of runs that a killed load wrote and did not enter."""
        known = {run.file.path(self.path).name for run in self.runs}
        for file in self.path.parent.glob(f"{glob.escape(self.path.name)}-keys-*"):
            if file.name not in known:
                with explaining(self.path):
                    file.unlink(missing_ok=True)

    def _merge(
        self, runs: Sequence[MappedRun], select: Callable[[Records], Records] | None = None
    ) -> Iterator[RunFile | None]:
        capacity = sum(map(len, runs))

        def part(run: MappedRun) -> Callable[[int, int | None], Records]:
            if select is None:
                return run.slice
            return lambda start, stop: select(run.slice(start, stop))

        numbers = next(self._numbers), runs[-1].file.place
        return merge_runs(self.path, numbers, capacity, list(map(part, runs)), cut_space(capacity))

    def _put_in_place(self, run: RunFile) -> None:
        old = self._merged
        with self.store.transaction():
            self.store.replace_runs([each.file for each in old], run)
        at = self.runs.index(old[0])
        self.runs[at : at + len(old)] = [self._map(run)]
        for each in old:
            each.close()
            with explaining(self.path):
                each.file.path(self.path).unlink(missing_ok=True)
        self._merged = []

    def _map(self, run: RunFile) -> MappedRun:
        try:
            return MappedRun(self.path, run)
        except RunDamaged as error:
            raise say_damaged(self.path, error) from error

    def _open_runs(self) -> None:
        for run in self.store.runs:
            self.runs.append(self._map(run))

    def _close_runs(self) -> None:
        for run in self.runs:
            run.close()


def choose_runs(runs: Sequence[MappedRun]) -> list[MappedRun]:
    """The newest runs that are to be merged; none if there is nothing to gain.

    An older run joins if those behind it have together at least a quarter of its records. So each key is
    written again a few times at most, and a ledger of any size has only a few runs.
    """
    if len(runs) < 2:
        return []
    chosen, records = [runs[-1]], len(runs[-1])
    for run in runs[-2::-1]:
        if len(run) > _MERGE_PART * records:
            break
        chosen.insert(0, run)
        records += len(run)
    return chosen if len(chosen) > 1 else []


def follow_links(path: Path) -> Path:
    """Where a ledger is: all of its files are beside the one that symbolic links lead to.

    Raises:
        LedgerError: a link leads nowhere, as if to a disk that is not mounted.
    """
    found = Path(path).resolve()
    if Path(path).is_symlink() and not found.exists():
        raise LedgerError(
            Message(
                "{path} is a link to {found}, which is missing. A new ledger there would know none of the "
                "rows that were sent. Nothing was sent. Check the link, and that the disk is mounted; or "
                "name another ledger with {ledger}.",
                path=path,
                found=found,
                ledger=Setting("ledger"),
            )
        )
    return found


def refuse_folder(path: Path) -> None:
    """Refuse a path whose folder is missing.

    Raises:
        LedgerError: it is.
    """
    if not path.parent.is_dir():
        raise LedgerError(
            Message(
                "{path}: there is no folder {folder}. Nothing was sent. Create it, or name another ledger "
                "with {ledger}.",
                path=path,
                folder=path.parent,
                ledger=Setting("ledger"),
            )
        )


def refuse_remains(path: Path) -> None:
    """Refuse to create a ledger where parts of one are: it was deleted, or moved without them.

    Raises:
        LedgerError: there are parts.
    """
    parts = sorted(path.parent.glob(f"{glob.escape(path.name)}-keys-*"))
    logs = (path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal"))
    parts += filter(is_filled, logs)
    if parts:
        raise LedgerError(
            Message(
                "{path} is missing, but parts of it are there ({part}). A new ledger would know none of the "
                "rows that were sent, and send them again. Nothing was sent. Put the file back from a "
                "backup; or delete the parts, and begin a new ledger with {ledger}.",
                path=path,
                part=parts[0].name,
                ledger=Setting("ledger"),
            )
        )


def refuse_other(path: Path, found: Bound, wanted: Bound) -> None:
    """Refuse a ledger of another application or endpoint.

    Raises:
        LedgerDiffers: it is.
    """
    for what, is_of, should in (
        ("application", found.application, wanted.application),
        ("endpoint", found.endpoint, wanted.endpoint),
    ):
        if is_of != should:
            stores = all(each.startswith(SANDBOX) for each in (is_of, should))
            together = " The ledger of a rehearsal goes with the store of its sandbox: keep or delete both."
            raise LedgerDiffers(
                Message(
                    '{path} is a ledger of the {what} "{found}", and this load goes to "{wanted}". What was '
                    "sent there says nothing about it. Nothing was sent. Name another ledger with {ledger}."
                    + together
                    * stores,
                    path=path,
                    what=what,
                    found=is_of,
                    wanted=should,
                    ledger=Setting("ledger"),
                )
            )


def say_damaged(path: Path, error: RunDamaged) -> LedgerError:
    """Say that a part of a ledger is missing or damaged."""
    return LedgerError(
        Message(
            "{path}: the ledger cannot be used: {reason}. Nothing was sent. Put the ledger back from a "
            "backup, with all files whose names begin with its name.",
            path=path,
            reason=str(error),
        )
    )
