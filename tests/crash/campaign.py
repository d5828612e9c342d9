"""Kills one load until it is done, holds the checker against every corpse, and counts."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

from loader import event_counts
from loader.delivery import Policy
from loader.journal import CheckpointView
from loader.methods import METHODS, Kind
from loader.model import Phase, State
from loader.progress import Silent
from loader.settings import NOTHING_IN_MEMORY
from loader.tally import Tally as EventTally
from tests.checker import Ledger, check
from tests.crash.disturbances import Disturber, look, reading
from tests.crash.load import (
    CONCURRENCY,
    MOMENTS,
    PATIENCE_SECONDS,
    Load,
    unmappable,
    write_input,
)
from tests.crash.vendor import LATENCY_SECONDS, RecordingVendor, refuses

if TYPE_CHECKING:
    from pathlib import Path

    from tests import warm
    from tests.crash.load import Kill

# Answers that one flush may hold: a connection brings one at once, and the next after the vendor's latency.
FLUSH = CONCURRENCY * (1 + ceil(Policy().settle_seconds / LATENCY_SECONDS))
# What a kill may put in doubt: the requests on the wire, and one flush.
BOUND = CONCURRENCY + FLUSH
FINISHED = (0, 3, 4)


@dataclass
class Tally:
    """What was counted, over any number of loads."""

    rows: int = 0
    loads: int = 0
    lost: int = 0
    doubled: int = 0
    doubts: list[int] = field(default_factory=list)
    landed_doubts: int = 0
    resolved: int = 0
    repeated: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    disturbances: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        """Processes that were killed."""
        return len(self.doubts)

    def text(self) -> str:
        """The figures, for people."""
        mean = sum(self.doubts) / max(1, self.kills)
        moments = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in sorted(self.moments.items())
        )
        disturbances = ", ".join(f"{count} {name}" for name, count in sorted(self.disturbances.items()))
        return "\n".join(
            [
                f"kills            {self.kills:,}   ({moments})",
                f"disturbances     {self.disturbances.total():,}   ({disturbances.replace('_', ' ')})",
                f"loads, rows      {self.loads:,}, {self.rows:,}",
                f"lost             {self.lost:,}",
                f"doubled          {self.doubled:,}",
                f"doubts a kill    mean {mean:.2f}, max {max(self.doubts, default=0)} "
                f"(bound {BOUND}: {CONCURRENCY} on the wire, {FLUSH} in one flush)",
                f"doubts           {sum(self.doubts):,}, of which {self.landed_doubts:,} had landed; "
                f"{self.resolved:,} resolved",
                f"sent again       {self.repeated:,} users, known to be there twice",
            ]
        )


def killed_until_done(
    folder: Path,
    kind: Kind,
    rows: int,
    chance: random.Random,
    tally: Tally,
    *,
    processes: int = 1,
    canary: int = 0,
) -> None:
    """One load of a given number of rows, from its first start until every row is settled.

    With a canary, first that is killed until it is done.

    Raises:
        AssertionError: the account was not true; the folder holds the corpse.
    """
    write_input(folder / f"{kind}.csv", kind, rows)
    with RecordingVendor(folder / "landed") as vendor:
        load = Load(folder, kind, rows, vendor, processes)
        tally.loads += 1
        tally.rows += rows
        for stage in (replace(load, canary=canary), load) if canary else (load,):
            while kill_once(stage, chance, tally):
                pass
        settle_doubts(load, tally)


def killed_at_least_once(
    folder: Path, kind: Kind, rows: int, seed: int, *, processes: int = 1, canary: int = 0
) -> Tally:
    """Loads until one was killed: a busy machine may be done with one before its kill comes.

    Raises:
        AssertionError: the account was not true, or no kill came in time.
    """
    tally = Tally()
    for turn in range(20):
        (place := folder / str(turn)).mkdir()
        chance = random.Random(seed + 100 * turn)
        killed_until_done(place, kind, rows, chance, tally, processes=processes, canary=canary)
        if tally.kills:
            return tally
    raise AssertionError("no kill came before the load was done")


def kill_once(load: Load, chance: random.Random, tally: Tally) -> bool:
    """Start the load and kill it; whether it was killed, and not done before."""
    before = doubts(load)
    if load.checkpoint.exists() and chance.random() < 0.3:
        look(load, chance)
        tally.disturbances["look at rest"] += 1
    (kill,) = chance.choices(list(MOMENTS), list(MOMENTS.values()))
    with reading(load, 2 if chance.random() < 0.1 else 0, tally.disturbances):
        killed = not run(load, kill, chance, tally)
    load.vendor.alarm = None
    if killed:
        tally.moments[kill.__name__] += 1
    count(load, tally, before if killed else None)
    return killed


def run(load: Load, kill: Kill, chance: random.Random, tally: Tally) -> bool:
    """Start the load, disturb it and kill it; whether it was done before."""
    with load.start() as process, Disturber(load, process, chance.randrange(1 << 32), tally.disturbances):
        kill(load, process, chance)
        said = ended(process)
    if process.returncode == -signal.SIGKILL:
        return False
    assert process.returncode in FINISHED, said
    return True


def ended(process: warm.Process) -> str:
    """What a process said on its way out."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return said


