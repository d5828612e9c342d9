"""Reading a checkpoint and trusting nothing in it: every checksum is verified before a row counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal import schema
from loader.journal.binding import is_binding
from loader.journal.bitmap import CHUNK, StoredChunk, count_chunk_rows
from loader.journal.checkpoint_files import is_filled
from loader.journal.fixed_cells import FixedCells
from loader.journal.hold import connecting
from loader.journal.identity import Identity
from loader.journal.left_out import LeftOutChunk
from loader.journal.ranges import Ranges
from loader.journal.table_rows import (
    Decided,
    ExceptionRow,
    Fixed,
    Head,
    Lease,
    Note,
    PackedCategories,
    Run,
    Sample,
    Sums,
)
from loader.message import Message, Setting
from loader.model import Phase, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.journal.checkpoint_files import Files
    from loader.journal.schema import SealedTable


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint at one instant.

    Attributes:
        checkpoint: its own random id, hexadecimal.
        counts: rows in each state, exceptions and bitmaps together; of `NEVER_SENT` only those that were
            given back by a decision.
        left_out_by: rows that are left out, by the reason.
        resent: confirmed rows that may be there twice.
        unsettled: rows that are leased and have no outcome.
        released: rows below the intent mark that were given back.
        given_back: rows that a decision gave back and that have no outcome since.
        decisions: what users decided, oldest first.
        samples, notes: of all runs, oldest first; none of a run of version 1.
        log: whether a write-ahead log was there.
        fixed: cells that users fixed, without the cells themselves.
        binding: whether a row that is not simply confirmed ties it to its application and endpoint.
    """

    checkpoint: str
    identity: Identity
    head: Head
    counts: dict[State, int]
    left_out_by: dict[str, int]
    resent: int
    leases: tuple[Lease, ...]
    unsettled: tuple[int, ...]
    released: Ranges
    runs: tuple[Run, ...]
    given_back: tuple[ExceptionRow, ...]
    decisions: tuple[Decided, ...]
    samples: tuple[Sample, ...]
    notes: tuple[Note, ...]
    fixed: tuple[Fixed, ...]
    log: bool
    binding: bool

    @property
    def blank(self) -> bool:
        """Whether it knows of no row that anything happened to: none is settled, none was on its way.

        To leave a row out is what the mapping says, and promises nothing.
        """
        return not self.unsettled and not any(self.counts.values())


@contextmanager
def open_for_reading(files: Files) -> Iterator[sqlite3.Connection]:
    """A connection that can only read, in one transaction: one instant, whatever a load writes meanwhile.

    Raises:
        CheckpointError: the checkpoint is missing, foreign, newer or damaged.
    """
    path = files.path
    files.refuse_planted()
    files.refuse_missing()
    # If there is no log, SQLite would create an empty one to read; an unchanging file needs none.
    mode = "mode=ro" if has_log(files) else "mode=ro&immutable=1"
    try:
        schema.refuse_empty(path)
        with (
            connecting(path),
            closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, isolation_level=None)) as connection,
        ):
            connection.execute("BEGIN")
            schema.recognise(connection, path)
            yield connection
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise explain_unreadable(path, error) from error


