"""What the checkpoint costs: time a row, size and time to reopen: `make bench-journal`.

The main path's own order: lease, mark each row as sending, settle in groups; nothing is mapped and nothing
is sent. How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from loader.journal import CheckpointView, FileRecord, Identity, Journal
from loader.methods import Kind
from loader.model import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = Path(__file__).parent / "results" / "journal.txt"
GROUPS = (16, 64, 256)
WHOLE_CHUNKS = 1 << 16


def main() -> None:
    options = parse()
    lines = [f"{options.rows:,} rows, medians of {options.rounds} rounds, window twice the group", ""]
    lines.append(f"{'rows in a group':>16}{'CPU µs a row':>16}{'wall µs a row':>16}{'leases':>10}")
    for group in GROUPS:
        costs = [cost(options.rows, group) for _ in range(options.rounds)]
        cpu, wall, leases = (statistics.median(figure) for figure in zip(*costs, strict=True))
        lines.append(f"{group:>16}{cpu:>16.2f}{wall:>16.2f}{leases:>10.0f}")
    size, seconds = large(options.large)
    lines += [
        "",
        f"{options.large:,} rows, all but every millionth confirmed:",
        f"  checkpoint {size / 1e6:.2f} MB, reopened and verified in {seconds:.2f} s",
    ]
    text = "\n".join(lines)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000, help="rows a round (default: 300000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000_000, help="rows of the large checkpoint")
    return parser.parse_args()


def identity(rows: int) -> Identity:
    """What a checkpoint of a given number of rows is of."""
    file = FileRecord("rows.csv", rows * 60, "0" * 64, rows)
    return Identity(Kind.EVENTS, "AAAAA-00001", "http://127.0.0.1/", 'kind = "events"\n', (file,))


def leases(journal: Journal, rows: int) -> Iterator[range]:
    """Leases of the size that the journal asks for."""
    first = 0
    while first < rows:
        taken = range(first, min(first + journal.lease_rows, rows))
        journal.lease(taken)
        yield taken
        first = taken.stop


def cost(rows: int, group: int) -> tuple[float, float, int]:
    """CPU and wall microseconds a row of lease, sending and settle, and the number of leases."""
    outcomes = [Outcome(ordinal, State.CONFIRMED) for ordinal in range(rows)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.open(Path(folder) / "c.ckpt", identity(rows), window=2 * group) as journal,
    ):
        taken = 0
        cpu, wall = time.process_time(), time.perf_counter()
        for lease in leases(journal, rows):
            taken += 1
            for first in range(lease.start, lease.stop, group):
                sent = range(first, min(first + group, lease.stop))
                journal.sending(*sent)
                journal.settle(outcomes[sent.start : sent.stop])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu / rows * 1e6, wall / rows * 1e6, taken


def fate(ordinal: int) -> State:
    """A row in a million is in doubt, so that bitmaps are written."""
    return State.CONFIRMED if ordinal % 1_000_000 else State.IN_DOUBT


def large(rows: int) -> tuple[int, float]:
    """Bytes of a large checkpoint, and seconds to open it again for a load."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        with Journal.open(path, identity(rows)) as journal:
            for first in range(0, rows, WHOLE_CHUNKS):
                chunk = range(first, min(first + WHOLE_CHUNKS, rows))
                journal.lease(chunk)
                journal.settle([Outcome(n, fate(n)) for n in chunk])
        size = sum(file.stat().st_size for file in path.parent.iterdir())
        began = time.perf_counter()
        with Journal.open(path, identity(rows)):
            seconds = time.perf_counter() - began
        assert CheckpointView.open(path).account().confirmed == rows - len(range(0, rows, 1_000_000))
    return size, seconds


if __name__ == "__main__":
    main()
