"""One load in a process of its own, which prints how fast its middle went and who had the processor.

It is run by `benchmarks.cluster`. Only the rows from the fifth tenth to the ninth are counted, so neither the
start nor the end of the load is. The time of the main thread is divided by samples of its stack, one every
few milliseconds of processor time; the times of the other threads are read from their own clocks.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.contenders import APPLICATION, HERE
from loader import pipeline
from loader.choices import Cluster, Concurrency
from loader.cluster.station import Station
from loader.delivery import Brake
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.progress import Silent
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from loader.cluster.messages import Orders, Report
    from loader.model import Outcome

SAMPLE_SECONDS = 0.002
BEGIN, END = 0.4, 0.9
LOOP = "IO loop"  # what Dask calls the thread of its client
#: Which part of the work a module does; the longest name that fits counts. `loader.model` does it for others.
PARTS = {
    "loader.delivery": "dispatch",
    "loader.journal": "journal",
    "loader.bookkeeping": "journal",
    "loader.cluster.line": "exchange",
    "loader.cluster.station": "exchange",
    "loader.cluster.messages": "exchange",
    "loader.cluster": "leases",
    "loader.leases": "leases",
    "loader.known_keys": "leases",
    "loader.reading": "leases",
    "loader.mapping": "leases",
    "loader": "other",
}


class Moment(NamedTuple):
    """What had been done when some rows were settled; times in seconds since some moment."""

    rows: int
    wall: float
    cpu: float
    exchanges: int
    parts: dict[str, float]
    threads: dict[str, float]


class Samples:
    """Which part of the code has the processor in the main thread.

    Attributes:
        seconds: processor time by part.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        self.seconds[name_part(frame)] += now - self._last
        self._last = now

    def close(self) -> None:
        """Take no more samples."""
        signal.setitimer(signal.ITIMER_PROF, 0)


def name_part(frame: FrameType | None) -> str:
    """Which part of the work the innermost frame of the loader does."""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("loader.") and name != "loader.model":
            return PARTS[max((each for each in PARTS if name.startswith(each)), key=len)]
        frame = frame.f_back
    return "other"


class Stopwatch(Silent):
    """Looks at the clocks when enough rows are settled.

    Args:
        rows: of the load.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.samples = Samples()
        self.moments: list[Moment] = []
        self.exchanges = 0
        self._marks = [int(rows * share) for share in (BEGIN, END)]
        self._settled = 0

    def hear_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Count rows."""
        self._settled += len(outcomes)
        if len(self.moments) < len(self._marks) and self._settled >= self._marks[len(self.moments)]:
            self.moments.append(self._look())

    def _look(self) -> Moment:
        return Moment(
            self._settled,
            time.perf_counter(),
            time.process_time(),
            self.exchanges,
            dict(self.samples.seconds),
            read_threads(),
        )


def read_threads() -> dict[str, float]:
    """Processor time by the name of a thread."""
    found: dict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        if thread.ident is not None:
            found[thread.name] += time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return dict(found)


def main() -> None:
    options = parse()
    watch = Stopwatch(options.rows)
    count_exchanges(watch)
    result = pipeline.load(pipeline.prepare(read_settings(options)), brake=Brake(), watch=watch)
    watch.samples.close()
    if result.account.confirmed != options.rows:
        raise SystemExit(f"{result.account.confirmed} of {options.rows} rows were confirmed: {result.stop}")
    print(json.dumps(compare(*watch.moments)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coordinator", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("endpoint", type=Endpoint.parse)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--concurrency", type=Concurrency.parse, required=True)
    parser.add_argument("--cluster", type=Cluster.parse)
    return parser.parse_args()


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings of the load."""
    how = replace(LoadOptions(), limit=options.rows, concurrency=options.concurrency, cluster=options.cluster)
    return Settings(
        Kind.EVENTS,
        (str(options.source),),
        APPLICATION,
        options.endpoint,
        options.checkpoint,
        mapping=HERE / "events.toml",
        options=how,
    )


def count_exchanges(watch: Stopwatch) -> None:
    """Have the exchanges with workers counted; there is nothing in the loader that needs their number."""
    exchange = Station._exchange  # noqa: SLF001

    async def counted(station: Station, orders: Orders) -> Report:
        watch.exchanges += 1
        return await exchange(station, orders)

    Station._exchange = counted  # type: ignore[method-assign, assignment]  # noqa: SLF001


def compare(first: Moment, last: Moment) -> dict[str, float | dict[str, float]]:
    """Rows a second, exchanges a second, and microseconds of processor time a row, by part."""
    rows, seconds = last.rows - first.rows, last.wall - first.wall

    def share(before: float, after: float) -> float:
        return (after - before) / rows * 1e6

    parts = {name: share(first.parts.get(name, 0.0), each) for name, each in last.parts.items()}
    # The loop of Dask's client does nothing but exchanges.
    parts["exchange"] = parts.get("exchange", 0.0) + share(
        *(each.threads.get(LOOP, 0.0) for each in (first, last))
    )
    whole = share(first.cpu, last.cpu)
    parts["other"] = whole - sum(each for name, each in parts.items() if name != "other")
    return {
        "rows_per_second": rows / seconds,
        "exchanges_per_second": (last.exchanges - first.exchanges) / seconds,
        "microseconds": whole,
        "parts": parts,
    }


if __name__ == "__main__":
    main()
