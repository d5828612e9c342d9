"""How long a load takes, by the vendor's latency and the rate that it allows: `python -m benchmarks.sizing`.

The model: rows a second are the least of

* the rate that is allowed,
* requests on the wire / (latency + what client and server add + the way to the worker and back),
* what one coordinator feeds beside its exchanges,
* what the workers read, map and send, each with one core.

Its constants are those that `benchmarks.cluster` has measured. Before the first row the input is read once.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.cluster import CHECK, LATENCY, MOST_EXCHANGES, SOCKETS
from loader.choices import MAX_CLUSTER_CONCURRENCY, MAX_CONCURRENCY

RESULTS = Path(__file__).parent / "results"
SIZES = {10**7: "10 million", 10**9: "1 billion", 10**11: "100 billion"}
LATENCIES = (0.02, 0.05, 0.2)
RATES = (math.inf, 100.0, 1000.0, 10_000.0)
#: Workers make an exchange each in turn. Beyond this many, one waits longer for the next.
_CREW_OF_FULL_PACE = 4
_MOST_WORKERS = 64
_ENOUGH = 0.98


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured.

    Attributes:
        client_ms: what a row waits for beside the vendor's latency, without a cluster.
        exchange_ms: what it waits for more on its way to a worker and back.
        exchanges_a_worker: exchanges a second with each worker.
        worker_us: processor time of a worker for each row.
        alone_us: processor time of one process for each row, if it does everything.
        row_us: processor time of the coordinator for each row.
        exchange_us: the same for each exchange.
        check_rows_per_second: of the run that the model is checked against.
        first_pass: rows a second of the first pass over the input.
    """

    client_ms: float
    exchange_ms: float
    exchanges_a_worker: float
    worker_us: float
    alone_us: float
    row_us: float
    exchange_us: float
    check_rows_per_second: float
    first_pass: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Rows a second, and what allows no more."""

    rows: float
    limit: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.parse_args()
    constants = read_constants()
    text = f"{write_sizes(constants)}\n\n{write_check(constants)}"
    print(text)
    (RESULTS / "sizing.txt").write_text(text + "\n")


def read_constants(folder: Path = RESULTS) -> Constants:
    """The constants at the end of `cluster.txt`, and the first pass of `resume.txt`."""
    listed = (folder / "cluster.txt").read_text().partition("constants of benchmarks.sizing\n")[2]
    found = {name: float(value) for name, value in map(str.split, listed.splitlines())}
    rows, _, text = (folder / "resume.txt").read_text().partition(" rows")
    seconds = next(float(line.split()[2]) for line in text.splitlines() if line.startswith("plain"))
    return Constants(**found, first_pass=int(rows.replace(",", "")) / seconds)


def predict(constants: Constants, latency: float, rate: float, workers: int, window: int) -> Speed:
    """Rows a second on a cluster.

    Args:
        constants: of the model.
        latency: of the vendor, in seconds.
        rate: that is allowed, in rows a second.
        workers: each with a core of its own.
        window: requests on the wire at a time, of all workers.
    """
    slower = max(1.0, workers / _CREW_OF_FULL_PACE)
    delay = (constants.client_ms + constants.exchange_ms * slower) / 1000
    exchanges = min(workers * constants.exchanges_a_worker, MOST_EXCHANGES)
    return min(
        Speed(rate, "rate"),
        Speed(window / (latency + delay), "wire"),
        Speed(max(1e6 - exchanges * constants.exchange_us, 0.0) / constants.row_us, "coordinator"),
        Speed(workers * 1e6 / constants.worker_us, "workers"),
        key=lambda speed: speed.rows,
    )


def predict_alone(constants: Constants, latency: float, rate: float, window: int) -> Speed:
    """Rows a second of one process without a cluster."""
    return min(
        Speed(rate, "rate"),
        Speed(window / (latency + constants.client_ms / 1000), "wire"),
        Speed(1e6 / constants.alone_us, "process"),
        key=lambda speed: speed.rows,
    )


def choose_crew(constants: Constants, latency: float, rate: float) -> tuple[int, Speed]:
    """The fewest workers that are about as fast as any number of them."""
    speeds = {
        workers: predict(constants, latency, rate, workers, MAX_CLUSTER_CONCURRENCY)
        for workers in range(1, _MOST_WORKERS + 1)
    }
    most = max(speed.rows for speed in speeds.values())
    return next(each for each in speeds.items() if each[1].rows >= _ENOUGH * most)


def write_sizes(constants: Constants) -> str:
    """The table, in Markdown."""
    heads = ("latency", "allowed", "where", "rows/s", "limited by", *SIZES.values())
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for latency, rate in product(LATENCIES, RATES):
        alone = predict_alone(constants, latency, rate, MAX_CONCURRENCY)
        lines.append(write_size(constants, latency, rate, "one process", alone))
        workers, speed = choose_crew(constants, latency, rate)
        if speed.rows > alone.rows / _ENOUGH:
            lines.append(write_size(constants, latency, rate, f"{workers} workers", speed))
    return "\n".join(lines)


def write_size(constants: Constants, latency: float, rate: float, where: str, speed: Speed) -> str:
    """One line of the table."""
    allowed = "any" if math.isinf(rate) else f"{rate:,.0f}/s"
    seconds = (rows / constants.first_pass + rows / speed.rows for rows in SIZES)
    cells = (f"{latency * 1000:.0f} ms", allowed, where, f"{round_off(speed.rows):,}", speed.limit)
    return "| " + " | ".join((*cells, *map(spell_time, seconds))) + " |"


def round_off(number: float) -> int:
    """Two digits: the model knows no more."""
    digits = max(math.floor(math.log10(number)) - 1, 0)
    return int(round(number / 10**digits) * 10**digits)


def spell_time(seconds: float) -> str:
    """A length of time with about two digits."""
    for unit, size in (("years", 365 * 86_400), ("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            number = seconds / size
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def write_check(constants: Constants) -> str:
    """What the model predicts for a run that it is not fitted to, and what was measured."""
    workers, latency = CHECK
    predicted = predict(constants, latency, math.inf, workers, workers * SOCKETS).rows
    measured = constants.check_rows_per_second
    return (
        f"Fitted to 1, 2 and 4 workers at {LATENCY * 1000:.0f} ms. For {workers} workers at "
        f"{latency * 1000:.0f} ms, {SOCKETS} requests each, it predicts {predicted:,.0f} rows a second; "
        f"{measured:,.0f} were measured, {measured / predicted - 1:+.0%}."
    )


if __name__ == "__main__":
    main()