def count(load: Load, tally: Tally, doubts_before: frozenset[int] | None) -> None:
    """Count what a process left, then hold the checker against it."""
    if not load.checkpoint.exists():
        assert not load.vendor.landed
        tally.doubts.append(0)
        return
    view, landed = CheckpointView.open(load.checkpoint), load.vendor.landed
    ledger = Ledger.of(view)
    tally.lost += len(ledger.confirmed - landed.keys())
    tally.doubled += len({ordinal for ordinal, times in landed.items() if times > 1} - ledger.marked)
    if doubts_before is not None:
        tally.doubts.append(len(ledger.in_doubt - doubts_before))
        assert tally.doubts[-1] <= BOUND, f"{tally.doubts[-1]} doubts after one kill"
    check(view, landed)
    if load.kind is Kind.EVENTS:
        compare_counts(load, view)


def compare_counts(load: Load, view: CheckpointView) -> None:
    """What the checkpoint keeps of events says by name, month and state what the input says."""
    files, tally = (str(load.folder / f"{load.kind}.csv"),), EventTally()
    counted = event_counts.count_events(view, files, NOTHING_IN_MEMORY, Silent())
    rows = [range(view.identity.rows)]
    event_counts.count_in_input(view, files, NOTHING_IN_MEMORY, rows, tally, Silent())
    assert replace(counted, read=0) == tally.events()


def doubts(load: Load) -> frozenset[int]:
    """Rows in doubt so far."""
    if not load.checkpoint.exists():
        return frozenset()
    return frozenset(row.ordinal for row in CheckpointView.open(load.checkpoint).exceptions(State.IN_DOUBT))


def settle_doubts(load: Load, tally: Tally) -> None:
    """Resolve the doubts by what the vendor has noted, and load what was dropped: then all of it is there.

    The last start has already sent users in doubt again, but for those with a later row of their device.
    """
    rows = {row.ordinal for row in CheckpointView.open(load.checkpoint).exceptions(State.IN_DOUBT)}
    landed = sorted(rows & load.vendor.landed.keys())
    tally.landed_doubts += len(landed)
    tally.resolved += len(rows)
    (load.folder / "found.csv").write_text("user_id\n" + "".join(f"{ordinal}\n" for ordinal in landed))
    if landed:
        resolve(load, "--landed", "--from", "found.csv")
    if len(rows) > len(landed):
        resolve(load, "--dropped")
    with load.start() as process:
        said = ended(process)
    assert process.returncode in FINISHED, said
    view = CheckpointView.open(load.checkpoint)
    ledger = check(view, load.vendor.landed)
    refused = {ordinal for ordinal in range(load.rows) if unmappable(ordinal) or refuses(ordinal)}
    overtaken = {row.ordinal for row in view.exceptions(State.REJECTED) if row.phase is Phase.OVERTAKEN}
    assert overtaken <= rows, "only what was dropped is given back while a later row is there"
    assert ledger.rejected - overtaken == refused - ledger.in_doubt - overtaken
    assert not ledger.never_sent
    assert ledger.confirmed == load.vendor.landed.keys()
    assert METHODS[load.kind].last_wins or not ledger.in_doubt
    tally.repeated += load.vendor.landed.total() - len(load.vendor.landed)
    if METHODS[load.kind].last_wins:
        stored = {load.owner(ordinal): ordinal for ordinal in load.vendor.order}
        newest = {load.owner(ordinal): ordinal for ordinal in sorted(ledger.confirmed)}
        assert stored == newest, "an older row took the place of a newer one"


def resolve(load: Load, *how: str) -> None:
    """Settle doubts as a person does."""
    with load.command("resolve", load.checkpoint.name, *how) as process:
        said = ended(process)
    assert process.returncode == 0, said
