"""A checkpoint as anyone may look at it, also while a load is running; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import CheckpointError, CheckpointLocked
from loader.journal import recovery
from loader.journal.binding import is_bound
from loader.journal.bitmap import CHUNK, count_chunk_rows
from loader.journal.checkpoint_files import Files
from loader.journal.hold import is_running
from loader.journal.host import Host
from loader.journal.identity import refuse_other_kind, verify
from loader.journal.left_out import rank_reasons
from loader.journal.lock import say_in_use
from loader.journal.opening import is_replaceable
from loader.journal.ranges import Ranges
from loader.journal.reading import (
    Snapshot,
    has_log,
    open_for_reading,
    read_categories,
    read_chunks,
    read_exceptions,
    read_fixed_cells,
    read_folded_commit,
    read_left_out,
    take_snapshot,
)
from loader.journal.recovery import Leftovers
from loader.journal.slots import digest_boot, read_slots
from loader.journal.table_rows import ExceptionRow
from loader.model import Account, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.journal.bitmap import StoredChunk
    from loader.journal.identity import Identity
    from loader.journal.slots import LeftSlots
    from loader.journal.table_rows import Decided, Note, PackedCategories, Run, Sample
    from loader.methods import Kind

# A look that a load begins or ends in is repeated, so that it never shows two instants as one.
_MOST_LOOKS = 20


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """What a checkpoint says at one instant.

    If a load died and none was started since, it says what the next load will say: the rows that were on the
    wire are counted and listed in doubt.

    Attributes:
        path: the checkpoint.
        running: whether a load holds it now.
    """

    path: Path
    running: bool
    _snapshot: Snapshot
    _leftovers: Leftovers
    _left: LeftSlots | None = None

    @classmethod
    def open(cls, path: Path, *, host: Host | None = None) -> CheckpointView:
        """Read and verify the checkpoint at `path`.

        Raises:
            CheckpointError: it is missing, foreign, newer, damaged or an older copy.
        """
        files = Files(Path(path).absolute())
        host = host or Host.local()
        for looks in range(1, _MOST_LOOKS):
            before = read_slots(files.wire)
            try:
                return cls._read(files, host)
            except CheckpointError:
                # A load may have begun or ended between two steps of this look.
                if looks > 1 and read_slots(files.wire) == before:
                    raise
        return cls._read(files, host)

    @classmethod
    def find(cls, path: Path) -> CheckpointView | None:
        """The checkpoint at `path`, or None if there is none.

        Raises:
            CheckpointError: as `open`; or it is gone, and parts of it are left.
        """
        files = Files(Path(path).absolute())
        files.refuse_remains()
        return cls.open(path) if files.path.exists() else None

    @classmethod
    def _read(cls, files: Files, host: Host) -> CheckpointView:
        running = is_running(files)
        log = has_log(files)
        with open_for_reading(files) as connection:
            snapshot = take_snapshot(connection, files.path, log=log)
        left, boot = read_slots(files.wire), digest_boot(host.boot_id)
        running = running or is_running(files)
        if running:
            return cls(files.path, running, snapshot, Leftovers())
        folded = read_folded_commit(files)
        recovery.refuse_older(files, snapshot, left, boot, names=files.count_names(), folded=folded)
        return cls(files.path, running, snapshot, recovery.classify(snapshot, left, boot), left)

    @property
    def identity(self) -> Identity:
        """What it was made for."""
        return self._snapshot.identity

    @property
    def parts(self) -> tuple[Path, ...]:
        """The files that belong to it, itself among them; not all of them need be there."""
        return Files(self.path).parts

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs, oldest first; the counters of the last are those of its last commit."""
        head = self._snapshot.head
        return tuple(
            run._replace(elapsed=head.elapsed, attempts=head.attempts + self._tried)
            if run.generation == head.generation
            else run
            for run in self._snapshot.runs
        )

    @property
    def blank(self) -> bool:
        """Whether no row was ever sent or rejected: then the next load, whatever it is, begins it again."""
        return self._snapshot.blank and not self.running

    def may_go_elsewhere(self, application: str, endpoint: str) -> bool:
        """Whether a load to another application or endpoint begins it again, because nothing binds it yet."""
        elsewhere = self.identity.goes_elsewhere(application, endpoint)
        return elsewhere and not self.running and not is_bound(self._snapshot)

    @property
    def bound(self) -> bool:
        """Whether it can no longer be continued for another application or endpoint."""
        return is_bound(self._snapshot)

    @property
    def decisions(self) -> tuple[Decided, ...]:
        """What users decided about its rows, oldest first."""
        return self._snapshot.decisions

    @property
    def samples(self) -> tuple[Sample, ...]:
        """How the runs went, oldest first; of a run by an older version of this program there are none."""
        return self._snapshot.samples

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was noted of the runs, oldest first."""
        return self._snapshot.notes

    @property
    def given_back(self) -> tuple[int, ...]:
        """Rows that a decision gave back and that were not sent since, ascending."""
        on_wire = set(self._leftovers.in_doubt)
        return tuple(row.ordinal for row in self._snapshot.given_back if row.ordinal not in on_wire)

    def grow(self, identity: Identity) -> CheckpointView:
        """The same, of an input that begins with the present one; to count its rows."""
        return replace(self, _snapshot=replace(self._snapshot, identity=identity))

    @property
    def commits(self) -> int:
        """How many commits had been made when it was read."""
        return self._snapshot.head.commits

    @property
    def may_have_landed(self) -> list[int]:
        """Rows that a decision gave back, to be sent again although they may be at the vendor."""
        return [row.ordinal for row in self._snapshot.given_back if row.resent]

    @property
    def id(self) -> str:
        """Its own random id, which no other checkpoint has."""
        return self._snapshot.checkpoint

    @property
    def fixed(self) -> tuple[bytes, ...]:
        """Cells that users fixed, in place of those of the input, the oldest first; see `sources.fixed`.

        Raises:
            CheckpointError: they were changed by anything but this program.
        """
        if not self._snapshot.fixed:
            return ()
        with open_for_reading(Files(self.path)) as connection:
            return tuple(read_fixed_cells(connection, self.path, each) for each in self._snapshot.fixed)

    def never_sent(self, limit: int) -> int:
        """How many rows below the ordinal `limit` were never sent."""
        return sum(max(0, min(rows.stop, limit) - rows.start) for rows in self._free)

    def list_unsent(self, rows: Iterable[int]) -> list[int]:
        """Those of some rows that were never sent, in any order."""
        free = Ranges(self._free)
        return [row for row in rows if row in free]

    @property
    def _free(self) -> list[range]:
        """The rows that were never sent."""
        beyond = range(self._snapshot.head.mark, self.identity.rows)
        return [*self._snapshot.released, *self._leftovers.released, beyond]

    def refuse_other_kind(self, wanted: Kind) -> None:
        """Refuse a checkpoint of another kind, which can be told before the input is read.

        Raises:
            CheckpointDiffers: it is of another kind.
        """
        refuse_other_kind(self.path, self.identity.kind, wanted)

    def refuse_other(self, wanted: Identity, *, grown: bool = False) -> None:
        """Refuse a checkpoint that was made for another load, or that a load holds now.

        Args:
            wanted: what is to be loaded.
            grown: whether it is proven that its input begins with that of the checkpoint.

        Raises:
            CheckpointDiffers, CheckpointLocked: as opening it for a load would say.
            CheckpointError: its slot file is lost.
        """
        verify(self.path, replace(self.identity, files=wanted.files) if grown else self.identity, wanted)
        self.refuse_unusable()

    def is_replaceable(self, wanted: Identity) -> bool:
        """Whether it is of a rehearsal, and another rehearsal begins it again."""
        return is_replaceable(self.identity, wanted)

    def refuse_unusable(self) -> None:
        """Refuse a checkpoint that a load holds now, or that has lost a part.

        Raises:
            CheckpointLocked: a load holds it.
            CheckpointError: its slot file is lost.
        """
        files = Files(self.path)
        if self.running:
            raise CheckpointLocked(say_in_use(self.path, files.lock))
        recovery.refuse_without_slots(files, self._snapshot, self._left)

    def account(self) -> Account:
        """The counts over all runs."""
        counts = self._snapshot.counts
        return Account(
            read=self.identity.rows,
            confirmed=counts[State.CONFIRMED],
            rejected=counts[State.REJECTED],
            in_doubt=counts[State.IN_DOUBT] + len(self._leftovers.in_doubt),
            in_flight=len(self._snapshot.unsettled) if self.running else 0,
            possible_duplicates=self._snapshot.resent,
            attempts=sum(run.attempts for run in self.runs),
            elapsed_seconds=sum(run.elapsed for run in self.runs),
            left_out_by=rank_reasons(self._snapshot.left_out_by),
        )

    @property
    def in_flight(self) -> tuple[int, ...]:
        """Rows that a load holds right now: leased and not settled; none at rest."""
        return self._snapshot.unsettled if self.running else ()

    def confirmed(self) -> Iterator[StoredChunk]:
        """The confirmed rows, a bit each, in chunks; a chunk without bits is confirmed to its end.

        Read from the file while they are asked for, so a running load may have added to them.

        Raises:
            CheckpointError: a chunk was changed by anything but this program.
        """
        with open_for_reading(Files(self.path)) as connection:
            yield from read_chunks(connection, self.path, self.identity.rows)

    def exceptions(self, state: State) -> Iterator[ExceptionRow]:
        """The rows that are `REJECTED` or `IN_DOUBT`, ascending; `CONFIRMED`: the possible duplicates.

        Read from the file while they are asked for, so a running load may have added to them.

        Raises:
            CheckpointError: a row was changed by anything but this program.
        """
        dead = self._leftovers.in_doubt if state is State.IN_DOUBT else ()
        marks = {row.ordinal: row for row in self._snapshot.given_back}
        at, attempts = self._snapshot.head.at, self._leftovers.attempts
        doubts = (
            ExceptionRow.of_doubt(ordinal, self._leftovers.reason, attempts=attempts, at=at).follow_up(
                marks.get(ordinal)
            )
            for ordinal in dead
        )
        with open_for_reading(Files(self.path)) as connection:
            written = read_exceptions(connection, self.path, state)
            yield from merge(written, doubts, key=lambda row: row.ordinal)

    def bitmaps(self) -> Iterator[tuple[range, bytes | None]]:
        """Which rows are confirmed: ascending ranges, with a bit for each row, lowest first; None for all.

        Read from the file while they are asked for, as `exceptions`.

        Raises:
            CheckpointError: a bitmap was changed by anything but this program.
        """
        with open_for_reading(Files(self.path)) as connection:
            for chunk in read_chunks(connection, self.path, self.identity.rows):
                first = chunk.number * CHUNK
                yield range(first, first + count_chunk_rows(chunk.number, self.identity.rows)), chunk.bits

    def left_out(self) -> Iterator[tuple[range, bytes]]:
        """Which rows are left out: ascending ranges, with a bit for each row, lowest first.

        Read from the file while they are asked for, as `exceptions`.

        Raises:
            CheckpointError: a bitmap was changed by anything but this program.
        """
        with open_for_reading(Files(self.path)) as connection:
            for chunk in read_left_out(connection, self.path):
                first = chunk.number * CHUNK
                rows = range(first, first + count_chunk_rows(chunk.number, self.identity.rows))
                yield rows, chunk.mask.to_bytes(CHUNK // 8, "little")

    def categories(self) -> Iterator[tuple[int, PackedCategories]]:
        """By what a report counts rows, ascending by the first row, each with its number; none of old loads.

        Of a row that several have, the one with the highest number is of its last lease.

        Raises:
            CheckpointError: they were changed by anything but this program.
        """
        with open_for_reading(Files(self.path)) as connection:
            yield from read_categories(connection, self.path)

    @property
    def _tried(self) -> int:
        return self._leftovers.attempts * len(self._leftovers.in_doubt)
