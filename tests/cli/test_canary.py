"""`--canary`: a few rows alone, then the rest."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import loader
from tests import faultserver
from tests.conftest import Ran
from tests.failed_rows import NO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

RARE = {17: "churn", 31: "refund"}
COLUMNS = ("user_id", "device_id", "event", "timestamp", "timezone", "platform")
EVENTS = 40


def write_events(folder: Path, rows: int = EVENTS) -> Path:
    """A file of events; two of them occur once."""
    path = folder / "events.csv"
    lines = [
        f"{row},d{row},{RARE.get(row, 'view')},20240229,UTC,{'huawei' if row == 23 else 'ios'}"
        for row in range(rows)
    ]
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return path


def requests_of(server: faultserver.FaultServer) -> list[dict[str, Any]]:
    """What the vendor took, in its order."""
    return [json.loads(body)["request"] for body in server.bodies]


def users_of(server: faultserver.FaultServer) -> list[int]:
    """The rows that the vendor took, by their users."""
    return [int(request["userId"]) for request in requests_of(server)]


def refuse(event: str) -> faultserver.FaultServer:
    """A vendor that refuses an event."""
    named = f'"event":"{event}"'.encode()
    return faultserver.FaultServer(
        lambda body: faultserver.answer(200, NO) if named in body else faultserver.answer()
    )


@pytest.fixture
def yes() -> Iterator[faultserver.FaultServer]:
    """A vendor that takes everything."""
    with faultserver.FaultServer([faultserver.answer()]) as running:
        yield running


def arguments(server: faultserver.FaultServer, *more: object) -> tuple[object, ...]:
    """A load of the events."""
    return ("events", "events.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url, *more)


def answer_on_terminal(command: CommandLine, words: str, *given: object) -> Ran:
    """Run a command on whose terminal someone answers."""
    ours, theirs = os.openpty()
    try:
        os.write(ours, words.encode())
        with command.start(*given, stdin=theirs) as process:
            out, err = process.communicate(timeout=30)
            return Ran(process.wait(), out, err)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_canary_has_what_is_rare_and_the_rest_follows(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer
) -> None:
    """The canary ends as planned; the same command without it sends exactly the other rows."""
    write_events(tmp_path)
    first = command.summary(*arguments(yes, "--canary", 5))
    sent = users_of(yes)
    assert (first["exit_code"], first["error"]) == (0, None)
    assert (first["confirmed"], first["never_sent"], first["not_requested"]) == (5, 35, 35)
    assert {17, 23, 31} <= set(sent)
    assert len(sent) == 5
    again = command.summary(*arguments(yes, "--canary", 5))
    assert (again["attempts"], again["exit_code"]) == (5, 0)
    rest = command.summary(*arguments(yes))
    assert (rest["confirmed"], rest["exit_code"], rest["attempts"]) == (EVENTS, 0, EVENTS)
    assert Counter(users_of(yes)) == Counter(range(EVENTS))


def test_what_each_row_covers_and_its_answer_are_shown(command: CommandLine, tmp_path: Path) -> None:
    """Someone who looks at a canary sees for which event which answer came."""
    write_events(tmp_path)
    with refuse("churn") as server:
        ran = command.run(*arguments(server, "--canary", 6))
    assert ran.code == 3
    lines = [line.strip() for line in ran.out.splitlines()]
    assert 'rejected   events.csv, row 18, event "churn": not today' in lines
    assert 'confirmed  events.csv, row 32, event "refund"' in lines
    assert "confirmed  events.csv, row 24, device type 17 (Huawei)" in lines
    assert "canary: 6 rows alone, with 5 of the 5 names of events, device types and attributes" in lines
    assert "The same command without --canary sends them." in ran.out


def test_the_summary_has_the_answers(command: CommandLine, tmp_path: Path) -> None:
    """A program learns what each row was sent for, what became of it, and what was left out."""
    write_events(tmp_path)
    with refuse("view") as server:
        record = command.summary(*arguments(server, "--canary", 1))["canary"]
        rest = command.summary(*arguments(server))
    (answer,) = record["answers"]
    assert (record["rows"], record["covered"]) == (1, 2)
    assert (answer["state"], answer["message"], answer["row"]) == (
        "rejected",
        "not today",
        "events.csv, row 1",
    )
    assert answer["covers"][0] == {"kind": "device_type", "name": "1", "type": None}
    assert {(thing["name"], thing["rows"]) for thing in record["missing"]} == {
        ("churn", 1),
        ("refund", 1),
        ("17", 1),
    }
    assert "canary" not in rest


@pytest.mark.parametrize(("said", "confirmed"), [("y\ny\n", EVENTS), ("y\nn\n", 4), ("y\n\x04", 4)])
def test_on_a_terminal_the_user_is_asked_for_the_rest(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer, said: str, confirmed: int
) -> None:
    """After a canary that went well one word sends the rest, another ends the load as planned."""
    write_events(tmp_path)
    ran = answer_on_terminal(command, said, *arguments(yes, "--canary", 4, "--summary", "sum.json"))
    assert "4 rows are confirmed. Send the rest, 36 events?" in ran.err
    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / "sum.json").read_text())["confirmed"] == confirmed
    assert len(users_of(yes)) == confirmed == len(set(users_of(yes)))


def test_ctrl_c_at_the_question_ends_the_load_as_planned(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer
) -> None:
    """Who interrupts instead of an answer has sent the canary and nothing else, and reads the account."""
    write_events(tmp_path)
    ours, theirs = os.openpty()
    os.write(ours, b"y\n")
    with command.start(*arguments(yes, "--canary", 4), stdin=theirs) as process:
        assert process.stderr is not None
        said = ""
        while "Send the rest" not in said:
            letter = process.stderr.read(1)
            assert letter, said
            said += letter
        time.sleep(1)  # nobody interrupts a question before it waits for an answer
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.wait() == 0
    os.close(ours)
    os.close(theirs)
    assert "confirmed   4" in out
    assert len(users_of(yes)) == 4


@pytest.mark.parametrize("more", [("--yes",), ("--log-format", "json", "--yes")])
def test_nobody_is_asked_who_does_not_want_it(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer, more: tuple[str, ...]
) -> None:
    """A job never sends more than the canary by itself."""
    write_events(tmp_path)
    ran = answer_on_terminal(command, "", *arguments(yes, "--canary", 4, *more))
    assert ran.code == 0, ran.err
    assert len(users_of(yes)) == 4


def test_after_a_refusal_nobody_is_asked(command: CommandLine, tmp_path: Path) -> None:
    """A canary that met a refusal ends, and its code says so."""
    write_events(tmp_path)
    with refuse("churn") as server:
        ran = answer_on_terminal(command, "y\ny\n", *arguments(server, "--canary", 4))
    assert ran.code == 3, ran.err
    assert "Send the rest" not in ran.err
    assert "Only the canary was to be sent" in ran.out


def test_rows_of_a_device_keep_their_order(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer
) -> None:
    """A canary of users sends no row before an earlier one of its device, so the last still wins."""
    rows = [(f"{row}", f"d{row // 4}", "safari" if row in {22, 36} else "ios") for row in range(EVENTS)]
    lines = [",".join(row) for row in rows]
    (tmp_path / "users.csv").write_text("user_id,device_id,platform\n" + "\n".join(lines) + "\n")
    load = ("users", "users.csv", "--app", "AAAAA-BBBBB", "--endpoint", yes.url)
    first = command.summary(*load, "--canary", 3)
    assert first["confirmed"] == 3
    assert 36 in users_of(yes)
    whole = command.summary(*load)
    assert (whole["confirmed"], whole["attempts"]) == (EVENTS, EVENTS)
    arrived: dict[str, list[int]] = {}
    for request in requests_of(yes):
        arrived.setdefault(request["hwid"], []).append(int(request["userId"]))
    assert all(users == sorted(users) for users in arrived.values())
    assert users_of(yes)[:3] != [0, 1, 2]


def test_events_in_the_order_of_their_device_keep_it(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer
) -> None:
    """With --order device a rare event waits for the earlier ones of its device, and the user learns why."""
    path = write_events(tmp_path)
    path.write_text(path.read_text().replace(",d17,", ",d16,"))
    ran = command.run(*arguments(yes, "--canary", 4, "--order", "device"))
    assert 17 not in users_of(yes)
    assert 'not in it: event "churn" in 1 row' in ran.out
    assert "only the first row of each within the first 100,000 rows can be sent first" in ran.out
    command.run(*arguments(yes, "--order", "device"))
    sent = users_of(yes)
    assert sent.index(16) < sent.index(17)
    assert Counter(sent) == Counter(range(EVENTS))


def test_with_a_limit_the_canary_is_within_it(
    command: CommandLine, tmp_path: Path, yes: faultserver.FaultServer
) -> None:
    """A limited load sends nothing from beyond its limit, not even first."""
    write_events(tmp_path)
    summary = command.summary(*arguments(yes, "--canary", 5, "--limit", 20))
    assert summary["confirmed"] == 5
    assert max(users_of(yes)) < 20
    assert command.summary(*arguments(yes, "--limit", 20))["confirmed"] == 20


def test_a_canary_names_a_wrong_application(command: CommandLine, tmp_path: Path) -> None:
    """The first mistake of a first load is a wrong code, and a fixed mapping does not help against it."""
    write_events(tmp_path)
    unknown = NO.replace(b"not today", b"Application not found")
    with faultserver.FaultServer(lambda _: faultserver.answer(200, unknown)) as server:
        ran = command.run(*arguments(server, "--canary", 3))
    assert ran.code == 3
    assert "Check --app: with the right one, the load begins again with these rows." in ran.out


@pytest.mark.parametrize("rows", ["0", "-1", "1001"])
def test_a_canary_of_no_or_many_rows_is_refused(command: CommandLine, tmp_path: Path, rows: str) -> None:
    """What is no canary is refused before anything is read."""
    write_events(tmp_path)
    ran = command.run("events", "events.csv", "--sandbox", "--canary", rows)
    assert ran.code == 2
    assert "--canary" in ran.err


def test_a_canary_in_python(tmp_path: Path, yes: faultserver.FaultServer) -> None:
    """`canary=` sends the same rows as `--canary` and shows them as a frame; the same call sends the rest."""
    path = write_events(tmp_path)
    where: dict[str, Any] = {"application": "AAAAA-BBBBB", "endpoint": yes.url, "progress": False}
    result = loader.load_events(path, **where, canary=4)
    assert (result.exit_code, result.account.confirmed) == (0, 4)
    result.raise_for_failures()
    assert list(result.canary["state"]) == ["confirmed"] * 4
    assert 'event "churn"' in set(result.canary["covers"])
    assert "without canary" in repr(result)
    rest = loader.load_events(path, **where)
    assert (rest.account.confirmed, len(rest.canary)) == (EVENTS, 0)
    assert Counter(users_of(yes)) == Counter(range(EVENTS))
