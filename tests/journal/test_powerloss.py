"""The end comes at any write and any sync of the disk: a kill, or a power loss that drops unsynced writes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal import store
from loader.journal.commits import Commits
from loader.model import Outcome, State
from tests.checker import Ledger, check
from tests.effort import EFFORT
from tests.journal.conftest import Place, die, left_out, rejects
from tests.journal.disk import SECTOR, Disk, PowerLoss

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loader.journal import Journal

SEEDS, LIVES, ROWS, WINDOW = 7 * EFFORT, 5, 400, 4


@dataclass
class Machine:
    """A machine that loads until its end comes, again and again; and what the vendor took from it.

    Attributes:
        power: whether the power goes; else the process is killed, and all that was written is there.
        leased, wire: rows that were leased and not sent, and those that were sent and have no outcome.
        confirmed, durable: rows whose confirmation was written, and those of them before the last lease.
        left_out: rows that a lease left out.
    """

    place: Place
    chance: random.Random
    power: bool
    landed: Counter[int] = field(default_factory=Counter)
    leased: set[int] = field(default_factory=set)
    wire: set[int] = field(default_factory=set)
    confirmed: set[int] = field(default_factory=set)
    durable: set[int] = field(default_factory=set)
    left_out: set[int] = field(default_factory=set)
    boots: int = 0

    def live(self, operations: int) -> bool:
        """Load until the end comes or all is done; whether it came."""
        self.disk = Disk(self.chance, operations)
        self.slots = b""
        self.leased.clear()
        self.wire.clear()
        try:
            journal = self.place.open(window=WINDOW, host=replace(self.place.host, connect=self.disk.connect))
            self.slots = self.place.beside("-wire").read_bytes()
            self.load(journal)
            journal.close()
        except (PowerLoss, CheckpointError):
            if not self.disk.dead:
                raise
        for journal in self.place.opened:
            if not journal._closed:
                die(journal)
        if self.disk.dead and self.power:
            self.start_again()
        return self.disk.dead

    def load(self, journal: Journal) -> None:
        """Lease, send and settle, in groups of any size."""
        for free in tuple(journal.never_sent()):
            at = free.start
            while at < free.stop:
                rows = range(at, min(at + self.chance.randrange(1, 25), free.stop))
                at = rows.stop
                refused = [ordinal for ordinal in rows if ordinal % 50 == 0]
                outside = [ordinal for ordinal in rows if ordinal % 7 == 3 and ordinal not in refused]
                journal.lease(rows, rejects=rejects(refused), left_out=left_out(outside))
                self.left_out |= set(outside)
                self.durable |= self.confirmed
                sendable = [ordinal for ordinal in rows if ordinal not in {*refused, *outside}]
                self.leased |= set(sendable)
                self.send(journal, sendable)
        journal.release()

    def send(self, journal: Journal, rows: Sequence[int]) -> None:
        """Send rows; answers come for most of them."""
        for first in range(0, len(rows), WINDOW):
            group = rows[first : first + WINDOW]
            for ordinal in group:
                self.disk.tick()
                journal.sending(ordinal)
                self.leased.remove(ordinal)
                self.wire.add(ordinal)
                self.landed[ordinal] += self.chance.random() < 0.9
            outcomes = [Outcome(ordinal, self.answer(ordinal)) for ordinal in group]
            outcomes = [outcome for outcome in outcomes if self.chance.random() < 0.95]
            # While it is being written down nobody knows whether it will be there.
            self.wire -= {outcome.ordinal for outcome in outcomes}
            journal.settle(outcomes)
            self.confirmed |= {each.ordinal for each in outcomes if each.state is State.CONFIRMED}

    def answer(self, ordinal: int) -> State:
        """What is known of a row that was sent."""
        if self.chance.random() < 0.1:
            return State.IN_DOUBT
        return State.CONFIRMED if self.landed[ordinal] else State.REJECTED

    def start_again(self) -> None:
        """The machine starts again, with what the disk kept."""
        self.disk.come_back()
        self.place.beside("-shm").unlink(missing_ok=True)
        if self.slots:
            self.tear_slots()
        self.boots += 1
        self.place.boot = f"boot {self.boots}"

    def tear_slots(self) -> None:
        """Of the mapped slot file each sector is there as it was when the file was made, or is now."""
        path = self.place.beside("-wire")
        now, then = path.read_bytes(), self.slots
        kept = [self.chance.choice([now, then])[at : at + SECTOR] for at in range(0, len(then), SECTOR)]
        path.write_bytes(b"".join(kept) + now[len(then) :])

    def verify(self) -> Ledger:
        """The promise, and what the end may cost: a kill the rows on the wire, a power loss the lease."""
        ledger = check(self.place.view(), +self.landed)
        if self.power:
            assert self.leased | self.wire <= ledger.in_doubt
            assert self.durable <= ledger.confirmed
            assert self.left_out <= ledger.left_out
        else:
            assert self.wire <= ledger.in_doubt
            assert self.leased <= ledger.never_sent
            assert self.confirmed <= ledger.confirmed
        self.confirmed = set(ledger.confirmed)
        self.durable = set(ledger.confirmed)
        return ledger


def to_the_end(folder: Path, seed: int, *, power: bool) -> int:
    """One load through some ends and to its own; how many there were."""
    folder.mkdir()
    machine = Machine(Place(folder / "orders.ckpt", rows=ROWS), random.Random(seed), power)
    ends = 0
    for _ in range(LIVES):
        ends += machine.live(int(machine.chance.expovariate(1 / 120)))
        machine.verify()
    assert not machine.live(1_000_000)
    assert not machine.verify().never_sent
    return ends


def all_to_the_end(folder: Path, *, power: bool) -> int:
    """A load of each seed; how many ends there were."""
    return sum(to_the_end(folder / str(seed), seed, power=power) for seed in range(SEEDS))


@pytest.mark.parametrize("log_pages", [8192, 30], ids=["long log", "short log"])
@pytest.mark.parametrize("power", [True, False], ids=["power loss", "kill"])
def test_whenever_the_end_comes_the_account_is_true(
    memory: Path, monkeypatch: pytest.MonkeyPatch, power: bool, log_pages: int
) -> None:
    """What landed is confirmed or in doubt, and what is never sent did not land.

    After a power loss every row that was leased and had no outcome is in doubt, and outcomes from before a
    lease are kept; after a kill only what was on the wire is in doubt, and all outcomes are kept.
    """
    monkeypatch.setattr(store, "_LOG_PAGES", log_pages)
    assert all_to_the_end(memory, power=power) > SEEDS


def test_a_lease_that_is_not_synced_would_be_seen(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of these tests drops what is not synced: without the sync of a lease, rows are sent twice."""
    commit = Commits._commit
    monkeypatch.setattr(
        Commits, "_commit", lambda self, write, head, *, durable: commit(self, write, head, durable=False)
    )
    with pytest.raises(AssertionError, match="taken for never sent"):
        all_to_the_end(memory, power=True)


@pytest.mark.parametrize("seed", range(8))
def test_a_row_sent_again_stays_a_possible_duplicate_after_a_power_loss(memory: Path, seed: int) -> None:
    """A doubt that was sent again on request is marked for ever, also if the power goes right afterwards."""
    place, disk = Place(memory / "orders.ckpt", rows=ROWS), Disk(random.Random(seed), 1_000_000)
    journal = place.open(window=WINDOW, host=replace(place.host, connect=disk.connect))
    journal.lease(range(WINDOW))
    journal.sending(0)
    journal.settle([Outcome(0, State.IN_DOUBT, 1, resending=True)])
    journal.sending(0)
    disk.end_after(0)
    with pytest.raises((PowerLoss, CheckpointError)):
        journal.lease(range(WINDOW, ROWS))
    die(journal)
    disk.come_back()
    place.boot = "another boot"
    place.open().close()
    assert Ledger.of(place.view()).marked == {0}
