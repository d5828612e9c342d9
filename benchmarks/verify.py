"""Speed and memory of `verify` over two made-up loads, one ten times as long: `make bench-verify`.

The store and the checkpoint are written directly, as a rehearsal of the file would leave them. How to read
the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.check import MAPPING, TOML, events, line
from benchmarks.contenders import APPLICATION, HERE, WORK, Run, measure
from loader import planning
from loader.journal import Journal
from loader.methods import Kind
from loader.model import Outcome, State
from loader.sandbox.store import SandboxStore
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESULT = HERE / "results" / "verify.txt"
STORE, CHECKPOINT = WORK / "verify.sqlite3", WORK / "verify.ckpt"
LEASE = 4096
INSERT = "INSERT INTO events VALUES (?, '', 0, ?, ?, ?, ?, ?, 0, ?, ?, ?, 1)"
# What differs: for one row of each 100,000.
RARE = 100_000


class Request(msgspec.Struct):
    """A body's request."""

    application: str
    event: str
    attributes: msgspec.Raw
    hwid: str
    userId: str  # noqa: N815 - the vendor's name
    timestampUTC: int  # noqa: N815 - as above
    timestampCurrent: int  # noqa: N815 - as above
    device_type: int


class Body(msgspec.Struct):
    """A body."""

    request: Request


decode = msgspec.json.Decoder(Body).decode


def main() -> None:
    options = parse()
    if options.rehearse:
        rehearse(options.rehearse)
        return
    WORK.mkdir(exist_ok=True)
    MAPPING.write_text(TOML, encoding="utf-8")
    text = report([(rows, verify(rows)) for rows in (options.rows, 10 * options.rows)])
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the shorter load (default: 1000000)"
    )
    parser.add_argument("--rehearse", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def verify(rows: int) -> Run:
    """One verification with the command line, of a load with a few differences."""
    with events(rows) as source, rehearsed(source):
        differences = alter(rows)
        command = [sys.executable, "-m", "loader", "verify", str(CHECKPOINT), "--json"]
        run, out = measure([*command, "--sandbox-store", str(STORE)], rows, {9})
    found = json.loads(out)["totals"]
    if found["differences"] != differences or found["same"] < rows - 3 * differences:
        raise SystemExit(f"{differences} differences were made, and this was found: {found}")
    return run


@contextmanager
def rehearsed(source: Path) -> Iterator[None]:
    """A checkpoint and a store, as a rehearsal leaves them; made by another process, for its memory."""
    try:
        remove()
        subprocess.run([sys.executable, "-m", "benchmarks.verify", "--rehearse", str(source)], check=True)
        yield
    finally:
        remove()


def remove() -> None:
    for name in (STORE.name, CHECKPOINT.name):
        for old in WORK.glob(f"{name}*"):
            old.unlink()


def rehearse(source: Path) -> None:
    """Confirm every row, and write each body to the store."""
    with SandboxStore(STORE) as store:
        endpoint = Endpoint("", f"sandbox {store.id}")
    settings = Settings(
        Kind.EVENTS, (str(source),), APPLICATION, endpoint, checkpoint=CHECKPOINT, mapping=MAPPING
    )
    plan = planning.prepare(settings)
    identity = planning.build_identity(plan)
    with Journal.open(CHECKPOINT, identity) as journal, closing(sqlite3.connect(STORE)) as connection:
        for chunk in plan.source.chunks():
            mapped = plan.mapper.map(chunk)
            connection.executemany(INSERT, map(read_row, mapped.ordinals.tolist(), mapped.bodies.to_pylist()))
            connection.commit()
            for first in range(chunk.first, chunk.rows.stop, LEASE):
                rows = range(first, min(first + LEASE, chunk.rows.stop))
                journal.lease(rows)
                journal.sending(*rows)
                journal.settle([Outcome(ordinal, State.CONFIRMED) for ordinal in rows])


def read_row(ordinal: int, body: bytes) -> Sequence[Any]:
    """The cells of an event in the store."""
    of = decode(body).request
    return (
        ordinal + 1,
        of.application,
        of.event,
        of.hwid,
        of.userId,
        of.timestampUTC,
        of.timestampCurrent,
        of.device_type,
        bytes(of.attributes).decode(),
    )


def alter(rows: int) -> int:
    """Alter, remove and double a few events; how many differences that makes."""
    last = rows - rows % RARE
    with closing(sqlite3.connect(STORE)) as connection:
        connection.execute(f"UPDATE events SET timestamp_current = 5 WHERE id <= {last} AND id % {RARE} = 1")
        connection.execute(f"DELETE FROM events WHERE id <= {last} AND id % {RARE} = 2")
        connection.execute(
            "INSERT INTO events SELECT id + 1000000000, load, arrived, application, event, hwid, user_id,"
            " timestamp_utc, stamped, timestamp_current, device_type, attributes, matched"
            f" FROM events WHERE id <= {last} AND id % {RARE} = 3"
        )
        connection.commit()
    return 3 * (last // RARE)


def report(runs: list[tuple[int, Run]]) -> str:
    """The table."""
    lines = [
        f"verify of a CSV of 9 columns. Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores",
        "",
        f"{'':<28}" + "".join(f"{f'{rows:,} rows':>18}" for rows, _ in runs),
        line("rows a second", [rows / run.seconds for rows, run in runs]),
        line("rows a second of one core", [rows / run.cpu_seconds for rows, run in runs]),
        line("peak memory, MB", [run.peak_bytes / 1e6 for _, run in runs]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
