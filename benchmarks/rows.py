"""What it costs to select rows and to find repeats, over two made-up files, one ten times the other.

Run ``python -m benchmarks.rows [--rows N]``; how to read the table: benchmarks/README.md. Each case runs in a
process of its own, so that its peak of memory is its own. The clock counts CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.contenders import HERE, WORK
from loader.dialect import Dialect
from loader.mapping import bind, parse_mapping
from loader.repeats import find_repeats
from loader.sources import open_source

if TYPE_CHECKING:
    from pathlib import Path

RESULT = HERE / "results" / "rows.txt"
BATCH = 250_000
FIELDS = """
[fields]
hwid      = "device"
event     = "name"
timestamp = { column = "time", unit = "s" }
[attributes]
amount = { column = "amount", type = "float" }
"""
# One row of ten is a purchase; two of a hundred repeat the id of the row before.
CASES = {
    "every row": ("", ""),
    "except that fits no row": ("", '[rows]\nexcept = { name = ["nothing"] }'),
    "only that keeps a tenth": ("", '[rows]\nonly = { name = ["purchase"] }'),
    "unique by an id": ('unique = ["id"]', ""),
    "unique by all that is sent": ("unique = true", ""),
}


def main() -> None:
    options = parse()
    if options.case:
        print(json.dumps(run(options.file, options.case)))
        return
    WORK.mkdir(exist_ok=True)
    sizes = [options.rows, 10 * options.rows]
    measured = {rows: measure(rows) for rows in sizes}
    text = report(measured)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the shorter file")
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(rows: int) -> dict[str, dict[str, float]]:
    """Every case over a file of this length."""
    path = WORK / f"rows-{rows}.csv"
    try:
        write(path, rows)
        return {case: start(path, case) for case in CASES}
    finally:
        path.unlink(missing_ok=True)


def start(path: Path, case: str) -> dict[str, float]:
    """One case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rows", "--case", case, "--file", str(path)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def run(path: str, case: str) -> dict[str, float]:
    """Find the repeats, and map every row; seconds of CPU a million rows, and the peak of memory."""
    top, rules = CASES[case]
    source = open_source([path], dialect=Dialect())
    mapping = parse_mapping(f'kind = "events"\n{top}\n{FIELDS}{rules}', case)
    mapper = bind(mapping, source.schema, source.sample(), application="AAAAA-BBBBB", where=case)
    rows = source.survey().rows
    began = time.process_time()
    repeats = find_repeats(source, mapper, rows)
    found = time.process_time()
    mapper = replace(mapper, repeats=repeats)
    for chunk in source.chunks():
        mapper.map(chunk)
    millions = rows / 1e6
    return {
        "looking for repeats": (found - began) / millions,
        "reading and mapping": (time.process_time() - found) / millions,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def write(path: Path, rows: int) -> None:
    """Events, always the same."""
    chance = np.random.default_rng(0)
    with csv.CSVWriter(path, batch(chance, 0, 1).schema) as writer:
        for first in range(0, rows, BATCH):
            writer.write_table(batch(chance, first, min(BATCH, rows - first)))


def batch(chance: np.random.Generator, first: int, size: int) -> pa.Table:
    """Some rows."""
    ordinals = np.arange(first, first + size)
    ids = np.where(ordinals % 50 == 1, ordinals - 1, ordinals)
    names = np.where(chance.random(size) < 0.1, "purchase", "screen_view")
    return pa.table(
        {
            "device": pa.array([f"d{number}" for number in (ordinals % 100_000).tolist()]),
            "name": pa.array(names.astype(object), pa.string()),
            "time": pa.array(1_700_000_000 + ordinals % 1_000_000),
            "id": pa.array([f"{number:032x}" for number in ids.tolist()]),
            "amount": pa.array(np.round(chance.uniform(1, 200, size), 2)),
        }
    )


def report(measured: dict[int, dict[str, dict[str, float]]]) -> str:
    """The table."""
    heads = ("looking for repeats", "reading and mapping", "peak MB")
    lines = [
        f"rows selected from a CSV of 5 columns: seconds of CPU a million rows. Python "
        f"{platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores",
    ]
    for rows, cases in measured.items():
        lines += ["", f"{f'{rows:,} rows':<28}" + "".join(f"{head:>22}" for head in heads)]
        lines += [
            f"{case:<28}" + "".join(f"{each[head]:>22.1f}" for head in heads) for case, each in cases.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
