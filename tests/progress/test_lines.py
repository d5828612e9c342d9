"""What stands in a log: lines for people, events for programs, neither too many."""

from __future__ import annotations

import io
import json
import logging
import time
from datetime import UTC, datetime

from loader.model import Account, Wire
from loader.progress.events import EventLog, JsonLines, LogHandler
from loader.progress.lines import LogLines
from loader.progress.moment import ReadingProgress
from tests.progress.moments import moment

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_a_log_gets_a_line_every_ten_seconds_with_time_rate_and_time_left() -> None:
    """A minute of a load is six lines, each with the time of day, the share, the rate and the time left."""
    out, clock = io.StringIO(), Clock()
    lines = LogLines(out, clock=clock, wall=lambda: NOON)
    lines.begin(moment(), "run")
    for second in range(61):
        clock.now = float(second)
        lines.show(moment())
    first, *others = out.getvalue().splitlines()
    assert len(others) == 5
    assert first == (
        "2026-03-01T12:00:00Z  60 % of 2,000,000 rows, 1,234 rows/s, about 2 h 05 min left: "
        "1,204,311 confirmed, 1,203 rejected, 17 in doubt, 12 of 16 in flight"
    )


def test_a_pause_is_in_the_log_when_it_begins() -> None:
    """Whoever reads the log finds why nothing moved, and for how long it was going to be."""
    out, clock = io.StringIO(), Clock()
    lines = LogLines(out, clock=clock, wall=lambda: NOON)
    lines.show(moment(wire=Wire(0, 9, 16, "Retry-After", 120.0)))
    assert out.getvalue() == "2026-03-01T12:00:00Z  The vendor asked to wait. Next try in 2 min 00 s.\n"


def test_a_long_survey_is_in_the_log_too() -> None:
    """A large file is read for minutes before anything is sent: the log says so."""
    out, clock = io.StringIO(), Clock()
    lines = LogLines(out, clock=clock, wall=lambda: NOON)
    for second in range(11):
        clock.now = float(second)
        lines.show_reading(ReadingProgress(300_000_000, 1_200_000_000))
    assert out.getvalue() == "2026-03-01T12:00:00Z  Reading the input: 25 %, 300 of 1,200 MB\n"


def test_events_have_stable_keys_and_counts_that_add_up() -> None:
    """Every event is one JSON object a line, with the keys that the README promises."""
    out, clock = io.StringIO(), Clock()
    events = JsonLines(EventLog(out, wall=lambda: NOON), clock=clock)
    events.begin(moment(), "abc")
    clock.now = 10.0
    events.show(moment())
    events.show(moment(wire=Wire(3, 9, 16, "an outage", 30.0)))
    events.show(moment())
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in told] == ["start", "progress", "pause", "resume"]
    assert list(told[1]) == [
        "event", "time", "run", "read", "goal", "confirmed", "rejected", "in_doubt", "in_flight",
        "never_sent", "left_out", "window", "attempts", "elapsed_seconds", "rows_per_second",
        "mean_rows_per_second",
        "seconds_left", "waiting_for", "waiting_seconds", "silent_seconds",
    ]  # fmt: skip
    for event in told:
        counts = ("confirmed", "rejected", "in_doubt", "in_flight", "never_sent", "left_out")
        assert sum(event[name] for name in counts) == event["read"]
        assert (event["time"], event["run"]) == ("2026-03-01T12:00:00.250Z", "abc")
    assert (told[2]["waiting_for"], told[2]["waiting_seconds"]) == ("an outage", 30.0)
    assert told[3]["waiting_for"] is None


def test_every_pause_ends_before_the_load_does() -> None:
    """A load that is done right after a pause, before the next look, tells that the pause is over, once."""
    out, clock = io.StringIO(), Clock()
    events = JsonLines(EventLog(out), clock=clock)
    events.begin(moment(), "abc")
    events.show(moment(wire=Wire(0, 9, 16, "Retry-After", 3.0)))
    events.end(moment())
    events.end(moment())
    told = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert told == ["start", "pause", "resume"]


def test_a_load_without_rows_is_told_without_a_division() -> None:
    """An empty input is done, in lines and in events."""
    out, clock = io.StringIO(), Clock()
    empty = moment(Account(0), Wire(0, 0))
    for watch in (LogLines(out, clock=clock, wall=lambda: NOON), JsonLines(EventLog(out), clock=clock)):
        clock.now += 20
        watch.begin(empty, "run")
        clock.now += 20
        watch.show(empty)
    assert "100 % of 0 rows" in out.getvalue()


def test_what_libraries_say_is_an_event_too() -> None:
    """A warning that a library logs does not break the stream of JSON lines."""
    out = io.StringIO()
    logger = logging.Logger("library")
    logger.addHandler(LogHandler(EventLog(out)))
    logger.warning("pool is %s\nnow", "full")
    logger.info("not worth a line")
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["message"] == "pool is full\nnow"


class Interrupted(io.StringIO):
    """A file within whose every write a signal comes, whose handler writes too."""

    def __init__(self) -> None:
        super().__init__()
        self.log = EventLog(self)
        self._writing = False

    def write(self, text: str) -> int:
        """As Python's own files do, refuse to be written within a write."""
        if self._writing:
            raise RuntimeError("reentrant call")
        self._writing = True
        if "signal" not in text:
            self.log.write("signal")
        self._writing = False
        return super().write(text)


def test_a_signal_within_a_write_gets_its_line_too() -> None:
    """Ctrl-C in the very moment of a write neither ends the load nor is lost."""
    out = Interrupted()
    out.log.write("progress")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["progress", "signal"]


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        """As the system says it."""
        raise BrokenPipeError(text)


def test_a_reader_that_has_gone_ends_nothing() -> None:
    """`2>&1 | head` closes the pipe; an event that nobody reads is no error."""
    EventLog(Gone()).write("progress")


def test_the_silence_of_the_vendor_is_measured_by_the_watch() -> None:
    """Twelve seconds with requests on the wire and no answer are silence; a pause is none."""
    for wire, seconds in ((Wire(4, 9, 16), 12.0), (Wire(4, 9, 16, "an outage", 5.0), 0.0), (Wire(0, 9), 0.0)):
        out, clock = io.StringIO(), Clock()
        watch = JsonLines(EventLog(out), every=5, clock=clock)
        with watch.watching(lambda: Account(100, 5), lambda line=wire: line):  # type: ignore[misc]
            clock.now = 12.0
            while "progress" not in out.getvalue() and "pause" not in out.getvalue():
                time.sleep(0.01)
        told = [json.loads(line) for line in out.getvalue().splitlines()]
        assert told[0]["silent_seconds"] == 0
        assert told[1]["silent_seconds"] == seconds
