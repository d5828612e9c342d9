"""A Dask cluster on loopback: a scheduler and workers, each in a process of its own that a test may end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import loader

if TYPE_CHECKING:
    from typing import Self

_PATIENCE = 120.0
_PACKAGES = str(Path(loader.__file__).parent.parent)


class DaskProcesses:
    """Runs while it is entered.

    Args:
        folder: for what Dask writes.
        workers: how many there are at first.
        environment: variables that all workers have.
    """

    def __init__(self, folder: Path, workers: int = 2, **environment: str) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self._wanted = workers
        self._environment = environment
        self._started = 0

    def __enter__(self) -> Self:
        self.start_scheduler()
        for _ in range(self._wanted):
            self.start_worker()
        self.await_workers(self._wanted)
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers, self.scheduler]:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    @property
    def log(self) -> str:
        """All that the scheduler and the workers have said."""
        return "".join(each.read_text() for each in sorted(self.folder.glob("*.log")))

    def start_scheduler(self) -> None:
        """Start it, and learn its address."""
        place = self.folder / "scheduler.json"
        place.unlink(missing_ok=True)
        dashboard = ("--dashboard-address", "127.0.0.1:0")
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(place), *dashboard
        )
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with suppress(OSError, ValueError, KeyError):
                self.address: str = json.loads(place.read_text())["address"]
                return
            time.sleep(0.02)
        raise AssertionError(self.log)

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        self._started += 1
        worker = self._start(
            "worker",
            self.address,
            *("--name", f"worker-{self._started}", "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--host", "127.0.0.1", "--local-directory", str(self.folder)),
            **(self._environment | environment),
        )
        self.workers.append(worker)
        return worker

    def await_workers(self, count: int) -> None:
        """Return when that many workers have joined."""
        from distributed import Client  # noqa: PLC0415

        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(count, timeout=_PATIENCE)

    def _start(self, role: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{role}-{self._started}.log"
        with log.open("wb") as out:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{role}", *arguments],
                cwd=self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "PYTHONPATH": _PACKAGES,
                    **environment,
                },
                stdout=out,
                stderr=out,
            )
