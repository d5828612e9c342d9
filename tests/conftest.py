"""What the tests of whole commands share."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import loader
from loader.cli import cli
from tests import faultserver, warm
from tests.databases.fixtures import mariadb, mariadb_database, postgres, postgres_database
from tests.failed_rows import Load, Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

# What a shell starts in the background ignores Ctrl-C, and so would every process that a test sends it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Fixtures for the tests of any room.
__all__ = ["mariadb", "mariadb_database", "postgres", "postgres_database"]

SAMPLES = Path(__file__).parent.parent / "sample_data"


@pytest.hookimpl(optionalhook=True)  # xdist may be left out, with `-p no:xdist`
def pytest_xdist_auto_num_workers() -> int | None:
    """Three for two cores: for nearly half of its time a test waits, for a disk or another process."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or sys.platform != "linux":
        return None
    return len(os.sched_getaffinity(0)) * 3 // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Give each process tests that stand beside each other, which share what they prepare; the idle steal."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling  # noqa: PLC0415 - as above

    return WorkStealingScheduling(config, log)


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs the real command in a process of its own, in an empty folder, with an empty environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(loader.__file__).parent.parent),  # the one that the tests import
            "PYTHONWARNINGS": "error",
            "COLUMNS": "200",
            # Nothing listens there: no mistake in a test can reach beyond this machine.
            "PUSHWOOSH_ENDPOINT": "http://127.0.0.1:9/",
        }

    def start(
        self,
        *arguments: object,
        stdin: int = warm.DEVNULL,
        terminal: int | None = None,
        **environment: str,
    ) -> warm.Process:
        """Start a command; what it says goes to pipes, or to that terminal."""
        out = warm.PIPE if terminal is None else terminal
        return warm.start(
            ["-m", "loader", *map(str, arguments)],
            folder=self.folder,
            environment=self.environment | environment,
            stdin=stdin,
            stdout=out,
            stderr=out,
        )

    def run(self, *arguments: object, **environment: str) -> Ran:
        """Run a command to its end."""
        with self.start(*arguments, stdin=warm.DEVNULL, terminal=None, **environment) as process:
            out, err = process.communicate(timeout=120)
            return Ran(process.wait(), out, err)

    def run_here(self, *arguments: object) -> Ran:
        """The same in this process, in a tenth of the time; not for what depends on a process of its own."""
        own = dict.fromkeys(name for name in os.environ if name.startswith("PUSHWOOSH_")) | self.environment
        with chdir(self.folder):
            result = CliRunner().invoke(cli, list(map(str, arguments)), prog_name="pushwoosh-loader", env=own)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def summary(self, *arguments: object, **environment: str) -> dict[str, Any]:
        """Run a command to its end; its `--summary`."""
        ran = self.run(*arguments, "--summary", "-", **environment)
        assert ran.out, ran.err
        record: dict[str, Any] = json.loads(ran.out)
        assert record["exit_code"] == ran.code
        return record

    def held(self, query: str, store: str = "pushwoosh-sandbox.sqlite3") -> list[tuple[Any, ...]]:
        """Ask the sandbox's store."""
        with closing(sqlite3.connect(self.folder / store)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session", autouse=True)
def _no_process_stays() -> Iterator[None]:
    yield
    warm.close()


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """The command line, standing in an empty folder."""
    return CommandLine(tmp_path)


@pytest.fixture
def vendor() -> Vendor:
    """A vendor."""
    return Vendor()


@pytest.fixture
def server(vendor: Vendor) -> Iterator[faultserver.FaultServer]:
    """Its server."""
    with faultserver.FaultServer(vendor) as running:
        yield running


@pytest.fixture
def load(command: CommandLine, server: faultserver.FaultServer) -> Load:
    """The load, at the vendor."""
    return Load(command, server.url)
