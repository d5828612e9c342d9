"""How long `report` takes over a load of a large CSV, beside another checkout of this project.

Run ``python -m benchmarks.report [--rows N] [--before TREE]``; how to read the table: benchmarks/README.md.
The checkpoints are made by the leases and the journal of each tree. Only the wire is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.check import MAPPING, TOML, events
from benchmarks.contenders import HERE, WORK, Run, measure

RESULT = HERE / "results" / "report.txt"


class Case(NamedTuple):
    """A load.

    Attributes:
        name: in the table.
        options: of the script that makes its checkpoint.
    """

    name: str
    options: tuple[str, ...]


CASES = (
    Case("every row confirmed", ()),
    Case("1 % rejected or in doubt", ("--refused", "200")),
    Case("half of the rows never sent", ("--share", "0.5")),
    Case("no row sent", ("--share", "0")),
)


def main() -> None:
    options = parse()
    WORK.mkdir(exist_ok=True)
    MAPPING.write_text(TOML, encoding="utf-8")
    trees = [HERE.parent, *([options.before.absolute()] if options.before else [])]
    with events(options.rows) as source:
        lines = [line(case, [report(case, source, tree, options.rounds) for tree in trees]) for case in CASES]
    text = "\n".join([head(options.rows, len(trees)), *lines])
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000, help="rows of the file (default: 3000000)")
    parser.add_argument("--rounds", type=int, default=3, help="reports of each load (default: 3)")
    parser.add_argument("--before", type=Path, help="another checkout, which is measured too")
    return parser.parse_args()


def report(case: Case, source: Path, tree: Path, rounds: int) -> tuple[float, float, int]:
    """The medians of wall time and CPU time of a report by a tree, and the bytes of its checkpoint."""
    checkpoint = WORK / "report.ckpt"
    remove(checkpoint)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWOOSH_")}
    environment["PYTHONPATH"] = str(tree)
    script = [str(HERE / "report_checkpoint.py"), str(source), str(MAPPING), str(checkpoint)]
    subprocess.run([sys.executable, "-P", *script, *case.options], env=environment, check=True)
    size = checkpoint.stat().st_size
    command = ["env", f"PYTHONPATH={tree}", sys.executable, "-P", "-m", "loader", "report", str(checkpoint)]
    runs = [measure([*command, "-o", str(WORK / "report.html")], 1)[0] for _ in range(rounds)]
    remove(checkpoint)
    (WORK / "report.html").unlink()
    return take_median(runs, "seconds"), take_median(runs, "cpu_seconds"), size


def take_median(runs: list[Run], figure: str) -> float:
    """The median of a figure."""
    return float(statistics.median(getattr(run, figure) for run in runs))


def remove(checkpoint: Path) -> None:
    for old in WORK.glob(f"{checkpoint.name}*"):
        old.unlink()


def head(rows: int, trees: int) -> str:
    """What was measured, and the head of the table."""
    columns = f"{'seconds':>10}{'CPU':>8}{'checkpoint, MB':>16}"
    return "\n".join(
        [
            f"report of {rows:,} rows, 9 columns. Python {platform.python_version()}, {platform.machine()}, "
            f"{os.cpu_count()} cores",
            "",
            f"{'':<30}{'this tree':>34}" + (f"{'before':>34}" if trees > 1 else ""),
            f"{'':<30}" + columns * trees,
        ]
    )


def line(case: Case, figures: list[tuple[float, float, int]]) -> str:
    """One line of the table."""
    columns = (f"{wall:>10.1f}{cpu:>8.1f}{size / 1e6:>16.2f}" for wall, cpu, size in figures)
    return f"{case.name:<30}{''.join(columns)}"


if __name__ == "__main__":
    main()
