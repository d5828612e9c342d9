"""Nights that overlap by a day, of real purchases: one is killed and one is repeated, and each lands once."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import SAMPLES
from tests.test_load import expected, held, small, wait_until_held

if TYPE_CHECKING:
    from tests.conftest import CommandLine

NIGHTS = range(1, 8)
KILLED, REPEATED = 4, 5

whole = pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` loads the whole file, in minutes")


def cut_nights(command: CommandLine, source: Path, *days: str) -> None:
    """Write the nights of the how-to, and its mapping, into the folder of the command."""
    script = [sys.executable, str(SAMPLES / "make_nights.py"), str(source), str(command.folder), *days]
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL, timeout=60)
    shutil.copy(SAMPLES / "nights.toml", command.folder)


def load_night(night: str, *options: str) -> tuple[str, ...]:
    """The command of every night."""
    ledger = ("--ledger", "nights.ledger", "--checkpoint", f"{night}.ckpt")
    return ("events", f"{night}.csv", "--mapping", "nights.toml", *ledger, "--sandbox", "--yes", *options)


def kill_night(command: CommandLine, night: str, held_rows: int) -> None:
    """Begin a night, and kill it while rows are on the wire, when the sandbox holds a number of events."""
    slow = load_night(night, "--quiet", "--faults", "latency=200ms", "--concurrency", "16")
    with command.start(*slow) as process:
        wait_until_held(command, held_rows)
        process.kill()
        process.communicate(timeout=60)


def settle_night(command: CommandLine, night: str) -> dict[str, Any]:
    """Continue a killed night, settle what was on the wire by what landed, and send what did not."""
    continued = command.summary(*load_night(night))
    assert continued["in_doubt"], "nothing was on the wire"
    assert command.run("verify", f"{night}.ckpt", "--settle").code == 0
    return command.summary(*load_night(night))


def load_nights(command: CommandLine, source: Path, rows: int) -> None:
    """Load all nights, one of them through a kill and one of them twice; each purchase lands exactly once."""
    for night in NIGHTS:
        name = f"night_{night}"
        if night == KILLED:
            (before,) = command.held("SELECT count(*) FROM events")[0]
            kill_night(command, name, before + 20)
            account = settle_night(command, name)
        else:
            account = command.summary(*load_night(name))
        assert account["confirmed"] + account["left_out"] == account["read"]
        assert bool(account["left_out"]) is (night > 1), "the nights do not overlap"
    repeat_night(command)
    prove_once(command, source, rows)


def repeat_night(command: CommandLine) -> None:
    """The same rows under another name are all left out, and each reason names a load that sent them."""
    shutil.copy(command.folder / f"night_{REPEATED}.csv", command.folder / "again.csv")
    account = command.summary(*load_night("again"))
    assert account["left_out"] == account["read"] > account["confirmed"] == 0
    assert all(each["reason"].startswith("sent by night_") for each in account["left_out_reasons"])


def prove_once(command: CommandLine, source: Path, rows: int) -> None:
    """`verify` finds no difference over all loads, and the store holds the purchases of the source."""
    checkpoints = [f"night_{night}.ckpt" for night in NIGHTS]
    ran = command.run("verify", *checkpoints, "again.ckpt")
    assert ran.code == 0, ran.out
    assert f"= same      {rows:,}\n" in ran.out
    assert held(command) == expected(source)


def test_each_purchase_of_seven_nights_lands_once(command: CommandLine, tmp_path: Path) -> None:
    """Files that overlap by a day, a killed night and a repeated one double and lose no purchase."""
    first, last = "19970301", "19970307"
    cut_nights(command, SAMPLES / "events.csv", first, last)
    header, *lines = (SAMPLES / "events.csv").read_text().splitlines(keepends=True)
    week = [line for line in lines if first <= line.split(",")[3] <= last]
    (tmp_path / "week.csv").write_text("".join([header, *week]))
    load_nights(command, tmp_path / "week.csv", len(week))


@whole
def test_each_purchase_of_the_whole_file_lands_once(command: CommandLine) -> None:
    """The same for all 69,659 purchases, in seven files of eleven weeks that overlap by a day."""
    source = Path(os.environ["CDNOW"]) / "events.csv"
    cut_nights(command, source)
    load_nights(command, source, 69_659)


def move_users(source: Path, target: Path, one_in: int = 100) -> int:
    """A full export of users in which one in a hundred lives in another zone; how many these are."""
    header, *lines = source.read_text().splitlines()
    for at in range(0, len(lines), one_in):
        lines[at] = f"{lines[at].rpartition(',')[0]},Australia/Sydney"
    target.write_text("\n".join([header, *lines, ""]))
    return len(range(0, len(lines), one_in))


def load_changed_users(command: CommandLine, source: Path) -> None:
    """Load a full export of users, and another one of which one in a hundred has changed."""
    shutil.copy(source, command.folder / "monday.csv")
    changed = move_users(source, command.folder / "tuesday.csv")
    given = ("--mapping", SAMPLES / "users.toml", "--ledger", "users.ledger", "--sandbox", "--yes")
    first = command.summary("users", "monday.csv", *given)
    assert first["confirmed"] == first["read"]
    second = command.summary("users", "tuesday.csv", *given)
    assert (second["confirmed"], second["attempts"]) == (changed, changed)
    (reason,) = second["left_out_reasons"]
    assert reason["reason"].startswith("unchanged since monday.csv.users.sandbox.ckpt on ")
    assert reason["rows"] == second["left_out"] == second["read"] - changed
    checkpoints = [f"{day}.csv.users.sandbox.ckpt" for day in ("monday", "tuesday")]
    assert command.run("verify", *checkpoints).code == 0
    assert count_offsets(command)[39_600] + count_offsets(command)[36_000] == changed


def count_offsets(command: CommandLine) -> Counter[int]:
    """How many devices the sandbox holds at each offset; that of Sydney is one of two."""
    return Counter(offset for (offset,) in command.held("SELECT tz_offset FROM devices"))


def test_of_a_full_export_only_changed_users_are_sent(command: CommandLine, tmp_path: Path) -> None:
    """One user in a hundred has changed: these are sent, and the account says how many are unchanged."""
    load_changed_users(command, small(tmp_path / "users.csv", "users.csv", 1000))


@whole
def test_of_a_full_export_of_the_whole_file_only_changed_users_are_sent(command: CommandLine) -> None:
    """The same for all 23,570 users."""
    load_changed_users(command, Path(os.environ["CDNOW"]) / "users.csv")


def test_the_nights_overlap_by_a_day_and_hold_every_purchase(command: CommandLine) -> None:
    """Each file begins with the last day of the one before, where it has what arrived late, too."""
    cut_nights(command, SAMPLES / "events.csv", "19970301", "19970307")
    nights = [read_night(command, night) for night in NIGHTS]
    for before, after in pairwise(nights):
        day = max(row["timestamp"] for row in before)
        assert day == min(row["timestamp"] for row in after)
        assert ids_of(before, day) < ids_of(after, day)
    assert sum(len({row["timestamp"] for row in night}) for night in nights) == 13


def read_night(command: CommandLine, night: int) -> list[dict[str, str]]:
    """Its rows."""
    with (command.folder / f"night_{night}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids_of(rows: list[dict[str, str]], day: str) -> set[str]:
    """The purchases of a day."""
    return {row["purchase_id"] for row in rows if row["timestamp"] == day}
