"""Loads with one ledger, stopped between any two steps, held against a dictionary of what has landed."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from loader.journal import DiskFull
from loader.known_keys.judging import judge_events
from loader.ledger import Bound, Digests, Ledger
from loader.ledger import ledger as ledger_module
from loader.ledger.sending import Fate, Sending
from tests.effort import EFFORT

if TYPE_CHECKING:
    from loader.ledger.records import Ordinals

BOUND = Bound("AAAAA-11111", "http://127.0.0.1:9/")
KEYS = 60


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Row:
    """One row of a load.

    Attributes:
        key: of the event.
        state: None if it was never sent, or it is leased; else what the checkpoint says.
        leased: whether it may have been sent.
        landed: whether this row is at the vendor.
    """

    key: int
    state: str | None = None
    leased: bool = False
    landed: bool = False


@dataclass
class FakeLoad:
    """A load and its checkpoint, which forgets after a power loss what no lease has made durable."""

    name: str
    rows: list[Row]
    durable: list[tuple[str | None, bool]] = field(default_factory=list)

    def save(self) -> None:
        """Make durable what is settled."""
        self.durable = [(row.state, row.leased) for row in self.rows]

    def die(self, *, power: bool) -> None:
        """What is left when the process, or the machine, has died: what is open is in doubt."""
        if power:
            for row, (state, leased) in zip(self.rows, self.durable, strict=True):
                row.state, row.leased = state, leased
        for row in self.rows:
            if row.leased and row.state is None:
                row.state = "in doubt"

    def find_fates(self, ordinals: Ordinals) -> np.ndarray:
        """As `loader.known_keys.read_fates`."""
        known = {"confirmed": Fate.SENT, "in doubt": Fate.DOUBT}
        return np.array(
            [known.get(self.rows[each].state or "", Fate.NOT_SENT) for each in ordinals], np.uint8
        )


class World:
    """Everything around a ledger: loads, a vendor, and chance.

    Attributes:
        last_wins: whether the last call for a key counts.
        certain: whether every row lands, and an answer says so.
    """

    last_wins = False
    certain = False

    def __init__(self, folder: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "l"
        self.chance = chance
        self.landed: Counter[int] = Counter()
        self.crashes = Counter[str]()
        self.deadline: int | None = None
        self.loads = [
            FakeLoad(name, [Row(chance.randrange(first, first + KEYS // 2)) for _ in range(40)])
            for name, first in (("a", 0), ("b", KEYS // 4), ("c", KEYS // 2))
        ]
        for load in self.loads:
            load.save()
        fsync = os.fsync

        def count_syncs(descriptor: int) -> None:
            self.step("fsync")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", count_syncs)

    def step(self, name: str) -> None:
        """Die here, if this is the step."""
        if self.deadline is not None:
            self.deadline -= 1
            if self.deadline < 0:
                self.deadline = None
                self.crashes[name] += 1
                raise Crash(name)

    def run(self, load: FakeLoad) -> None:
        """Load what is left, as the pipeline does."""
        with Ledger.open(self.path, BOUND) as ledger:
            self.step("opened")
            with ledger.store.transaction():
                number = ledger.store.enter_load(load.name, Path(load.name), "events", "k")
            sending = Sending(ledger, number, last_wins=self.last_wins)
            sending.reconcile(load.find_fates)
            self.step("reconciled")
            left = [ordinal for ordinal, row in enumerate(load.rows) if row.state is None]
            while left:
                size = self.chance.randrange(1, 8)
                self.lease(load, ledger, sending, left[:size])
                left = left[size:]
            load.save()
            self.step("released")
            sending.reconcile(load.find_fates)
            self.step("brought in line")
            sending.finish()

    def lease(self, load: FakeLoad, ledger: Ledger, sending: Sending, group: list[int]) -> None:
        """One lease, and what becomes of its rows."""
        ordinals = np.array(group, np.int64)
        digests = self.digest_rows(ledger, [load.rows[each] for each in group])
        sent = self.judge(digests, ordinals, sending)
        self.step("found")
        sending.mark(digests.take(sent), ordinals[sent])
        self.step("marked")
        for ordinal in ordinals[sent].tolist():
            load.rows[ordinal].leased = True
        for ordinal in ordinals[~sent].tolist():
            load.rows[ordinal].state = "left out"
        load.save()
        self.step("leased")
        sending.leased()
        for ordinal in ordinals[sent].tolist():
            self.send(load.rows[ordinal], sending, ordinal)

    def send(self, row: Row, sending: Sending, ordinal: int) -> None:
        """Send a row: it lands, or the vendor rejects it, or nobody knows."""
        self.step("before sending")
        fate = self.chance.choice([Fate.SENT] * 6 + [Fate.NOT_SENT, Fate.DOUBT, Fate.DOUBT])
        fate = Fate.SENT if self.certain else fate
        row.landed = fate is Fate.SENT or (fate is Fate.DOUBT and self.chance.random() < 0.5)
        if row.landed:
            self.land(row)
        self.step("sent")
        row.state = {Fate.SENT: "confirmed", Fate.NOT_SENT: "rejected"}.get(fate, "in doubt")
        self.step("settled")
        sending.settle(fate, [ordinal])

    def judge(self, digests: Digests, ordinals: Ordinals, sending: Sending) -> np.ndarray:
        """Which rows go."""
        return judge_events(digests, ordinals, sending.find(digests), sending.load).load < 0

    def land(self, row: Row) -> None:
        """The vendor has it."""
        self.landed[row.key] += 1

    def digest_rows(self, ledger: Ledger, rows: list[Row]) -> Digests:
        """The digests of rows."""
        return self.digest(ledger, [row.key for row in rows])

    def digest(self, ledger: Ledger, keys: list[int]) -> Digests:
        """The digests of keys."""
        texts = pa.array([str(key).encode() for key in keys], pa.binary())
        return ledger.digester("events").digest(texts, texts)

    def resolve(self, load: FakeLoad) -> None:
        """Settle doubts by what is at the vendor; the next start finds out."""
        for row in load.rows:
            if row.state == "in doubt":
                row.state, row.leased = ("confirmed", True) if row.landed else (None, False)
        load.save()

    def verify(self) -> None:
        """Nothing landed twice, and what has landed is known."""
        assert max(self.landed.values(), default=0) <= 1, f"doubled: {self.landed.most_common(3)}"
        if self.path.exists():
            keys = [key for key, times in self.landed.items() if times]
            with Ledger.open(self.path, BOUND) as ledger:
                sending = Sending(ledger, 1 << 20, last_wins=False)
                assert (sending.find(self.digest(ledger, keys)).load > 0).all()


@pytest.mark.parametrize("seed", range(12 * EFFORT))
def test_nothing_lands_twice_wherever_loads_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Three overlapping loads, killed or without power at any step, then resolved: each key lands once."""
    chance = random.Random(seed)
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 12)
    world = World(tmp_path, chance, monkeypatch)
    for _ in range(12):
        load = chance.choice(world.loads)
        world.deadline = chance.randrange(120)
        try:
            world.run(load)
        except Crash:
            load.die(power=chance.random() < 0.4)
        world.deadline = None
        world.verify()
        if chance.random() < 0.2:
            world.resolve(load)
    for _ in range(3):  # what one load gives up, another one may have left out before
        for load in world.loads:
            world.resolve(load)
            world.run(load)
    world.verify()
    assert world.crashes


