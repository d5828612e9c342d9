"""The one writer of a checkpoint."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from loader.errors import CheckpointError
from loader.journal import schema
from loader.journal.beginning import begin, write_released
from loader.journal.bitmap import Bitmaps, count_chunk_rows
from loader.journal.checkpoint_files import Files, explain_unusable
from loader.journal.chronicle import Chronicle
from loader.journal.commits import Commits, RunClock, build_header
from loader.journal.host import Host
from loader.journal.left_out import LeftOutRows, list_others, rank_reasons, refuse_overlaps
from loader.journal.lock import Lock
from loader.journal.opening import Reserve, Verified, ensure_checkpoint, open_verified, salvage
from loader.journal.ranges import Ranges
from loader.journal.settlement import Settlement, Unsettled, carry_out
from loader.journal.sizing import LeaseSize
from loader.journal.slots import Slots
from loader.journal.store import Store
from loader.journal.table_rows import Decided, ExceptionRow, Fixed, Lease, make_storable
from loader.model import Account, Decision, State

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from types import TracebackType

    from loader.journal.bitmap import StoredChunk
    from loader.journal.fixed_cells import FixedCells
    from loader.journal.hold import Hold
    from loader.journal.identity import GrownFrom, Identity
    from loader.journal.left_out import LeftOutChunk
    from loader.journal.store import Transaction
    from loader.journal.table_rows import PackedCategories
    from loader.model import LeftOut, Outcome, Reject, Traffic

# The numbers of the leases of one commit, and of what a decision brings, differ in this many bits.
_PIECES_BITS = 20
# What a retry with cells that the user fixed is called in the history.
FIXED = "fixed"


class Journal:
    """Writes down what may be sent before it is sent, and what became of it before it is forgotten.

    Use from one thread, as a context manager; `account` may be asked from any.

    Attributes:
        resumed: whether the checkpoint was there before.
        blank: whether no row was settled or on its way when this run began.
        leftovers: rows found in doubt because the run before died.
    """

    def __init__(
        self, files: Files, lock: Lock, hold: Hold, verified: Verified, *, window: int, host: Host
    ) -> None:
        """Use `open`; it holds the lock and has verified the checkpoint."""
        snapshot = verified.snapshot
        self.identity = verified.identity
        self.resumed = snapshot.head.generation > 0
        self.blank = snapshot.blank
        self.leftovers = len(verified.leftovers.in_doubt)
        self._clock = RunClock(host, host.clock())
        self._lock = lock
        self._reserve = Reserve(files.reserve)
        self._store = Store(files, snapshot.head, hold, host.connect)
        self._left_out = LeftOutRows(self.identity.rows, self._store.left_out)
        self._left_out_by = snapshot.left_out_by
        self._bitmaps = Bitmaps(self._count_sendable, self._fetch_chunk)
        self._released = verified.released
        self._counts = dict(snapshot.counts)
        self._counts[State.IN_DOUBT] += self.leftovers
        if verified.leftovers.salvaged is not None:
            for row in verified.leftovers.salvaged.reopened:
                self._counts[row.state] -= 1
        self._resent = snapshot.resent
        open_again = set(verified.leftovers.in_doubt)
        self._unsettled = Unsettled(row for row in snapshot.given_back if row.ordinal not in open_again)
        self._leased = self._unsettled.leased
        self._counts[State.NEVER_SENT] = len(self._unsettled.given_back)
        self._checkpoint = snapshot.checkpoint
        self._sizing = LeaseSize()
        self._unwritten = 0
        self._closed = False
        with ExitStack() as undo:
            undo.callback(self._store.abandon)
            self._beginning = begin(self._store, verified, self._released, self._clock.now())
            self._chronicle = Chronicle(self._beginning.run.generation, self._beginning.seconds)
            header = build_header(snapshot, self._store.head, host, max(window, 1))
            try:
                self._slots = Slots.create(files, header)
            except OSError as error:
                raise explain_unusable(files.wire, error) from error
            undo.callback(self._slots.close)
            self._commits = Commits(
                self._store, self._slots, self._chronicle, self._reserve, self._counts, self._clock
            )
            self._commits.begin(header)
            # From here on the file itself says that it is incomplete without its log.
            self._store.fold()
            self._reserve.take()
            for part in (files.log, files.shared, files.wire):
                self._store.watch(part)
            undo.pop_all()

    @classmethod
    def open(
        cls,
        path: Path,
        identity: Identity,
        *,
        window: int = 64,
        host: Host | None = None,
        replacing: bool = False,
        grown_from: GrownFrom | None = None,
    ) -> Journal:
        """Open a checkpoint to load with it: create it, or verify it and name what a dead run left.

        Args:
            path: the checkpoint; its other files are put beside it.
            identity: what to load.
            window: requests on the wire at once; more are possible.
            host: the machine; by default this one.
            replacing: whether a rehearsal that was made for something else begins again, from its first row.
            grown_from: what it was made for before rows were added, if it is proven that `identity` begins
                with that input. The checkpoint is of `identity` from then on; rows keep their ordinals.

        Raises:
            CheckpointLocked: another load holds it.
            CheckpointDiffers: it was made for something else.
            CheckpointError: it cannot be created, read, written or trusted. Nothing was sent.
        """
        host = host or Host.local()
        files = Files(Path(path).absolute())
        files.refuse_unusable_folder()
        files.refuse_planted()
        with _take(files) as lock:
            ensure_checkpoint(files, identity)
            hold = lock.hold(files.path)
            verified = open_verified(files, identity, host, replacing=replacing, grown_from=grown_from)
            lock.keep_copies_out(files.path, verified.snapshot.checkpoint)
            return cls(files, lock, hold, verified, window=window, host=host)

    @classmethod
    def recover(cls, path: Path, *, host: Host | None = None) -> Journal:
        """Open a checkpoint that is refused because a part is lost; durable.

        What is known of its rows is kept. Every other row that may have been sent since is in doubt; how many
        there are is in `leftovers`.

        Raises:
            CheckpointLocked: a load holds it.
            CheckpointError: it cannot be read, written or trusted, or no part of it is lost.
        """
        host = host or Host.local()
        files = Files(Path(path).absolute())
        files.refuse_planted()
        files.refuse_missing()
        with _take(files) as lock:
            hold = lock.hold(files.path)
            verified = salvage(files, host)
            lock.keep_copies_out(files.path, verified.snapshot.checkpoint)
            journal = cls(files, lock, hold, verified, window=1, host=host)
            journal._decide(Settlement([], decided=journal._decision("recover", journal.leftovers)))
            return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self._store.path

    @property
    def run(self) -> str:
        """The random id of this run, as stored in the checkpoint."""
        return self._beginning.run.run

    @property
    def lease_rows(self) -> int:
        """How many rows the next lease should take: 64 to 4,096, for leases to cost under 2 % of the time."""
        return self._sizing.rows

    def account(self) -> Account:
        """The counts over all runs."""
        head = self._store.head
        return Account(
            read=self.identity.rows,
            confirmed=self._counts[State.CONFIRMED],
            rejected=self._counts[State.REJECTED],
            in_doubt=self._counts[State.IN_DOUBT],
            in_flight=len(self._unsettled) + self._unwritten,
            possible_duplicates=self._resent,
            attempts=self._beginning.attempts + head.attempts,
            elapsed_seconds=self._beginning.seconds
            + (head.elapsed if self._closed else self._clock.elapsed()),
            left_out_by=rank_reasons(self._left_out_by),
        )

    def never_sent(self, limit: int | None = None) -> Iterator[range]:
        """Ranges of the rows that may be leased now, ascending, below the ordinal `limit`."""
        rows = self.identity.rows
        stop = rows if limit is None else min(limit, rows)
        free = self._released.with_rows([range(self._store.head.mark, rows)])
        return (range(each.start, min(each.stop, stop)) for each in tuple(free) if each.start < stop)

    def lease(
        self,
        *rows: range,
        rejects: Sequence[Reject] = (),
        left_out: Sequence[LeftOut] = (),
        categories: PackedCategories | None = None,
    ) -> None:
        """Make the intent to send `rows` durable, in one commit; only after it returns may they be sent.

        Args:
            rows: rows that were never sent, in ascending ranges.
            rejects: those of them that cannot be mapped; written down in the same commit, never sent.
            left_out: those of them that are no part of the load; likewise.
            categories: by what a report counts these rows, and others if they are known already; written in
                the same commit.

        Raises:
            ValueError: a row was leased or settled before, or a row that is rejected or left out is not among
                the rows, or twice.
            CheckpointError: nothing was leased, send none of them. What is on the wire can still be settled
                if the disk was full.
        """
        pieces = [range(int(each.start), int(each.stop)) for each in rows if each]
        if not pieces:
            return
        refused = self._refused(pieces, rejects)
        mark = max(self._store.head.mark, pieces[-1].stop)
        released = self._without(pieces, mark)
        settlement = self._unsettled.refuse(refused.values())
        refuse_overlaps(pieces, refused, left_out)
        leases = self._leases(pieces, refused, left_out)
        parts = self._unsettled.leave_out(left_out, settlement, at=self._clock.now())
        changes = self._left_out.add(parts)
        counted = self._count_left_out(parts)

        def write(transaction: Transaction) -> None:
            write_released(transaction, self._released, released)
            write_exceptions(transaction, settlement)
            write_left_out(transaction, changes, self._left_out_by, counted)
            for lease in leases:
                transaction.add(schema.LEASES, lease)
            if categories is not None:
                transaction.put_categories(self._store.head.commits + 1, categories)

        began = self._clock.elapsed()
        self._commits.lease(write, mark)
        self._sizing.note_commit(began, self._clock.elapsed())
        self._released = released
        self._left_out.written(changes)
        self._left_out_by = counted
        self._count(settlement)
        for lease, sendable in leases.items():
            self._unsettled.lease(lease, sendable)
        oldest = self._unsettled.oldest
        needed = pieces[0].start if oldest is None else oldest
        self._bitmaps.close_below(needed)
        self._left_out.close_below(needed)

    def sending(self, *ordinals: int) -> None:
        """Note that leased rows are put on the wire now; call it just before the first byte of them leaves.

        Raises:
            ValueError: a row was not leased.
            CheckpointError: do not send them.
        """
        leased = self._leased
        for ordinal in ordinals:
            if ordinal not in leased and ordinal not in self._unsettled:
                raise ValueError(f"row {ordinal} has no open lease")
        if self._store.broken:
            self._store.refuse_broken()
        try:
            self._slots.put(ordinals)
        except (OSError, ValueError) as error:
            raise explain_unusable(self._store.path, error) from error

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of leased rows, in one commit; only then are their slots cleared.

        A doubt whose row is sent again is written durably: its mark as a possible duplicate must outlive a
        power loss too, because the second request may have landed by then.

        Raises:
            ValueError: a row has no open lease, or is named twice; nothing was written.
            CheckpointError: send nothing more; the rows are in doubt when the checkpoint is opened again.
        """
        if outcomes:
            resending = any(outcome.resending for outcome in outcomes)
            if resending:
                self._commits.note_resending()
            self._write_or_keep(self._unsettled.settle(outcomes, at=self._clock.now()), durable=resending)
            self._sizing.settled(len(outcomes))

    def decide(
        self,
        decision: Decision,
        rows: Sequence[ExceptionRow],
        detail: str = "",
        *,
        fixed: Sequence[FixedCells] = (),
    ) -> None:
        """Carry out what the user decided about rows that are rejected or in doubt; one durable commit.

        `LANDED` confirms them; the others give them back, to be leased again: `RESEND` marked as possible
        duplicates for ever, `DROPPED` and `RETRY` not.

        Args:
            decision: what was decided.
            rows: the rows' records as stored in the checkpoint.
            detail: what the decision changed, for the history.
            fixed: cells that the user fixed, which take the place of those of the input from now on.
        """
        if rows or fixed:
            decided = self._decision(FIXED if fixed else str(decision), len(rows), detail)
            self._decide(replace(carry_out(decision, rows, decided), fixed=fixed))

    def remap(self, mapping: str) -> None:
        """Continue with a fixed mapping; the one before is kept in the history; durable."""
        before, after = self.identity, replace(self.identity, mapping=mapping)
        decided = self._decision("mapping", 0, before.mapping)

        def write(transaction: Transaction) -> None:
            transaction.remove(schema.IDENTITY, (self._checkpoint, *before.to_row()))
            transaction.add(schema.IDENTITY, (self._checkpoint, *after.to_row()))
            transaction.add(schema.DECISIONS, decided)

        self._commits.note_resending()
        self._commits.commit(write, self._commits.head(), durable=True)
        self.identity = after

    def observe(self, traffic: Callable[[], Traffic]) -> None:
        """From now on write samples of the sender's traffic into commits that are made anyway.

        `traffic` is asked from within them, in their thread.
        """
        self._chronicle.observe(traffic, self._counts, self._clock.elapsed())

    def note(self, what: str, detail: str) -> None:
        """Have something that is worth knowing of this run written with the next commit; no secrets."""
        self._chronicle.note(what, detail, self._clock.now())

    @property
    def given_back(self) -> list[int]:
        """Rows that a decision gave back and that were not sent since, ascending."""
        return self._unsettled.given_back

    @property
    def mark(self) -> int:
        """The intent mark: no row from here on was ever leased."""
        return self._store.head.mark

    def confirmed(self, ordinal: int) -> bool:
        """Whether a row is confirmed."""
        return ordinal in self._bitmaps

    def release(self) -> None:
        """Give back what is leased and has no outcome; durable. A row that is on the wire is in doubt."""
        self._write_or_keep(self._unsettled.give_back(self._slots, at=self._clock.now()), durable=True)

    def close(self) -> None:
        """End the run and close the files. Rows without an outcome are classified at the next opening.

        Raises:
            CheckpointError: the end could not be written; what was written before stands.
        """
        if self._closed:
            return
        self._closed = True
        with ExitStack() as last:
            last.callback(self._lock.release)
            last.callback(self._slots.close)
            last.callback(self._store.close)
            last.callback(self._reserve.give)
            if not self._store.broken:
                self._end()

    def _end(self) -> None:
        head = self._commits.head(clean=True)
        ended = self._beginning.run._replace(ended=head.at, elapsed=head.elapsed, attempts=head.attempts)

        def write(transaction: Transaction) -> None:
            transaction.remove(schema.RUNS, self._beginning.run)
            transaction.add(schema.RUNS, ended)

        self._commits.commit(write, head, durable=True)
        self._store.fold()

    def _decision(self, what: str, rows: int, detail: str = "") -> Decided:
        """The record of a decision that the next commit carries out."""
        return Decided(self._store.head.commits + 1, self._clock.now(), what, rows, detail)

    def _decide(self, settlement: Settlement) -> None:
        self._commits.note_resending()
        self._write(settlement, durable=True)

    def _refused(self, pieces: Sequence[range], rejects: Sequence[Reject]) -> dict[int, ExceptionRow]:
        """The records of rejects among the rows of a lease, by ordinal."""
        at, leased = self._clock.now(), Ranges(pieces)
        refused = {reject.ordinal: ExceptionRow.of_reject(reject, at=at) for reject in rejects}
        if len(refused) != len(rejects) or not all(ordinal in leased for ordinal in refused):
            raise ValueError(f"rejects outside of the leased rows {show_rows(pieces)}, or twice")
        return refused

    def _without(self, pieces: Sequence[range], mark: int) -> Ranges:
        """What is still released once `pieces` are leased and the intent mark is at `mark`."""
        if pieces[0].start < 0 or mark > self.identity.rows or any(each.step != 1 for each in pieces):
            raise ValueError(f"rows {show_rows(pieces)} are not rows of the input")
        # Rows between the mark and a lease beyond it fall below the mark, unsent.
        free = self._released.with_rows([range(self._store.head.mark, mark)])
        if not all(map(free.covers, pieces)):
            raise ValueError(f"rows {show_rows(pieces)} are not all free to be sent")
        return free.without(*pieces)

    def _leases(
        self, pieces: Sequence[range], refused: Container[int], left_out: Sequence[LeftOut]
    ) -> dict[Lease, Sequence[int]]:
        """A lease for each piece, with its rows that may be sent; none if there are none."""
        first = (self._store.head.commits + 1) << _PIECES_BITS
        found: dict[Lease, Sequence[int]] = {}
        for number, rows in enumerate(pieces, first):
            sendable = list_others(rows, left_out) if left_out else rows
            if refused:
                sendable = [ordinal for ordinal in sendable if ordinal not in refused]
            if sendable:
                found[Lease(number, rows.start, rows.stop)] = sendable
        return found

    def _count_left_out(self, parts: Sequence[LeftOut]) -> dict[str, int]:
        """The counts by reason, with those of more rows."""
        counted = dict(self._left_out_by)
        for part in parts:
            if part.rows:
                reason = make_storable(part.reason)
                counted[reason] = counted.get(reason, 0) + part.rows
        return counted

    def _count_sendable(self, number: int) -> int:
        """How many rows of a chunk can be confirmed."""
        return count_chunk_rows(number, self.identity.rows) - self._left_out.count(number)

    def _fetch_chunk(self, number: int) -> StoredChunk | None:
        chunk = self._store.chunk(number)
        return chunk and chunk.spread_around(self.identity.rows, self._left_out.mask(number))

    def _write_or_keep(self, settlement: Settlement, *, durable: bool) -> None:
        """Write; what cannot be written stays in flight, because it may have landed."""
        leased = len(settlement.rows) - len(settlement.freed) - settlement.again
        try:
            self._write(settlement, durable=durable)
        except CheckpointError:
            self._unwritten += leased
            raise

    def _write(self, settlement: Settlement, *, durable: bool) -> None:
        self._bitmaps.confirm(settlement.confirmed)
        released = settlement.released(self._released)
        chunks: list[StoredChunk] = []

        def write(transaction: Transaction) -> None:
            chunks.clear()
            for replaced, chunk in self._bitmaps.changed():
                transaction.put_chunk(chunk, replaced=replaced)
                chunks.append(chunk)
            write_exceptions(transaction, settlement)
            for lease in settlement.ended:
                transaction.remove(schema.LEASES, lease)
            if released is not self._released:
                write_released(transaction, self._released, released)
            if settlement.decided is not None:
                transaction.add(schema.DECISIONS, settlement.decided)
                write_fixed(transaction, settlement.decided, settlement.fixed)

        head = self._commits.head(attempts=settlement.attempts)
        self._commits.commit(write, head, durable=durable)
        self._bitmaps.written(chunks)
        self._slots.clear(settlement.rows)
        self._released = released
        self._count(settlement)

    def _count(self, settlement: Settlement) -> None:
        self._unsettled.take_over(settlement)
        self._counts[State.CONFIRMED] += len(settlement.confirmed)
        for row in settlement.replaced:
            self._counts[row.state] -= 1
        for row in settlement.added:
            if row.state is State.CONFIRMED:
                self._resent += 1
            else:
                self._counts[row.state] += 1


