"""`verify --counts`: the vendor's own counts, asked of a sandbox that counts either way."""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from loader.sandbox.rules import HoursOf, Rules
from loader.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine, Ran

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "verify-counts.schema.json"
DEVICE, SERVER = "DeViCe-1", "SeRvEr-2"
BEGIN = 1_700_000_000
MAPPING = """
kind = "events"
[fields]
userId = "user"
event = "action"
timestamp = { column = "second", unit = "s" }
"""


def write_events(folder: Path, count: int = 60) -> None:
    """Events of two names, over some days."""
    rows = [
        f"u{number},{'purchase' if number % 3 else 'view'},{BEGIN + number * 1999}" for number in range(count)
    ]
    (folder / "events.csv").write_text("\n".join(["user,action,second", *rows]) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)


@contextmanager
def run_sandbox(folder: Path, rules: Rules) -> Iterator[str]:
    """A sandbox of its own, on a free port; its endpoint."""
    began: queue.Queue[Any] = queue.Queue()
    thread = threading.Thread(
        target=serve,
        args=(folder / "store.sqlite3",),
        kwargs={"ready": began.put, "rules": rules},
        daemon=True,
    )
    thread.start()
    serving = began.get(timeout=20)
    try:
        yield serving.endpoint
    finally:
        serving.stop()
        thread.join(20)


@contextmanager
def loaded(command: CommandLine, hours_of: HoursOf) -> Iterator[None]:
    """Events that a sandbox has taken, which counts by this time."""
    write_events(command.folder)
    rules = Rules(token=DEVICE, server_token=SERVER, hours_of=hours_of)
    with run_sandbox(command.folder, rules) as endpoint:
        options = ("--mapping", "mapping.toml", "--app", "AAAAA-BBBBB", "--endpoint", endpoint, "--yes")
        ran = command.run("events", "events.csv", *options, PUSHWOOSH_API_TOKEN=DEVICE)
        assert ran.code == 0, ran.err
        yield


def count(command: CommandLine, *more: object, **environment: str) -> Ran:
    """Verify by counts."""
    given = {"PUSHWOOSH_SERVER_TOKEN": SERVER, "PUSHWOOSH_API_TOKEN": DEVICE} | environment
    return command.run("verify", "events.csv.events.ckpt", "--counts", *more, **given)


def change_store(folder: Path, *statements: str) -> None:
    """Change what landed, by hand."""
    with closing(sqlite3.connect(folder / "store.sqlite3")) as store:
        for statement in statements:
            store.execute(statement)
        store.commit()


@pytest.mark.parametrize(
    ("hours_of", "named"),
    [(HoursOf.TIMESTAMP, "by the time of the event"), (HoursOf.ARRIVAL, "at which an event arrives")],
)
def test_either_way_of_counting_is_recognised_and_named(
    command: CommandLine, hours_of: HoursOf, named: str
) -> None:
    """Nobody knows by which time the vendor counts; the counts themselves show it."""
    with loaded(command, hours_of):
        ran = count(command)
    assert ran.code == 0, ran.out + ran.err
    assert named in ran.out
    assert "then every count is as expected" in ran.out


@pytest.mark.parametrize("hours_of", list(HoursOf))
def test_a_missing_event_is_found_either_way(command: CommandLine, hours_of: HoursOf) -> None:
    """It is missing from its hour, or from all hours of sending together."""
    with loaded(command, hours_of):
        change_store(command.folder, "DELETE FROM events WHERE id IN (7, 8)")
        ran = count(command, "--json")
    assert ran.code == 9, ran.err
    record = json.loads(ran.out)
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    assert record["hours_of"] == ("timestampUTC" if hours_of is HoursOf.TIMESTAMP else "arrival")
    assert record["totals"]["missing"] == 2
    assert record["totals"]["extra"] == 0
    assert sum(each["missing"] for each in record["differences"]) == 2
    assert {each["sign"] for each in record["differences"]} == {"-"}


def test_what_others_sent_in_the_same_hour_is_a_surplus_with_an_explanation(command: CommandLine) -> None:
    """The app itself sends events of the same name, and the vendor counts them all together."""
    with loaded(command, HoursOf.TIMESTAMP):
        columns = (
            "load, arrived, application, event, hwid, user_id, timestamp_utc, stamped, attributes, matched"
        )
        change_store(
            command.folder,
            f"INSERT INTO events ({columns}) SELECT {columns} FROM events WHERE id = 5",
        )
        ran = count(command, "--diff", "hours.csv")
    assert ran.code == 9
    assert "what others sent too" in ran.out
    assert "+1" in ran.out
    header, row = (command.folder / "hours.csv").read_text().splitlines()
    assert header == "sign,event,hour,confirmed,in_doubt,counted,missing,extra"
    assert row.startswith("+,")
    assert row.endswith(",0,1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PUSHWOOSH_SERVER_TOKEN": DEVICE}, "two secrets"),
        ({"PUSHWOOSH_SERVER_TOKEN": ""}, "--server-token-file"),
        ({"PUSHWOOSH_SERVER_TOKEN": "WrOnG-3"}, "Token restrictions forbid this operation"),
    ],
)
def test_a_wrong_token_is_refused_and_shown_nowhere(
    command: CommandLine, given: dict[str, str], said: str
) -> None:
    """The device token is never sent in the place of the server token, and no text repeats either."""
    with loaded(command, HoursOf.TIMESTAMP):
        ran = count(command, **given)
    assert ran.code == 2
    assert said in ran.err
    for secret in (DEVICE, SERVER, "WrOnG-3"):
        assert secret not in ran.out + ran.err


def test_the_token_of_a_file_does(command: CommandLine) -> None:
    """A file keeps it out of the environment of other programs."""
    token = command.folder / "server-token"
    token.write_text(f"{SERVER}\n")
    token.chmod(0o600)
    with loaded(command, HoursOf.TIMESTAMP):
        ran = count(command, "--server-token-file", token, PUSHWOOSH_SERVER_TOKEN="")
    assert ran.code == 0, ran.err


def test_a_rehearsal_whose_sandbox_has_ended_is_verified_by_its_store(command: CommandLine) -> None:
    """There is nobody to ask, and the advice works when it is followed."""
    write_events(command.folder)
    options = ("--mapping", "mapping.toml", "--app", "AAAAA-BBBBB", "--sandbox", "--yes")
    assert command.run("events", "events.csv", *options).code == 0
    ran = command.run("verify", "events.csv.events.sandbox.ckpt", "--counts", PUSHWOOSH_SERVER_TOKEN=SERVER)
    assert ran.code == 2
    assert "Verify it without --counts" in ran.err
    assert command.run("verify", "events.csv.events.sandbox.ckpt").code == 0


def test_counts_settle_nothing(command: CommandLine) -> None:
    """A number of rows does not say which of them landed."""
    ran = command.run("verify", "any.ckpt", "--counts", "--settle", PUSHWOOSH_SERVER_TOKEN=SERVER)
    assert ran.code == 2
    assert "--settle needs rows" in ran.err
