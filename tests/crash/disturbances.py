"""What others do to the checkpoint of a load while it runs, and between two runs: nothing may be lost by it.

look            an SQLite tool opens it for reading and writing, and closes it
delete_lock     its lock file is deleted, and the same command is started beside it
link            it gets a second name, and is loaded under that name too
read            `status` looks all the time
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from subprocess import PIPE
from typing import TYPE_CHECKING

from tests.crash.load import PATIENCE_SECONDS
from tests.journal.attacks import ROOT, TOOL, run

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from tests import warm
    from tests.crash.load import Load

# Looks until its input is closed; before the checkpoint is there, there is nothing to see.
READ = """
import sys, threading
from pathlib import Path
from loader.journal import CheckpointView
path, done = Path(sys.argv[1]), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
while not done.wait(0.001):
    if path.exists():
        CheckpointView.open(path).account()
"""
# A start beside a load is refused; if that load was killed a moment before, it is the next load.
REFUSED_OR_LOADED = (0, 2, 3, 4, 7)
PARTS = ("", "-wal", "-shm", "-wire", "-lock")


def look(load: Load, chance: random.Random) -> None:
    """Run a statement in an SQLite tool."""
    if not load.checkpoint.exists():
        return  # the tool would create a database of its own
    run(TOOL, load.checkpoint, chance.choice(["SELECT commits FROM head", "BEGIN IMMEDIATE", "VACUUM"]))


def delete_lock(load: Load, _: random.Random) -> None:
    """Delete the lock file, and start the same load."""
    load.checkpoint.with_name(f"{load.checkpoint.name}-lock").unlink(missing_ok=True)
    start_second(load)


def link(load: Load, chance: random.Random) -> None:
    """Give the checkpoint a second name, with some of its parts or all of them, and load under that name."""
    other = load.checkpoint.with_name("linked.ckpt")
    if not load.checkpoint.exists():
        return  # it is being created: without it, this would be the first start of another load
    for part in PARTS[: chance.choice([1, len(PARTS)])]:
        name = load.checkpoint.name + part
        if load.checkpoint.with_name(name).exists():
            os.link(load.checkpoint.with_name(name), other.with_name(other.name + part))
    start_second(load, "--checkpoint", other.name)
    for path in load.folder.glob("linked.ckpt*"):
        path.unlink()


def start_second(load: Load, *more: str) -> None:
    """Start a load that another one should keep out."""
    with load.start(*more) as process:
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode in REFUSED_OR_LOADED, said


DISTURBANCES = {look: 4, delete_lock: 1, link: 1}


class Disturber:
    """Disturbs a load from a thread of its own until the load is over.

    Attributes:
        failed: what went wrong with a disturbance, to be raised where the load is watched.
    """

    def __init__(self, load: Load, process: warm.Process, seed: int, done: Counter[str]) -> None:
        self.failed: BaseException | None = None
        self._load, self._process, self._done = load, process, done
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.failed is not None:
            raise self.failed

    def _run(self) -> None:
        try:
            while not self._over.wait(self._chance.uniform(0.01, 0.2)):
                if self._process.poll() is None and self._load.loads(self._process):
                    disturb(self._load, self._chance, self._done)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for this thread
            self.failed = error


def disturb(load: Load, chance: random.Random, done: Counter[str]) -> None:
    """Do one of the disturbances, and count it."""
    (disturbance,) = chance.choices(list(DISTURBANCES), list(DISTURBANCES.values()))
    disturbance(load, chance)
    done[disturbance.__name__] += 1


@contextmanager
def reading(load: Load, readers: int, done: Counter[str]) -> Iterator[None]:
    """Have a number of processes look at the checkpoint all the time; each look succeeds."""
    command = [sys.executable, "-c", READ, str(load.checkpoint)]
    with ExitStack() as stack:
        looking = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stderr=PIPE, text=True))
            for _ in range(readers)
        ]
        yield
        for process in looking:
            _, said = process.communicate("")
            assert not said, said
            done["read"] += 1
