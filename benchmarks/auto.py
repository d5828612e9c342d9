"""The default concurrency beside fixed numbers, near and far, plain and over TLS: `make bench-auto`.

Run ``python -m benchmarks.auto [--rounds N] [--share S]``; how to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.answer import answers_encrypted, answers_late, only_answers
from benchmarks.contenders import HERE, SUMMARY, Task, loader, loader_fixed
from benchmarks.load import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.answer import Answering
    from benchmarks.contenders import Run

RESULT = HERE / "results" / "auto.txt"
HIGHEST = 256  # of the default
TRIED = 3  # loads with each fixed number, to find the best


class Distance(NamedTuple):
    """How far away the server is, and what is measured there.

    Attributes:
        name: in the table.
        seconds: from a request to its answer.
        rows: of one load, which then takes ten seconds and more.
        fixed: the numbers to compare with, of which one is about the best.
    """

    name: str
    seconds: float
    rows: int
    fixed: tuple[int, ...]


DISTANCES = (
    Distance("memory", 0.0, 150_000, (16, 32, 64, 96, 128, 256)),
    Distance("5 ms", 0.005, 150_000, (64, 128, 192, 256)),
    # Far away, requests on the wire are the limit: more are better, up to the most that the default may have.
    Distance("50 ms", 0.05, 80_000, (256,)),
    Distance("200 ms", 0.2, 30_000, (256,)),
)


class Measured(NamedTuple):
    """Rows a second of each load with the default, and of each with the best fixed number."""

    auto: list[float]
    best: int
    fixed: list[float]


def main() -> None:
    options = parse()
    RESULT.parent.mkdir(exist_ok=True)
    lines = heading(options)
    print("\n".join(lines), flush=True)
    for name, serve in {"plain": plainly, "TLS": encrypted}.items():
        for distance in DISTANCES:
            if options.only and distance.name not in options.only:
                continue
            with serve(distance.seconds) as server:
                lines.append(line(f"{distance.name}, {name}", measure(distance, server, options)))
            print(lines[-1], flush=True)
            RESULT.write_text("\n".join(lines) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auto", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="loads with the default (default: 10)")
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of each load (default: 1)")
    names = [distance.name for distance in DISTANCES]
    parser.add_argument("--only", nargs="*", choices=names, metavar="DISTANCE", help=f"of {', '.join(names)}")
    return parser.parse_args()


@contextmanager
def plainly(seconds: float) -> Iterator[Answering | None]:
    """A server at a distance."""
    with answers_late(seconds) if seconds else only_answers() as server:
        yield server


def encrypted(seconds: float) -> AbstractContextManager[Answering | None]:
    """The same over TLS; None if something that it takes is not installed."""
    return answers_encrypted(seconds=seconds)


def measure(distance: Distance, server: Answering | None, options: argparse.Namespace) -> Measured | None:
    """Load with the default and with the best fixed number by turns, so that a slow minute slows both."""
    if server is None:
        return None
    rows = int(distance.rows * options.share)
    source = events(rows)
    load(loader, source, server, rows, HIGHEST)  # not counted: it warms up what all of them use
    best = choose_best(distance.fixed, lambda number: load(loader_fixed, source, server, rows, number))
    auto: list[float] = []
    fixed: list[float] = []
    for _ in range(options.rounds):
        fixed.append(load(loader_fixed, source, server, rows, best))
        auto.append(load(loader, source, server, rows, HIGHEST))
        print(f"{distance.name}, {server.name}: auto {auto[-1]:,.0f} rows a second", file=sys.stderr)
    return Measured(auto, best, fixed)


def choose_best(numbers: Sequence[int], load_with: Callable[[int], float]) -> int:
    """The number with the highest median of a few loads, which are not counted.

    Of numbers that are equally good, the one that is the best of a few loads had luck.
    """
    if len(numbers) == 1:
        return numbers[0]
    turns = [{number: load_with(number) for number in numbers} for _ in range(TRIED)]
    return max(numbers, key=lambda number: statistics.median(turn[number] for turn in turns))


def load(run: Callable[[Task], Run], source: Path, server: Answering, rows: int, number: int) -> float:
    """Rows a second of one load, without the start of its process: that is the same for all of them."""
    run(Task(source, server, rows, number))
    return rows / float(json.loads(SUMMARY.read_text())["elapsed_seconds"])


def heading(options: argparse.Namespace) -> list[str]:
    """What was measured, and where."""
    return [
        f"The default concurrency in {options.rounds} loads, and the median of the best fixed number.",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
        "which client and server share.",
        "",
        f"{'':<16}{'best fixed':>12}{'rows/s':>10}{'auto, median':>14}{'worst':>8}{'best':>8}"
        f"{'fixed, worst':>14}",
    ]


def line(name: str, measured: Measured | None) -> str:
    """One line of the table; those of `auto`, and the worst, are shares of its median."""
    if measured is None:
        return f"{name:<16}{'not measured: it takes nginx with echo, and openssl':>60}"
    auto, fixed = measured.auto, statistics.median(measured.fixed)
    times = (statistics.median(auto), min(auto), max(auto), min(measured.fixed))
    columns = "".join(
        f"{each / fixed:>{width}.2f}" for each, width in zip(times, (14, 8, 8, 14), strict=True)
    )
    return f"{name:<16}{measured.best:>12}{fixed:>10,.0f}{columns}"


if __name__ == "__main__":
    main()
