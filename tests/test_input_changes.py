"""An input that changes while a process loads it: only what was surveyed is sent, and nothing twice."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests import faultserver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

ROWS = 1500
WIDE = 8192  # bytes that are in no request: what is not read ahead begins some megabytes after what is sent


def write_export(path: Path) -> Path:
    """Events of one user each, 12 MB of them."""
    texts = {
        "user_id": [f"u{number:04}" for number in range(ROWS)],
        "device_id": [f"d{number:04}" for number in range(ROWS)],
        "event": ["purchase"] * ROWS,
        "timestamp": ["2024-01-01T00:00:00Z"] * ROWS,
        "filler": [os.urandom(WIDE // 2).hex() for _ in range(ROWS)],
        "mark": [f"m{number:04}" for number in range(ROWS)],
    }
    table = pa.table(texts)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path, row_group_size=100, use_dictionary=False, compression="none")
    return path


MAPPING = """
kind = "events"
[fields]
hwid = "device_id"
userId = "user_id"
event = "event"
timestamp = { column = "timestamp", format = "iso" }
[attributes]
mark = "mark"
"""


def find_last(path: Path) -> int:
    """Where the mark of the last row stands."""
    return path.read_bytes().rindex(b"m1499")


def write_in_place(path: Path) -> None:
    """The times are set back, as rsync and cp -p do."""
    before, offset = path.stat(), find_last(path)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_through_a_map(path: Path) -> None:
    """The times of the file change whenever the system writes its pages."""
    before, offset = path.stat(), find_last(path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[offset : offset + 1] = b"X"
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    """Within the last row."""
    os.truncate(path, find_last(path))


def append(path: Path) -> None:
    """As an export that continues."""
    with path.open("ab") as file:
        file.write(b"u9999,d9999,purchase,2024-01-01T00:00:00Z,,X9999\n")


def replace(path: Path) -> None:
    """As an export that is moved into place."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"m1499", b"X1499"))
    other.replace(path)


class Loading:
    """A load of one file by the real command, into a vendor that changes the file at its first request."""

    def __init__(self, command: CommandLine, export: Path, server: faultserver.FaultServer) -> None:
        self.export = export
        self._command = command
        self._server = server
        (command.folder / "m.toml").write_text(MAPPING)

    def run(self) -> tuple[int, str]:
        """Load; the exit code, and what was said."""
        ran = self._command.run(
            *("events", self.export.name, "--mapping", "m.toml", "--app", "AAAAA-BBBBB", "--yes"),
            *("--endpoint", self._server.url, "--summary", "s.json"),
            PUSHWOOSH_API_TOKEN="0123456789",
        )
        return ran.code, " ".join((ran.out + ran.err).split())

    @property
    def account(self) -> tuple[int, ...]:
        """Rows confirmed, rejected, in doubt and never sent, by the summary."""
        summary = json.loads((self._command.folder / "s.json").read_text())
        return tuple(summary[name] for name in ("confirmed", "rejected", "in_doubt", "never_sent"))

    @property
    def landed(self) -> Counter[str]:
        """What the vendor took, by the mark of the row."""
        return Counter(json.loads(body)["request"]["attributes"]["mark"] for body in self._server.bodies)


@pytest.fixture(params=["events.csv", "events.parquet"])
def loading(request: pytest.FixtureRequest, command: CommandLine) -> Iterator[Loading]:
    """The load; `change` of it says what becomes of the file."""
    export = write_export(command.folder / str(request.param))
    changes: list[Callable[[Path], None]] = [request.getfixturevalue("change")]

    def change_then_answer(visit: faultserver.Visit) -> None:
        if changes:
            changes.pop()(export)  # before the request is answered
        faultserver.answer()(visit)

    with faultserver.FaultServer([change_then_answer]) as server:
        yield Loading(command, export, server)
        assert not changes


def marks(rows: int) -> Counter[str]:
    """Of the first rows, each once."""
    return Counter(f"m{number:04}" for number in range(rows))


@pytest.mark.parametrize("change", [write_in_place, write_through_a_map, cut, append])
def test_no_row_is_sent_that_was_not_surveyed(loading: Loading, change: Callable[[Path], None]) -> None:
    """The load stops before the changed rows and says which; it continues once the file is restored."""
    content = loading.export.read_bytes()
    code, said = loading.run()
    sent = loading.account[0]
    assert code == 5
    assert 0 < sent < ROWS
    assert loading.account == (sent, 0, 0, ROWS - sent)
    assert loading.landed == marks(sent)
    name = loading.export.name
    assert re.search(
        rf"{name}: changed while it was being read \([^)]*\)\. Nothing after row {sent:,} was read", said
    )
    loading.export.write_bytes(content)
    code, _ = loading.run()
    assert (code, *loading.account) == (0, ROWS, 0, 0, 0)
    assert loading.landed == marks(ROWS)


@pytest.mark.parametrize("change", [write_in_place, write_through_a_map])
def test_the_same_command_refuses_what_is_still_changed(
    loading: Loading, change: Callable[[Path], None]
) -> None:
    """No row more is sent from a file that was not restored."""
    loading.run()
    sent = loading.account[0]
    code, said = loading.run()
    assert code == 2
    assert "was made for another load" in said
    assert loading.landed == marks(sent)


@pytest.mark.parametrize("change", [replace])
def test_a_file_that_is_replaced_is_read_to_its_end(loading: Loading, change: Callable[[Path], None]) -> None:
    """The open file is still the surveyed one: all of it is sent, and nothing of the new one."""
    code, _ = loading.run()
    assert (code, *loading.account) == (0, ROWS, 0, 0, 0)
    assert loading.landed == marks(ROWS)
