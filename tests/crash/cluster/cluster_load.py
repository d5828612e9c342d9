"""A load on a cluster, and a vendor that fails now and then."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.methods import METHODS
from tests import warm
from tests.crash.cluster.machines import mother
from tests.crash.load import APPLICATION, CONCURRENCY, Load, write_input
from tests.crash.vendor import RecordingVendor
from tests.faultserver import http

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faultserver import Visit

_SHARED_DEVICES = 80
_BUSY = http(429, b"", "Retry-After: 0")
_FAILED = http(500)


def device(ordinal: int) -> str:
    """The device of a row: of two thirds of the rows one of a few, so parts of all workers share devices."""
    return f"S-{ordinal % _SHARED_DEVICES}" if ordinal % 3 else f"D-{ordinal}"


@dataclass(frozen=True)
class ClusterLoad(Load):
    """A load whose rows are read, mapped and sent by the workers of a cluster.

    Attributes:
        cluster: the address of its scheduler.
        permit: how long a worker may send without being heard, in seconds.
    """

    cluster: str = ""
    permit: float = 2.0

    def write(self) -> None:
        """Write its input."""
        write_input(self.folder / f"{self.kind}.csv", self.kind, self.rows, device)

    def calm_vendor(self) -> None:
        """Let the vendor fail no more."""
        assert isinstance(self.vendor, FailingVendor)
        self.vendor.calm = True

    def owner(self, ordinal: int) -> str:
        """The device or user whose rows keep their order."""
        return device(ordinal) if METHODS[self.kind].order_key[0] == "hwid" else str(ordinal)

    def start(self, *more: str) -> warm.Process:
        """The command, as a person types it; the same command again resumes."""
        return self.start_alone("--cluster", self.cluster, *more)

    def start_alone(self, *more: str) -> warm.Process:
        """The same load on one machine."""
        where = ("--app", APPLICATION, "--endpoint", self.vendor.url, "--concurrency", str(CONCURRENCY))
        return self.command(str(self.kind), f"{self.kind}.csv", *where, *more)

    def command(self, *arguments: str) -> warm.Process:
        """Start any command of the loader, with the shorter permits."""
        return warm.start(
            ["-m", "tests.crash.cluster.coordinator", str(self.permit), *arguments],
            folder=self.folder,
            environment={"PATH": os.environ["PATH"], "HOME": str(self.folder), **warm.USUAL},
            stdout=warm.DEVNULL,
            life=600,
            forked_by=None if warm.is_cold() else mother(),
        )


class FailingVendor(RecordingVendor):
    """Takes rows, and now and then is busy, fails, or hangs up, before or after it took one.

    Args:
        notes: of what it took.
        seed: of its failures.

    Attributes:
        calm: whether it fails no more.
    """

    def __init__(self, notes: Path, seed: int) -> None:
        super().__init__(notes)
        self._chance = random.Random(seed)
        self._drawing = threading.Lock()
        self.calm = False

    def _visit(self, visit: Visit) -> None:
        drawn = self._draw()
        if drawn < 0.01:
            visit.take()
            visit.send(_BUSY)
        elif drawn < 0.015:
            visit.take()
            visit.reset()
        else:
            super()._visit(visit)

    def reply(self, visit: Visit, ordinal: int) -> None:
        """Answer, or hang up instead."""
        drawn = self._draw()
        if drawn < 0.005:
            visit.reset()
        elif drawn < 0.01:
            visit.send(_FAILED)
        else:
            super().reply(visit, ordinal)

    def _draw(self) -> float:
        with self._drawing:
            return 1.0 if self.calm else self._chance.random()