def explain_unreadable(path: Path, error: Exception) -> CheckpointError:
    """Say why a checkpoint cannot be read: it cannot be opened, or it is damaged."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return CheckpointError(
            f"{path} cannot be opened. Check that this user may read it and the files beside it."
        )
    return explain_damage(path, str(error))  # SQLite's messages quote damaged text


def has_log(files: Files) -> bool:
    """Whether a write-ahead log with anything in it lies beside the checkpoint."""
    return is_filled(files.log)


def read_folded_commit(files: Files) -> int:
    """The number of the commit that the file itself has, without its log; 0 if it cannot be read so.

    If the log was just being moved into it when the power went, the file holds a mixture: pages of two times,
    and pages of which a part was written. Only the checksum tells a head from what is left of one.
    """
    if not has_log(files):
        return 0
    uri = f"{files.path.as_uri()}?mode=ro&immutable=1"
    try:
        with connecting(files.path), closing(sqlite3.connect(uri, uri=True)) as connection:
            ((*values, crc),) = connection.execute(schema.HEAD.select).fetchall()
    except (sqlite3.Error, ValueError):
        return 0
    head = tuple(values)
    return Head.from_columns(head).commits if schema.HEAD.seal(head) == crc else 0


def take_snapshot(connection: sqlite3.Connection, path: Path, *, log: bool) -> Snapshot:
    """Read and verify everything. An older version is read as it is; a load brings it up to date.

    Raises:
        CheckpointError: something in it was changed by anything but this program.
    """
    present = schema.read_version(connection)
    if schema.list_tables(connection) != schema.list_expected_tables(present):
        raise explain_damage(path, "its tables are not those of a checkpoint")
    for (finding,) in connection.execute("PRAGMA quick_check(1)"):
        if finding != "ok":
            raise explain_damage(path, str(finding))
    return _Reader(connection, path, present).snapshot(log=log)


class _Reader:
    """Reads the tables in turn and adds up the checksums."""

    def __init__(self, connection: sqlite3.Connection, path: Path, present: int) -> None:
        self._connection = connection
        self._path = path
        self._present = present
        self._binding = False
        self._sums: dict[str, int] = dict.fromkeys(Sums._fields, 0)

    def snapshot(self, *, log: bool) -> Snapshot:
        heads = list(self._rows(schema.HEAD))
        identities = list(self._rows(schema.IDENTITY))
        if len(heads) != 1 or len(identities) != 1:
            raise explain_damage(self._path, "its head is missing")
        head = Head.from_columns(heads[0])
        checkpoint, *columns = identities[0]
        identity = Identity.from_row(*columns)  # type: ignore[arg-type]  # sealed
        leases = tuple(Lease(*row) for row in self._rows(schema.LEASES))  # type: ignore[arg-type]  # sealed
        leased = tuple(lease.rows for lease in leases)
        released = Ranges(range(*row) for row in self._rows(schema.RELEASED))  # type: ignore[call-overload]  # sealed
        left_out, leased_masks = self._left_out(identity.rows, leased)
        left_out_by = {str(reason): int(rows) for reason, rows in self._rows(schema.REASONS)}  # type: ignore[call-overload]  # sealed
        confirmed, leased_chunks = self._chunks(identity.rows, leased)
        counts, given_back, excepted = self._exceptions(leased)
        resent = counts[State.CONFIRMED]
        counts[State.CONFIRMED] = confirmed
        runs = tuple(Run(*row) for row in self._rows(schema.RUNS))  # type: ignore[arg-type]  # sealed
        decisions = tuple(Decided(*row) for row in self._rows(schema.DECISIONS))  # type: ignore[arg-type]  # sealed
        samples = tuple(Sample(*row) for row in self._rows(schema.SAMPLES))  # type: ignore[arg-type]  # sealed
        notes = tuple(Note(*row) for row in self._rows(schema.NOTES))  # type: ignore[arg-type]  # sealed
        fixed = tuple(Fixed(*row) for row in self._rows(schema.FIXED))  # type: ignore[arg-type]  # sealed
        if Sums(**self._sums) != head.sums:
            raise explain_damage(self._path, "rows of it are missing, or come from another time")
        if sum(left_out_by.values()) != left_out:
            raise explain_damage(self._path, "the rows that it leaves out are not those that it counts")
        # A row that was given back can be in a second lease while the first is still open.
        unsettled = {
            ordinal
            for rows in leased
            for ordinal in rows
            if ordinal not in excepted
            and ordinal not in released
            and not _is_confirmed(leased_chunks.get(ordinal // CHUNK), ordinal)
            and not _is_set(leased_masks.get(ordinal // CHUNK), ordinal)
        }
        return Snapshot(
            checkpoint=str(checkpoint),
            identity=identity,
            head=head,
            counts=counts,
            left_out_by=left_out_by,
            resent=resent,
            leases=leases,
            unsettled=tuple(sorted(unsettled)),
            released=released,
            runs=runs,
            given_back=tuple(given_back),
            decisions=decisions,
            samples=samples,
            notes=notes,
            fixed=fixed,
            log=log,
            binding=self._binding,
        )

    def _rows(self, table: SealedTable) -> Iterator[tuple[object, ...]]:
        if table.since > self._present:
            return
        total = 0
        for *values, crc in self._connection.execute(table.select):
            row = tuple(values)
            if table.seal(row) != crc:
                raise explain_damage(self._path, f"a row of its table {table.name} does not fit its checksum")
            total += crc
            yield row
        if table.total in self._sums:
            self._sums[table.total] += total

    def _chunks(self, rows: int, leases: tuple[range, ...]) -> tuple[int, dict[int, StoredChunk]]:
        confirmed, kept, wanted = 0, {}, _list_chunks(leases)
        for chunk in read_chunks(self._connection, self._path, rows):
            confirmed += chunk.confirmed
            self._sums["chunks"] += chunk.crc
            if chunk.number in wanted:
                kept[chunk.number] = chunk
        return confirmed, kept

    def _left_out(self, rows: int, leases: tuple[range, ...]) -> tuple[int, dict[int, bytes]]:
        """How many rows are left out, and a bit for each row of the chunks that are leased."""
        left_out, kept, wanted = 0, {}, _list_chunks(leases)
        for row in self._rows(schema.LEFT_OUT):
            chunk = LeftOutChunk(*row)  # type: ignore[arg-type]  # sealed
            if not chunk.sound(rows):
                raise _explain_left_out(self._path, chunk.number)
            left_out += chunk.rows
            if chunk.number in wanted:
                kept[chunk.number] = _to_bits(chunk)
        return left_out, kept

    def _exceptions(self, leases: tuple[range, ...]) -> tuple[dict[State, int], list[ExceptionRow], set[int]]:
        """Their counts, those that were given back, and the ordinals of those that settle a leased row."""
        counts, given_back, excepted = dict.fromkeys(State, 0), [], set()
        lowest = min((lease.start for lease in leases), default=None)
        for row in self._rows(schema.EXCEPTIONS):
            state = State(str(row[1]))
            counts[state] += 1
            # Nearly all of them are of this machine, and bind nothing.
            if not self._binding and (row[2] != Phase.LOCAL or row[-1]):
                self._binding = is_binding(ExceptionRow.from_columns(row))
            if state is State.NEVER_SENT:
                given_back.append(ExceptionRow.from_columns(row))
            elif lowest is not None and row[0] >= lowest:  # type: ignore[operator]  # sealed
                excepted.add(row[0])
        return counts, given_back, excepted  # type: ignore[return-value]  # sealed


def read_chunks(connection: sqlite3.Connection, path: Path, rows: int) -> Iterator[StoredChunk]:
    """The bitmaps of an input of `rows` rows, ascending, each verified by its checksum."""
    for number, count, crc, bits in connection.execute(
        "SELECT number, confirmed, crc, bits FROM chunks ORDER BY number"
    ):
        if not _is_plausible(number, count, crc, bits):
            raise explain_damage(path, "one of its bitmaps cannot be read")
        chunk = StoredChunk(number, count, bits, int.from_bytes(crc, "little"))
        short = bits is None and count < count_chunk_rows(number, rows)
        left_out = _find_left_out(connection, path, number) if short else None
        if not chunk.sound(rows, left_out.rows if left_out else 0):
            raise explain_damage(path, f"bitmap {number} does not fit its checksum")
        yield chunk.spread_around(rows, left_out.mask if left_out else 0)


def _find_left_out(connection: sqlite3.Connection, path: Path, number: int) -> LeftOutChunk | None:
    found = connection.execute("SELECT * FROM left_out WHERE number = ?", (number,)).fetchone()
    return found and _verify_left_out(path, found)


def _verify_left_out(path: Path, row: tuple[object, ...]) -> LeftOutChunk:
    *values, crc = row
    if schema.LEFT_OUT.seal(tuple(values)) != crc:
        raise _explain_left_out(path, values[0])
    return LeftOutChunk(*values)  # type: ignore[arg-type]  # sealed


def _explain_left_out(path: Path, number: object) -> CheckpointError:
    return explain_damage(path, f"bitmap {number} of the rows that are left out does not fit its checksum")


def read_left_out(connection: sqlite3.Connection, path: Path, first: int = 0) -> Iterator[LeftOutChunk]:
    """The chunks with rows that are left out, ascending from number `first` on, each verified."""
    if schema.read_version(connection) < schema.LEFT_OUT.since:
        return
    for row in connection.execute("SELECT * FROM left_out WHERE number >= ? ORDER BY number", (first,)):
        yield _verify_left_out(path, row)


def read_exceptions(connection: sqlite3.Connection, path: Path, state: State) -> Iterator[ExceptionRow]:
    """The exceptions in `state`, ascending, each verified by its checksum."""
    for *values, crc in connection.execute(
        "SELECT * FROM exceptions WHERE state = ? ORDER BY ordinal", (str(state),)
    ):
        row = tuple(values)
        if schema.EXCEPTIONS.seal(row) != crc:
            raise explain_damage(path, "a row of its table exceptions does not fit its checksum")
        yield ExceptionRow.from_columns(row)


def read_fixed_cells(connection: sqlite3.Connection, path: Path, fixed: Fixed) -> bytes:
    """Cells that were fixed, verified by their digest."""
    found = connection.execute("SELECT cells FROM fixed_cells WHERE number = ?", fixed[:1]).fetchone()
    if found is None or FixedCells(fixed.rows, found[0]).digest != fixed.digest:
        raise explain_damage(path, "cells that were fixed do not fit their checksum")
    return bytes(found[0])


def read_categories(connection: sqlite3.Connection, path: Path) -> Iterator[tuple[int, PackedCategories]]:
    """By what a report counts rows, each with its number; ascending by the first row, each verified."""
    if schema.read_version(connection) < schema.CATEGORIES_SINCE:
        return
    # In two steps, because sorting would carry all the codes along.
    for number, first, stop in connection.execute(
        "SELECT number, first, stop FROM categories ORDER BY first, number"
    ).fetchall():
        found = "SELECT codes, crc FROM categories WHERE number = ?"
        ((codes, crc),) = connection.execute(found, (number,)).fetchall()
        packed = PackedCategories(first, stop, codes)
        if not isinstance(codes, bytes) or packed.seal(number) != crc:
            raise explain_damage(path, "a row of its table categories does not fit its checksum")
        yield number, packed


def list_open_rows(connection: sqlite3.Connection, path: Path, rows: int, stop: int) -> Iterator[int]:
    """Ordinals below `stop` that have no outcome and are not left out, of an input of `rows` rows."""
    settled = {
        row.ordinal
        for state in (State.REJECTED, State.IN_DOUBT)
        for row in read_exceptions(connection, path, state)
    }
    chunks = {chunk.number: chunk for chunk in read_chunks(connection, path, rows)}
    left_out = {chunk.number: _to_bits(chunk) for chunk in read_left_out(connection, path)}
    for ordinal in range(stop):
        number = ordinal // CHUNK
        if (
            ordinal not in settled
            and not _is_confirmed(chunks.get(number), ordinal)
            and not _is_set(left_out.get(number), ordinal)
        ):
            yield ordinal


def explain_damage(path: Path, finding: str) -> CheckpointError:
    """Say that a file cannot be trusted, and why."""
    return CheckpointError(
        Message(
            "{path} is damaged: {finding}. It was left as it is and nothing was sent. Restore all of its "
            "files together, or begin again with another {checkpoint} and only the rows that are known to be "
            "missing.",
            path=path,
            finding=finding,
            checkpoint=Setting("checkpoint"),
        )
    )


def _is_plausible(number: object, count: object, crc: object, bits: object) -> bool:
    return (
        isinstance(number, int)
        and 0 <= number < 1 << 47
        and isinstance(count, int)
        and 0 <= count <= CHUNK
        and isinstance(crc, bytes)
        and (bits is None or isinstance(bits, bytes))
    )


def _is_confirmed(chunk: StoredChunk | None, ordinal: int) -> bool:
    return chunk is not None and (chunk.bits is None or _is_set(chunk.bits, ordinal))


def _is_set(bits: bytes | None, ordinal: int) -> bool:
    """Whether the bit of a row is set in the bits of its chunk; None: no bit is."""
    if bits is None:
        return False
    offset = ordinal % CHUNK
    return bool(bits[offset >> 3] >> (offset & 7) & 1)


def _to_bits(chunk: LeftOutChunk) -> bytes:
    return chunk.mask.to_bytes(CHUNK // 8, "little")


def _list_chunks(leases: tuple[range, ...]) -> set[int]:
    """The chunks that leases reach into."""
    return {number for lease in leases for number in range(lease.start // CHUNK, lease.stop // CHUNK + 1)}
