"""Whole loads by the real command into the real sandbox."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import SAMPLES, CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_YORK = ZoneInfo("America/New_York")
EVENTS_HELD = "SELECT user_id, hwid, event, timestamp_utc, timestamp_current, attributes FROM events"


def expected(path: Path) -> Counter[tuple[object, ...]]:
    """The purchases of an event CSV, read by other means than the loader's."""
    purchases: Counter[tuple[object, ...]] = Counter()
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            midnight = datetime.strptime(row["timestamp"], "%Y%m%d").replace(tzinfo=NEW_YORK)
            utc = int(midnight.timestamp())
            offset = midnight.utcoffset()
            assert offset is not None
            purchases[
                row["user_id"],
                row["device_id"],
                "purchase",
                utc,
                utc + int(offset.total_seconds()),
                row["number_of_cds"],
                row["dollar_value"],
            ] += 1
    return purchases


def held(command: CommandLine) -> Counter[tuple[object, ...]]:
    """The purchases in the sandbox, numbers as the text that arrived."""
    purchases: Counter[tuple[object, ...]] = Counter()
    for *columns, attributes in command.held(EVENTS_HELD):
        numbers = json.loads(attributes, parse_float=str, parse_int=str)
        purchases[*columns, numbers["cds"], numbers["dollars"]] += 1
    return purchases


def small(path: Path, source: str, rows: int) -> Path:
    """The first rows of a sample."""
    lines = (SAMPLES / source).read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: rows + 1]))
    return path


def test_every_purchase_arrives_once_as_the_file_has_it(command: CommandLine, tmp_path: Path) -> None:
    """The sandbox holds exactly the purchases of the file: ids and amounts to the letter, local midnights."""
    source = small(tmp_path / "events.csv", "events.csv", 1500)
    summary = command.summary("events", source, "--mapping", SAMPLES / "events.toml", "--sandbox", "--yes")
    assert (summary["read"], summary["confirmed"], summary["exit_code"]) == (1500, 1500, 0)
    assert held(command) == expected(source)


@pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` loads the whole file, in minutes")
def test_the_whole_file_arrives(command: CommandLine) -> None:
    """All 69,659 purchases of the CDNOW file are in the sandbox, and nothing else."""
    source = Path(os.environ["CDNOW"]) / "events.csv"
    summary = command.summary(
        "events", source, "--mapping", SAMPLES / "events.toml", "--sandbox", "--yes", "--checkpoint", "c"
    )
    assert summary["confirmed"] == summary["read"] == 69_659
    assert held(command) == expected(source)


def test_users_and_events_share_a_sandbox(command: CommandLine, tmp_path: Path) -> None:
    """A load of users and one of events into one sandbox meet there: every purchase has its device."""
    users = small(tmp_path / "users.csv", "users.csv", 300)
    events = small(tmp_path / "events.csv", "events.csv", 300)
    assert command.summary("users", users, "--sandbox")["exit_code"] == 0
    ran = command.run("events", events, "--mapping", SAMPLES / "events.toml", "--sandbox")
    assert ran.code == 0, ran.err
    assert "300 devices of 300 users" in ran.out
    assert command.held("SELECT count(*) FROM events JOIN devices USING (hwid, user_id)")[0][0] == 300


def test_the_same_command_again_sends_nothing(command: CommandLine, tmp_path: Path) -> None:
    """A finished load says that all is done and sends no row a second time."""
    users = small(tmp_path / "users.csv", "users.csv", 50)
    first = command.summary("users", users, "--sandbox")
    again = command.summary("users", users, "--sandbox")
    assert (again["confirmed"], again["attempts"]) == (50, first["attempts"])


def test_limit_sends_the_first_rows_and_the_rest_later(command: CommandLine, tmp_path: Path) -> None:
    """A canary of the first rows leaves the rest never sent; without the limit exactly the rest follows."""
    users = small(tmp_path / "users.csv", "users.csv", 50)
    canary = command.summary("users", users, "--sandbox", "--limit", 10)
    assert (canary["read"], canary["confirmed"], canary["never_sent"]) == (50, 10, 40)
    assert (canary["exit_code"], canary["not_requested"]) == (0, 40)
    assert command.held("SELECT count(*) FROM devices")[0][0] == 10
    rest = command.summary("users", users, "--sandbox")
    assert (rest["confirmed"], rest["attempts"], rest["exit_code"]) == (50, 50, 0)


def wait_until_held(command: CommandLine, rows: int, seconds: int = 60) -> None:
    """Wait until the sandbox has taken a given number of events, at most for some seconds."""
    for _ in range(seconds * 10):
        store = command.folder / "pushwoosh-sandbox.sqlite3"
        if store.exists() and store.stat().st_size and has_events(command, rows):
            return
        time.sleep(0.1)
    raise AssertionError("the load did not get going")


def has_events(command: CommandLine, rows: int) -> bool:
    """Whether the sandbox has taken a given number of events; its tables may not be there yet."""
    if not command.held("SELECT 1 FROM sqlite_schema WHERE name = 'events'"):
        return False
    return bool(command.held("SELECT count(*) FROM events")[0][0] >= rows)


def test_kill_and_resume_lose_nothing(command: CommandLine, tmp_path: Path) -> None:
    """After SIGKILL in the middle the load is resumed: only rows in doubt may be missing, none is doubled."""
    source = small(tmp_path / "events.csv", "events.csv", 3000)
    arguments = (
        "events",
        source,
        "--mapping",
        SAMPLES / "events.toml",
        "--sandbox",
        "--concurrency",
        "16",
        "--rate",
        "800",
    )
    with command.start(*arguments) as process:
        wait_until_held(command, 300)
        process.kill()
        process.communicate(timeout=60)
    checkpoint = tmp_path / "events.csv.events.sandbox.ckpt"
    summary = command.summary(*arguments[:-1], "100000")
    assert summary["confirmed"] + summary["in_doubt"] == summary["read"] == 3000
    assert summary["in_doubt"] <= 32, "more than was on the wire and in one flush"
    assert summary["exit_code"] == (4 if summary["in_doubt"] else 0)
    arrived, wanted = held(command), expected(source)
    assert not arrived - wanted, "something arrived twice, or is not of the file"
    listed = command.run("failures", checkpoint, "--in-doubt", "--format", "jsonl").out.splitlines()
    assert len(listed) == summary["in_doubt"]
    missing = wanted - arrived
    assert missing.total() <= summary["in_doubt"]
    assert {key[1] for key in missing} <= {json.loads(line)["device_id"] for line in listed}


def test_interrupt_drains_and_says_how_to_go_on(command: CommandLine, tmp_path: Path) -> None:
    """Ctrl-C lets what is on the wire be answered: no row is in doubt, and the rest follows on resume."""
    source = small(tmp_path / "events.csv", "events.csv", 2000)
    arguments = ("events", source, "--mapping", SAMPLES / "events.toml", "--sandbox")
    with command.start(*arguments, "--rate", "400", "--summary", "account.json") as process:
        wait_until_held(command, 100)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "The same command again sends them." in out
    assert "Traceback" not in err
    account = json.loads((command.folder / "account.json").read_text())
    assert account["in_doubt"] == 0
    assert account["confirmed"] + account["never_sent"] == 2000
    assert sum(held(command).values()) == account["confirmed"]
    assert command.summary(*arguments)["confirmed"] == 2000
    assert held(command) == expected(source)


def test_a_second_copy_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """A second process on the same checkpoint is refused in a sentence, and the first continues."""
    source = small(tmp_path / "events.csv", "events.csv", 1000)
    arguments = ("events", source, "--mapping", SAMPLES / "events.toml", "--sandbox")
    with command.start(*arguments, "--rate", "20", "--quiet") as first:
        wait_until_held(command, 5)
        second = command.run(*arguments)
        taken = sum(held(command).values())
        wait_until_held(command, taken + 5)
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=60)
    assert second.code == 7
    assert "is in use" in second.err
    assert first.returncode == 130, err
    assert command.summary(*arguments)["confirmed"] == 1000
    assert held(command) == expected(source)


def test_a_lost_checkpoint_stops_the_load(command: CommandLine, tmp_path: Path) -> None:
    """A checkpoint that is deleted during the load stops it: exit 5, a reason, and counts that add up."""
    source = small(tmp_path / "events.csv", "events.csv", 2000)
    arguments = ("events", source, "--mapping", SAMPLES / "events.toml", "--sandbox", "--rate", "400")
    with command.start(*arguments, "--summary", "account.json") as process:
        wait_until_held(command, 100)
        (tmp_path / "events.csv.events.sandbox.ckpt").unlink()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert "Traceback" not in err
    account = json.loads((command.folder / "account.json").read_text())
    assert "events.csv.events.sandbox.ckpt" in account["stopped"]
    states = ("confirmed", "rejected", "in_doubt", "never_sent")
    assert sum(account[state] for state in states) == account["read"] == 2000
    assert account["confirmed"] <= sum(held(command).values()) <= account["confirmed"] + account["in_doubt"]


def test_a_damaged_row_group_settles_the_rows_before_it(command: CommandLine) -> None:
    """Rows before the damage arrive; then the load stops with exit 5 and names the first row that is lost."""
    damaged = SAMPLES / "broken" / "damaged.parquet"
    ran = command.run("users", damaged, "--sandbox", "--checkpoint", "c.ckpt")
    assert ran.code == 5, ran.err
    assert f"Stopped: {damaged}" in ran.out
    assert "row 51" in ran.out
    assert command.held("SELECT count(*) FROM devices")[0][0] == 50


@pytest.mark.parametrize("change", ["input", "mapping", "application", "endpoint"])
def test_what_differs_is_refused(command: CommandLine, tmp_path: Path, change: str) -> None:
    """With --keep, a checkpoint is refused for another input, mapping, application or endpoint."""
    source = small(tmp_path / "events.csv", "events.csv", 40)
    mapping = tmp_path / "m.toml"
    mapping.write_text((SAMPLES / "events.toml").read_text())
    arguments = ["events", source, "--mapping", mapping, "--sandbox", "--app", "AAAAA-AAAAA"]
    assert command.summary(*arguments, "--limit", 20)["confirmed"] == 20
    if change == "input":
        source.write_text(source.read_text().replace("purchase", "Purchase", 1))
    elif change == "mapping":
        mapping.write_text(mapping.read_text().replace("integer", "string"))
    elif change == "application":
        arguments[-1] = "BBBBB-BBBBB"
    else:
        arguments += ["--sandbox-store", "another.sqlite3", "--checkpoint", f"{source}.events.sandbox.ckpt"]
    ran = command.run(*arguments, "--keep")
    assert ran.code == 2
    assert "was made for another load" in ran.err
    assert change in ran.err or "content" in ran.err
    assert len(command.held("SELECT 1 FROM events")) == 20


def append(lines: list[str]) -> None:
    """As an export that is run again a day later."""
    lines.append(lines[-1])


def cut(lines: list[str]) -> None:
    """As a copy that broke off."""
    del lines[-2000:]


def change_a_byte(lines: list[str]) -> None:
    """The size stays."""
    lines[2500] = lines[2500].replace(",purchase,", ",Purchase,")


def reorder(lines: list[str]) -> None:
    """The same rows, sorted another way."""
    lines[2500], lines[2600] = lines[2600], lines[2500]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (append, "has grown since: it has 1 row more, because other.csv was appended to."),
        (cut, "now has 163,086 bytes and 2,000 rows. The first 1,606 rows are the same."),
        (change_a_byte, "The first difference is in rows 2,411 to 3,199."),
        (reorder, "The first difference is in rows 2,411 to 3,199."),
    ],
)
def test_an_input_that_changed_is_refused_with_the_place(
    command: CommandLine, tmp_path: Path, change: Callable[[list[str]], None], place: str
) -> None:
    """Between two runs the input may be renamed and touched, nothing else; the refusal says about where."""
    lines = (SAMPLES / "events.csv").read_text().splitlines(keepends=True)[:4001]
    source = tmp_path / "events.csv"
    source.write_text("".join(lines))
    arguments = ["--sandbox", "--mapping", SAMPLES / "events.toml", "--checkpoint", "c.ckpt", "--limit", 20]
    assert command.summary("events", source, *arguments)["confirmed"] == 20
    change(lines)
    source.with_name("other.csv").write_text("".join(lines))
    ran = command.run("events", "other.csv", *arguments, "--keep")
    assert ran.code == 2
    assert place in " ".join(ran.err.split())
    assert len(command.held("SELECT 1 FROM events")) == 20
    source.rename(source.with_name("moved.csv"))
    source.with_name("moved.csv").touch()
    assert command.summary("events", "moved.csv", *arguments)["confirmed"] == 20
