"""Speed, CPU and memory of an events load, side by side with other clients: `make bench`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import random
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answer import answers_encrypted, answers_late, only_answers
from benchmarks.contenders import CONTENDERS, WORK, Task, loader

if TYPE_CHECKING:
    from benchmarks.answer import Answering
    from benchmarks.contenders import Run

RESULTS = Path(__file__).parent / "results"
LATENCY = 0.05
LOADER = "loader"


@dataclass(frozen=True, slots=True)
class Course:
    """A server to run against.

    Attributes:
        name: of the course.
        server: the server, running.
        concurrency: requests on the wire at a time.
    """

    name: str
    server: Answering
    concurrency: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the rounds."""

    rows_per_second: float
    cpu_microseconds: float
    peak_megabytes: float


def main() -> None:
    options = parse()
    source = events(options.rows)
    RESULTS.mkdir(exist_ok=True)
    sections = [heading(options)]
    with ExitStack() as servers:
        for course in courses(servers):
            runs = alternate(course, source, options)
            sections.append(report(course, runs))
            print(sections[-1], flush=True)
            plot(course, runs)
            (RESULTS / "load.txt").write_text("\n\n".join(sections) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="events to load (default: 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender (default: 3)")
    parser.add_argument(
        "--clients",
        nargs="*",
        choices=list(CONTENDERS),
        default=list(CONTENDERS),
        metavar="NAME",
        help="those of the table (default: all); the loader is always one",
    )
    options = parser.parse_args()
    options.clients.append(LOADER)
    return options


def courses(servers: ExitStack) -> list[Course]:
    """What is measured against."""
    found = [
        Course("from memory", servers.enter_context(only_answers()), 32),
        Course("50 ms away", servers.enter_context(answers_late(LATENCY)), 256),
    ]
    encrypted = servers.enter_context(answers_encrypted())
    if encrypted is None:
        print("Without nginx and openssl nothing is measured over TLS (Debian: apt-get install nginx-light).")
        return found
    return [*found, Course("TLS", encrypted, 32)]


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


def alternate(course: Course, source: Path, options: argparse.Namespace) -> dict[str, list[Run]]:
    """Run the contenders in turn, so that a slow minute of the machine slows all of them.

    A run that is not counted warms up what all of them use, and each round begins with another contender.
    """
    wanted = {name: contender for name, contender in CONTENDERS.items() if name in options.clients}
    available = [name for name, contender in wanted.items() if contender.available]
    for name, contender in wanted.items():
        if not contender.available:
            print(f"{name}: {contender.program} is not installed.", file=sys.stderr)
    loader(Task(source, course.server, options.rows, course.concurrency))
    runs: dict[str, list[Run]] = {name: [] for name in available}
    for number in range(1, options.rounds + 1):
        first = number % len(available)
        for name in available[first:] + available[:first]:
            rows = max(1, int(options.rows * CONTENDERS[name].share))
            run = CONTENDERS[name].run(Task(source, course.server, rows, course.concurrency))
            runs[name].append(run)
            print(
                f"{course.name}, round {number} of {options.rounds}: {name} "
                f"{run.rows / run.seconds:,.0f} rows a second",
                file=sys.stderr,
            )
    return runs


def figures(runs: list[Run]) -> Figures:
    """The medians of one contender."""
    return Figures(
        rows_per_second=statistics.median(run.rows / run.seconds for run in runs),
        cpu_microseconds=statistics.median(run.cpu_seconds / run.rows * 1e6 for run in runs),
        peak_megabytes=statistics.median(run.peak_bytes / 1e6 for run in runs),
    )


def heading(options: argparse.Namespace) -> str:
    """What was measured, and where."""
    return (
        f"{options.rows:,} events (slow contenders a part of them), medians of {options.rounds} rounds.\n"
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"which clients and servers share."
    )


def report(course: Course, runs: dict[str, list[Run]]) -> str:
    """The table of one course."""
    of_loader = figures(runs[LOADER]).rows_per_second
    lines = [
        f"{course.name}: {course.server.name}, concurrency {course.concurrency}",
        f"{'':<28}{'rows/s':>10}{'loader is':>12}{'CPU µs/row':>12}{'peak MB':>10}",
    ]
    for name, several in runs.items():
        found = figures(several)
        lines.append(
            f"{name:<28}{found.rows_per_second:>10,.0f}{of_loader / found.rows_per_second:>11.2f}x"
            f"{found.cpu_microseconds:>12,.0f}{found.peak_megabytes:>10,.0f}"
        )
    return "\n".join(lines)


def plot(course: Course, runs: dict[str, list[Run]]) -> None:
    """The rows a second as bars, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra of the benchmark
    except ImportError:
        return
    figure = Figure(figsize=(8, 0.5 * len(runs) + 1), layout="constrained")
    axes = figure.subplots()
    names = list(runs)[::-1]
    bars = axes.barh(names, [figures(runs[name]).rows_per_second for name in names])
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_title(f"{course.name}: rows a second")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / f"{course.name.replace(' ', '-')}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
