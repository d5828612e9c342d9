"""What watching a load costs: `make bench-watch`.

How to read the lines: benchmarks/README.md.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv
from rich.console import Console

from benchmarks.answer import only_answers
from loader import pipeline
from loader.delivery import Brake
from loader.methods import Kind
from loader.progress import EventLog, choose_watch
from loader.progress.terminal import LiveView
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from loader.progress import Watch

RESULT = Path(__file__).parent / "results" / "watch.txt"
ROWS = 100_000
WATCHES: dict[str, Callable[[TextIO], Watch]] = {
    "live view, 80 columns": lambda out: LiveView(
        out, Console(file=out, width=80, height=24, force_terminal=True, color_system="256")
    ),
    "lines": lambda out: choose_watch(out=out, lines=True),
    "events": lambda out: choose_watch(log=EventLog(out)),
}


def main() -> None:
    """Load a given number of rows with each watch, and print its share."""
    told = []
    with TemporaryDirectory() as folder, only_answers() as answering, Path(os.devnull).open("w") as out:
        source = Path(folder, "events.csv")
        csv.write_csv(rows(), source)
        for name, make in WATCHES.items():
            checkpoint = Path(folder, f"{name}.ckpt")
            settings = Settings(
                Kind.EVENTS, (str(source),), "AAAAA-BBBBB", Endpoint.parse(answering.endpoint), checkpoint
            )
            watch, began, cpu = make(out), time.perf_counter(), time.process_time()
            result = pipeline.load(pipeline.prepare(settings, watch=watch), brake=Brake(), watch=watch)
            seconds, spent = time.perf_counter() - began, time.process_time() - cpu
            told.append(
                f"{name:<24} {result.account.confirmed:,} rows in {seconds:.1f} s, {spent:.2f} s CPU, "
                f"of it {watch.cpu_seconds * 1000:.0f} ms to watch: {watch.cpu_seconds / spent:.2%}"
            )
    print("\n".join(told))
    RESULT.write_text("\n".join(told) + "\n")


def rows() -> pa.Table:
    """Events of as many users."""
    zoned = "2024-02-29T12:00:00+01:00"
    ids = [f"user-{number}" for number in range(ROWS)]
    return pa.table({"user_id": ids, "event": ["purchase"] * ROWS, "timestamp": [zoned] * ROWS})


if __name__ == "__main__":
    main()
