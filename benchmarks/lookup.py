"""What a look-up takes: memory, seconds to open it, rows a second of the mapping with it and without.

Run ``python -m benchmarks.lookup [--keys 1000000 10000000] [--rows N]``. How to read the table:
benchmarks/README.md. The devices are made up: user ids of 10 digits in any order, ids as iOS has them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from benchmarks.contenders import HERE, WORK
from benchmarks.mapping import CASES, CHUNK_ROWS, FIELDS, frames
from loader.lookups import open_lookups
from loader.mapping import bind, parse_mapping
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.rules import Nearby
from loader.model import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping import Mapper, Mapping
    from loader.mapping.lookups import LookUps

RESULT = HERE / "results" / "lookup.txt"
STEP = 500_000
RULE = 'hwid = { column = "user_id", lookup = "devices.csv", key = "user_id", value = "hwid" }'
MAPPING = FIELDS.replace('hwid = "device_id"', RULE) + CASES[0].attributes
#: One event in this number is of a user whom the look-up does not know.
UNKNOWN = 10
HEAD = (
    f"{'keys':>12}{'file MB':>10}{'open s':>9}{'keys/s':>12}{'peak MB':>10}{'own MB':>9}{'mapped':>9}"
    f"{'rows/s':>12}{'without':>12}"
)

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def write_devices(path: Path, keys: int) -> None:
    """A file of users in any order, each with a device."""
    chance = np.random.default_rng(5)
    users = chance.permutation(keys)
    kinds = pa.schema([("user_id", pa.string()), ("hwid", pa.string())])
    with csv.CSVWriter(path, kinds) as writer:
        for start in range(0, keys, STEP):
            part = users[start : start + STEP]
            writer.write_table(pa.table([write_digits(part), make_devices(chance, len(part))], schema=kinds))


def write_digits(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Array:
    """Each number as 10 digits."""
    powers = 10 ** np.arange(9, -1, -1)
    return as_texts((numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8))


def make_devices(chance: np.random.Generator, rows: int) -> pa.Array:
    """Random UUIDs in capital letters."""
    letters = np.frombuffer(b"0123456789ABCDEF", np.uint8)[chance.integers(0, 16, (rows, 36))]
    letters[:, [8, 13, 18, 23]] = ord("-")
    return as_texts(letters)


def as_texts(letters: Bytes) -> pa.Array:
    """The lines of a matrix as texts."""
    rows, width = letters.shape
    places = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(places), pa.py_buffer(letters.tobytes()))


@dataclass(slots=True)
class Memory:
    """The memory of this process, looked at while it works; MB."""

    peak: float = 0.0
    own: float = 0.0
    mapped: float = 0.0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Memory:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._end.set()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            self._look()

    def _look(self) -> None:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        found = {
            line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))
        }
        resident, own = (int(found[name]) / 1024 for name in ("VmRSS", "RssAnon"))
        self.peak, self.own = max(self.peak, resident), max(self.own, own)
        self.mapped = max(self.mapped, resident - own)


def make_events(rows: int, keys: int) -> Iterator[pd.DataFrame]:
    """Events of users, of whom the look-up does not know some."""
    chance = np.random.default_rng(11)
    for frame in frames(CASES[0], rows):
        users = write_digits(chance.integers(0, keys * UNKNOWN // (UNKNOWN - 1), len(frame)))
        frame["user_id"] = pd.Series(users, dtype=pd.ArrowDtype(pa.string()))
        yield frame


def build_mapper(mapping: Mapping, keys: int, lookups: LookUps) -> Mapper:
    """The mapping, bound to the first events."""
    sample = next(make_events(CHUNK_ROWS, keys))
    schema = pa.Schema.from_pandas(sample, preserve_index=False)
    now = datetime(2026, 6, 1, tzinfo=UTC)
    return bind(mapping, schema, sample, application="A", where="m", now=now, lookups=lookups)


def count_rows_a_second(mapper: Mapper, rows: int, keys: int) -> float:
    """Rows a second of CPU time, the median of all chunks."""
    took, done = [], 0
    for frame in make_events(rows, keys):
        chunk = Chunk(done, frame, "events.csv", done + 1, {})
        start = time.process_time()
        mapped = mapper.map(chunk)
        took.append(time.process_time() - start)
        if len(mapped.ordinals) != len(frame):
            raise SystemExit(f"a row was rejected: {mapped.rejects[0].message}")
        done += len(frame)
    return CHUNK_ROWS / float(np.median(took))


def measure(folder: Path, keys: int, rows: int) -> str:
    """One line of the table."""
    mapping = replace(parse_mapping(MAPPING, "m"), nearby=Nearby(folder))
    with Memory() as memory:
        start = time.process_time()
        lookups = open_lookups(mapping, where="m")
        opened = time.process_time() - start
        rate = count_rows_a_second(build_mapper(mapping, keys, lookups), rows, keys)
    plain = parse_mapping(FIELDS + CASES[0].attributes, "m")
    without = count_rows_a_second(build_mapper(plain, keys, NO_LOOKUPS), rows, keys)
    size = (folder / "devices.csv").stat().st_size / 1e6
    rates = f"{rate:>12,.0f}{without:>12,.0f}"
    taken = f"{memory.peak:>10,.0f}{memory.own:>9,.0f}{memory.mapped:>9,.0f}"
    return f"{keys:>12,}{size:>10,.0f}{opened:>9.1f}{keys / opened:>12,.0f}{taken}{rates}"


def run(keys: int, rows: int) -> str:
    """A line, measured in a process of its own."""
    folder = WORK / f"devices-{keys}"
    folder.mkdir(parents=True, exist_ok=True)
    write_devices(folder / "devices.csv", keys)
    words = [sys.executable, "-m", "benchmarks.lookup", "--of", str(folder), "--keys", str(keys)]
    done = subprocess.run([*words, "--rows", str(rows)], check=True, capture_output=True, text=True)
    (folder / "devices.csv").unlink()
    return done.stdout.strip("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.of is not None:
        print(measure(given.of, given.keys[0], given.rows))
        return
    lines = [HEAD]
    print(HEAD, flush=True)
    for keys in given.keys:
        lines.append(run(keys, given.rows))
        print(lines[-1], flush=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
