"""The workers of a cluster, as each kind of watch shows them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from loader.model import Wire, Worker
from loader.progress import words
from loader.progress.events import EventLog, JsonLines
from loader.progress.lines import LogLines
from loader.progress.notebook import NotebookView, render_load
from loader.progress.terminal import LiveView, LoadView
from tests.progress.moments import moment

if TYPE_CHECKING:
    from loader.progress.moment import Moment

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
QUICK = Worker("a<1>", 123_456, 1234.4, 16, 0, 0.2)
SILENT = Worker("w2", 99, 3.2, 4, 2, 7.2)
LOST = Worker("10.0.0.9:34567", 50, 0.0, 0, 11, 12.0, "it does not answer")
LONG = Worker("a-7-on-host-name.eu-west-1.compute.internal", 5, 1.0, 0, 0, 0.1)
MANY = (LOST, LOST, *(Worker(f"w{number}", number, 10.0, 1, 0, 0.0) for number in range(40)))
NEWS = ("worker_lost", "Worker w2 was lost: it does not answer.", "w2")


def seen(*workers: Worker) -> Moment:
    """A load in its middle, sent by these."""
    return moment(wire=Wire(12, 1_205_700, 16, workers=workers))


def drawn(workers: tuple[Worker, ...], width: int = 80) -> list[str]:
    """The lines about workers, on a terminal of that width."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(LoadView(seen(*workers)))
    return out.getvalue().rstrip("\n").split("\n\n", 1)[1].splitlines()


def test_a_terminal_shows_each_worker_with_its_numbers() -> None:
    """Rows, rate, wire, doubts and when it was heard stand in one line; a lost worker comes last."""
    lines = [line.split() for line in drawn((LOST, QUICK, SILENT))]
    assert lines == [
        ["worker", "rows", "rate", "in", "flight", "in", "doubt", "heard"],
        ["a<1>", "123,456", "1,234", "rows/s", "16", "0", "now"],
        ["w2", "99", "3.2", "rows/s", "4", "2", "7", "s", "ago"],
        ["10.0.0.9:34567", "50", "0", "rows/s", "0", "11", "lost"],
    ]


def test_workers_stand_in_the_order_of_their_names() -> None:
    """They join in any order, and the user looks for one by its name; 10 comes after 9."""
    names = ["w10", "w9", "2", "10", "w1", "é", ""]
    workers = tuple(Worker(name, 1, 1.0, 0, 0, 0.0) for name in names)
    assert [line.split()[0] for line in drawn(workers)[2:]] == ["2", "10", "w1", "w9", "w10", "é"]
    assert "2 1.0 rows/s, 10 1.0 rows/s, w1 1" in words.format_workers(seen(*workers))


def test_a_load_of_one_machine_shows_no_workers() -> None:
    """Nothing is said of workers if there are none."""
    with pytest.raises(IndexError):
        drawn(())
    assert words.format_workers(seen()) == ""
    assert "worker" not in render_load(seen())


def test_many_workers_do_not_push_the_load_out_of_sight() -> None:
    """Of hundreds, a few lines are shown, and how many more there are, and how many of those are lost."""
    lines = drawn(MANY)
    assert len(lines) == words.MOST_WORKERS + 2
    assert lines[1].split()[0] == "w0"
    assert lines[-1] == "  and 34 more workers, 2 of them lost"
    assert drawn(MANY[2:])[-1] == "  and 32 more workers"


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_a_narrow_terminal_keeps_the_name_the_rate_and_when_a_worker_was_heard(width: int) -> None:
    """Columns give way to the width, and a long name keeps its end, by which workers differ."""
    lines = drawn((LONG, QUICK, LOST), width)
    assert max(map(len, lines)) <= width
    assert all("rows/s" in line for line in lines[1:])
    assert lines[1].endswith("now")
    assert lines[3].endswith("lost")
    assert "internal" in lines[1]
    assert ("in flight" in lines[0]) == (width >= 80)


