"""What a rehearsal proves: on a bad day, and with kills, what was meant is there once, and nothing else.

The truth is asked by SQL and by a reader of the file that is not the loader's.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import SAMPLES
from tests.test_load import expected, held, small, wait_until_held

if TYPE_CHECKING:
    from collections import Counter

    from tests.conftest import CommandLine

CHECKPOINT = "events.csv.events.sandbox.ckpt"
STORE = "pushwoosh-sandbox.sqlite3"
#: Given to a row that is doubled by hand; beyond any id of the log.
DOUBLED_FROM = 10_000_000
DOUBLE = """
INSERT INTO events SELECT ?, load, arrived, application, event, hwid, user_id, timestamp_utc, stamped,
    timestamp_current, device_type, attributes, matched FROM events WHERE id = ?
"""
ALTER = "UPDATE events SET attributes = json_set(attributes, '$.dollars', -1) WHERE id = ?"

whole = pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` proves the whole file, in minutes")


@dataclass
class Rehearsal:
    """A load of purchases into the sandbox, with faults."""

    command: CommandLine
    source: Path
    faults: str

    def load(self, *options: str) -> tuple[object, ...]:
        """The command's words."""
        mapping = SAMPLES / "events.toml"
        return ("events", self.source, "--mapping", mapping, "--sandbox", "--yes", "--quiet", *options)

    def kill_at(self, held_rows: int) -> None:
        """Begin or continue the load, and kill it when the sandbox holds a number of events."""
        with self.command.start(*self.load("--faults", self.faults)) as process:
            wait_until_held(self.command, held_rows, seconds=600)
            process.kill()
            process.communicate(timeout=60)

    def finish(self) -> dict[str, Any]:
        """Continue the load to its end; its account."""
        return self.command.summary(*self.load("--faults", self.faults))

    def verify(self, *options: str) -> dict[str, int]:
        """The totals of `verify --json`, with its exit code."""
        ran = self.command.run("verify", CHECKPOINT, "--json", *options)
        assert ran.code in (0, 9), ran.err
        totals: dict[str, int] = json.loads(ran.out)["totals"]
        return totals | {"exit_code": ran.code}

    def lost(self) -> Counter[tuple[object, ...]]:
        """Purchases of the file that are not in the store."""
        return expected(self.source) - held(self.command)


def rehearse_through(rehearsal: Rehearsal, rows: int) -> None:
    """Load through faults with two kills, settle what is in doubt by what is there, and send what is not.

    `verify` finds no difference, and says of the doubts exactly what the store says. Afterwards there is
    neither a doubt nor a difference.
    """
    for share in (rows // 4, rows // 2):
        rehearsal.kill_at(share)
    account = rehearsal.finish()
    assert account["confirmed"] + account["in_doubt"] == account["read"] == rows
    assert account["in_doubt"], "the faults left nothing to verify"
    lost = rehearsal.lost().total()
    assert rehearsal.verify() == agree(account["confirmed"], found=account["in_doubt"] - lost, not_found=lost)

    rehearsal.verify("--settle")
    settled = rehearsal.command.summary(*rehearsal.load())
    assert (settled["exit_code"], settled["confirmed"]) == (0, rows)
    assert rehearsal.verify() == agree(rows)
    assert held(rehearsal.command) == expected(rehearsal.source)


def agree(confirmed: int, *, found: int = 0, not_found: int = 0) -> dict[str, int]:
    """What `verify` counts if checkpoint and store agree; of the rows in doubt some may be found."""
    doubts = {"doubts_found": found, "doubts_not_found": not_found}
    differences = dict.fromkeys(("missing", "extra", "different", "doubled", "repeated", "differences"), 0)
    landed = {"expected": confirmed, "same": confirmed, "landed": confirmed + found}
    return landed | doubts | differences | {"exit_code": 0}


def tamper(store: Path, rows: int) -> tuple[set[str], ...]:
    """Alter, remove and double 5 events each, by hand; what the file has of them."""
    with closing(sqlite3.connect(store)) as connection, connection:
        ids = [one for (one,) in connection.execute("SELECT id FROM events ORDER BY id")]
        chosen = random.Random(rows).sample(ids, 15)
        altered, removed, doubled = ({describe(connection, one) for one in chosen[at::3]} for at in range(3))
        connection.executemany(ALTER, [(one,) for one in chosen[0::3]])
        connection.executemany("DELETE FROM events WHERE id = ?", [(one,) for one in chosen[1::3]])
        connection.executemany(DOUBLE, [(DOUBLED_FROM + one, one) for one in chosen[2::3]])
    return altered, removed, doubled


def describe(connection: sqlite3.Connection, number: int) -> str:
    """A purchase by what its row in the file has."""
    query = "SELECT user_id, hwid, attributes FROM events WHERE id = ?"
    user, device, attributes = connection.execute(query, (number,)).fetchone()
    numbers = json.loads(attributes, parse_float=str, parse_int=str)
    return ",".join((user, device, numbers["cds"], numbers["dollars"]))


def name_all_altered(rehearsal: Rehearsal, rows: int) -> None:
    """`verify` names the 15 rows that were changed by hand, each by its sign, and no other."""
    altered, removed, doubled = tamper(rehearsal.command.folder / STORE, rows)
    found = rehearsal.verify("--diff", "differences.csv")
    assert found["exit_code"] == 9
    named: dict[str, list[str]] = {}
    with (rehearsal.command.folder / "differences.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            words = (row["user_id"], row["device_id"], row["number_of_cds"], row["dollar_value"])
            named.setdefault(row["_loader_sign"], []).append(",".join(words))
    assert {sign: set(rows) for sign, rows in named.items()} == {"*": altered, "-": removed, "2": doubled}
    assert [len(rows) for rows in named.values()] == [5, 5, 5]


@pytest.mark.parametrize("faults", ["flaky,latency=off,502=2%,lost-answer=2%", "outage,outage=300ms-1s"])
def test_a_rehearsal_on_a_bad_day_is_proven(command: CommandLine, tmp_path: Path, faults: str) -> None:
    """After faults and kills, verify finds exactly the doubts, settles them, and finds what is changed."""
    rehearsal = Rehearsal(command, small(tmp_path / "events.csv", "events.csv", 2_000), faults)
    rehearse_through(rehearsal, 2_000)
    name_all_altered(rehearsal, 2_000)


@whole
@pytest.mark.parametrize("faults", ["flaky", "outage"])
def test_the_whole_file_is_proven(command: CommandLine, tmp_path: Path, faults: str) -> None:
    """The same for all 69,659 purchases of the CDNOW file."""
    source = tmp_path / "events.csv"
    source.write_bytes((Path(os.environ["CDNOW"]) / "events.csv").read_bytes())
    rehearsal = Rehearsal(command, source, faults)
    rehearse_through(rehearsal, 69_659)
    name_all_altered(rehearsal, 69_659)
