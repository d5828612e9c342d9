"""Speed and memory of `check` over the whole of two made-up files, one ten times as long as the other.

Run ``python -m benchmarks.check [--rows N]``; how to read the table: benchmarks/README.md. The files lie in
`benchmarks/work/` while they are measured, and are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks.contenders import HERE, SUMMARY, WORK, Run, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESULT = HERE / "results" / "check.txt"
MAPPING = WORK / "check.toml"
BATCH = 250_000
NAMES = pa.array(["purchase", "cart_add", "page_view", "sign_in", "search"])
ZONES = pa.array(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "UTC"])
PLATFORMS = pa.array(["ios", "android"])
CATEGORIES = pa.array([f"category {number}" for number in range(40)])
# Each second of this year is as likely as another; the clocks are set twice in it.
YEAR = 1_672_531_200, 1_704_067_200
TOML = """
kind = "events"

[fields]
hwid        = "device_id"
userId      = "user_id"
event       = "event"
timestamp   = { column = "timestamp", format = "iso", zone = { column = "timezone" }, ambiguous = "earlier", \
nonexistent = "shift" }
device_type = "platform"

[attributes]
quantity = { column = "quantity", type = "integer" }
amount   = { column = "amount", type = "float" }
category = "category"
"""


def main() -> None:
    options = parse()
    WORK.mkdir(exist_ok=True)
    MAPPING.write_text(TOML, encoding="utf-8")
    sizes = [options.rows, 10 * options.rows]
    text = report([(rows, check(rows)) for rows in sizes])
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the shorter file (default: 1000000)"
    )
    return parser.parse_args()


def check(rows: int) -> Run:
    """One check with the command line."""
    with events(rows) as source:
        command = [sys.executable, "-m", "loader", "check", "events", str(source), "--mapping", str(MAPPING)]
        run, _ = measure([*command, "--quiet", "--summary", str(SUMMARY)], rows)
    sent = json.loads(SUMMARY.read_text())["would_send"]
    if sent != rows:
        raise SystemExit(f"{sent} of {rows} rows would be sent: there is nothing to compare.")
    return run


@contextmanager
def events(rows: int) -> Iterator[Path]:
    """A CSV file of nine columns, as long as it is needed."""
    path = WORK / f"check-{rows}.csv"
    try:
        write(path, rows)
        yield path
    finally:
        path.unlink(missing_ok=True)


def write(path: Path, rows: int) -> None:
    """Events of one customer for every ten rows, always the same."""
    chance = np.random.default_rng(0)
    batches = [min(BATCH, rows - start) for start in range(0, rows, BATCH)]
    first = batch(chance, 1, rows)
    with csv.CSVWriter(path, first.schema) as writer:
        for size in batches:
            writer.write_table(batch(chance, size, rows))


def batch(chance: np.random.Generator, size: int, rows: int) -> pa.Table:
    """Some rows."""
    customers = chance.integers(0, max(rows // 10, 1), size)
    return pa.table(
        {
            "user_id": padded(customers, 8),
            "device_id": pc.binary_join_element_wise("D", padded(customers * 7919, 14), "-"),
            "event": NAMES.take(pa.array(chance.integers(0, len(NAMES), size))),
            "timestamp": pa.array(chance.integers(*YEAR, size)).cast(pa.timestamp("s")).cast(pa.string()),
            "timezone": ZONES.take(pa.array(chance.integers(0, len(ZONES), size))),
            "platform": PLATFORMS.take(pa.array(customers % 2)),
            "quantity": pa.array(chance.integers(1, 9, size)),
            "amount": pa.array(np.round(chance.uniform(1, 200, size), 2)),
            "category": CATEGORIES.take(pa.array(chance.integers(0, len(CATEGORIES), size))),
        }
    )


def padded(numbers: np.ndarray[tuple[int], np.dtype[np.int64]], width: int) -> pa.Array:
    """Numbers with leading zeros."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def report(runs: list[tuple[int, Run]]) -> str:
    """The table."""
    lines = [
        f"check of a CSV of 9 columns. Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores",
        "",
        f"{'':<28}" + "".join(f"{f'{rows:,} rows':>18}" for rows, _ in runs),
        line("rows a second", [rows / run.seconds for rows, run in runs]),
        line("rows a second of one core", [rows / run.cpu_seconds for rows, run in runs]),
        line("peak memory, MB", [run.peak_bytes / 1e6 for _, run in runs]),
        f"{'memory, longer / shorter':<28}{runs[1][1].peak_bytes / runs[0][1].peak_bytes:>36.2f}",
    ]
    return "\n".join(lines)


def line(name: str, figures: list[float]) -> str:
    """One line of the table."""
    return f"{name:<28}" + "".join(f"{figure:>18,.0f}" for figure in figures)


if __name__ == "__main__":
    main()
