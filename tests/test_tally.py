"""Events by name, month and state, of real chunks through a real mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loader.categories import MOST_NAMES, Categoriser
from loader.mapping import parse_mapping
from loader.methods import Kind
from loader.planning import draw_up
from loader.report.facts import Counts
from loader.settings import Endpoint, Settings
from loader.tally import SHOWN_NAMES, Tally

if TYPE_CHECKING:
    from pathlib import Path

    from loader.report.facts import Events

MAPPING = """\
kind = "events"
[fields]
hwid = "device"
event = "event"
timestamp = { column = "day", format = "%Y%m%d", zone = "UTC", earliest = 1900-01-01 }
"""
CONFIRMED, REJECTED, IN_DOUBT, NEVER_SENT = range(4)


def tallied(folder: Path, lines: list[str], states: list[int]) -> Events:
    """The events of a CSV, whose rows are in these states."""
    path = folder / "events.csv"
    path.write_text("device,event,day\n" + "".join(f"{line}\n" for line in lines))
    settings = Settings(Kind.EVENTS, (str(path),), "AAAAA-BBBBB", Endpoint.parse("http://127.0.0.1:9/"))
    plan = draw_up(settings, None, parse_mapping(MAPPING, "a test"))
    tally, categoriser, numbers = Tally(), Categoriser(), np.array(states, np.uint8)
    for chunk in plan.source.chunks():
        found = categoriser.categorise(plan.mapper.map(chunk))
        tally.add(found, numbers[chunk.rows.start : chunk.rows.stop])
    return tally.events()


def test_what_is_no_name_of_an_event_is_counted_and_not_shown(tmp_path: Path) -> None:
    """Where a row is shifted another cell stands in the place of the name; a report quotes none."""
    lines = ["D,buy,20240131", f"D,{'SECRET' * 9},20240201", "D,buy,notaday"]
    events = tallied(tmp_path, lines, [CONFIRMED, REJECTED, REJECTED])
    assert events.names == (("buy", Counts(1, 1)),)
    assert events.other_names == Counts(0, 1)


def test_each_row_is_under_its_name_and_month(tmp_path: Path) -> None:
    """Months have no gap; rows that the mapping gives up before, or for, their time are counted apart."""
    lines = [
        "D,buy,20240131",
        "D,buy,20240201",
        "D,return,20240430",
        "D,buy,notaday",
        ",buy,20240401",
        "D,,20240401",
    ]
    events = tallied(tmp_path, lines, [CONFIRMED, IN_DOUBT, NEVER_SENT, REJECTED, REJECTED, REJECTED])
    assert events.names == (
        ("buy", Counts(1, 2, 1, 0)),
        ("", Counts(0, 1, 0, 0)),
        ("return", Counts(0, 0, 0, 1)),
    )
    assert events.months == (
        ("2024-01", Counts(1)),
        ("2024-02", Counts(0, 0, 1)),
        ("2024-03", Counts()),
        ("2024-04", Counts(0, 0, 0, 1)),
    )
    assert events.timeless == Counts(0, 3)


def test_the_beginning_of_1970_is_a_time(tmp_path: Path) -> None:
    """A time that is zero seconds is not taken for one that cannot be read."""
    lines = ["D,buy,19691231", "D,buy,19700101"]
    events = tallied(tmp_path, lines, [CONFIRMED, CONFIRMED])
    assert events.months == (("1969-12", Counts(1)), ("1970-01", Counts(1)))


def test_a_column_that_is_no_name_does_not_fill_the_memory(tmp_path: Path) -> None:
    """The most frequent names are shown, all others in sum; no row is lost."""
    rows = MOST_NAMES + 500
    lines = ["D,often,20240101", *(f"D,e{n},20240101" for n in range(rows)), "D,often,20240101"]
    events = tallied(tmp_path, lines, [CONFIRMED] * len(lines))
    assert events.names[0] == ("often", Counts(2))
    assert len(events.names) == SHOWN_NAMES
    assert events.other_names.total + sum(counts.total for _, counts in events.names) == rows + 2


def test_an_input_without_rows_has_no_events(tmp_path: Path) -> None:
    """Nothing is counted and nothing fails."""
    events = tallied(tmp_path, [], [])
    assert (events.names, events.months, events.timeless) == ((), (), Counts())
