"""Loads of users with one ledger, stopped between any two steps, held against what the vendor has."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.known_keys.judging import judge_newest
from loader.ledger import ledger as ledger_module
from tests.effort import EFFORT
from tests.ledger.test_crashes import Crash, FakeLoad, Row, World

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from loader.ledger import Digests, Ledger
    from loader.ledger.sending import Sending

DEVICES, BODIES, NIGHTS = 12, 3, 4


@dataclass
class UserRow(Row):
    """A row of users.

    Attributes:
        body: what it sets for its device, which is its key.
    """

    body: int = 0


class Users(World):
    """Full exports of users, night by night, and the vendor, who has what was sent last for each device.

    Attributes:
        stored: for each device the number of the load, and the body that came last.
    """

    last_wins = True

    def __init__(self, folder: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, chance, monkeypatch)
        self.stored: dict[int, tuple[int, int]] = {}
        self.loads = [self.export(night) for night in range(NIGHTS)]

    def export(self, night: int) -> FakeLoad:
        """The devices in any order, some twice."""
        rows: list[Row] = [
            UserRow(self.chance.randrange(DEVICES), body=self.chance.randrange(BODIES)) for _ in range(30)
        ]
        load = FakeLoad(f"night {night}", rows)
        load.save()
        return load

    def lease(self, load: FakeLoad, ledger: Ledger, sending: Sending, group: list[int]) -> None:
        """One lease, and what becomes of its rows."""
        self.number = sending.load
        super().lease(load, ledger, sending, group)

    def judge(self, digests: Digests, ordinals: np.ndarray, sending: Sending) -> np.ndarray:
        """Which rows go."""
        return judge_newest(digests, ordinals, sending.find(digests), sending.load).load < 0

    def digest_rows(self, ledger: Ledger, rows: list[Row]) -> Digests:
        """The digests of devices and of what is set for them."""
        keys = pa.array([b"%d" % row.key for row in rows], pa.binary())
        bodies = pa.array([b"%d" % row.body for row in rows if isinstance(row, UserRow)], pa.binary())
        return ledger.digester("users").digest(keys, bodies)

    def send(self, row: Row, sending: Sending, ordinal: int) -> None:
        """Send a row, which takes the place of what the vendor has, if it lands."""
        assert isinstance(row, UserRow)
        newest, _ = self.stored.get(row.key, (0, 0))
        assert self.number >= newest, f"load {self.number} undoes what load {newest} has sent for {row.key}"
        super().send(row, sending, ordinal)

    def land(self, row: Row) -> None:
        """The vendor has it."""
        assert isinstance(row, UserRow)
        self.stored[row.key] = self.number, row.body

    def resolve(self, load: FakeLoad) -> None:
        """Settle doubts; one that did not land goes again, unless a later row of its device was sent."""
        sent = {row.key: at for at, row in enumerate(load.rows) if row.state in {"confirmed", "in doubt"}}
        for at, row in enumerate(load.rows):
            if row.state == "in doubt":
                again = (None, False) if sent[row.key] == at else ("rejected", True)
                row.state, row.leased = ("confirmed", True) if row.landed else again
        load.save()

    def verify(self) -> None:
        """What is at the vendor is compared at the end."""

    def load_last_export(self) -> None:
        """After one more export the vendor has what that says, and not all of it was sent."""
        self.certain = True
        self.loads.append(last := self.export(NIGHTS))
        self.run(last)
        wanted = {row.key: row.body for row in last.rows if isinstance(row, UserRow)}
        assert {device: self.stored[device][1] for device in wanted} == wanted
        assert any(row.state == "left out" for row in last.rows)


@pytest.mark.parametrize("seed", range(12 * EFFORT))
def test_the_last_export_is_what_the_vendor_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Nights die, are continued in any order, and their doubts are settled late: no row undoes a newer one.

    After one more export that comes through, the vendor has exactly that for each device, although only what
    changed is sent.
    """
    chance = random.Random(seed)
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 12)
    world = Users(tmp_path, chance, monkeypatch)
    for _ in range(10):
        load = chance.choice(world.loads)
        world.deadline = chance.randrange(120)
        try:
            world.run(load)
        except Crash:
            load.die(power=chance.random() < 0.4)
        world.deadline = None
        if chance.random() < 0.4:
            world.resolve(chance.choice(world.loads))
    world.load_last_export()