@contextmanager
def _take(files: Files) -> Iterator[Lock]:
    """The lock of a checkpoint, which is given back if it cannot be opened."""
    lock = Lock(files.lock)
    lock.take(files.path)
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def show_rows(pieces: Sequence[range]) -> str:
    """Rows, for a message."""
    return f"{pieces[0].start} to {pieces[-1].stop - 1}"


def write_fixed(transaction: Transaction, decided: Decided, fixed: Sequence[FixedCells]) -> None:
    """Write the cells that came with a decision."""
    for number, each in enumerate(fixed, decided.number << _PIECES_BITS):
        transaction.add(schema.FIXED, Fixed(number, each.rows, each.digest))
        transaction.put_cells(number, each.cells)


def write_left_out(
    transaction: Transaction,
    changes: Sequence[tuple[LeftOutChunk | None, LeftOutChunk]],
    before: Mapping[str, int],
    after: Mapping[str, int],
) -> None:
    """Write which rows are left out, and the counts by reason, if they have changed."""
    for old, new in changes:
        if old is not None:
            transaction.remove(schema.LEFT_OUT, old)
        transaction.add(schema.LEFT_OUT, new)
    for reason, rows in after.items():
        if (known := before.get(reason)) == rows:
            continue
        if known is not None:
            transaction.remove(schema.REASONS, (reason, known))
        transaction.add(schema.REASONS, (reason, rows))


def write_exceptions(transaction: Transaction, settlement: Settlement) -> None:
    """Write the records of rows that were not simply confirmed."""
    for row in settlement.replaced:
        transaction.remove(schema.EXCEPTIONS, row.stored())
    for row in settlement.added:
        transaction.add(schema.EXCEPTIONS, row.stored())
