"""The time before the first request: `check` beside pandas, and the first look at a file of quoted cells.

Run ``python -m benchmarks.looks [--rows N] [--quoted N] [--rounds N] [--before TREE]``; how to read the
table: benchmarks/README.md. With `--before`, another work tree of the loader is measured in turn. The files
lie in `benchmarks/work/` while they are measured, and are deleted.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from pyarrow import csv, parquet

from benchmarks.check import MAPPING, TOML, write
from benchmarks.contenders import APPLICATION, CHECKPOINT, HERE, WORK, Run, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULT = HERE / "results" / "looks.txt"
READ = "import sys, pandas; pandas.read_csv(sys.argv[1], dtype=str)"
PATIENCE = 300.0  # seconds in which the first request must come


class Files(NamedTuple):
    """The same events three times: as `check` is measured, as Parquet, and with every cell quoted."""

    text: Path
    packed: Path
    quoted: Path


def main() -> None:
    options = parse()
    WORK.mkdir(exist_ok=True)
    MAPPING.write_text(TOML, encoding="utf-8")
    with make_files(options.rows, options.quoted) as files:
        runs = run_in_turn(list_acts(files, options), options.rounds)
    text = report(runs, options)
    print(text)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to check (default: 1000000)")
    parser.add_argument("--quoted", type=int, default=10_000_000, help="quoted rows (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--before", type=Path, help="a work tree of the loader to compare with")
    return parser.parse_args()


@contextmanager
def make_files(rows: int, quoted: int) -> Iterator[Files]:
    """The files, as long as they are needed."""
    folder = WORK / "looks"
    folder.mkdir(exist_ok=True)
    try:
        files = Files(folder / "events.csv", folder / "events.parquet", folder / "quoted.csv")
        write(files.quoted, quoted)
        rewrite(files.quoted, lambda schema: csv.CSVWriter(files.text, schema, write_options=quote_all()))
        files.text.replace(files.quoted)
        write(files.text, rows)
        rewrite(files.text, lambda schema: parquet.ParquetWriter(files.packed, schema))
        yield files
    finally:
        shutil.rmtree(folder)


def quote_all() -> csv.WriteOptions:
    """Quotes around each cell, numbers too."""
    return csv.WriteOptions(quoting_style="all_valid")


def rewrite(source: Path, open_writer: Callable[[pa.Schema], csv.CSVWriter | parquet.ParquetWriter]) -> None:
    """Write the same rows in another form; every column stays text."""
    names = csv.open_csv(source).schema.names
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with csv.open_csv(source, convert_options=convert) as batches, open_writer(batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def list_acts(files: Files, options: argparse.Namespace) -> dict[str, Callable[[], Run]]:
    """What is measured, by what it is called."""
    trees = {"": HERE.parent} | ({" before": options.before.resolve()} if options.before else {})
    acts: dict[str, Callable[[], Run]] = {}
    for when, tree in trees.items():
        acts[f"check, CSV{when}"] = partial(check, files.text, options.rows, tree)
        acts[f"check, Parquet{when}"] = partial(check, files.packed, options.rows, tree)
        acts[f"first request{when}"] = partial(await_request, files.quoted, options.quoted, tree)
    acts["pandas.read_csv"] = partial(read_with_pandas, files.text, options.rows)
    return acts


def run_in_turn(acts: dict[str, Callable[[], Run]], rounds: int) -> dict[str, Run]:
    """Of each the run of the median time. All take their turn in each round, because a machine changes."""
    runs = [{name: act() for name, act in acts.items()} for _ in range(rounds)]
    return {name: pick_median([each[name] for each in runs]) for name in acts}


def pick_median(runs: list[Run]) -> Run:
    """The run that is neither fast nor slow."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def check(file: Path, rows: int, tree: Path) -> Run:
    """One check with the command line of a work tree."""
    command = [
        sys.executable,
        "-m",
        "loader",
        "check",
        "events",
        str(file),
        "--mapping",
        str(MAPPING),
        "--quiet",
    ]
    return measure_in(tree, command, rows)


def measure_in(tree: Path, command: list[str], rows: int) -> Run:
    """Measure a command in a work tree, whose modules it then imports."""
    before = Path.cwd()
    os.chdir(tree)
    try:
        return measure(command, rows)[0]
    finally:
        os.chdir(before)


def read_with_pandas(file: Path, rows: int) -> Run:
    """A process that imports pandas and reads the file, each cell as text."""
    return measure([sys.executable, "-c", READ, str(file)], rows)[0]


def await_request(file: Path, rows: int, tree: Path) -> Run:
    """A load until its first request, and then ended."""
    for old in WORK.glob(f"{CHECKPOINT.name}*"):
        old.unlink()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        command = [sys.executable, "-m", "loader", "events", str(file), "--mapping", str(MAPPING), "--yes"]
        command += ["--endpoint", f"http://127.0.0.1:{server.getsockname()[1]}/", "--app", APPLICATION]
        command += ["--checkpoint", str(CHECKPOINT), "--quiet"]
        environment = os.environ | {"PUSHWOOSH_API_TOKEN": "of-nobody"}
        started = time.perf_counter()
        with subprocess.Popen(command, cwd=tree, env=environment) as load:
            server.accept()[0].recv(1)
            seconds = time.perf_counter() - started
            peak = read_peak(load.pid)
            load.kill()
            _, _, usage = os.wait4(load.pid, 0)
            load.returncode = -9
    return Run(rows, seconds, usage.ru_utime + usage.ru_stime, peak)


def read_peak(process: int) -> int:
    """The most memory of a process that runs, in bytes; 0 where the system does not tell it (proc(5))."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def report(runs: dict[str, Run], options: argparse.Namespace) -> str:
    """The table, and the ratios."""
    lines = [
        f"check of {options.rows:,} rows, and the first look at {options.quoted:,} rows of quoted cells. "
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores",
        "",
        f"{'':<24}{'seconds':>10}{'CPU s':>10}{'rows/s':>12}{'peak MB':>10}",
        *(describe(name, run) for name, run in runs.items()),
        "",
        ratio("check / pandas", runs["check, CSV"], runs["pandas.read_csv"]),
    ]
    lines += [
        ratio(f"{name[:-7]} / before", runs[name[:-7]], run) for name, run in runs.items() if "before" in name
    ]
    return "\n".join(lines)


def describe(name: str, run: Run) -> str:
    """One line of the table."""
    speed = run.rows / run.seconds
    return (
        f"{name:<24}{run.seconds:>10.2f}{run.cpu_seconds:>10.2f}{speed:>12,.0f}{run.peak_bytes / 1e6:>10.0f}"
    )


def ratio(name: str, run: Run, other: Run) -> str:
    """How one compares with another, in time and in processor time."""
    return f"{name:<24}{run.seconds / other.seconds:>10.2f}{run.cpu_seconds / other.cpu_seconds:>10.2f}"


if __name__ == "__main__":
    main()
