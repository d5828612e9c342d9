"""What a load would take, held against a load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import loader
from loader.choices import Library
from loader.delivery.transports import open_line_in_process
from loader.delivery.transports.target import Target
from loader.profile.estimate import Estimate, list_rates, measure_head
from loader.rates import Rate
from tests import faultserver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

ROWS = [("u", "d" * length) for length in (1, 3, 20, 300, 900, 5000)]


def write_users(folder: Path) -> Path:
    """Users whose bodies have lengths of two to four digits, and one who cannot be sent."""
    path = folder / "users.csv"
    lines = [f"{user},{device}" for user, device in [*ROWS, ("u", "")]]
    path.write_text("\n".join(["user_id,device_id", *lines]) + "\n")
    return path


def test_the_head_has_the_bytes_that_libcurl_sends() -> None:
    """The bytes of a head are counted, not guessed: a line more in the transport is a line more here."""
    body = b"{}"
    with faultserver.FaultServer([faultserver.answer()]) as server:
        url = f"{server.url}postEvent"
        line = open_line_in_process(Target(Library.CURL, url, None, 1))
        line.send(body, None)
        while not line.turn(5):
            pass
        line.close()
    assert measure_head(url) + len(str(len(body))) == len(server.accepted[0].head)


def test_the_bytes_are_those_of_the_load(command: CommandLine, tmp_path: Path) -> None:
    """Who pays for traffic, or has a slow line, knows before how much it will be."""
    path = write_users(tmp_path)
    estimate = command.summary("check", "users", path, "--app", "AAAAA-BBBBB")["estimate"]
    with faultserver.FaultServer([faultserver.answer()]) as server:
        command.run("users", path, "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        elsewhere = len(server.url) - len("http:///json/1.3/") - len("api.pushwoosh.com")
    assert estimate["requests"] == len(server.accepted) == len(ROWS)
    assert estimate["body_bytes"] == sum(map(len, server.bodies))
    heads = sum(len(request.head) - elsewhere for request in server.accepted)
    assert estimate["head_bytes"] == heads
    assert estimate["bytes"] == heads + estimate["body_bytes"]


@pytest.mark.parametrize(("rate", "seconds"), [(50.0, 720.0), (200.0, 180.0), (0.5, 72_000.0)])
def test_the_time_follows_from_the_rate(rate: float, seconds: float) -> None:
    """A rate is requests a second."""
    assert Estimate(36_000, 0, 0).find_seconds(rate) == seconds


def test_a_rate_of_the_user_is_among_the_times(command: CommandLine, tmp_path: Path) -> None:
    """With --rate the check says how long the load takes at it, in words and in the record."""
    path = write_users(tmp_path)
    ran = command.run("check", "users", path, "--rate", "0.5", "--summary", "sum.json")
    assert "12 s at 0.5 a second, 0.1 s at 50 a second" in ran.out
    times = json.loads((tmp_path / "sum.json").read_text())["estimate"]["durations"]
    assert times[0] == {"rate": 0.5, "seconds": 12.0}
    assert [each["rate"] for each in times] == [0.5, 50.0, 200.0, 1000.0]


@pytest.mark.parametrize(
    ("rate", "rates"),
    [
        ("300", [300.0, 300.0]),
        ("06:00 100, 18:00 500", [100.0, 500.0, 300.0]),
        ("00:00 0, 12:00 10", [10.0, 5.0]),
    ],
)
def test_a_timetable_gives_its_rates_and_their_mean(rate: str, rates: list[float]) -> None:
    """Someone with a quiet day and a fast night sees the time at each, and over whole days."""
    assert list_rates(Rate.parse(rate)) == rates


def test_nothing_to_send_takes_nothing(command: CommandLine, tmp_path: Path) -> None:
    """A file of rejected rows has no estimate to read, and zeros for a program."""
    (tmp_path / "users.csv").write_text("user_id,device_id\nu,\n")
    ran = command.run("check", "users", "users.csv", "--summary", "sum.json")
    assert "a second" not in ran.out
    estimate = json.loads((tmp_path / "sum.json").read_text())["estimate"]
    assert (estimate["requests"], estimate["bytes"]) == (0, 0)


def test_a_notebook_shows_the_estimate(tmp_path: Path) -> None:
    """What the command line says of time and bytes stands in a notebook too."""
    checked = loader.check_users(write_users(tmp_path), rate=2)
    assert checked.estimate.find_seconds(2) == len(ROWS) / 2
    assert "3.0 s at 2 a second" in repr(checked)
    assert "3.0 s at 2 a second" in checked._repr_html_()
    assert checked.profile["estimate"]["requests"] == len(ROWS)
