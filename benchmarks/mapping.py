"""Rows a second from chunk to finished JSON bodies on one core, and the peak of memory.

Run ``python -m benchmarks.mapping [--rows N]``. The rows are made up, a chunk at a time, outside the clock: a
9-column event CSV as its source hands it over (every cell text), and the same with the attributes in one
column of JSON text, or of key and value structs as GA4 exports them. The clock counts CPU time, so that a
neighbour on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.mapping import bind, parse_mapping
from loader.model import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Columns = dict[str, Any]

CHUNK_ROWS = 8192  # as `open_source` cuts them
ZONES = np.array(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "UTC"])
FIELDS = """
kind = "events"
[fields]
hwid = "device_id"
userId = "user_id"
event = "event"
device_type = "platform"
[fields.timestamp]
column = "timestamp"
format = "iso"
zone = { column = "timezone" }
ambiguous = "earlier"
nonexistent = "shift"
[attributes]
"""
PLAIN = """
number_of_cds = { column = "number_of_cds", type = "integer" }
dollar_value = { column = "dollar_value", type = "float" }
title = "title"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of input."""

    name: str
    attributes: str
    columns: Callable[[np.random.Generator, int], Columns]


def plain(chance: np.random.Generator, rows: int) -> Columns:
    """Three attributes in columns of their own."""
    return {
        "number_of_cds": chance.integers(1, 100, rows).astype(str).tolist(),
        "dollar_value": [f"{cents / 100:.2f}" for cents in chance.integers(0, 100_000, rows).tolist()],
        "title": [f'A "record" {number}' for number in chance.integers(0, 10**6, rows).tolist()],
    }


def as_json(chance: np.random.Generator, rows: int) -> Columns:
    """The same three in one column of JSON text."""
    columns = plain(chance, rows)
    return {
        "properties": [
            json.dumps({"number_of_cds": int(count), "dollar_value": float(value), "title": title})
            for count, value, title in zip(*columns.values(), strict=True)
        ]
    }


def as_pairs(chance: np.random.Generator, rows: int) -> Columns:
    """The same three in one column of key/value structs."""
    columns = plain(chance, rows)
    cells = [
        [
            {"key": "number_of_cds", "value": {"int_value": int(count)}},
            {"key": "dollar_value", "value": {"double_value": float(value)}},
            {"key": "title", "value": {"string_value": title}},
        ]
        for count, value, title in zip(*columns.values(), strict=True)
    ]
    value = pa.struct(
        [("string_value", pa.string()), ("int_value", pa.int64()), ("double_value", pa.float64())]
    )
    return {"event_params": pa.array(cells, pa.list_(pa.struct([("key", pa.string()), ("value", value)])))}


CASES = (
    Case("9 columns of text", PLAIN, plain),
    Case("JSON text", 'expand = ["properties"]', as_json),
    Case("key/value structs", 'expand = ["event_params"]', as_pairs),
)


def frames(case: Case, rows: int) -> Iterator[pd.DataFrame]:
    """Frames as the CSV source makes them; never the same twice."""
    chance = np.random.default_rng(7)
    for _ in range(max(1, rows // CHUNK_ROWS)):
        seconds = chance.integers(852_076_800, 1_700_000_000, CHUNK_ROWS)
        columns: Columns = {
            "user_id": [f"{number:08}" for number in chance.integers(0, 10**7, CHUNK_ROWS).tolist()],
            "device_id": [f"{number:016x}" for number in chance.integers(0, 2**62, CHUNK_ROWS).tolist()],
            "event": chance.choice(["purchase", "open", "sign_up"], CHUNK_ROWS).tolist(),
            "timestamp": np.datetime_as_string(seconds.astype("datetime64[s]")).tolist(),
            "timezone": chance.choice(ZONES, CHUNK_ROWS).tolist(),
            "platform": chance.choice(["iOS", "Android", "Chrome"], CHUNK_ROWS).tolist(),
            **case.columns(chance, CHUNK_ROWS),
        }
        arrays = {name: pa.array(cells) for name, cells in columns.items()}
        yield pa.table(arrays).to_pandas(types_mapper=pd.ArrowDtype)


def measure(case: Case, rows: int) -> str:
    """One line of the table."""
    sample = next(frames(case, CHUNK_ROWS))
    mapper = bind(
        parse_mapping(FIELDS + case.attributes, case.name),
        pa.Schema.from_pandas(sample, preserve_index=False),
        sample,
        application="AAAAA-BBBBB",
        where=case.name,
        now=datetime(2026, 6, 1, tzinfo=UTC),
    )
    done, size, took = 0, 0, []
    for frame in frames(case, rows):
        chunk = Chunk(done, frame, "events.csv", done + 1, {})
        start = time.process_time()
        mapped = mapper.map(chunk)
        took.append(time.process_time() - start)
        if len(mapped.ordinals) != len(frame):
            raise SystemExit(f"{case.name}: a row was rejected: {mapped.rejects[0].message}")
        done += len(frame)
        size += mapped.bodies.nbytes
    rate = CHUNK_ROWS / float(np.median(took))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return f"{case.name:<24}{done:>12,}{rate:>14,.0f}{size / done:>12,.0f}{peak:>14,.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mapping", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    pa.set_cpu_count(1)
    print(f"{'':<24}{'rows':>12}{'rows/s':>14}{'bytes/row':>12}{'peak MiB':>14}")
    for case in CASES:
        print(measure(case, rows), flush=True)


if __name__ == "__main__":
    main()
