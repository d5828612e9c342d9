"""Kills workers, scheduler and coordinator of one load, and cuts workers off, until the load is done."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.journal import CheckpointView
from loader.methods import METHODS
from loader.model import State
from tests.checker import Ledger, check
from tests.crash.campaign import FINISHED, Tally, ended, settle_doubts
from tests.crash.cluster.cluster_load import ClusterLoad, FailingVendor
from tests.crash.cluster.machines import Machines
from tests.crash.load import CONCURRENCY
from tests.crash.vendor import Alarm

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable
    from pathlib import Path

    from loader.journal import ExceptionRow
    from loader.methods import Kind
    from tests import warm

STOPPED, REFUSED = 5, 2
# A load that waits, for a worker or for permits, sends nothing: then something happens to it all the same.
_LONGEST_CALM = 8.0
_TURN_SECONDS = 0.02
# So often a load is resumed on one machine.
_ALONE = 0.15
_LOST = "was lost while it had this row"


@dataclass
class HavocTally(Tally):
    """What was counted, over any number of loads.

    Attributes:
        done: what was done to them, by its name.
        ends: how the runs of coordinators ended.
        worst: the most doubts that one lost worker left.
    """

    done: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    worst: int = 0

    @property
    def kills(self) -> int:
        """Processes that were killed or cut off."""
        return self.done.total()

    def text(self) -> str:
        """The figures, for people."""
        return "\n".join(
            [
                f"kills            {self.kills:,}   ({_list_counts(self.done)})",
                f"runs             {self.ends.total():,}   ({_list_counts(self.ends)})",
                f"loads, rows      {self.loads:,}, {self.rows:,}",
                f"lost             {self.lost:,}",
                f"doubled          {self.doubled:,}",
                f"doubts a run     mean {sum(self.doubts) / max(1, len(self.doubts)):.2f}, "
                f"max {max(self.doubts, default=0)}; of one lost worker at most {self.worst} "
                f"(bound {CONCURRENCY})",
                f"doubts           {sum(self.doubts):,}; at the end {self.landed_doubts:,} had landed of "
                f"{self.resolved:,} that were resolved",
                f"sent again       {self.repeated:,} rows, known to be there twice",
            ]
        )


def _list_counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))


class Havoc:
    """What happens to one load.

    Args:
        load: on the machines.
        machines: its cluster.
        chance: decides when, and who.
        deeds: what is done, in this order, and taken out; after that the load is left alone.
        tally: counts.
    """

    def __init__(
        self,
        load: ClusterLoad,
        machines: Machines,
        chance: random.Random,
        deeds: deque[Deed],
        tally: HavocTally,
    ) -> None:
        self.load = load
        self.machines = machines
        self.chance = chance
        self.scheduler_is_gone = False
        self._deeds = deeds
        self._tally = tally
        self._due: list[tuple[float, str]] = []  # when workers that stand still continue

    def run(self) -> None:
        """Start the load again and again until it is done.

        Raises:
            AssertionError: the account was not true.
        """
        while not self._run_once():
            pass
        for name in list(self.machines.stopped):
            self.machines.continue_worker(name)
        self._ready_machines()
        self.load.calm_vendor()
        settle_doubts(self.load, self._tally)
        refuse_late_rows(self.load)

    def _run_once(self) -> bool:
        """One start of the coordinator; whether the load is done."""
        self._ready_machines()
        before = self._list_doubts()
        alone = self.load.checkpoint.exists() and self.chance.random() < _ALONE
        with self.load.start_alone() if alone else self.load.start() as process:
            while process.poll() is None:
                deed = self._await_moment(process)
                if deed is not None:
                    deed(self, process)
                    self._tally.done[deed.__name__] += 1
            said = ended(process)
        self.load.vendor.alarm = None
        done = self._judge(process.returncode, said)
        self._count(before)
        return done

    def _ready_machines(self) -> None:
        """Have a scheduler and enough workers run."""
        if self.scheduler_is_gone or self.machines.scheduler.poll() is not None:
            self.restart_scheduler()
        self.machines.fill()

    def _judge(self, code: int | None, said: str) -> bool:
        """How the coordinator ended; whether the load is done."""
        if code in FINISHED:
            self._tally.ends["done"] += 1
            return True
        if code == -signal.SIGKILL:
            self._tally.ends["killed"] += 1
        elif code == STOPPED:
            self._tally.ends["stopped"] += 1
        else:
            assert code == REFUSED, f"exit code {code}\n{said}"
            assert "cannot take part" in said or "cannot be reached" in said, said
            self._tally.ends["refused"] += 1
        return False

    def _count(self, before: frozenset[int]) -> None:
        """Count what a coordinator left, and hold the checker against it."""
        load, tally = self.load, self._tally
        if not load.checkpoint.exists():
            assert not load.vendor.landed
            return
        view = CheckpointView.open(load.checkpoint)
        doubts = [row for row in view.exceptions(State.IN_DOUBT) if row.ordinal not in before]
        landed = load.vendor.landed
        ledger = Ledger.of(view)
        tally.lost += len(ledger.confirmed - landed.keys())
        tally.doubled += len({ordinal for ordinal, times in landed.items() if times > 1} - ledger.marked)
        tally.doubts.append(len(doubts))
        tally.worst = max(tally.worst, *map(len, list_losses(doubts, load.permit)), 0)
        assert tally.worst <= CONCURRENCY, "a worker that was lost left more in doubt than was on the wire"
        check(view, landed)

    def _list_doubts(self) -> frozenset[int]:
        if not self.load.checkpoint.exists():
            return frozenset()
        rows = CheckpointView.open(self.load.checkpoint).exceptions(State.IN_DOUBT)
        return frozenset(row.ordinal for row in rows)

    def _await_moment(self, process: warm.Process) -> Deed | None:
        """Wait for the moment of the next deed; None if the coordinator ends before."""
        deed = self._deeds[0] if self._deeds else None
        rung = threading.Event()
        self.load.vendor.alarm = Alarm(
            self.chance.randrange(1, 150), rung.set, answered=self.chance.random() < 0.5
        )
        until = time.monotonic() + self.chance.uniform(0.0, _LONGEST_CALM)
        while process.poll() is None and not (deed and (rung.is_set() or time.monotonic() > until)):
            rung.wait(_TURN_SECONDS) if not rung.is_set() else time.sleep(_TURN_SECONDS)
            self.continue_due()
        return self._deeds.popleft() if deed and process.poll() is None else None

    # What deeds use

    def continue_due(self) -> None:
        """Let those continue that have stood still for long enough."""
        now = time.monotonic()
        for due in [each for each in self._due if each[0] <= now]:
            self._due.remove(due)
            self.machines.continue_worker(due[1])

    def stop_one(self) -> None:
        """Let a worker stand still, mostly until after its permit."""
        name = self.pick()
        self.machines.stop_worker(name)
        for_longer = self.chance.random() < 0.75
        seconds = self.load.permit * (self.chance.uniform(1.3, 4.0) if for_longer else self.chance.random())
        self._due.append((time.monotonic() + seconds, name))

    def pick(self) -> str:
        """A worker that runs."""
        if not self.machines.running:
            self.machines.fill()
        return self.chance.choice(self.machines.running)

    def restart_scheduler(self) -> None:
        """Start the scheduler and workers again."""
        self.machines.start_all()
        self.scheduler_is_gone = False


Deed = Callable[[Havoc, "warm.Process"], None]


def list_losses(doubts: Iterable[ExceptionRow], permit: float) -> list[list[ExceptionRow]]:
    """The rows that each loss of a worker left in doubt; one that is back may be lost again later."""
    losses: list[list[ExceptionRow]] = []
    for row in sorted((row for row in doubts if _LOST in row.message), key=lambda row: (row.message, row.at)):
        before = losses[-1][-1] if losses else None
        if before and before.message == row.message and row.at - before.at < permit:
            losses[-1].append(row)
        else:
            losses.append([row])
    return losses


def refuse_late_rows(load: ClusterLoad) -> None:
    """No row arrived after a later one of its device: no worker sent one that had to be silent by then."""
    newest: dict[str, int] = {}
    for row in load.vendor.order if METHODS[load.kind].last_wins else ():
        before = newest.setdefault(load.owner(row), row)
        assert before <= row, f"row {row} of {load.owner(row)} arrived after row {before}"
        newest[load.owner(row)] = row


def kill_worker(havoc: Havoc, _: warm.Process) -> None:
    """A worker dies; another one takes its place, mostly at once."""
    havoc.machines.kill_worker(havoc.pick())
    if havoc.chance.random() < 0.7 or not havoc.machines.running:
        havoc.machines.fill()


def cut_off(havoc: Havoc, _: warm.Process) -> None:
    """A worker stands still, and continues later."""
    havoc.stop_one()
    if not havoc.machines.running:
        havoc.machines.fill()


def kill_coordinator(havoc: Havoc, process: warm.Process) -> None:
    """The coordinator dies, sometimes while a worker stands still that has rows."""
    if havoc.chance.random() < 0.4:
        havoc.stop_one()
    process.kill()
    process.wait()


def kill_scheduler(havoc: Havoc, process: warm.Process) -> None:
    """The scheduler dies, and is there again soon, or only after the coordinator has ended."""
    havoc.machines.kill_scheduler()
    havoc.scheduler_is_gone = True
    if havoc.chance.random() < 0.5:
        havoc.restart_scheduler()
        return
    while process.poll() is None:
        time.sleep(_TURN_SECONDS)
        havoc.continue_due()


def cut_off_coordinator(havoc: Havoc, process: warm.Process) -> None:
    """The coordinator stands still, for longer than any permit lasts, and continues."""
    process.send_signal(signal.SIGSTOP)
    until = time.monotonic() + havoc.load.permit * havoc.chance.uniform(1.0, 2.0)
    while time.monotonic() < until:
        time.sleep(_TURN_SECONDS)
        havoc.continue_due()
    process.send_signal(signal.SIGCONT)


# So often of a hundred.
DEEDS: dict[Deed, int] = {
    kill_worker: 42,
    cut_off: 20,
    kill_coordinator: 21,
    kill_scheduler: 9,
    cut_off_coordinator: 8,
}


def choose_deeds(chance: random.Random, count: int) -> deque[Deed]:
    """Deeds at random."""
    chosen: list[Deed] = chance.choices(list(DEEDS), list(DEEDS.values()), k=count)
    return deque(chosen)


def wreak_havoc(
    folder: Path,
    kind: Kind,
    rows: int,
    chance: random.Random,
    tally: HavocTally,
    *,
    deeds: deque[Deed],
    permit: float = 2.0,
    workers: int = 3,
) -> None:
    """One load on a cluster of its own, from its first start until every row is settled.

    Raises:
        AssertionError: the account was not true; the folder holds the corpse.
    """
    with (
        FailingVendor(folder / "landed", chance.randrange(1 << 32)) as vendor,
        Machines(folder, workers) as machines,
    ):
        load = ClusterLoad(folder, kind, rows, vendor, cluster=machines.address, permit=permit)
        load.write()
        tally.loads += 1
        tally.rows += rows
        Havoc(load, machines, chance, deeds, tally).run()
