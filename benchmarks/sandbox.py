"""How many requests a second the sandbox accepts, beside the previous build: `make bench-sandbox`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.answer import Answering
from benchmarks.contenders import CONTENDERS, HERE, WORK, WRK_SECONDS, Task
from benchmarks.load import events

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = HERE / "results" / "sandbox.txt"
# The last build that committed each call by itself.
PREVIOUS = "d10894c"
CLIENTS = {"wrk": "wrk (ceiling)", "the loader": "loader"}


class Build(NamedTuple):
    """A build whose sandbox is measured.

    Attributes:
        name: in the table.
        python: its interpreter.
        folder: of its code.
    """

    name: str
    python: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Figures:
    """One run.

    Attributes:
        accepted: calls that the store holds afterwards.
        per_second: of them, by the wall time of the client.
        cpu_microseconds: user and system time of the sandbox for each, its start included.
    """

    accepted: int
    per_second: float
    cpu_microseconds: float


def main() -> None:
    """Measure both builds by turns, and print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--previous", default=PREVIOUS, help="a revision of git, or a folder with a .venv")
    options = parser.parse_args()
    this = Build("this build", Path(sys.executable), HERE.parent)
    told = [heading(options)]
    WORK.mkdir(exist_ok=True)
    with prepare_previous(options.previous) as previous:
        if previous is None:
            told.append(
                f"The previous build is left out, because this repository has no revision {options.previous}."
            )
        builds = [each for each in (this, previous) if each is not None]
        source = events(options.rows)
        for title, client in CLIENTS.items():
            if not CONTENDERS[client].available:
                told.append(f"Without {title}: it is not installed.")
                continue
            told += measure_client(title, client, builds, source, options)
    print("\n".join(told))
    RESULT.write_text("\n".join(told) + "\n")


def heading(options: argparse.Namespace) -> str:
    """What was measured, and where."""
    return (
        f"{options.rows:,} events by the loader, {WRK_SECONDS} s of wrk, medians of {options.rounds} rounds "
        "by turns.\n"
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, which client and "
        "sandbox share."
    )


def measure_client(
    title: str, client: str, builds: list[Build], source: Path, options: argparse.Namespace
) -> list[str]:
    """Lines of the table for one client."""
    figures: dict[str, list[Figures]] = {build.name: [] for build in builds}
    for turn in range(options.rounds):
        for build in builds if turn % 2 == 0 else reversed(builds):
            figures[build.name].append(run(build, client, source, options))
    lines = [f"{title}, {options.concurrency} in flight", f"  {'':<16}{'accepted/s':>12}{'CPU µs each':>14}"]
    medians = {name: statistics.median(each.per_second for each in runs) for name, runs in figures.items()}
    for name, runs in figures.items():
        cpu = statistics.median(each.cpu_microseconds for each in runs)
        lines.append(f"  {name:<16}{medians[name]:>12,.0f}{cpu:>14.0f}")
    if len(builds) == 2:
        this, previous = (medians[build.name] for build in builds)
        lines.append(f"  {'ratio':<16}{this / previous:>12.1f}")
    return lines


def run(build: Build, client: str, source: Path, options: argparse.Namespace) -> Figures:
    """One run of a client against a fresh sandbox of a build."""
    with TemporaryDirectory(dir=WORK) as folder:
        store = Path(folder, "store.sqlite3")
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PUSHWOOSH_")}
        command = [str(build.python), "-m", "loader", "sandbox", "--port", "0", "--store", str(store)]
        with subprocess.Popen(
            command, cwd=build.folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as sandbox:
            try:
                took = CONTENDERS[client].run(
                    Task(
                        source,
                        Answering("sandbox", read_endpoint(sandbox)),
                        options.rows,
                        options.concurrency,
                    )
                )
            finally:
                sandbox.terminate()
                _, status, usage = os.wait4(sandbox.pid, 0)
                sandbox.returncode = os.waitstatus_to_exitcode(status)
        with closing(sqlite3.connect(store)) as connection:
            accepted: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    cpu = usage.ru_utime + usage.ru_stime
    return Figures(accepted, accepted / took.seconds, cpu / accepted * 1e6)


def read_endpoint(sandbox: subprocess.Popen[str]) -> str:
    """Where a sandbox says that it is."""
    assert sandbox.stdout is not None
    found = re.match(r"Sandbox at (\S+),", sandbox.stdout.readline())
    if found is None:
        raise SystemExit("The sandbox did not start.")
    return found[1]


@contextmanager
def prepare_previous(named: str) -> Iterator[Build | None]:
    """The previous build: a folder that has its own environment, or a revision, installed for the moment."""
    if (python := Path(named).resolve() / ".venv" / "bin" / "python").exists():
        yield Build("previous build", python, Path(named).resolve())
        return
    with TemporaryDirectory(dir=WORK) as folder:
        tree = Path(folder, "tree")
        try:
            yield Build("previous build", install(named, tree), tree) if has_revision(named) else None
        finally:
            command = ["git", "-C", str(HERE.parent), "worktree", "remove", "--force", str(tree)]
            subprocess.run(command, check=False, capture_output=True)


def has_revision(named: str) -> bool:
    """Whether there is a revision of this name, which an unpacked source package has not."""
    command = ["git", "-C", str(HERE.parent), "cat-file", "-e", f"{named}^{{commit}}"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def install(revision: str, tree: Path) -> Path:
    """Check a revision out and install it with an environment of its own; its interpreter."""
    call("git", "-C", HERE.parent, "worktree", "add", "--detach", tree, revision)
    call(sys.executable, "-m", "venv", tree / ".venv")
    call(tree / ".venv" / "bin" / "pip", "install", "-q", tree)
    return tree / ".venv" / "bin" / "python"


def call(*command: str | Path) -> None:
    """Run a program that has to succeed."""
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
