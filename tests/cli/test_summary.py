"""`--summary`: on every exit, never that of last night, and as the schema says."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from loader.cli import cli, loading
from loader.cli.summary import Summary, find_target, strip_secrets
from loader.message import Message
from loader.methods import Kind
from loader.model import Account, Result, Stop, StopCode
from loader.output_files import write_shared
from loader.text.account import MOST_REASONS, build_summary
from loader.text.next_steps import Why
from tests import faultserver
from tests.cli.conftest import GOOD, HEADER, NAMELESS, SANDBOXED, events_csv

if TYPE_CHECKING:
    from tests.conftest import CommandLine

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "reference" / "summary.schema.json").read_text("utf-8"))
CHECKPOINT = "events.csv.events.sandbox.ckpt"
LAST_NIGHT = {"state": "ended", "exit_code": 0, "started": "2000-01-01T00:00:00.000Z"}


def read(path: Path) -> dict[str, Any]:
    """A summary, which is as the schema says."""
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    jsonschema.validate(record, SCHEMA, format_checker=jsonschema.FormatChecker())
    return record


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    """Where the summary of last night is."""
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(LAST_NIGHT))
    return path


#: Ways to end without a vendor: arguments, exit code, the code of the error.
ENDS: dict[str, tuple[tuple[str, ...], int, str | None]] = {
    "done": (("events", "good.csv", *SANDBOXED), 0, None),
    "rejected": (("events", "events.csv", *SANDBOXED), 3, None),
    "planned": (("events", "good.csv", *SANDBOXED, "--limit", "1"), 0, None),
    "stopped": (("events", "events.csv", *SANDBOXED, "--max-rejected", "0"), 5, "too_many_rejected"),
    "no input": (("events", "tomorrow.csv", *SANDBOXED), 6, "input_missing"),
    "no match": (("users", "tomorrow-*.csv", *SANDBOXED), 6, "input_missing"),
    "an empty folder": (("tags", "folder", *SANDBOXED), 6, "input_missing"),
    "check without input": (("check", "events", "tomorrow.csv"), 6, "input_missing"),
    "few rows": (("events", "good.csv", *SANDBOXED, "--min-rows", "3"), 8, "too_few_rows"),
    "no rows": (("events", "head.csv", *SANDBOXED, "--fail-if-empty"), 8, "too_few_rows"),
    "no header": (("events", "empty.csv", *SANDBOXED, "--fail-if-empty"), 8, "too_few_rows"),
    "empty": (("events", "empty.csv", *SANDBOXED), 2, "input_empty"),
    "check of few rows": (("check", "events", "good.csv", "--min-rows", "3"), 8, "too_few_rows"),
    "no application": (("events", "good.csv"), 2, "config"),
    "no mapping": (("events", "good.csv", *SANDBOXED, "--mapping", "no.toml"), 2, "mapping"),
    "no checkpoint": (("retry", "no.ckpt"), 2, "checkpoint"),
    "status of nothing": (("status", "no.ckpt"), 2, "checkpoint"),
    "bad value": (("events", "good.csv", *SANDBOXED, "--limit", "0"), 2, "config"),
    "bad type": (("events", "good.csv", *SANDBOXED, "--limit", "many"), 2, "usage"),
    "unknown option": (("events", "good.csv", *SANDBOXED, "--carrier", "pigeon"), 2, "usage"),
    "unknown command": (("event", "good.csv"), 2, "usage"),
    "no file": (("events", *SANDBOXED), 2, "usage"),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_exit_writes_a_summary(command: CommandLine, tmp_path: Path, summary: Path, end: str) -> None:
    """A monitor reads tonight's exit code and error, whatever happened, and never last night's."""
    events_csv(tmp_path, GOOD, NAMELESS)
    header, good, _ = (tmp_path / "events.csv").read_text().splitlines()
    (tmp_path / "good.csv").write_text(f"{header}\n{good}\n{good}\n")
    (tmp_path / "head.csv").write_text(f"{header}\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder").mkdir()
    arguments, code, error = ENDS[end]
    ran = command.run(*arguments, "--summary", summary)
    found = read(summary)
    assert (ran.code, found["exit_code"], found["state"]) == (code, code, "ended"), ran.err
    assert (found["error"] and found["error"]["code"]) == error, found
    assert found["started"] > LAST_NIGHT["started"]
    assert error is None or found["error"]["message"].partition(".")[0] in ran.err + ran.out


@pytest.mark.parametrize("end", ["no input", "unknown option", "rejected"])
def test_standard_output_gets_one_object_on_every_exit(
    command: CommandLine, tmp_path: Path, end: str
) -> None:
    """`--summary -` is JSON that a pipe can read, also of a refusal."""
    events_csv(tmp_path, GOOD, NAMELESS)
    arguments, code, _ = ENDS[end]
    ran = command.run(*arguments, "--summary", "-")
    record = json.loads(ran.out)
    jsonschema.validate(record, SCHEMA)
    assert (ran.code, record["exit_code"]) == (code, code)


def test_help_writes_no_summary(command: CommandLine, summary: Path) -> None:
    """Who asks for help has run no job."""
    assert command.run("events", "--help", "--summary", summary).code == 0
    assert json.loads(summary.read_text()) == LAST_NIGHT


def test_the_account_has_its_reasons(command: CommandLine, tmp_path: Path, summary: Path) -> None:
    """Which rows failed and why is in the summary, with the input and where it went."""
    events_csv(tmp_path, GOOD, NAMELESS, NAMELESS)
    with faultserver.FaultServer([faultserver.close_after_request]) as server:
        ran = command.run(
            "events", "events.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--summary", summary
        )
    found = read(summary)
    assert (ran.code, found["exit_code"]) == (4, 4), ran.err
    assert [each["rows"] for each in found["rejects"]] == [2]
    assert sum(each["rows"] for each in found["doubts"]) == found["in_doubt"] == 1
    assert (found["input"], found["application"]) == (["events.csv"], "AAAAA-BBBBB")
    assert found["endpoint"].startswith("http://127.0.0.1:")
    assert found["checkpoint"] == "events.csv.events.ckpt"


def slow_load(command: CommandLine, folder: Path, summary: Path) -> Any:
    """A load that takes long enough to be looked at."""
    events_csv(folder, *([GOOD] * 500))
    return command.start("events", "events.csv", *SANDBOXED, "--rate", "20", "--summary", summary)


def wait_for(summary: Path, state: str) -> dict[str, Any]:
    """The summary as soon as it is in that state."""
    for _ in range(600):
        record = json.loads(summary.read_text())
        if record["state"] == state and record != LAST_NIGHT:
            return read(summary)
        time.sleep(0.05)
    raise AssertionError(f"the summary never said {state}")


def test_while_it_runs_and_after_a_kill_the_summary_says_so(
    command: CommandLine, tmp_path: Path, summary: Path
) -> None:
    """Nobody reads last night's success, and a job that was killed is told by a process that is gone."""
    with slow_load(command, tmp_path, summary) as process:
        running = wait_for(summary, "running")
        assert (running["exit_code"], running["ended"], running["error"]) == (None, None, None)
        os.kill(running["pid"], 0)
        while command.run("status", CHECKPOINT).code:  # it has not opened its checkpoint yet
            time.sleep(0.05)
        locked = command.run("events", "events.csv", *SANDBOXED, "--summary", "second.json")
        second = read(tmp_path / "second.json")
        assert (locked.code, second["exit_code"], second["error"]["code"]) == (7, 7, "checkpoint_locked")
        os.kill(running["pid"], signal.SIGKILL)
        process.communicate(timeout=60)
    after = read(summary)
    assert (after["state"], after["exit_code"]) == ("running", None)
    with pytest.raises(ProcessLookupError):
        os.kill(after["pid"], 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_says_so(
    command: CommandLine, tmp_path: Path, summary: Path, number: signal.Signals
) -> None:
    """After Ctrl-C or a stop by systemd the account is there, and the error is none of the rows."""
    with slow_load(command, tmp_path, summary) as process:
        while command.run("status", CHECKPOINT).code:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        process.communicate(timeout=60)
    found = read(summary)
    assert (found["exit_code"], found["error"]["code"]) == (130, "interrupted")
    assert found["confirmed"] + found["never_sent"] == 500


INTERRUPTED = """
import os, signal, sys, threading
from loader.cli import cli
from loader import pipeline
def stop(*_, **__):
    os.kill(os.getpid(), {number})
    signal.pause() if hasattr(signal, "pause") else None
pipeline.prepare = stop
sys.argv[1:] = {arguments}
cli()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_first_pass_ends_as_an_interrupt(
    command: CommandLine, tmp_path: Path, summary: Path, number: signal.Signals
) -> None:
    """A job that is stopped before it sends anything has a summary too."""
    from tests import warm  # noqa: PLC0415 - only here

    events_csv(tmp_path, GOOD)
    arguments = ["events", "events.csv", *SANDBOXED, "--summary", str(summary)]
    script = INTERRUPTED.format(number=int(number), arguments=arguments)
    with warm.start(["-c", script], folder=tmp_path, environment=command.environment) as process:
        process.communicate(timeout=60)
        code = process.wait()
    found = read(summary)
    assert (code, found["exit_code"], found["error"]["code"]) == (130, 130, "interrupted")


def test_an_error_that_nobody_expected_is_told_without_its_text(
    tmp_path: Path, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug ends with 1, and the summary does not repeat what the text of the error may quote."""
    events_csv(tmp_path, GOOD)
    monkeypatch.setattr(loading, "build_settings", lambda *_: 1 / 0)
    ran = CliRunner().invoke(
        cli, ["events", str(tmp_path / "events.csv"), *SANDBOXED, "--summary", str(summary)]
    )
    assert isinstance(ran.exception, ZeroDivisionError)
    found = read(summary)
    assert (found["exit_code"], found["error"]["code"]) == (1, "unexpected")
    assert "ZeroDivisionError" in found["error"]["message"]


def test_a_no_before_the_first_send_is_told(
    tmp_path: Path, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent, and the summary says why."""
    events_csv(tmp_path, GOOD)

    def say_no(*_: object, **__: object) -> None:
        sys.exit(2)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "ask_before_sending", say_no)
    ran = CliRunner().invoke(cli, ["events", "events.csv", "--sandbox", "--summary", str(summary)])
    assert (ran.exit_code, read(summary)["error"]["code"]) == (2, "declined")


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "good.csv", "--carrier", "pigeon", "--summary", "map.toml"),
        ("events", "good.csv", "--carrier", "pigeon", "--mapping", "map.toml", "--summary", "map.toml"),
        ("events", "rows.json", "--carrier", "pigeon", "--summary=rows.json"),
        ("events", "rows.json", "--carrier", "pigeon", "--summary", "./rows.json"),
        ("events", "good.csv", "--carrier", "pigeon", "--checkpoint", "c", "--summary", "c-wal"),
        ("events", "good.csv", "--carrier", "pigeon", "--summary", "other.ckpt-wal"),
        ("events", "good.csv", "--carrier", "pigeon", "--summary", "no/folder"),
    ],
)
def test_a_wrong_option_costs_no_file(
    command: CommandLine, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Before the options are understood, nothing is replaced but what is surely a summary."""
    for name in ("good.csv", "map.toml"):
        (tmp_path / name).write_text("rows")
    (tmp_path / "rows.json").write_text('{"exit_code": 1}\n')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert command.run(*arguments).code == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_credentials_are_in_it(command: CommandLine, tmp_path: Path, summary: Path) -> None:
    """A refused endpoint is named without what must not be shown."""
    events_csv(tmp_path, GOOD)
    url = "https://user:SECRET@vendor.example/json/?key=SECRET"
    ran = command.run(
        "events", "events.csv", "--app", "AAAAA-BBBBB", "--endpoint", url, "--summary", summary,
        PUSHWOOSH_API_TOKEN="SECRET2",
    )  # fmt: skip
    assert ran.code == 2
    assert read(summary)["endpoint"] == "https://vendor.example/json/"
    assert "SECRET" not in summary.read_text()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example:8/x?q#f", "https://h.example:8/x"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("u:p@h.example", None),
        ("https://[", None),
        ("https://h:port/", None),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, shown: str | None) -> None:
    """What cannot be read as a URL is not shown at all."""
    assert strip_secrets(url) == shown


def test_two_summaries_are_none() -> None:
    """If the words leave open which file is meant, none is written."""
    assert find_target(["x", "--summary", "a", "--summary", "b"]) is None
    assert find_target(["x", "--summary=a"]) == Path("a")
    assert find_target(["-", "--summary", "-"]) == Path("-")
    assert find_target(["x", "--summary", "--yes"]) is None


def test_times_are_those_of_the_clock(tmp_path: Path) -> None:
    """Begin and end are what the clock said, in UTC."""
    moments = iter([datetime(2024, 2, 29, 3, 30, hour, tzinfo=UTC) for hour in range(3)])
    summary = Summary(now=lambda: next(moments))
    summary.command = "status"
    summary.begin(tmp_path / "s.json")
    assert read(tmp_path / "s.json")["started"] == "2024-02-29T03:30:00.000Z"
    summary.finish(build_summary(Result(Kind.EVENTS, Account(0), "c")))
    assert read(tmp_path / "s.json")["ended"] == "2024-02-29T03:30:01.000Z"


def test_reasons_are_bounded_and_add_up() -> None:
    """A vendor that answers differently to each row does not make a summary of a million lines."""
    many = [(f"reason {number}", 1) for number in range(MOST_REASONS + 50)]
    result = Result(Kind.USERS, Account(500, rejected=len(many) + 3), "c")
    rejects = build_summary(result, Why(rejected=many, overtaken=3))["rejects"]
    assert isinstance(rejects, list)
    assert (len(rejects), sum(each["rows"] for each in rejects)) == (MOST_REASONS + 1, len(many) + 3)
    assert rejects[0] == {"reason": "it would undo a later row", "rows": 3}


def test_a_stop_is_an_error_with_its_code() -> None:
    """What stopped a load is told by a code that never changes; an interrupt after the end is none."""
    stop = Stop(StopCode.OUTAGE, Message("The vendor is away."))
    told = build_summary(Result(Kind.USERS, Account(5), "c", stop))["error"]
    assert told == {"code": "outage", "message": "The vendor is away."}
    assert build_summary(Result(Kind.USERS, Account(5, confirmed=5), "c", None, True))["error"] is None


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """The file is replaced as a whole, and nothing is left beside it."""
    path, over = tmp_path / "s.json", threading.Event()
    write_shared(path, b"0" * 100_000)
    seen: set[tuple[int, int]] = set()

    def look() -> None:
        while not over.is_set():
            content = path.read_bytes()
            seen.add((len(content), len(set(content))))

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(200):
        write_shared(path, b"%d" % (number % 10) * 100_000)
    over.set()
    thread.join()
    assert seen == {(100_000, 1)}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_monitor_of_another_account_can_read_it(tmp_path: Path) -> None:
    """The umask decides, as of any new file, and an older file keeps its mode."""
    path, before = tmp_path / "s.json", os.umask(0o022)
    try:
        write_shared(path, b"1")
        assert path.stat().st_mode & 0o777 == 0o644
        path.chmod(0o640)
        write_shared(path, b"2")
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_all_codes_of_errors_are_on_the_page() -> None:
    """A program that acts on a code finds it in the reference."""
    from loader import errors  # noqa: PLC0415 - for its classes alone

    page = (ROOT / "docs" / "reference" / "summary.md").read_text("utf-8")
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {each.code for each in classes if issubclass(each, errors.LoaderError)} - {"error", "rows_failed"}
    assert [code for code in codes if f"`{code}`" not in page] == []
    assert click.UsageError("").exit_code == 2


def test_an_empty_input_is_refused_in_plain_words(command: CommandLine) -> None:
    """One sentence, without "fewer than 1 row"."""
    (command.folder / "head.csv").write_text(HEADER)
    ran = command.run("events", "head.csv", *SANDBOXED, "--fail-if-empty")
    assert "the input has no rows, and --fail-if-empty refuses that. Nothing was sent." in ran.err
