"""The machines of a cluster: a scheduler and workers, each a process that can be killed or stopped."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Self

from tests import warm

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECONDS = 120.0
_LIFE_SECONDS = 1800
_MODULES = ("distributed.cli.dask_scheduler", "distributed.cli.dask_worker", "loader.cluster.sender")
# As the two commands do; by `-m` Python would warn that the module is already there.
_RUN = "import warnings; warnings.resetwarnings(); from distributed.cli.dask_{role} import main; main()"


class Machines:
    """Run while they are entered.

    Args:
        folder: for what they write.
        workers: how many there are.

    Attributes:
        address: of the scheduler.
        workers: those that were started and not killed, by their names.
        stopped: the names of those that stand still.
    """

    def __init__(self, folder: Path, workers: int = 3) -> None:
        self.workers: dict[str, warm.Process] = {}
        self.stopped: set[str] = set()
        self.address = f"tcp://127.0.0.1:{find_port()}"
        self._folder = folder
        self._wanted = workers
        self._started = 0
        self._orphans: list[warm.Process] = []

    def __enter__(self) -> Self:
        self.start_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()

    @property
    def log(self) -> str:
        """What they have written."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    @property
    def running(self) -> list[str]:
        """The workers that can send."""
        return [name for name in self.workers if name not in self.stopped]

    def start_all(self) -> None:
        """Start the scheduler at its address, and workers."""
        host, port = self.address.removeprefix("tcp://").split(":")
        self.scheduler = self._start("scheduler", "--host", host, "--port", port, "--no-dashboard")
        self._await_scheduler(host, int(port))
        self.fill()

    def fill(self) -> None:
        """Start workers until there are as many as wanted; those that stand still do not count."""
        for name, process in list(self.workers.items()):
            if process.poll() is not None:
                self._forget(name)
        while len(self.running) < self._wanted:
            self.start_worker()

    def await_workers(self, count: int) -> None:
        """Return when that many workers have joined."""
        from distributed import Client  # noqa: PLC0415 - slow to import, and only if it is asked for

        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call] # Dask's
            client.wait_for_workers(count, timeout=PATIENCE_SECONDS)

    def kill_worker(self, name: str) -> None:
        """Kill a worker, as a machine that loses its power."""
        self.workers[name].kill()
        self._forget(name)

    def stop_worker(self, name: str) -> None:
        """Cut a worker off: it stands still, and its connections stay."""
        self.workers[name].send_signal(signal.SIGSTOP)
        self.stopped.add(name)

    def continue_worker(self, name: str) -> None:
        """Let a worker continue where it stood."""
        self.stopped.discard(name)
        if name in self.workers:
            self.workers[name].send_signal(signal.SIGCONT)

    def kill_scheduler(self) -> None:
        """Kill the scheduler; its workers end by themselves when they notice."""
        self.scheduler.kill()
        self.scheduler.wait(PATIENCE_SECONDS)
        self._orphans += [self.workers.pop(name) for name in self.running]

    def end_all(self) -> None:
        """Kill whatever runs."""
        for name in list(self.workers):
            self.kill_worker(name)
        self.kill_scheduler()
        for process in self._orphans:
            process.kill()
            process.wait(PATIENCE_SECONDS)

    def _forget(self, name: str) -> None:
        self.stopped.discard(name)
        self.workers.pop(name).wait(PATIENCE_SECONDS)

    def start_worker(self, folder: Path | None = None) -> None:
        """Start one more worker, in a folder of its own if it has one."""
        self._started += 1
        name = f"worker-{self._started}"
        where = ("--name", name, "--host", "127.0.0.1", "--local-directory", str(self._folder))
        how = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        self.workers[name] = self._start("worker", self.address, *where, *how, folder=folder)

    def _start(self, role: str, *arguments: str, folder: Path | None = None) -> warm.Process:
        with (self._folder / f"{role}-{self._started}.log").open("ab") as log:
            return warm.start(
                ["-c", _RUN.format(role=role), *arguments],
                folder=folder or self._folder,
                environment={"PATH": os.environ["PATH"], "HOME": str(self._folder), **warm.USUAL},
                stdout=log.fileno(),
                stderr=log.fileno(),
                life=_LIFE_SECONDS,
                forked_by=None if warm.is_cold() else mother(),
            )

    def _await_scheduler(self, host: str, port: int) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            assert self.scheduler.poll() is None, self.log
            with suppress(OSError), socket.create_connection((host, port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"the scheduler does not listen\n{self.log}")


def find_port() -> int:
    """A port of this machine that was free a moment ago: a scheduler that is started again has the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@cache
def mother() -> warm.Mother:
    """The process that forks schedulers and workers, from when it is first needed."""
    return warm.Mother(*_MODULES)
