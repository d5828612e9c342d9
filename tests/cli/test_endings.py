"""Loads that end by a bound of time, and continue with the same command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import faultserver
from tests.cli.conftest import GOOD, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

APP = ("--app", "AAAAA-BBBBB", "--yes")
BUSY = {
    "429": faultserver.answer(429, b'{"message":"quota exceeded"}', "Retry-After: 1"),
    "503": faultserver.answer(503, b"", "Retry-After: 1"),
    "408": faultserver.answer(408, b"", "Retry-After: 1"),
}


@pytest.mark.parametrize("status", BUSY)
@pytest.mark.parametrize("kind", ["events", "users"])
def test_a_vendor_that_asks_to_wait_for_ever_is_given_up_and_resumed(
    command: CommandLine, tmp_path: Path, status: str, kind: str
) -> None:
    """The load says what came back and since when, no row is in doubt, and the same command sends all."""
    source = events_csv(tmp_path, GOOD, GOOD)
    if kind == "users":
        source.write_text("user_id,device_id\nu1,d1\nu2,d2\n")
    answers = [BUSY[status]]
    with faultserver.FaultServer(lambda _: answers[0]) as server:
        arguments = (kind, source, *APP, "--endpoint", server.url)
        ran = command.run(*arguments, "--give-up-after", "2s")
        assert ran.code == 5, ran.out + ran.err
        said = " ".join(ran.out.split())
        assert "Stopped: No row was confirmed or rejected since " in said
        assert f"The last answer: HTTP {status}" in said
        assert "or allow more time with --give-up-after." in said
        answers[0] = faultserver.answer()
        second = command.summary(*arguments)
    assert (second["confirmed"], second["in_doubt"], second["never_sent"]) == (2, 0, 0)


def test_an_outage_is_given_up_after_the_same_time(command: CommandLine, tmp_path: Path) -> None:
    """One option bounds both: no answer at all, and answers that only ask to wait."""
    began = time.monotonic()
    ran = command.run("events", events_csv(tmp_path, GOOD), *APP, "--give-up-after", "1s")
    assert ran.code == 5
    assert "No usable answer for" in ran.out
    assert time.monotonic() - began < 60


def test_a_load_ends_by_itself_after_the_planned_time(command: CommandLine, tmp_path: Path) -> None:
    """It ends as a load with a limit does: nothing to fix, nothing in doubt, and the same command goes on."""
    source = events_csv(tmp_path, *[GOOD] * 40)
    with faultserver.FaultServer() as server:
        arguments = ("events", source, *APP, "--endpoint", server.url)
        planned = command.run(*arguments, "--max-duration", "1s", "--rate", 10)
        limited = command.run(*arguments, "--limit", 1, "--checkpoint", "other.ckpt")
        assert planned.code == limited.code
        said = " ".join(planned.out.split())
        assert "Stopped: The time that --max-duration allows is over." in said
        assert "never sent. The same command again sends them." in said
        assert "Fix what stopped" not in said
        second = command.summary(*arguments)
    assert (second["confirmed"], second["in_doubt"], second["never_sent"]) == (40, 0, 0)
    assert len(server.bodies) == 41


@pytest.mark.parametrize("option", ["--max-duration", "--give-up-after"])
@pytest.mark.parametrize("text", ["6", "soon", "0s", "-1h", ""])
def test_a_duration_without_a_unit_is_refused(
    command: CommandLine, tmp_path: Path, option: str, text: str
) -> None:
    """A number alone may mean seconds or hours: it is asked for, before the first row."""
    ran = command.run("events", events_csv(tmp_path, GOOD), *APP, option, text)
    assert ran.code == 2
    assert option in ran.err
    assert not list(tmp_path.glob("*.ckpt*"))


def test_the_rate_of_a_running_load_is_changed_by_its_file(command: CommandLine, tmp_path: Path) -> None:
    """A load that would take an hour is let go by editing a file."""
    source = events_csv(tmp_path, *[GOOD] * 300)
    (tmp_path / "rate").write_text("0.1")
    with faultserver.FaultServer() as server:
        arguments = ("events", source, *APP, "--endpoint", server.url, "--rate-file", "rate", "--quiet")
        with command.start(*arguments) as load:
            server.await_accepted(1, 60)
            (tmp_path / "rate").write_text("10000")
            _, err = load.communicate(timeout=60)
    assert load.returncode == 0, err
    assert len(server.bodies) == 300


def test_a_timetable_is_said_with_its_zone(command: CommandLine, tmp_path: Path) -> None:
    """The user reads before the first row which clock counts."""
    source = events_csv(tmp_path, GOOD)
    table = "00:00 100, 22:00 1000"
    ran = command.run("events", source, "--sandbox", "--yes", "--rate", table, "--rate-zone", "Asia/Tokyo")
    assert ran.code == 0, ran.err
    assert "  at most 100 from 00:00, 1000 from 22:00 a second, in Asia/Tokyo\n" in ran.out
    ran = command.run("events", source, "--sandbox", "--yes", "--rate", table, TZ="Europe/Berlin")
    assert "a second, in the zone of this machine, CE" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate", "08:00 100, 25:00 3"], "nor a timetable of them"),
        (["--rate", "100", "--rate-zone", "Berlin"], '--rate-zone: "Berlin" is not a time zone'),
        (["--rate-file", "nowhere"], "--rate-file: nowhere cannot be read"),
        (["--rate", "1", "--rate-file", "events.csv"], "--rate-file and --rate both give a rate"),
        (["--rate-file", "events.csv"], "is neither a number of requests a second"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(
    command: CommandLine, tmp_path: Path, options: list[str], said: str
) -> None:
    """Before the first row, by the name of the option."""
    ran = command.run("events", events_csv(tmp_path, GOOD), *APP, *options)
    assert ran.code == 2
    assert said in ran.err
