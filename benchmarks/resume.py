"""How long a resumed load of a large CSV takes to its first request: `make bench-resume`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.answer import ANSWER
from benchmarks.contenders import APPLICATION, HERE, WORK
from loader import pipeline, planning
from loader.journal import Journal
from loader.methods import Kind
from loader.model import Outcome, State
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESULT = HERE / "results" / "resume.txt"
CHECKPOINT = WORK / "resume.ckpt"
MAPPING = HERE / "events.toml"
STEP = 500_000
LEASE = 4096
LIMIT_SECONDS = 300.0


class FirstRequest:
    """A server on loopback that notes when the first request came."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint.parse(f"http://127.0.0.1:{self._listening.getsockname()[1]}/json/1.3/")
        self.came = threading.Event()
        self.at = 0.0
        threading.Thread(target=self._serve, daemon=True).start()

    def expect(self) -> None:
        """The next request is the first."""
        self.came.clear()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        # A client that is ended closes its connections as it likes.
        with connection, contextlib.suppress(OSError):
            while connection.recv(1 << 16):
                if not self.came.is_set():
                    self.at = time.perf_counter()
                    self.came.set()
                connection.sendall(ANSWER)


def main() -> None:
    options = parse()
    server = FirstRequest()
    lines = [f"{options.rows:,} rows, 90 % confirmed, medians of {options.rounds} rounds"]
    lines += ["", f"{'':<28}{'MB':>8}{'first load, s':>16}{'resumed, s':>12}{'not cached, s':>16}"]
    for name, quoting in (("plain", "none"), ("every cell quoted", "all_valid")):
        with export(options.rows, quoting) as source:
            first = seconds_to_first_request(source, server)
            remove_checkpoint()
            confirm(source, server, options.rows * 9 // 10)
            resumed = [seconds_to_first_request(source, server) for _ in range(options.rounds)]
            cold = [seconds_to_first_request(source, server, cold=True) for _ in range(options.rounds)]
            megabytes = source.stat().st_size / 1e6
        figures = f"{statistics.median(resumed):>12.2f}{statistics.median(cold):>16.2f}"
        lines.append(f"{name:<28}{megabytes:>8,.0f}{first:>16.2f}{figures}")
    text = "\n".join(lines)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resume", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the file (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=3, help="resumed loads of each file (default: 3)")
    return parser.parse_args()


@contextlib.contextmanager
def export(rows: int, quoting: str) -> Iterator[Path]:
    """A CSV of nine columns, about 90 bytes a row; deleted afterwards, with its checkpoint."""
    WORK.mkdir(exist_ok=True)
    path = WORK / "resume.csv"
    chance = np.random.default_rng(0)
    try:
        with path.open("wb") as file:
            for first in range(0, rows, STEP):
                table = purchases(first, min(STEP, rows - first), chance)
                options = csv.WriteOptions(include_header=first == 0, quoting_style=quoting)
                csv.write_csv(table, file, options)
        yield path
    finally:
        path.unlink(missing_ok=True)
        remove_checkpoint()


def purchases(first: int, rows: int, chance: np.random.Generator) -> pa.Table:
    """Made-up purchases from number `first` on."""
    numbers = np.arange(first, first + rows)
    devices = [f"D-{number:016X}" for number in numbers * 2_654_435_761 % (1 << 40)]
    return pa.table(
        {
            "device_id": devices,
            "customer": (numbers * 7919 % 1_000_000).astype(str),
            "day": (19970101 + chance.integers(0, 28, rows)).astype(str),
            "cds": chance.integers(1, 9, rows).astype(str),
            "amount": np.char.mod("%.2f", chance.integers(500, 20_000, rows) / 100),
            "platform": chance.choice(["ios", "android"], rows),
            "city": chance.choice(["Berlin", "New York", "São Paulo", "東京"], rows),
            "campaign": chance.choice(["spring", "summer", "autumn", "winter"], rows),
            "note": np.char.add("note ", numbers.astype(str)),
        }
    )


def remove_checkpoint() -> None:
    for old in WORK.glob(f"{CHECKPOINT.name}*"):
        old.unlink()


def confirm(source: Path, server: FirstRequest, rows: int) -> None:
    """A checkpoint in which the first rows are confirmed."""
    settings = Settings(
        Kind.EVENTS, (str(source),), APPLICATION, server.endpoint, CHECKPOINT, mapping=MAPPING
    )
    plan = pipeline.prepare(settings)
    with Journal.open(CHECKPOINT, planning.build_identity(plan)) as journal:
        for first in range(0, rows, LEASE):
            lease = range(first, min(first + LEASE, rows))
            journal.lease(lease)
            journal.settle([Outcome(ordinal, State.CONFIRMED) for ordinal in lease])


def seconds_to_first_request(source: Path, server: FirstRequest, *, cold: bool = False) -> float:
    """From the start of the command until the server has a request; then the command is ended."""
    if cold:
        forget(source)
    command = [sys.executable, "-m", "loader", "events", str(source), "--endpoint", server.endpoint.url]
    command += ["--app", APPLICATION, "--mapping", str(MAPPING), "--checkpoint", str(CHECKPOINT)]
    command += ["--yes", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWOOSH_")}
    server.expect()
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as client:
        came = server.came.wait(LIMIT_SECONDS)
        client.terminate()
    if not came:
        raise SystemExit(f"No request came within {LIMIT_SECONDS:.0f} s from: {' '.join(command)}")
    return server.at - started


def forget(path: Path) -> None:
    """Ask the system to drop what it holds of the file in memory, where it can be asked."""
    if not hasattr(os, "posix_fadvise"):
        raise SystemExit("The figures without cache need posix_fadvise, which this system does not have.")
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
