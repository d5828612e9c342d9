"""The end comes at any write, sync or rename of a ledger's own files: a kill, or a loss of power."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from loader.ledger import LedgerError, run_files, store
from loader.ledger import ledger as ledger_module
from tests.effort import EFFORT
from tests.journal.conftest import memory
from tests.ledger.folder_disk import FolderDisk, LedgerConnection
from tests.ledger.test_crashes import World
from tests.ledger.test_users import Users

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journal.disk import Result

__all__ = ["memory"]

LIVES, SEEDS, OPERATIONS = 12, 5 * EFFORT, 400


def live(world: World, *, power: bool, careless: bool = False) -> bool:
    """Run one of the loads until the end comes, and look at what is left; whether it came."""
    chance = world.chance
    disk = FolderDisk(world.path.parent, chance, chance.randrange(OPERATIONS), careless=careless)
    load = chance.choice(world.loads)
    with disk.mounted():
        try:
            world.run(load)
        except BaseException:
            if not disk.dead:
                raise
    if disk.dead:
        load.die(power=power)
    if disk.dead and power:
        disk.come_back()
    return disk.dead


def live_often(world: World, *, power: bool, careless: bool = False) -> int:
    """Some lives, and then all loads to their end; how many ends came."""
    ends = 0
    for _ in range(LIVES):
        ends += live(world, power=power, careless=careless)
        world.verify()
        if world.chance.random() < 0.2:
            world.resolve(world.chance.choice(world.loads))
    for load in world.loads * 3:
        world.resolve(load)
        world.run(load)
    world.verify()
    return ends


def begin(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch, kind: type[World] = World) -> World:
    """A world whose ledger writes and merges runs all the time."""
    monkeypatch.setattr(ledger_module, "FLUSH_KEYS", 12)
    folder.mkdir(exist_ok=True)
    return kind(folder, random.Random(seed), monkeypatch)


def live_through(folder: Path, monkeypatch: pytest.MonkeyPatch, *, careless: bool = False) -> None:
    """Loads of many seeds that lose power."""
    for seed in range(20):
        live_often(begin(folder / str(seed), seed, monkeypatch), power=True, careless=careless)


@pytest.mark.parametrize("log_pages", [1000, 3], ids=["long log", "short log"])
@pytest.mark.parametrize("power", [True, False], ids=["power loss", "kill"])
def test_whenever_the_end_comes_no_event_is_doubled(
    memory: Path, monkeypatch: pytest.MonkeyPatch, power: bool, log_pages: int
) -> None:
    """Three overlapping loads: no key lands twice, and each that has landed is known by the ledger."""
    monkeypatch.setattr(store, "_LOG_PAGES", log_pages)
    ends = 0
    for seed in range(SEEDS):
        ends += live_often(begin(memory / str(seed), seed, monkeypatch), power=power)
    assert ends > SEEDS


@pytest.mark.parametrize("power", [True, False], ids=["power loss", "kill"])
def test_whenever_the_end_comes_no_user_is_undone(
    memory: Path, monkeypatch: pytest.MonkeyPatch, power: bool
) -> None:
    """No row takes the place of one of a newer load; and what the last export has is at the vendor."""
    ends = 0
    for seed in range(SEEDS):
        world = begin(memory / str(seed), seed, monkeypatch, Users)
        assert isinstance(world, Users)
        ends += live_often(world, power=power)
        world.load_last_export()
    assert ends > SEEDS


def test_a_mark_that_is_not_synced_would_be_seen(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of these tests drops what is not synced: then keys are sent twice."""
    execute = LedgerConnection.execute

    def execute_carelessly(self: LedgerConnection, sql: str, values: tuple[object, ...] = ()) -> Result:
        return execute(self, sql.replace("synchronous = EXTRA", "synchronous = OFF"), values)

    monkeypatch.setattr(LedgerConnection, "execute", execute_carelessly)
    with pytest.raises((AssertionError, LedgerError)):
        live_through(memory, monkeypatch)


@pytest.mark.parametrize("what", ["content", "name"])
def test_a_run_that_is_not_synced_would_be_seen(
    memory: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Neither its content nor its name may be missing from a run that the ledger has entered."""
    if what == "name":
        monkeypatch.setattr(run_files, "sync_folder", lambda _: None)
    with pytest.raises(LedgerError, match="keys-0000"):
        live_through(memory, monkeypatch, careless=what == "content")