@pytest.mark.parametrize("seed", range(5))
def test_every_key_lands_once_all_doubts_are_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A key of which no row was rejected is at the vendor in the end, or named by a row in doubt."""
    chance = random.Random(seed)
    world = World(tmp_path, chance, monkeypatch)
    for load in world.loads:
        world.deadline = chance.randrange(120)
        try:
            world.run(load)
        except Crash:
            load.die(power=bool(seed % 2))
    world.deadline = None
    for _ in range(8):
        for load in world.loads:
            world.resolve(load)
            world.run(load)
    named = {row.key for load in world.loads for row in load.rows if row.state in {"rejected", "in doubt"}}
    lost = {row.key for load in world.loads for row in load.rows} - set(+world.landed) - named
    assert not lost


def test_a_full_disk_marks_nothing(tmp_path: Path) -> None:
    """A key that cannot be written is not marked, so its row is not sent; with room again all continues."""
    with Ledger.open(tmp_path / "l", BOUND) as ledger:
        with ledger.store.transaction():
            number = ledger.store.enter_load("a", Path("a"), "events", "k")
        sending = Sending(ledger, number, last_wins=False)
        texts = pa.array([b"%d" % each for each in range(5000)])
        digests, ordinals = ledger.digester("events").digest(texts, texts), np.arange(5000)
        ledger.store._connection.execute("PRAGMA max_page_count = 6").fetchall()
        with pytest.raises(DiskFull, match="disk is full"):
            sending.mark(digests, ordinals)
        assert not ledger.pending()
        ledger.store._connection.execute("PRAGMA max_page_count = 1000").fetchall()
        sending.mark(digests, ordinals)
        assert len(ledger.pending()[0].digests) == 5000
    with Ledger.open(tmp_path / "l", BOUND) as ledger:
        assert (Sending(ledger, number + 1, last_wins=False).find(digests).load == number).all()
