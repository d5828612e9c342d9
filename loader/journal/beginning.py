"""The first commit of a run: what a dead one left is named, and the new one is written down."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.journal import schema
from loader.journal.bitmap import CHUNK
from loader.journal.table_rows import Decided, ExceptionRow, Run

if TYPE_CHECKING:
    from loader.journal.opening import Verified
    from loader.journal.ranges import Ranges
    from loader.journal.store import Store, Transaction

# What it is called in the history that an input has grown.
GROWN = "grown"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A run that has begun.

    Attributes:
        run: its record.
        attempts, seconds: what all earlier runs came to.
    """

    run: Run
    attempts: int
    seconds: float


def begin(store: Store, verified: Verified, released: Ranges, at: float) -> Beginning:
    """Classify what a dead run left and begin a run, in one durable commit.

    Args:
        store: the checkpoint, open for writing.
        verified: what was found in it.
        released: the rows that are free below the intent mark, those that the dead run never sent among them.
        at: now, in seconds since 1970.
    """
    snapshot, leftovers = verified.snapshot, verified.leftovers
    head = snapshot.head
    earlier = [run for run in snapshot.runs if run.generation < head.generation]
    tried = head.attempts + leftovers.attempts * len(leftovers.in_doubt)
    run = Run(head.generation + 1, secrets.token_hex(8), at, None, 0.0, 0)

    def write(transaction: Transaction) -> None:
        _write_doubts(transaction, verified, at)
        for lease in snapshot.leases:
            transaction.remove(schema.LEASES, lease)
        write_released(transaction, snapshot.released, released)
        for before in snapshot.runs[len(earlier) :]:
            transaction.remove(schema.RUNS, before)
            transaction.add(schema.RUNS, before._replace(elapsed=head.elapsed, attempts=tried))
        transaction.add(schema.RUNS, run)
        if verified.identity.rows > snapshot.identity.rows:
            write_growth(store, transaction, verified, at)
        if verified.identity != snapshot.identity:
            transaction.remove(schema.IDENTITY, (snapshot.checkpoint, *snapshot.identity.to_row()))
            transaction.add(schema.IDENTITY, (snapshot.checkpoint, *verified.identity.to_row()))

    # Closed in order as long as no row can be leased: a kill before the new slots leaves a whole file.
    opened = head._replace(generation=run.generation, clean=True, attempts=0, elapsed=0.0, at=at)
    if leftovers.salvaged is not None:
        reach = leftovers.salvaged.reach
        opened = opened._replace(mark=reach.mark, commits=reach.commits)
    store.commit(write, opened, durable=True)
    return Beginning(
        run,
        sum(each.attempts for each in earlier) + tried,
        sum(each.elapsed for each in earlier) + head.elapsed,
    )


def write_growth(store: Store, transaction: Transaction, verified: Verified, at: float) -> None:
    """Write down that the input has grown, and how it was before."""
    before, after = verified.snapshot.identity, verified.identity
    files = [[file.name, file.size, file.sha256, file.rows] for file in before.files]
    number = max(store.head.commits, verified.snapshot.head.commits) + 1
    decided = Decided(number, at, GROWN, after.rows - before.rows, json.dumps(files))
    transaction.add(schema.DECISIONS, decided)
    # A last chunk whose rows are all confirmed has no bits; now it has rows that are not.
    number = before.rows // CHUNK
    if before.rows % CHUNK and (chunk := store.chunk(number)) and chunk.bits is None:
        left_out = store.left_out(number)
        spread = chunk.spread(before.rows, left_out.mask if left_out else 0)
        transaction.put_chunk(spread, replaced=chunk.crc)


def _write_doubts(transaction: Transaction, verified: Verified, at: float) -> None:
    leftovers = verified.leftovers
    salvaged = leftovers.salvaged
    reopened, resent = (salvaged.reopened, salvaged.reach.resent) if salvaged else ((), False)
    earlier = {row.ordinal: row for row in (*verified.snapshot.given_back, *reopened)}
    for ordinal in leftovers.in_doubt:
        row = ExceptionRow.of_doubt(ordinal, leftovers.reason, attempts=leftovers.attempts, at=at)
        row = row._replace(resent=resent)
        if (before := earlier.get(ordinal)) is not None:
            transaction.remove(schema.EXCEPTIONS, before.stored())
        transaction.add(schema.EXCEPTIONS, row.follow_up(before).stored())


def write_released(transaction: Transaction, before: Ranges, after: Ranges) -> None:
    """Write which rows below the intent mark are free, if that has changed."""
    old, new = {(rows.start, rows.stop) for rows in before}, {(rows.start, rows.stop) for rows in after}
    for row in sorted(old - new):
        transaction.remove(schema.RELEASED, row)
    for row in sorted(new - old):
        transaction.add(schema.RELEASED, row)
