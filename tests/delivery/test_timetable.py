"""A rate that changes while a load runs, by the time of day or by a file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from loader.delivery import Policy, Timetable
from loader.rates import Rate
from tests.delivery.simulation import OK, Reply, Simulation

if TYPE_CHECKING:
    from pathlib import Path

# The simulated clock begins at 22:13:20 UTC.
BEGIN = datetime.fromtimestamp(1_700_000_000, UTC)


def sent_between(load: Simulation, first: float, stop: float) -> int:
    """How many attempts were made in a stretch of time."""
    return sum(first <= arrival.at < stop for arrival in load.arrivals)


def test_the_rate_follows_the_timetable() -> None:
    """Until 22:20 ten a second, then a hundred."""
    table = Timetable(Rate.parse("22:00 10, 22:20 100"), zone=UTC)
    load = Simulation(lambda _: Reply.of(OK, 0.01), Policy(timetable=table, concurrency=8)).run(20_000)
    change = (datetime(2023, 11, 14, 22, 20, tzinfo=UTC) - BEGIN).total_seconds()
    assert change == 400
    assert sent_between(load, 0, change) == pytest.approx(4000, rel=0.01)
    assert sent_between(load, change + 1, change + 101) == pytest.approx(10_000, rel=0.02)


def test_a_rate_of_nothing_pauses_until_the_next_time() -> None:
    """Sent by night only: nothing before 22:30, and what is left then."""
    table = Timetable(Rate.parse("06:00 0, 22:30 50"), zone=UTC)
    load = Simulation(lambda _: Reply.of(OK, 0.01), Policy(timetable=table)).run(100)
    assert len(load.landed) == 100
    assert min(arrival.at for arrival in load.arrivals) == pytest.approx(1000, abs=2)


def test_a_load_ends_as_planned_while_its_rate_is_nothing() -> None:
    """A pause by the timetable does not hold up the end."""
    table = Timetable(Rate.parse("06:00 0, 05:00 50"), zone=UTC)
    load = Simulation(lambda _: Reply.of(OK), Policy(timetable=table, longest_seconds=60.0)).run(10)
    assert load.clock.now <= 61
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.planned


def test_a_file_is_read_again_when_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The new rate holds, 0 is a pause; what is no rate, or a file that is gone, changes nothing."""
    file = tmp_path / "rate"
    file.write_text("10")
    table = Timetable(Rate.parse("10"), file)
    found: list[float] = []
    for text in ("20", "fast", "", "30\n", None, "0\n", "40"):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
            os.utime(file, ns=(0, len(found)))  # two writes may fall into one tick of the clock
        found.append(table.rate(0.0))
    assert found == [20, 20, 20, 30, 30, 0, 40]
    assert caplog.text.count("The rate stays as it is") == 2


def test_a_file_that_takes_the_place_of_another_is_read(tmp_path: Path) -> None:
    """Editors write a new file and rename it."""
    file = tmp_path / "rate"
    file.write_text("10")
    table = Timetable(Rate.parse("10"), file)
    (tmp_path / "new").write_text("20")
    (tmp_path / "new").replace(file)
    assert table.rate(0.0) == 20
