"""One load: its input, its command, and a kill at a moment of its life."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import loader
from loader.methods import METHODS, Kind
from tests import warm
from tests.crash.vendor import Alarm

if TYPE_CHECKING:
    import random

    from tests.crash.vendor import RecordingVendor

CONCURRENCY = 8
APPLICATION = "AAAAA-11111"
ROOT = Path(loader.__file__).parent.parent
PATIENCE_SECONDS = 120.0


def unmappable(ordinal: int) -> bool:
    """Whether the mapping rejects a row, always."""
    return ordinal % 50 == 25


def device(ordinal: int) -> str:
    """The device of a row: three rows in a row are of one."""
    return f"D-{ordinal // 3}"


def write_input(path: Path, kind: Kind, rows: int, device: Callable[[int], str] = device) -> None:
    """A CSV whose column `user_id` is the ordinal; by default three rows in a row are of one device."""
    columns = {
        Kind.USERS: ("timezone",),
        Kind.EVENTS: ("event", "timestamp", "timezone"),
        Kind.TAGS: ("city",),
    }[kind]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"user_id,device_id,{','.join(columns)}\n")
        for ordinal in range(rows):
            cells = {
                "event": "purchase" if ordinal % 83 else f"event {ordinal}",
                "timestamp": "20240229",
                "timezone": "Nowhere/Nowhere" if unmappable(ordinal) else "America/New_York",
                "city": "" if unmappable(ordinal) else "Oslo",
            }
            file.write(",".join([str(ordinal), device(ordinal), *(cells[name] for name in columns)]) + "\n")


@dataclass(frozen=True)
class Load:
    """A load of one kind of rows into a vendor, in a folder of its own."""

    folder: Path
    kind: Kind
    rows: int
    vendor: RecordingVendor
    processes: int = 1
    canary: int = 0

    @property
    def checkpoint(self) -> Path:
        """Its checkpoint."""
        return self.folder / f"{self.kind}.csv.{self.kind}.ckpt"

    def owner(self, ordinal: int) -> str:
        """The device or user whose rows keep their order."""
        return device(ordinal) if METHODS[self.kind].order_key[0] == "hwid" else str(ordinal)

    def start(self, *more: str) -> warm.Process:
        """The command, as a person types it; the same command again resumes."""
        where = ("--app", APPLICATION, "--endpoint", self.vendor.url, "--concurrency", str(CONCURRENCY))
        how = ("--processes", str(self.processes), "--quiet")
        first = ("--canary", str(self.canary)) if self.canary else ()
        first = ("--canary", str(self.canary)) if self.canary else ()
        return self.command(str(self.kind), f"{self.kind}.csv", *where, *how, *first, *more)

    def command(self, *arguments: str) -> warm.Process:
        """Start any command of the loader that this process has imported."""
        return warm.start(
            ["-m", "loader", *arguments],
            folder=self.folder,
            environment={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PYTHONPATH": str(ROOT),
                "PYTHONWARNINGS": "error",
            },
            stdout=warm.DEVNULL,
        )

    def loads(self, process: warm.Process) -> bool:
        """Whether the process has taken the lock of the checkpoint: it is opening it, or has."""
        try:
            return f"process {process.pid}\n" == Path(f"{self.checkpoint}-lock").read_text()
        except OSError:
            return False


Kill = Callable[[Load, warm.Process, "random.Random"], None]


def from_start(load: Load, process: warm.Process, chance: random.Random) -> None:
    """Kill at any time of a start, mostly before anything is opened."""
    time.sleep(chance.uniform(0, 1.5 if warm.is_cold() else 0.2))
    process.kill()


def while_opening(load: Load, process: warm.Process, chance: random.Random) -> None:
    """Kill while the checkpoint is created, verified or opened, or the first rows are leased."""
    while process.poll() is None and not load.loads(process):
        time.sleep(0.0002)
    time.sleep(chance.uniform(0, 0.06))
    process.kill()


def while_sending(load: Load, process: warm.Process, chance: random.Random) -> None:
    """Kill at any time after the first request."""
    begun = threading.Event()
    load.vendor.alarm = Alarm(1, begun.set)
    while process.poll() is None and not begun.wait(0.01):
        pass
    time.sleep(chance.expovariate(1 / 0.06))
    process.kill()


def once_taken(load: Load, process: warm.Process, chance: random.Random) -> None:
    """Kill between the vendor's note of a row and its answer."""
    load.vendor.alarm = Alarm(chance.randrange(1, 120), process.kill)
    process.wait(PATIENCE_SECONDS)


def once_answered(load: Load, process: warm.Process, chance: random.Random) -> None:
    """Kill right after an answer: on its way, received, or just being written down."""
    ring = threading.Event()
    load.vendor.alarm = Alarm(chance.randrange(1, 120), ring.set, answered=True)
    while process.poll() is None and not ring.wait(0.01):
        pass
    time.sleep(chance.choice([0.0, chance.uniform(0, 0.012)]))
    process.kill()


# So often of a hundred kills.
MOMENTS: dict[Kill, int] = {
    from_start: 8,
    while_opening: 22,
    while_sending: 25,
    once_taken: 20,
    once_answered: 25,
}
