"""Speed, CPU and memory of an events load, beside a hand-written requests-futures script: `make bench`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answer import only_answers

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
WORK = HERE / "work"
RESULT = HERE / "results" / "load.txt"
SUMMARY = WORK / "summary.json"
CHECKPOINT = WORK / "load.ckpt"
APPLICATION = "AAAAA-00001"
CONCURRENCY = 16
# ru_maxrss counts kilobytes, on macOS bytes (getrusage(2) of either).
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One client process, from its start to its exit.

    Attributes:
        seconds: wall time.
        cpu_seconds: user and system time of the client alone.
        peak_bytes: most resident memory of the client.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the rounds."""

    rows_per_second: float
    cpu_microseconds: float
    peak_megabytes: float


def main() -> None:
    options = parse()
    source = events(options.rows)
    with only_answers() as server:
        contenders: dict[str, Callable[[], Run]] = {
            "loader": lambda: run_loader(source, server.endpoint, options.rows),
            "script": lambda: run_script(source, server.endpoint, options.rows),
        }
        runs = alternate(contenders, options.rounds)
    text = report(runs, options.rows, server.name)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="events to load (default: 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender (default: 3)")
    return parser.parse_args()


def events(rows: int) -> Path:
    """A CSV of purchases, always the same for the same number of rows."""
    WORK.mkdir(exist_ok=True)
    path = WORK / f"events-{rows}.csv"
    if path.exists():
        return path
    chance = random.Random(0)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["device_id", "customer", "day", "cds", "amount", "platform"])
        for _ in range(rows):
            customer = chance.randrange(100_000)
            day = f"1997{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
            amount = f"{chance.randrange(500, 20_000) / 100:.2f}"
            platform_name = chance.choice(["ios", "android"])
            writer.writerow(
                [f"D-{customer:016X}", f"{customer:05}", day, chance.randrange(1, 9), amount, platform_name]
            )
    unfinished.replace(path)
    return path


def alternate(contenders: dict[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run the contenders in turn, so that a slow minute of the machine slows both."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, contender in contenders.items():
            runs[name].append(contender())
            print(f"round {number} of {rounds}: {name} {runs[name][-1].seconds:.1f} s", file=sys.stderr)
    return runs


def run_loader(source: Path, endpoint: str, rows: int) -> Run:
    """One load with the command line, from a fresh checkpoint."""
    for old in [SUMMARY, *WORK.glob(f"{CHECKPOINT.name}*")]:
        old.unlink(missing_ok=True)
    command = [sys.executable, "-m", "loader", "events", str(source), "--endpoint", endpoint]
    command += ["--app", APPLICATION, "--mapping", str(HERE / "events.toml"), "--checkpoint", str(CHECKPOINT)]
    command += ["--concurrency", str(CONCURRENCY), "--yes", "--quiet", "--summary", str(SUMMARY)]
    run, _ = measure(command)
    expect(rows, json.loads(SUMMARY.read_text())["confirmed"])
    return run


def run_script(source: Path, endpoint: str, rows: int) -> Run:
    """The same posts by the hand-written script."""
    command = [sys.executable, "-m", "benchmarks.requests_futures_script"]
    run, output = measure([*command, str(source), endpoint, APPLICATION, str(CONCURRENCY)])
    expect(rows, int(output))
    return run


def measure(command: list[str]) -> tuple[Run, str]:
    """Run a client to its end: what it cost, and what it printed."""
    # No token or endpoint of the person who measures.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWOOSH_")}
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as client:
        assert client.stdout is not None
        output = client.stdout.read()
        _, status, usage = os.wait4(client.pid, 0)
        seconds = time.perf_counter() - started
        client.returncode = os.waitstatus_to_exitcode(status)
    if client.returncode != 0:
        raise SystemExit(f"Exit code {client.returncode} from: {' '.join(command)}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MAXRSS_UNIT), output


def expect(rows: int, confirmed: int) -> None:
    """A client that lost rows has no speed."""
    if confirmed != rows:
        raise SystemExit(f"{confirmed} of {rows} rows were confirmed: there is nothing to compare.")


def figures(runs: list[Run], rows: int) -> Figures:
    """The medians of one contender."""
    return Figures(
        rows_per_second=statistics.median(rows / run.seconds for run in runs),
        cpu_microseconds=statistics.median(run.cpu_seconds / rows * 1e6 for run in runs),
        peak_megabytes=statistics.median(run.peak_bytes / 1e6 for run in runs),
    )


def report(runs: dict[str, list[Run]], rows: int, server: str) -> str:
    """The table."""
    loader, script = figures(runs["loader"], rows), figures(runs["script"], rows)
    lines = [
        f"{rows:,} events, concurrency {CONCURRENCY}, medians of {len(runs['loader'])} rounds",
        f"Server: {server}. Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores",
        "",
        f"{'':<28}{'loader':>12}{'script':>12}{'loader/script':>16}",
        line("rows a second", loader.rows_per_second, script.rows_per_second),
        line("CPU microseconds a row", loader.cpu_microseconds, script.cpu_microseconds),
        line("peak memory, MB", loader.peak_megabytes, script.peak_megabytes),
    ]
    return "\n".join(lines)


def line(name: str, loader: float, script: float) -> str:
    """One line of the table."""
    return f"{name:<28}{loader:>12,.0f}{script:>12,.0f}{loader / script:>16.2f}"


if __name__ == "__main__":
    main()
