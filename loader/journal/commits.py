"""The commits of one run: what goes along with each, and where the room for one is found on a full disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from loader.journal.slots import Header, digest_boot
from loader.journal.store import DiskFull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loader.journal.chronicle import Chronicle
    from loader.journal.host import Host
    from loader.journal.opening import Reserve
    from loader.journal.reading import Snapshot
    from loader.journal.slots import Slots
    from loader.journal.store import Store, Transaction
    from loader.journal.table_rows import Head
    from loader.model import State

    Write = Callable[[Transaction], None]


class RunClock(NamedTuple):
    """The clocks of the machine, for one run.

    Attributes:
        host: the machine.
        began: what its monotonic clock showed at the start, in seconds.
    """

    host: Host
    began: float

    def now(self) -> float:
        """Seconds since 1970."""
        return float(self.host.now())

    def elapsed(self) -> float:
        """Seconds since the start."""
        return float(self.host.clock() - self.began)


class Commits:
    """Commits with a head, tells the slot file about each commit, and takes notes and samples along.

    Args:
        store: the checkpoint, open for writing.
        slots: the slots of this run.
        chronicle: what is to be written besides the rows.
        reserve: space that is given back when the disk is full.
        counts: rows by state; the journal keeps them up to date.
        clock: the clocks of the run.
    """

    def __init__(
        self,
        store: Store,
        slots: Slots,
        chronicle: Chronicle,
        reserve: Reserve,
        counts: Mapping[State, int],
        clock: RunClock,
    ) -> None:
        self._clock = clock
        self._store = store
        self._slots = slots
        self._chronicle = chronicle
        self._reserve = reserve
        self._counts = counts
        self._durable = store.head.commits
        self._resent = 0
        self._leases_end = ""

    def begin(self, header: Header) -> None:
        """Make the first commit after the slot file was created with this header; durable."""
        self._resent = header.resent
        self._commit(lambda _: None, self.head(), durable=True)

    def head(self, *, mark: int | None = None, attempts: int = 0, clean: bool = False) -> Head:
        """The head of the next commit.

        Args:
            mark: the new intent mark; None if it stays.
            attempts: how many more requests were made.
            clean: whether the run ends with it.
        """
        head = self._store.head
        return head._replace(
            mark=head.mark if mark is None else mark,
            attempts=head.attempts + attempts,
            elapsed=self._clock.elapsed(),
            at=self._clock.now(),
            clean=clean,
        )

    def lease(self, write: Write, mark: int) -> None:
        """Commit a lease up to an intent mark; durable.

        Raises:
            DiskFull: nothing was leased, and nothing more can be leased.
            CheckpointError: it cannot be written.
        """
        if self._leases_end:
            raise DiskFull(self._leases_end)
        try:
            self._commit(write, self.head(mark=mark), durable=True)
        except DiskFull as error:
            self._make_room(error)
            raise

    def commit(self, write: Write, head: Head, *, durable: bool) -> None:
        """Commit; if the disk is full, once more without the reserve. Then no more rows are leased.

        Raises:
            CheckpointError: it cannot be written.
        """
        try:
            self._commit(write, head, durable=durable)
        except DiskFull as error:
            self._make_room(error)
            try:
                self._commit(write, head, durable=durable)
            except DiskFull as still:
                self._store.give_up(str(still))
                raise

    def note_resending(self) -> None:
        """The next commit lets settled rows go again: the slot file knows, if the log should be lost."""
        self._resent = self._store.head.commits + 1

    def _make_room(self, error: DiskFull) -> None:
        self._reserve.give()
        self._leases_end = str(error)

    def _commit(self, write: Write, head: Head, *, durable: bool) -> None:
        if self._chronicle.due(head, self._counts):
            self._store.commit(self._with_chronicle(write, head), head, durable=durable)
            self._chronicle.written(head)
        else:
            self._store.commit(write, head, durable=durable)
        number = self._store.head.commits
        self._durable = number if durable else self._durable
        self._slots.note_commit(
            number, durable=self._durable, mark=self._store.head.mark, resent=self._resent
        )

    def _with_chronicle(self, write: Write, head: Head) -> Write:
        def write_both(transaction: Transaction) -> None:
            write(transaction)
            self._chronicle.write(transaction, head, self._counts)

        return write_both


def build_header(before: Snapshot, head: Head, host: Host, slots: int) -> Header:
    """The header of the slot file of a new run.

    Args:
        before: the checkpoint as the runs before left it.
        head: the head of the commit that began this run.
        host: the machine.
        slots: requests on the wire at once.
    """
    return Header(
        checkpoint=bytes.fromhex(before.checkpoint),
        boot=digest_boot(host.boot_id),
        generation=head.generation,
        committed=head.commits,
        durable=head.commits,
        slots=slots,
        file=(0, 0),
        mark=head.mark,
        # Of the runs before, only that it was not later.
        resent=before.head.commits,
    )
