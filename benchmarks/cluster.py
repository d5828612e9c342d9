"""What a cluster gives, and what its coordinator costs: `make bench-cluster`.

How to read the tables: benchmarks/README.md. `benchmarks.sizing` reads the constants at their end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answer import answers_late, only_answers
from benchmarks.contenders import APPLICATION, HERE, measure
from benchmarks.load import events
from tests.cluster.dask_processes import DaskProcesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.answer import Answering

RESULT = HERE / "results" / "cluster.txt"
LATENCY = 0.05
SOCKETS = 64  # of each worker
CREWS = (1, 2, 4)
NOWHERE = "http://127.0.0.1:9/json/1.3/"
PART_NAMES = ("dispatch", "journal", "exchange", "leases", "other")
WINDOWS = (128, 1024)
WARM_UP = 3000
PRELOAD = '["benchmarks.instant_worker"]'
MOST_EXCHANGES = 400  # of all workers in a second, as `loader.cluster.station` says
RUNS = tuple((workers, LATENCY) for workers in (0, *CREWS))
CHECK = (3, 0.02)  # workers, and seconds: the run against which the model of `benchmarks.sizing` is checked
WAYS = {
    "one process": (),
    "--processes 2": ("--processes", "2"),
    "--cluster local:2": ("--cluster", "local:2"),
}


@dataclass(frozen=True, slots=True)
class Load:
    """What one load did.

    Attributes:
        rows_per_second: in its middle.
        exchanges_per_second: with all workers.
        microseconds: processor time of the coordinator for each row.
        parts: the same, by part of the work.
        worker_microseconds: processor time of all workers for each row, over the whole load.
        scheduler_microseconds: the same of Dask's scheduler.
    """

    rows_per_second: float
    exchanges_per_second: float
    microseconds: float
    parts: dict[str, float]
    worker_microseconds: float = 0.0
    scheduler_microseconds: float = 0.0


def main() -> None:
    options = parse()
    source = events(max(int(options.seconds * CREWS[-1] * SOCKETS / LATENCY), options.rows))
    sections = [heading(options)]
    constants: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(source, Path(folder), options)
        for section in (compare_crews, divide_cost, compare_ways):
            text, found = section(bench)
            constants |= found
            sections.append(text)
            print(text, end="\n\n", flush=True)
    sections.append(list_constants(constants))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n\n".join(sections) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each load (default: 3)")
    parser.add_argument("--seconds", type=float, default=20, help="of each load of 50 ms (default: 20)")
    parser.add_argument("--rows", type=int, default=200_000, help="of the other loads (default: 200000)")
    return parser.parse_args()


def heading(options: argparse.Namespace) -> str:
    """What was measured, and where."""
    return (
        f"Medians of {options.rounds} rounds. Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, which coordinator, scheduler, workers and server share."
    )


class InstantProcesses(DaskProcesses):
    """A Dask cluster whose workers have `benchmarks.instant_worker` preloaded."""

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        return super().start_worker(DASK_DISTRIBUTED__WORKER__PRELOAD=PRELOAD, **environment)


class Bench:
    """Runs loads.

    Args:
        source: the input.
        folder: for checkpoints, and for what Dask writes.
        options: of the command line.
    """

    def __init__(self, source: Path, folder: Path, options: argparse.Namespace) -> None:
        self.options = options
        self._source = source
        self._folder = folder
        self._number = 0

    @contextmanager
    def crew(self, workers: int, *, instant: bool = False) -> Iterator[Crew]:
        """A Dask cluster whose scheduler and workers are processes of their own."""
        self._number += 1
        (folder := self._folder / f"dask-{self._number}").mkdir()
        processes = InstantProcesses if instant else DaskProcesses
        with processes(folder, workers) as dask:
            yield Crew(self, dask)

    def run(self, endpoint: str, rows: int, concurrency: int, cluster: str = "") -> Load:
        """One load."""
        self._number += 1
        checkpoint = self._folder / f"{self._number}.ckpt"
        command = [
            sys.executable,
            "-m",
            "benchmarks.coordinator",
            str(self._source),
            endpoint,
            str(checkpoint),
        ]
        command += ["--rows", str(rows), "--concurrency", str(concurrency)]
        command += ["--cluster", cluster] if cluster else []
        found = subprocess.run(command, check=True, capture_output=True, text=True, env=clean_environment())
        return Load(**json.loads(found.stdout))

    def time_command(self, endpoint: str, rows: int, concurrency: int, *way: str) -> tuple[float, float]:
        """Wall time, and processor time of all processes, of one load with the command line."""
        self._number += 1
        checkpoint = self._folder / f"{self._number}.ckpt"
        command = [sys.executable, "-m", "loader", "events", str(self._source), "--endpoint", endpoint]
        command += ["--app", APPLICATION, "--mapping", str(HERE / "events.toml")]
        command += ["--checkpoint", str(checkpoint), "--concurrency", str(concurrency)]
        command += ["--limit", str(rows), "--yes", "--quiet", *way]
        run, _ = measure(command, rows, codes={0, 5})
        return run.seconds, run.cpu_seconds


class Crew:
    """The workers of a cluster.

    Args:
        bench: that runs loads.
        dask: the cluster.
    """

    def __init__(self, bench: Bench, dask: DaskProcesses) -> None:
        self._bench = bench
        self._dask = dask
        self._warm = 0

    def grow(self, workers: int) -> bool:
        """Start workers until there are as many; whether the crew is another than at the last load."""
        while len(self._dask.workers) < workers:
            self._dask.start_worker()
        self._dask.await_workers(workers)
        grown, self._warm = self._warm != workers, workers
        return grown

    def run(self, endpoint: str, rows: int, concurrency: int) -> Load:
        """One load on them."""
        before = self._read_seconds()
        load = self._bench.run(endpoint, rows, concurrency, self._dask.address)
        spent = [
            (after - began) / rows * 1e6 for began, after in zip(before, self._read_seconds(), strict=True)
        ]
        return replace(load, worker_microseconds=spent[0], scheduler_microseconds=spent[1])

    def _read_seconds(self) -> tuple[float, float]:
        """Processor time of all workers, and of the scheduler."""
        workers = sum(read_processor_time(each.pid) for each in self._dask.workers)
        return workers, read_processor_time(self._dask.scheduler.pid)


def read_processor_time(process: int) -> float:
    """User and system time of a process that runs, in seconds; see proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def clean_environment() -> dict[str, str]:
    """Without the token or the endpoint of the user who measures."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PUSHWOOSH_")}


def take_median(loads: list[Load]) -> Load:
    """The medians of some loads."""
    parts = {part: statistics.median(each.parts.get(part, 0.0) for each in loads) for part in PART_NAMES}
    names = [each.name for each in fields(Load) if each.name != "parts"]
    figures = {name: statistics.median(getattr(each, name) for each in loads) for name in names}
    return Load(parts=parts, **figures)


def compare_crews(bench: Bench) -> tuple[str, dict[str, float]]:
    """Rows a second of one, two and four workers with a bound of 64 requests each; and the check."""
    found: dict[tuple[int, float], list[Load]] = {each: [] for each in (*RUNS, CHECK)}
    with ExitStack() as opened:
        servers = {each: opened.enter_context(answers_late(each)) for each in (LATENCY, CHECK[1])}
        for _ in range(bench.options.rounds):
            with bench.crew(1) as crew:
                for workers, latency in sorted(found):
                    endpoint = servers[latency].endpoint
                    found[workers, latency].append(run_crew(bench, crew, workers, endpoint))
    medians = {run: take_median(loads) for run, loads in found.items()}
    head = f"{servers[LATENCY].name} (* {CHECK[1] * 1000:.0f} ms), {SOCKETS} requests a worker; "
    lines = [head + "µs of processor time a row"]
    lines.append(write_line("", ("rows/s", "exchanges/s", "coordinator", "scheduler", "workers")))
    for (workers, latency), load in sorted(medians.items()):
        name = f"{workers} worker{'s' * (workers > 1)}" if workers else "without a cluster"
        lines.append(write_line(name + " *" * (latency != LATENCY), write_figures(load)))
    of_crew = {workers: medians[workers, LATENCY] for workers, _ in RUNS}
    ratio = of_crew[CREWS[-1]].rows_per_second / of_crew[1].rows_per_second
    lines.append(f"four to one: {ratio:.2f} (asked: 3.6)")
    constants = fit_delays(of_crew) | {"check_rows_per_second": medians[CHECK].rows_per_second}
    return "\n".join(lines), constants


def run_crew(bench: Bench, crew: Crew, workers: int, endpoint: str) -> Load:
    """One load with a number of workers, which has been reached by starting more; without a cluster for 0."""
    window = SOCKETS * max(workers, 1)
    rows = int(bench.options.seconds * window / LATENCY)
    if not workers:
        return bench.run(endpoint, rows, window)
    if crew.grow(workers):
        crew.run(endpoint, WARM_UP, SOCKETS)
    return crew.run(endpoint, rows, window)


def write_line(name: str, figures: Iterable[str]) -> str:
    """One line of a table."""
    return f"{name:<20}" + "".join(f"{each:>13}" for each in figures)


def write_figures(load: Load) -> list[str]:
    """Speed and costs."""
    costs = (load.microseconds, load.scheduler_microseconds, load.worker_microseconds)
    return [
        f"{load.rows_per_second:,.0f}",
        f"{load.exchanges_per_second:,.0f}",
        *(f"{each:.1f}" for each in costs),
    ]


def fit_delays(loads: dict[int, Load]) -> dict[str, float]:
    """What a row waits for beside the vendor: requests on the wire / rows a second is the time of one row."""
    times = {workers: SOCKETS * max(workers, 1) / load.rows_per_second for workers, load in loads.items()}
    exchanges = [loads[each].exchanges_per_second / each for each in CREWS]
    return {
        "client_ms": (times[0] - LATENCY) * 1000,
        "exchange_ms": statistics.median(times[each] - times[0] for each in CREWS) * 1000,
        "exchanges_a_worker": statistics.median(exchanges),
        "alone_us": loads[0].microseconds,
        "worker_us": statistics.median(loads[each].worker_microseconds for each in CREWS),
    }


def divide_cost(bench: Bench) -> tuple[str, dict[str, float]]:
    """What a row costs the coordinator, by part of the work, with workers whose line answers at once."""
    found: dict[int, list[Load]] = {window: [] for window in WINDOWS}
    with bench.crew(2, instant=True) as crew:
        crew.run(NOWHERE, WARM_UP, SOCKETS)
        for _ in range(bench.options.rounds):
            for window, loads in found.items():
                loads.append(crew.run(NOWHERE, bench.options.rows, window))
    medians = {window: take_median(each) for window, each in found.items()}
    lines = ["2 workers whose line answers at once; µs of processor time a row"]
    lines.append(write_line("", ("rows/s", "exchanges/s", "coordinator", "scheduler", "workers")))
    lines += [write_line(f"{window:,} on the wire", write_figures(load)) for window, load in medians.items()]
    lines.append("of the coordinator")
    lines.append(write_line("", PART_NAMES))
    for window, load in medians.items():
        parts = [f"{load.parts[part]:.1f}" for part in PART_NAMES]
        lines.append(write_line(f"{window:,} on the wire", parts))
    few, many = medians.values()
    row, exchange = separate(few, many, "microseconds")
    _, passed_on = separate(few, many, "scheduler_microseconds")
    fed = find_ceiling(row, exchange, MOST_EXCHANGES)
    lines.append(
        f"that is {row:.1f} µs a row, and {exchange:.0f} µs an exchange ({passed_on:.0f} of the scheduler)"
    )
    lines.append(f"one coordinator feeds {fed:,.0f} rows a second beside {MOST_EXCHANGES} exchanges a second")
    return "\n".join(lines), {"row_us": row, "exchange_us": exchange}


def separate(few: Load, many: Load, cost: str) -> tuple[float, float]:
    """Microseconds of a row and of an exchange, from two loads with exchanges of different size."""
    shares = [each.exchanges_per_second / each.rows_per_second for each in (few, many)]
    costs = [getattr(each, cost) for each in (few, many)]
    exchange = max((costs[0] - costs[1]) / (shares[0] - shares[1]), 0.0)
    return costs[1] - exchange * shares[1], exchange


def find_ceiling(row: float, exchange: float, exchanges: float) -> float:
    """Rows a second that fill one core, beside a number of exchanges a second."""
    return max(1e6 - exchange * exchanges, 0.0) / row


def compare_ways(bench: Bench) -> tuple[str, dict[str, float]]:
    """One process, two that send, and a cluster of this machine."""
    lines = ["three ways on one machine, from start to exit"]
    with ExitStack() as opened:
        servers = [opened.enter_context(only_answers()), opened.enter_context(answers_late(LATENCY))]
        for server, concurrency in zip(servers, (64, 256), strict=True):
            lines += compare_ways_at(bench, server, concurrency)
    return "\n".join(lines), {}


def compare_ways_at(bench: Bench, server: Answering, concurrency: int) -> list[str]:
    """The lines of one server."""
    rows = bench.options.rows
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    bench.time_command(server.endpoint, WARM_UP, concurrency)
    for _ in range(bench.options.rounds):
        for way, words in WAYS.items():
            one, one_cpu = bench.time_command(server.endpoint, 1, concurrency, *words)
            all_, all_cpu = bench.time_command(server.endpoint, rows, concurrency, *words)
            found[way].append((one, (rows - 1) / (all_ - one), (all_cpu - one_cpu) / (rows - 1) * 1e6))
    lines = [f"{server.name}, concurrency {concurrency}"]
    lines.append(f"{'':<20}{'one row, s':>12}{'rows/s after':>14}{'CPU µs/row':>12}")
    for way, runs in found.items():
        one, rate, cpu = (statistics.median(each) for each in zip(*runs, strict=True))
        lines.append(f"{way:<20}{one:>12.2f}{rate:>14,.0f}{cpu:>12.0f}")
    return lines


def list_constants(constants: dict[str, float]) -> str:
    """The constants of the model, one a line."""
    lines = [f"{name:<36}{value:>12.2f}" for name, value in constants.items()]
    return "\n".join(["constants of benchmarks.sizing", *lines])


if __name__ == "__main__":
    main()
