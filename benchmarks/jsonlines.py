"""Speed of `check` of JSON Lines beside the previous build: `make bench-jsonlines`.

Run ``python -m benchmarks.jsonlines [--rows N]``; how to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.check import TOML, batch
from benchmarks.contenders import HERE, SUMMARY, WORK, Run, measure
from benchmarks.sandbox import Build, prepare_previous

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Event = dict[str, Any]

RESULT = HERE / "results" / "jsonlines.txt"
# Rows that are made at a time: a child begins with the peak memory of its parent, which has to stay small.
AT_A_TIME = 10_000
# The last build that made Python objects of each line.
PREVIOUS = "e34db16"
SHAPES: dict[str, Callable[[Event], Event]] = {
    "9 columns": lambda event: event,
    "some are missing": lambda event: {
        name: value for name, value in event.items() if name != "category" or event["quantity"] % 2
    },
    "with escapes": lambda event: {**event, "category": f'{event["category"]} für "Müller"'},
    "within another object": lambda event: {"properties": event, "source": "web"},
}
NESTED = "within another object"


def main() -> None:
    """Measure both builds by turns, and print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--previous", default=PREVIOUS, help="a revision of git, or a folder with a .venv")
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    lines = [heading(options), f"  {'':<24}{'build':<10}{'rows/s':>10}{'rows/s of a core':>18}{'peak MB':>9}"]
    this = Build("this build", Path(sys.executable), HERE.parent)
    with prepare_previous(options.previous) as previous:
        for shape in SHAPES:
            lines += measure_shape(shape, [each for each in (this, previous) if each], options)
    print("\n".join(lines))
    RESULT.write_text("\n".join(lines) + "\n")


def heading(options: argparse.Namespace) -> str:
    """What was measured, and where."""
    return (
        f"check of {options.rows:,} events in JSON Lines, medians of {options.rounds} rounds by turns.\n"
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores."
    )


def measure_shape(shape: str, builds: list[Build], options: argparse.Namespace) -> list[str]:
    """Lines of the table for one way to write the events."""
    source, mapping = WORK / "check.jsonl", WORK / "check-jsonlines.toml"
    runs: dict[str, list[Run]] = {build.name: [] for build in builds}
    try:
        write(source, mapping, shape, options.rows)
        for turn in range(options.rounds):
            for build in builds if turn % 2 == 0 else reversed(builds):
                runs[build.name].append(check(build, source, mapping, options.rows))
    finally:
        source.unlink(missing_ok=True)
    lines = [line(shape if not number else "", *each) for number, each in enumerate(runs.items())]
    if len(runs) > 1:
        now, before = (statistics.median(run.seconds for run in each) for each in runs.values())
        lines.append(f"  {'':<24}{'ratio':<10}{before / now:>10.2f}")
    return lines


def line(shape: str, name: str, runs: list[Run]) -> str:
    """The medians of one build."""
    rows = runs[0].rows
    seconds = statistics.median(run.seconds for run in runs)
    cpu = statistics.median(run.cpu_seconds for run in runs)
    peak = statistics.median(run.peak_bytes for run in runs) / 1e6
    word = name.split(maxsplit=1)[0]
    return f"  {shape:<24}{word:<10}{rows / seconds:>10,.0f}{rows / cpu:>18,.0f}{peak:>9.0f}"


def check(build: Build, source: Path, mapping: Path, rows: int) -> Run:
    """One check with the command line, by the code of that build and not that of this folder."""
    command = [str(build.python), "-I", "-m", "loader", "check", "events", str(source)]
    run, _ = measure([*command, "--mapping", str(mapping), "--quiet", "--summary", str(SUMMARY)], rows)
    sent = json.loads(SUMMARY.read_text())["would_send"]
    if sent != rows:
        raise SystemExit(f"{sent} of {rows} rows would be sent: there is nothing to compare.")
    return run


def write(source: Path, mapping: Path, shape: str, rows: int) -> None:
    """The events of the benchmark of `check`, and their mapping."""
    chance = np.random.default_rng(0)
    toml = TOML
    with source.open("w", encoding="utf-8") as file:
        for start in range(0, rows, AT_A_TIME):
            events = batch(chance, min(AT_A_TIME, rows - start), rows)
            file.writelines(f"{json.dumps(SHAPES[shape](event))}\n" for event in events.to_pylist())
    for name in events.column_names if shape == NESTED else ():
        toml = toml.replace(f'"{name}"', f'"properties.{name}"')
    mapping.write_text(toml, encoding="utf-8")


if __name__ == "__main__":
    main()