@pytest.mark.parametrize("width", [1, 2, 5, 12, 20, 33])
def test_a_tiny_terminal_cuts_workers_too(width: int) -> None:
    """A line that wrapped would leave garbage behind at each refresh."""
    assert max(map(len, drawn((LONG, QUICK, LOST), width))) <= width


def test_a_terminal_says_above_the_view_who_was_lost() -> None:
    """The line stays when the view is gone, and a name is shown as it is written."""
    out = io.StringIO()
    LiveView(out, Console(file=out, width=80)).hear_news("worker_joined", "Worker [red]w[/] takes part.", "w")
    assert out.getvalue() == "Worker [red]w[/] takes part.\n"


def test_a_log_names_the_workers_and_their_rates() -> None:
    """Below the line about the load stands one about its workers; the lost ones are counted."""
    out, clock = io.StringIO(), iter([0.0, 0.0, 11.0, 11.0])
    log = LogLines(out, clock=lambda: next(clock), wall=lambda: NOON)
    log.begin(seen(QUICK), "run")
    log.show(seen(LOST, QUICK, SILENT))
    log.hear_news(*NEWS)
    _, workers, news = out.getvalue().splitlines()
    assert workers == "2026-03-01T12:00:00Z  workers: a<1> 1,234 rows/s, w2 3.2 rows/s; 1 lost"
    assert news == "2026-03-01T12:00:00Z  Worker w2 was lost: it does not answer."


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        ((LOST,), "workers: none; 1 lost"),
        (MANY, ", w7 10 rows/s, and 32 more; 2 lost"),
    ],
)
def test_a_line_about_workers_has_an_end(workers: tuple[Worker, ...], said: str) -> None:
    """However many there are, the line names few of them, and how many more there are."""
    assert words.format_workers(seen(*workers)).endswith(said)
    assert len(words.format_workers(seen(*workers))) < 200


def test_events_have_each_worker() -> None:
    """A program finds all workers in each state, and in the news the one that they are about."""
    out = io.StringIO()
    log = JsonLines(EventLog(out, wall=lambda: NOON))
    log.begin(seen(QUICK, LOST), "abc")
    log.hear_news(*NEWS)
    log.hear_news("dashboard", "Dask's dashboard is at http://127.0.0.1:8787/status")
    start, lost, dashboard = (json.loads(line) for line in out.getvalue().splitlines())
    assert start["workers"] == [
        {
            "worker": "a<1>",
            "rows": 123_456,
            "rows_per_second": 1234.4,
            "in_flight": 16,
            "in_doubt": 0,
            "seen_seconds_ago": 0.2,
            "lost": None,
        },
        {
            "worker": "10.0.0.9:34567",
            "rows": 50,
            "rows_per_second": 0.0,
            "in_flight": 0,
            "in_doubt": 11,
            "seen_seconds_ago": 12.0,
            "lost": "it does not answer",
        },
    ]
    assert (lost["event"], lost["message"], lost["worker"], lost["run"]) == (*NEWS, "abc")
    assert dashboard["message"].endswith("http://127.0.0.1:8787/status")
    assert "worker" not in dashboard


def test_a_notebook_names_the_workers() -> None:
    """Below the numbers stand the workers; a name is text, whatever stands in it."""
    shown = render_load(seen(QUICK, LOST))
    assert "<div>workers: a&lt;1&gt; 1,234 rows/s; 1 lost</div>" in shown


def test_a_notebook_says_what_happens_to_workers_while_they_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the dashboard is, and the newest news, stand below the numbers until the load ends."""
    view, put = NotebookView(), []
    monkeypatch.setattr(view, "_put", lambda text, html: put.append((text, html)))
    view.show(seen(QUICK, SILENT))
    for news in (("dashboard", "It is at http://x/"), ("worker_joined", "w2 takes part.", "w2"), NEWS):
        view.hear_news(*news)
    view.show(seen(QUICK))
    view.end(seen(QUICK))
    assert [html.count("<div>Worker w2 was lost") for _, html in put] == [0, 1, 0]
    assert ["<div>It is at http://x/</div>" in html for _, html in put] == [False, True, False]
    assert not any("takes part" in html for _, html in put)
