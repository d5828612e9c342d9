"""The promise, held against what the vendor wrote down: one checker for every crash, fault and power loss.

    valid ⇔ confirmed, rejected, in doubt, never sent and left out are disjoint and add up to the input's rows
          · confirmed ⊆ landed ⊆ confirmed ∪ in doubt
          · a row landed twice only if it was in doubt and sent again on request

`landed` is what the vendor noted of a row, *before* it answered. A row that a person gave back to be sent
although it may have landed (`resolve --resend`) counts as never sent and may have landed all the same.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.journal.bitmap import CHUNK
from loader.journal.checkpoint_files import Files
from loader.journal.reading import open_for_reading
from loader.model import State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from loader.journal import CheckpointView


@dataclass(frozen=True)
class Ledger:
    """The state of every row, read one by one: no set is "the rest".

    Attributes:
        marked: rows of any state that were sent again on request, or may be.
    """

    confirmed: frozenset[int]
    rejected: frozenset[int]
    in_doubt: frozenset[int]
    never_sent: frozenset[int]
    left_out: frozenset[int]
    marked: frozenset[int]

    @classmethod
    def of(cls, checkpoint: CheckpointView) -> Ledger:
        """What a checkpoint says of each row; no load may be running on it."""
        assert not checkpoint.running
        snapshot, leftovers = checkpoint._snapshot, checkpoint._leftovers
        free = [*snapshot.released, *leftovers.released, range(snapshot.head.mark, checkpoint.identity.rows)]
        doubts = list(checkpoint.exceptions(State.IN_DOUBT))
        with open_for_reading(Files(checkpoint.path)) as connection:
            left_out = frozenset(_left_out(connection, checkpoint.identity.rows))
            confirmed = frozenset(_confirmed(connection, checkpoint.identity.rows, left_out))
            settled = connection.execute("SELECT ordinal, state, resent FROM exceptions").fetchall()
        return cls(
            confirmed=confirmed,
            rejected=frozenset(ordinal for ordinal, state, _ in settled if state == State.REJECTED),
            in_doubt=frozenset(row.ordinal for row in doubts),
            never_sent=frozenset(ordinal for rows in free for ordinal in rows),
            left_out=left_out,
            marked=frozenset(row.ordinal for row in doubts if row.resent)
            | frozenset(ordinal for ordinal, _, resent in settled if resent),
        )


def check(checkpoint: CheckpointView, landed: Counter[int]) -> Ledger:
    """Assert the promise about a checkpoint; the state of every row."""
    ledger = Ledger.of(checkpoint)
    states = (ledger.confirmed, ledger.rejected, ledger.in_doubt, ledger.never_sent, ledger.left_out)
    every = Counter(ordinal for state in states for ordinal in state)
    assert every == Counter(range(checkpoint.identity.rows)), "a row is in no state, or in two"
    account = checkpoint.account()
    counts = (
        *(account.confirmed, account.rejected, account.in_doubt, account.never_sent),
        account.left_out,
    )
    assert counts == tuple(map(len, states)), "the account counts other rows than it lists"
    taken = frozenset(landed)
    assert ledger.confirmed <= taken, f"lost: {sorted(ledger.confirmed - taken)}"
    assert not ledger.rejected & taken, f"rejected and landed: {sorted(ledger.rejected & taken)}"
    assert not ledger.left_out & taken, f"left out and landed: {sorted(ledger.left_out & taken)}"
    unknown = taken - ledger.confirmed - ledger.in_doubt - (ledger.never_sent & ledger.marked)
    assert not unknown, f"landed and taken for never sent: {sorted(unknown)}"
    twice = {ordinal for ordinal, times in landed.items() if times > 1}
    assert twice <= ledger.marked, f"doubled: {sorted(twice - ledger.marked)}"
    return ledger


def noted(path: Path) -> Counter[int]:
    """The vendor's file: one line a row, written before the answer."""
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def _left_out(connection: sqlite3.Connection, rows: int) -> Iterator[int]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'left_out'").fetchall():
        return  # a checkpoint of an older version
    for number, packed in connection.execute("SELECT number, bits FROM left_out"):
        first, bits = number * CHUNK, packed and zlib.decompress(packed)
        for ordinal in range(first, min(first + CHUNK, rows)):
            at = ordinal - first
            if bits is None or bits[at >> 3] >> (at & 7) & 1:
                yield ordinal


def _confirmed(connection: sqlite3.Connection, rows: int, left_out: frozenset[int]) -> Iterator[int]:
    for number, bits in connection.execute("SELECT number, bits FROM chunks"):
        first = number * CHUNK
        for ordinal in range(first, min(first + CHUNK, rows)):
            at = ordinal - first
            if ordinal not in left_out if bits is None else bits[at >> 3] >> (at & 7) & 1:
                yield ordinal
