"""Speed and memory of `check` on files in an object store, beside the same files on the disk.

Run ``python -m benchmarks.stores [--rows N]``; how to read the table: benchmarks/README.md. The store is
nginx with a folder: a read of S3 is a GET or HEAD of HTTP with a range and a version, and nginx answers it
without looking at the signature. It gives the bytes faster than any store does, so the table shows what the
client costs. The files lie in `benchmarks/work/` while they are measured, and are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from pyarrow import csv, parquet

from benchmarks.answer import Nginx, nginx_server
from benchmarks.check import MAPPING, TOML, write
from benchmarks.contenders import HERE, SUMMARY, WORK, Run, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RESULT = HERE / "results" / "stores.txt"
BUCKET = "bucket"
PLACES = ("disk", "store")
SPEEDS: dict[str, Callable[[Run], float]] = {
    "rows a second": lambda run: run.rows / run.seconds,
    "rows a second of one core": lambda run: run.rows / run.cpu_seconds,
}


def main() -> None:
    options = parse()
    WORK.mkdir(exist_ok=True)
    MAPPING.write_text(TOML, encoding="utf-8")
    root = WORK / "stores"
    (root / BUCKET).mkdir(parents=True, exist_ok=True)
    try:
        with serve(root) as url:
            os.environ |= find_environment(url)
            lines = [line for kind in ("csv", "parquet") for line in compare(kind, root, options)]
    finally:
        shutil.rmtree(root)
    text = "\n".join([head(), *lines])
    print(text)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the shorter files (default: 1000000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds with the shorter files (default: 3)")
    return parser.parse_args()


def find_environment(url: str) -> dict[str, str]:
    """What tells the loader of the server, by the conventions of AWS."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def serve(root: Path) -> Iterator[str]:
    """Serve a folder with nginx; its address."""
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("This benchmark needs nginx (Debian: apt-get install nginx).")
    with nginx_server(nginx, Nginx(act=f"root {root.absolute()};")) as answering:
        yield answering.endpoint.removesuffix("/json/1.3/")


def compare(kind: str, root: Path, options: argparse.Namespace) -> Iterator[str]:
    """The lines of one kind of file: both places in turn, and once with ten times the rows."""
    short = make(kind, root, options.rows)
    runs = [{place: check(place, short, options.rows) for place in PLACES} for _ in range(options.rounds)]
    disk, store = ([run[place] for run in runs] for place in PLACES)
    short.unlink()
    long = make(kind, root, 10 * options.rows)
    longer = check("store", long, 10 * options.rows)
    long.unlink()
    yield ""
    yield f"{kind:<34}{'disk':>14}{'store':>14}{'store / disk':>14}"
    for name, of in SPEEDS.items():
        one, other = median(map(of, disk)), median(map(of, store))
        yield f"{name:<34}{one:>14,.0f}{other:>14,.0f}{other / one:>14.2f}"
    peaks = [median(run.peak_bytes for run in place) / 1e6 for place in (disk, store)]
    yield f"{'peak memory, MB':<34}{peaks[0]:>14,.0f}{peaks[1]:>14,.0f}{peaks[1] / peaks[0]:>14.2f}"
    grown = longer.peak_bytes / 1e6
    yield f"{'peak memory, ten times the rows':<34}{'':>14}{grown:>14,.0f}{grown / peaks[1]:>14.2f}"


def make(kind: str, root: Path, rows: int) -> Path:
    """A file of events."""
    text = root / BUCKET / f"events-{rows}.csv"
    write(text, rows)
    if kind == "csv":
        return text
    packed = text.with_suffix(".parquet")
    # As text, so that both kinds give the same rows.
    convert = csv.ConvertOptions(column_types=dict.fromkeys(csv.open_csv(text).schema.names, "string"))
    with (
        csv.open_csv(text, convert_options=convert) as batches,
        parquet.ParquetWriter(packed, batches.schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    text.unlink()
    return packed


def check(place: str, file: Path, rows: int) -> Run:
    """One check with the command line."""
    name = str(file) if place == "disk" else f"s3://{BUCKET}/{file.name}"
    command = [sys.executable, "-m", "loader", "check", "events", name, "--mapping", str(MAPPING)]
    run, _ = measure([*command, "--quiet", "--summary", str(SUMMARY)], rows)
    sent = json.loads(SUMMARY.read_text())["would_send"]
    if sent != rows:
        raise SystemExit(f"{sent} of {rows} rows would be sent: there is nothing to compare.")
    return run


def head() -> str:
    """What was measured, and where."""
    return (
        f"check of events of 9 columns, from the disk and from nginx as an S3 server. "
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
