"""`verify`: the command, its output for users and programs, and its exit code."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pandas as pd
import pytest

from loader.journal import CheckpointView
from loader.methods import Kind
from loader.model import State
from tests.verification.rehearsed import EVENTS, Rehearsed
from tests.verification.test_verification import write_events

if TYPE_CHECKING:
    from tests.conftest import CommandLine, Ran
    from tests.failed_rows import Load

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "verify.schema.json"
CONFIRMED, REJECTED, IN_DOUBT, NEVER_SENT, _ = State
EVENTS_KIND = Kind.EVENTS
ROWS = [(number, 1) for number in range(1, 7)]


@pytest.fixture
def rehearsed(command: CommandLine) -> Rehearsed:
    """Five confirmed rows and one in doubt, which are all in the store."""
    made = Rehearsed(command.folder)
    for body in made.begin(EVENTS, write_events(ROWS), [CONFIRMED] * 5 + [IN_DOUBT]):
        made.land(EVENTS_KIND, body)
    return made


def alter(rehearsed: Rehearsed) -> None:
    """A row altered, one removed, one doubled, one added."""
    rehearsed.execute("UPDATE events SET attributes = '{\"price\":9}' WHERE id = 1")
    rehearsed.execute("DELETE FROM events WHERE id = 2")
    columns = "load, arrived, application, event, hwid, user_id, {}, stamped, timestamp_current, device_type"
    for time, number in (("timestamp_utc", 3), ("5", 4)):
        rehearsed.execute(
            f"INSERT INTO events SELECT NULL, {columns.format(time)}, attributes, matched FROM events "
            f"WHERE id = {number}"
        )
    rehearsed.execute("UPDATE events SET event = 'sell' WHERE id = 8")


def read_record(ran: Ran) -> dict[str, Any]:
    """The JSON of a command, which must be as its schema says."""
    record: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    return record


def test_a_load_that_landed_as_it_is_ends_with_0(command: CommandLine, rehearsed: Rehearsed) -> None:
    """A row in doubt is not a difference."""
    ran = command.run("verify", rehearsed.checkpoint.name)
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"= same +5\n", ran.out)
    assert "rows in doubt: 1 found, 0 not found" in ran.out


def test_differences_are_shown_and_end_with_9(command: CommandLine, rehearsed: Rehearsed) -> None:
    """Each with its sign and place, and with both values."""
    alter(rehearsed)
    ran = command.run("verify", rehearsed.checkpoint.name)
    assert ran.code == 9
    lines = [re.sub(r"/\S+/", "", line) for line in ran.out.splitlines()]
    assert "- rows.csv, row 2" in lines
    assert "* rows.csv, row 1: attributes.price is 9, expected 1.50" in lines
    assert "2 rows.csv, row 3: number 7 is the same once more" in lines
    assert any(line.startswith('+ number 8: event "sell"') for line in lines)


def test_the_advice_is_a_command_that_writes_every_difference(
    command: CommandLine, rehearsed: Rehearsed
) -> None:
    """Followed to the letter, it writes the rows with their source columns."""
    alter(rehearsed)
    store = rehearsed.store.rename(command.folder / "a store.sqlite3")
    ran = command.run("verify", rehearsed.checkpoint.name, "--sandbox-store", store.name)
    advice = next(line for line in ran.out.splitlines() if "--diff" in line)
    command.run(*shlex.split(advice)[1:])
    frame = pd.read_csv(command.folder / "differences.csv", dtype=str, keep_default_na=False)
    assert list(frame["_loader_sign"]) == ["*", "-", "2", "+"]
    assert list(frame["user"]) == ["user 1", "user 2", "user 3", ""]
    assert frame["_loader_expected"][0] == '{"attributes.price": 1.50}'


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_file_of_differences_is_of_the_form_of_its_ending(
    command: CommandLine, rehearsed: Rehearsed, ending: str
) -> None:
    """And it is there without a difference too, with its columns."""
    assert command.run("verify", rehearsed.checkpoint.name, "--diff", f"none.{ending}").code == 0
    alter(rehearsed)
    assert command.run("verify", rehearsed.checkpoint.name, "--diff", f"some.{ending}").code == 9
    some, none = (read_rows(command.folder / f"{name}.{ending}") for name in ("some", "none"))
    assert (len(some), len(none)) == (4, 0)


def read_rows(path: Path) -> pd.DataFrame:
    """A file of differences, whichever form it has."""
    if path.suffix == ".csv":
        return pd.read_csv(path)
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True)


def test_no_output_takes_the_place_of_the_store(command: CommandLine, rehearsed: Rehearsed) -> None:
    """It is needed, and it is a database."""
    store = rehearsed.store.name
    ran = command.run(
        "verify", rehearsed.checkpoint.name, "--sandbox-store", store, "--diff", store, "--format", "csv"
    )
    assert ran.code == 2
    with closing(sqlite3.connect(rehearsed.store)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (6,)


def test_the_record_for_programs_is_as_its_schema_says(command: CommandLine, rehearsed: Rehearsed) -> None:
    """With differences and without, settled or not."""
    assert read_record(command.run("verify", rehearsed.checkpoint.name, "--json"))["ok"] is True
    alter(rehearsed)
    record = read_record(command.run("verify", rehearsed.checkpoint.name, "--json", "--settle"))
    totals = record["totals"]
    signs = {name: totals[name] for name in ("same", "missing", "extra", "different", "doubled")}
    assert signs == {"same": 3, "missing": 1, "extra": 1, "different": 1, "doubled": 1}
    assert record["settled"] == [{"checkpoint": "rows.ckpt", "landed": 1, "dropped": 0, "unclear": 0}]
    assert (record["exit_code"], record["ok"]) == (9, False)


def test_settling_says_how_the_rows_go_again(command: CommandLine, rehearsed: Rehearsed) -> None:
    """The next step sends them, and afterwards nothing differs."""
    rehearsed.execute("DELETE FROM events WHERE id = 6")
    ran = command.run("verify", rehearsed.checkpoint.name, "--settle")
    assert ran.code == 0
    assert "0 rows in doubt are now confirmed, 1 is given back" in ran.out
    advice = next(line for line in ran.out.splitlines() if "--only given-back" in line)
    sent = command.run(*shlex.split(advice)[1:], "--yes")
    assert sent.code == 0, sent.err
    assert CheckpointView.open(rehearsed.checkpoint).account().confirmed == 6
    assert command.run("verify", rehearsed.checkpoint.name).code == 0


@pytest.mark.parametrize("store", ["pushwoosh-sandbox.sqlite3", "a store.sqlite3"])
def test_a_rehearsal_leads_to_what_settles_its_doubts(command: CommandLine, store: str) -> None:
    """At its end and in `status`; followed to the letter, no row is left in doubt."""
    (command.folder / "rows.csv").write_text(write_events(ROWS))
    (command.folder / "rows.toml").write_text(EVENTS)
    load = ("rows.csv", "--mapping", "rows.toml", "--sandbox", "--sandbox-store", store)
    ran = command.run("events", *load, "--faults", "lost-answer=100%")
    advice = [line for line in ran.out.splitlines() if "--settle" in line]
    assert len(advice) == 1, ran.out
    assert "resolve" not in ran.out
    status = command.run("status", "rows.csv.events.sandbox.ckpt").out
    assert "verify rows.csv.events.sandbox.ckpt --settle" in status
    assert command.run(*shlex.split(advice[0])[1:]).code == 0
    account = CheckpointView.open(command.folder / "rows.csv.events.sandbox.ckpt").account()
    with closing(sqlite3.connect(command.folder / store)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM events").fetchone()
    assert (account.in_doubt, account.confirmed) == (0, stored)


def test_a_load_to_an_address_needs_the_name_of_the_store(load: Load) -> None:
    """Nobody knows which store it went to, so it is asked for."""
    load.summary()
    assert "--sandbox-store" in load.run("verify", code=2)


def test_one_checkpoint_that_is_named_twice_is_verified_once(
    command: CommandLine, rehearsed: Rehearsed
) -> None:
    """A pattern of the shell may name it again."""
    assert command.run("verify", rehearsed.checkpoint.name, str(rehearsed.checkpoint)).code == 0
