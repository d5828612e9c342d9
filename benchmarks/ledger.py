"""What a ledger costs: time a row, size, time to open and memory, by known keys: `make bench-ledger`.

The main path's own order: digest and find the keys of a chunk, mark them by the lease, settle. None of them
is known, which is the slowest case, because each run is searched. Nothing is mapped and nothing is sent.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from loader.ledger import Bound, Ledger, Records
from loader.ledger.records import REST
from loader.ledger.run_files import cut_space, merge_runs, take_all
from loader.ledger.sending import Fate, Sending

RESULT = Path(__file__).parent / "results" / "ledger.txt"
BOUND = Bound("AAAAA-00001", "http://127.0.0.1/")
CHUNK, LEASE = 16384, 4096
BODY = b"x" * 250


def main() -> None:
    options = parse()
    if options.measure is not None:
        print(measure(options.measure, options.rows))
        return
    lines = [f"{options.rows:,} new rows, in a process of its own", ""]
    heads = ("known keys", "CPU µs a row", "wall µs a row", "GB on disk", "open ms", "memory MB more")
    lines.append("".join(f"{head:>16}" for head in heads))
    for known in options.known:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = Path(folder) / "bench.ledger"
            build(path, known)
            words = ["-m", "benchmarks.ledger", "--measure", str(path), "--rows", str(options.rows)]
            found = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
            lines.append(f"{known:>16,}{found.stdout.rstrip()}")
    text = "\n".join(lines)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="new rows (default: 1000000)")
    parser.add_argument("--known", type=int, nargs="+", default=[0, 10_000_000, 100_000_000])
    parser.add_argument("--folder", help="where ledgers of up to 3 GB are put meanwhile")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def build(path: Path, known: int) -> None:
    """A ledger that knows a number of random keys, in one run, as many loads leave it."""
    chance = np.random.default_rng(1)

    def invent(start: int, stop: int | None) -> Records:
        end = (1 << 64) - 1 if stop is None else stop
        count = known * (end - start) >> 64
        rest = np.empty(count, REST)
        rest["low"] = chance.integers(0, 1 << 64, count, np.uint64)
        rest["body"], rest["load"] = rest["low"], 1
        return Records(np.sort(chance.integers(start, end, count, np.uint64)), rest)

    with Ledger.open(path, BOUND) as ledger, ledger.store.transaction():
        ledger.store.enter_load("earlier", Path("earlier.ckpt"), "events", "id")
        if known:
            run = take_all(merge_runs(ledger.path, (1, 1), known, [invent], cut_space(known)))
            ledger.store.replace_runs([], run)


def measure(path: Path, rows: int) -> str:
    """What a load of new rows costs: the columns of the table after the first."""
    pa.array([BODY])  # which imports pandas, as a load does anyway
    Path("/proc/self/clear_refs").write_text("5")  # otherwise the peak of the parent counts
    before, began = read_memory(), time.perf_counter()
    ledger = Ledger.open(path, BOUND)
    opened = time.perf_counter() - began
    size = sum(each.stat().st_size for each in path.parent.iterdir())
    with ledger.store.transaction():
        number = ledger.store.enter_load("new", Path("new.ckpt"), "events", "id")
    sending, cpu, wall = Sending(ledger, number, last_wins=False), 0.0, 0.0
    digester = ledger.digester("events")
    for first in range(0, rows, CHUNK):
        keys = pa.array([b"new-%d" % each for each in range(first, first + CHUNK)])
        bodies = pa.array([BODY] * CHUNK)
        cpu_began, wall_began = time.process_time(), time.perf_counter()
        digests = digester.digest(keys, bodies)
        sending.find(digests)
        for place in range(0, CHUNK, LEASE):
            ordinals = np.arange(first + place, first + place + LEASE)
            sending.mark(digests.take(slice(place, place + LEASE)), ordinals)
            sending.leased()
            sending.settle(Fate.SENT, ordinals.tolist())
        cpu, wall = cpu + time.process_time() - cpu_began, wall + time.perf_counter() - wall_began
    more = read_memory() - before
    done = -(-rows // CHUNK) * CHUNK
    ledger.close()
    figures = (f"{cpu / done * 1e6:.2f}", f"{wall / done * 1e6:.2f}", f"{size / 1e9:.2f}")
    return "".join(f"{each:>16}" for each in (*figures, f"{opened * 1e3:.1f}", f"{more:.0f}"))


def read_memory() -> float:
    """The most that this process has held, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1024


if __name__ == "__main__":
    main()
