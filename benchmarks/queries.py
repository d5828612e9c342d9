"""How fast the result of a query is kept: DuckDB over Parquet, and PostgreSQL: `make bench-queries`.

DuckDB joins purchases with the devices of their users, through the loader's readers; all of it is written
beside a checkpoint, as a load does before its first row. PostgreSQL is compared with what its own
`COPY ... TO STDOUT` gives on the same machine; both read the same table, in turn. Without Debian's PostgreSQL
that part is left out. Every measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from loader.queries.keeping import run_query
from loader.queries.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULT = Path(__file__).parent / "results" / "queries.txt"
JOIN = "SELECT p.*, d.hwid, d.platform FROM purchases p JOIN devices d USING (user_id)"
REVERSED = "SELECT p.*, d.hwid, d.platform FROM devices d JOIN purchases p USING (user_id)"
PURCHASES = """
    SELECT lpad((i::BIGINT * 7919 % {devices})::TEXT, 8, '0') AS user_id, 'purchase' AS event,
        1700000000 + i AS at, i % 10000 AS amount, 'item ' || i % 500 AS item
"""
DEVICES = "SELECT lpad(i::TEXT, 8, '0') AS user_id, md5(i::TEXT) AS hwid, 'ios' AS platform"
TABLE = "SELECT * FROM purchases"


def main() -> None:
    options = parse()
    if options.measure:
        print(measure(options.measure, options.folder, options.database))
        return
    lines = [
        f"{options.rows:,} purchases, {options.devices:,} devices; best of {options.times}, rows a second"
    ]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        make_files(Path(folder), options.rows, options.devices)
        lines += [
            repeat(f"DuckDB, {name}", options, [f"--measure={name}", f"--folder={folder}"])
            for name in ("join", "reversed")
        ]
        lines += compare_with_copy(options, folder)
    text = "\n".join(lines)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queries", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="purchases (default: 10000000)")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--folder", help="where files of 1 GB are put meanwhile")
    parser.add_argument("--database", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    return parser.parse_args()


def make_files(folder: Path, rows: int, devices: int) -> None:
    """The two files."""
    purchases = f"{PURCHASES.format(devices=devices)} FROM range({rows}) r(i)"
    for name, text in (("purchases", purchases), ("devices", f"{DEVICES} FROM range({devices}) r(i)")):
        duckdb.execute(f"COPY ({text}) TO '{folder / name}.parquet' (FORMAT parquet)")


def repeat(name: str, options: argparse.Namespace, words: list[str]) -> str:
    """A line with the best and the median of several measurements."""
    found = [run(words) for _ in range(options.times)]
    return describe(name, options.rows, found)


def run(words: list[str]) -> tuple[float, float]:
    """One measurement, in a process of its own: seconds, and MB in memory at most."""
    command = [sys.executable, "-m", "benchmarks.queries", *words]
    seconds, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(memory)


def describe(name: str, rows: int, found: list[tuple[float, float]]) -> str:
    """A line of the result."""
    times = [seconds for seconds, _ in found]
    best, middle = rows / min(times), rows / statistics.median(times)
    memory = max(memory for _, memory in found)
    return f"{name:<24}{best:>12,.0f}   median {middle:>10,.0f}   at most {memory:,.0f} MB in memory"


def measure(name: str, folder: str | None, database: str | None) -> str:
    """Seconds that a query takes, and MB in memory at most."""
    inputs = [] if database else [f"{folder}/purchases.parquet", f"{folder}/devices.parquet"]
    text = {"join": JOIN, "reversed": REVERSED, "table": TABLE}[name]
    with tempfile.TemporaryDirectory(dir=folder) as work:
        query = Query.of(text, inputs, database)
        began = time.perf_counter()
        run_query(query, Path(work, "result.parquet"))
        seconds = time.perf_counter() - began
    return f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}"


def compare_with_copy(options: argparse.Namespace, folder: str) -> list[str]:
    """The lines of PostgreSQL."""
    from tests.databases.servers import PROGRAMS  # noqa: PLC0415 - the server of the tests

    if why := PROGRAMS["postgres"].missing():
        return [f"PostgreSQL was left out: {why}"]
    with running_postgres() as (url, psql):
        purchases = PURCHASES.format(devices=options.devices)
        psql(f"CREATE TABLE purchases AS {purchases} FROM generate_series(1, {options.rows}) i; ANALYZE;")
        copies, queries = [], []
        for _ in range(options.times):  # in turn, because the machine is not the same all the time
            began = time.perf_counter()
            psql(f"COPY ({TABLE}) TO STDOUT")
            copies.append((time.perf_counter() - began, 0.0))
            queries.append(run(["--measure=table", f"--folder={folder}", f"--database={url}"]))
    ratio = min(seconds for seconds, _ in copies) / min(seconds for seconds, _ in queries)
    copied = describe("PostgreSQL, COPY", options.rows, copies).partition("   at most")[0]
    return [copied, describe("PostgreSQL, query", options.rows, queries), f"query / COPY {ratio:.2f}"]


@contextmanager
def running_postgres() -> Iterator[tuple[str, Callable[[str], object]]]:
    """A PostgreSQL of one's own: its URL, and its client."""
    from tests.databases import fixtures, servers  # noqa: PLC0415 - as above

    facts = fixtures.start_keeper("postgres", os.getpid())
    server = servers.Server(servers.PROGRAMS["postgres"], Path(facts.folder), facts.port)
    database = "postgres"

    def psql(text: str) -> None:
        words = ["psql", "-qtAX", "-h", servers.LOOPBACK, "-p", str(facts.port), "-U", "postgres", database]
        subprocess.run([*words, "-c", text], check=True, stdout=subprocess.DEVNULL)

    try:
        yield server.url(database, user="postgres"), psql
    finally:
        os.kill(facts.keeper, signal.SIGTERM)


if __name__ == "__main__":
    main()
