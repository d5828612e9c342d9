"""`--log-format json`: every line on standard error is an event, however the load ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SAMPLES, CommandLine
from tests.faultserver import FaultServer, answer

EVENTS = SAMPLES / "events.parquet"
ROOT = SAMPLES.parent
SANDBOX = ("--sandbox", "--checkpoint", "ckpt", "--log-format", "json")


def told(err: str) -> list[dict[str, Any]]:
    """The events; a line that is none fails."""
    events = [json.loads(line) for line in err.splitlines()]
    for event in events:
        assert list(event)[:3] == ["event", "time", "run"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    return events


def test_a_load_is_told_from_plan_to_end(command: CommandLine) -> None:
    """Plan, start and end; the run id is that of the checkpoint, of `--summary` and of `status`."""
    ran = command.run("events", EVENTS, *SANDBOX, "--limit", "50", "--summary", "account.json")
    events = told(ran.err)
    assert [event["event"] for event in events] == ["plan", "start", "end"]
    plan, start, end = events
    assert (plan["kind"], plan["read"], plan["to_send"], plan["checkpoint"]) == ("events", 6937, 50, "ckpt")
    assert (start["goal"], start["never_sent"], start["confirmed"]) == (50, 6937, 0)
    summary = json.loads((command.folder / "account.json").read_text())
    assert {name: end[name] for name in summary} == summary
    assert end["exit_code"] == ran.code == 0
    status = json.loads(command.run("status", "ckpt", "--summary", "-").out)
    assert end["run"] == start["run"] == status["run"] != plan["run"]


def test_every_run_has_an_id_of_its_own(command: CommandLine) -> None:
    """The lines of a resumed load are told from those before it."""
    first = told(command.run("events", EVENTS, *SANDBOX, "--limit", "5").err)[-1]
    second = told(command.run("events", EVENTS, *SANDBOX, "--limit", "10").err)
    assert second[-1]["run"] != first["run"]
    assert (second[1]["event"], second[1]["confirmed"], second[1]["goal"]) == ("start", 5, 10)


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (["events", "nowhere.csv", *SANDBOX], "nowhere.csv: there is no such file.", 6),
        (["events", str(EVENTS), "--log-format=json"], "No application code: give --app", 2),
        (["events", str(EVENTS), *SANDBOX, "--carrier", "pigeon"], "No such option '--carrier'", 2),
        (["events", *SANDBOX], "Missing argument 'FILE...'", 2),
        (["event", str(EVENTS), *SANDBOX], "No such command 'event'", 2),
        (
            ["events", str(EVENTS), *SANDBOX, "--rate", "fast"],
            '"fast" is neither a number of requests a second (100) nor a timetable',
            2,
        ),
        (["retry", "nowhere.ckpt", "--log-format", "json"], "nowhere.ckpt: there is no such checkpoint", 2),
    ],
)
def test_a_refusal_is_one_event(command: CommandLine, arguments: list[str], sentence: str, code: int) -> None:
    """Whatever is wrong with a command line or its files, a program reads one error with the exit code."""
    ran = command.run(*arguments)
    (event,) = told(ran.err)
    assert (event["event"], event["exit_code"], event["run"], ran.code) == ("error", code, None, code)
    assert sentence in event["message"]


@pytest.mark.parametrize("how", [("--log-format", "json"), ("--quiet",)])
def test_an_end_as_planned_is_no_error(command: CommandLine, how: tuple[str, ...]) -> None:
    """A load that ends after `--max-duration` wakes nobody: no event of an error, and no mail from cron."""
    sandbox = ("--sandbox", "--checkpoint", "ckpt", *how)
    ran = command.run("events", EVENTS, *sandbox, "--rate", "20", "--max-duration", "1s")
    assert ran.code == 0
    if "--quiet" in how:
        assert ran.err == ""
    else:
        events = told(ran.err)
        assert [event["event"] for event in events] == ["plan", "start", "end"]
        assert events[-1]["stopped"].startswith("The time that --max-duration allows is over")


def test_what_stops_a_load_is_an_error_before_the_end(command: CommandLine) -> None:
    """The sentence `Stopped: ...` is an event, also with --quiet; the token is in none."""
    token = "FAKE-TOKEN-0123456789"
    with FaultServer([answer(401)]) as server:
        arguments = (
            "events", EVENTS, "--app", "AAAAA-AAAAA", "--endpoint", server.url, "--checkpoint", "ckpt",
            "--log-format", "json",
        )  # fmt: skip
        ran = command.run(*arguments, PUSHWOOSH_API_TOKEN=token)
        quiet = command.run(*arguments, "--quiet", PUSHWOOSH_API_TOKEN=token)
    events = told(ran.err)
    assert [event["event"] for event in events] == ["plan", "start", "error", "end"]
    assert events[2]["message"] == f"Stopped: {events[3]['stopped']}"
    assert [event["event"] for event in told(quiet.err)] == ["error"]
    assert token not in ran.err + ran.out + quiet.err


def test_paragraphs_become_notes_where_the_summary_has_standard_output(command: CommandLine) -> None:
    """With `--summary -` the words for people go to standard error, and there they are events too."""
    ran = command.run("events", EVENTS, *SANDBOX, "--limit", "5", "--summary", "-")
    assert json.loads(ran.out)["confirmed"] == 5
    notes = [event["message"] for event in told(ran.err) if event["event"] == "note"]
    assert any("6,937 events in" in note for note in notes)


def test_ctrl_c_is_an_event(command: CommandLine) -> None:
    """An interrupted load says that it is stopping, and ends with exit code 130."""
    with command.start("events", EVENTS, *SANDBOX, "--rate", "50") as process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if '"start"' in line:
                process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)
    events = told("".join(seen))
    assert [event["event"] for event in events] == ["plan", "start", "stopping", "end"], events[2]
    assert (events[-1]["exit_code"], code) == (130, 130)


def test_a_pause_is_an_event_with_reason_and_length(command: CommandLine) -> None:
    """A vendor that asks to wait for three seconds is a pause and a resume."""
    with FaultServer([answer(429, b"", "Retry-After: 3"), answer()]) as server:
        ran = command.run(
            "events", EVENTS, "--app", "AAAAA-AAAAA", "--endpoint", server.url, "--limit", "5",
            "--log-format", "json", "--checkpoint", "ckpt", "--concurrency", "1",
        )  # fmt: skip
    events = told(ran.err)
    assert [event["event"] for event in events] == ["plan", "start", "pause", "resume", "end"]
    assert events[2]["waiting_for"] == "Retry-After"
    assert 1 <= events[2]["waiting_seconds"] <= 3


@pytest.mark.parametrize("form", [(), ("--log-format", "json")])
def test_a_closed_standard_error_costs_nothing_but_the_lines(
    command: CommandLine, form: tuple[str, ...]
) -> None:
    """A job that is started with `2>&-` loads all the same."""
    words = [sys.executable, "-m", "loader", "events", str(EVENTS), *SANDBOX[:-2], "--limit", "5", *form]
    line = f"exec {shlex.join(words)} 2>&-"
    ran = subprocess.run(
        ["sh", "-c", line],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    assert b"6,932 rows never sent" in ran.stdout


def test_text_lines_can_be_asked_for(command: CommandLine) -> None:
    """`--log-format text` is what a file gets anyway: no line of JSON, no view."""
    ran = command.run("events", EVENTS, *SANDBOX[:-1], "text", "--limit", "5")
    assert (ran.code, ran.err) == (0, "")


def test_one_page_lists_every_key(command: CommandLine) -> None:
    """Keys are a contract: those of all events of a load are on the page that speaks of them."""
    ran = command.run("events", EVENTS, *SANDBOX, "--limit", "5", "--summary", "-")
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    (page,) = (text for text in map(Path.read_text, pages) if "`mean_rows_per_second`" in text)
    events = [event for event in told(ran.err) if event["event"] != "end"]
    assert {event["event"] for event in events} == {"plan", "note", "start"}
    assert not {key for event in events for key in event if f"`{key}`" not in page}


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_letters_that_a_log_cannot_take_do_not_spoil_it(
    command: CommandLine, tmp_path: Path, encoding: str
) -> None:
    """Names of files in any script are read back whole, whatever the encoding of the outputs."""
    name = "Käufe-купить.csv"
    (tmp_path / name).write_text("user_id,device_id,event,timestamp\n1,D,purchase,2024-02-29T00:00:00Z\n")
    ran = command.run("events", name, *SANDBOX, "--summary", "s.json", PYTHONIOENCODING=encoding)
    assert ran.code == 0, ran.err
    assert told(ran.err)[0]["files"] == [name]
    ran = command.run("events", name, "--sandbox", "--summary", "-", PYTHONIOENCODING=encoding)
    assert json.loads(ran.out)["checkpoint"] == f"{name}.events.sandbox.ckpt"


@pytest.mark.parametrize("more", [(), ("--metrics", "load.prom")], ids=["log", "log and metrics"])
def test_a_log_names_the_first_failed_rows_and_the_pauses(
    command: CommandLine, more: tuple[str, ...]
) -> None:
    """A monitor reads which rows fail and why, that the vendor asked to wait, for how long, and its end."""
    rows = [f"d{n},u{n},buy,2024-02-29T10:00Z" for n in range(8)]
    (command.folder / "e.csv").write_text(
        "\n".join(["hwid,userId,event,timestamp", ",,buy,2024-01-01T00:00Z", *rows])
    )
    wait = answer(429, b"", "Retry-After: 3")
    refusal = answer(200, b'{"status_code": 210, "status_message": "no such event"}')
    with FaultServer([wait, refusal]) as server:
        where = ("--endpoint", server.url, "--app", "AAAAA-BBBBB", "--yes", "--concurrency", "1")
        ran = command.run("events", "e.csv", *where, *more, "--log-format", "json")
    events = told(ran.err)
    failed = [event for event in events if event["event"] == "rejected"]
    assert failed[0]["where"] == "e.csv, row 1"
    assert "no such event" in failed[1]["reason"]
    assert len(failed) == 4
    pause, resume = (event for event in events if event["event"] in {"pause", "resume"})
    assert (pause["event"], pause["waiting_for"], resume["event"]) == ("pause", "Retry-After", "resume")
    assert 1 <= pause["waiting_seconds"] <= 3
