"""`check --ledger`: what a load with the ledger would do, without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import loader
from loader.ledger import Ledger
from tests.cli.test_ledger import EVENTS, KEY, SANDBOXED, TAGS, USERS, event, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

NIGHTS = {
    "events": (
        [event(1), event(2), event(3)],
        [event(2), event(3, 9), event(4), event(4), event(4, 7), ",d,buy,1700000000,1"],
        (KEY, EVENTS),
        (1, 0),
    ),
    "users": (["d1,a", "d2,b", "d3,c"], ["d1,a", "d2,x", "d4,d", "d4,d", "d4,e"], ("", USERS), (2, 1)),
    "tags": (["d1,a", "d2,b", "d3,c"], ["d1,a", "d2,x", "d4,d", "d4,d", "d4,e"], ("", TAGS), (2, 1)),
}


def check(command: CommandLine, words: tuple[str, ...]) -> dict[str, object]:
    """Check the input of a load; the summary."""
    kept = [word for word in words if word not in SANDBOXED]
    ran = command.run("check", *kept, "--summary", "check.json", "--quiet")
    assert ran.code in {0, 3}, ran.err
    found: dict[str, object] = json.loads((command.folder / "check.json").read_text())
    return found


@pytest.mark.parametrize("kind", list(NIGHTS))
def test_a_check_says_what_the_load_does(command: CommandLine, tmp_path: Path, kind: str) -> None:
    """Which rows are left out and why, rejected and sent; and how many of these are new or changed."""
    monday, tuesday, (top, fields), (new, changed) = NIGHTS[kind]
    command.run(*write(tmp_path, "monday", *monday, kind=kind, top=top, fields=fields))
    words = write(tmp_path, "tuesday", *tuesday, kind=kind, top=top, fields=fields)
    before = (tmp_path / "all.ledger").read_bytes()
    found = check(command, words)
    assert (tmp_path / "all.ledger").read_bytes() == before
    assert found["ledger"] == {
        "path": str(tmp_path / "all.ledger"),
        "loads": 1,
        "new": new,
        "changed": changed,
    }
    command.run(*words, "--summary", "account.json")
    account = json.loads((tmp_path / "account.json").read_text())
    assert (found["would_send"], found["would_reject"]) == (account["confirmed"], account["rejected"])
    assert list_reasons(found) == list_reasons(account)


def list_reasons(summary: dict[str, object]) -> set[tuple[str, int]]:
    """Why rows are left out, with their number."""
    found = summary["left_out_reasons"]
    assert isinstance(found, list)
    return {(each["reason"], each["rows"]) for each in found}


def test_rows_of_many_chunks_are_compared_with_each_other(command: CommandLine, tmp_path: Path) -> None:
    """A repeat is found however far it is from the first one, and only values that are sent are shown."""
    command.run(*write(tmp_path, "monday", event(1)))
    rows = [event(number) for number in range(2, 20_000)]
    found = check(command, write(tmp_path, "tuesday", *rows, event(1, 5), *rows[:3]))
    assert (found["would_send"], found["would_leave_out"]) == (19_998, 4)
    fields = {each["name"]: each["values"] for each in found["fields"]}  # type: ignore[attr-defined] # of JSON
    assert set(fields.values()) == {19_998}


def test_a_check_works_while_a_load_runs(command: CommandLine, tmp_path: Path) -> None:
    """It only reads, so it needs no lock."""
    command.run(*write(tmp_path, "monday", event(1)))
    with Ledger.read(tmp_path / "all.ledger") as found:
        bound = found.header.bound
    with Ledger.open(tmp_path / "all.ledger", bound):
        assert check(command, write(tmp_path, "tuesday", event(1), event(2)))["would_send"] == 1


def test_a_ledger_that_is_not_there_is_told(command: CommandLine, tmp_path: Path) -> None:
    """Perhaps its name is mistyped; nothing is created by a check."""
    words = [word for word in write(tmp_path, "monday", event(1)) if word not in SANDBOXED]
    ran = command.run("check", *words)
    assert "note: all.ledger does not exist yet, so no row is known as sent" in ran.out
    assert not list(tmp_path.glob("all.ledger*"))


def test_a_check_for_another_application_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """As the load would be: bodies of another application would all look changed."""
    command.run(*write(tmp_path, "monday", event(1)))
    words = [word for word in write(tmp_path, "tuesday", event(1)) if word not in SANDBOXED]
    ran = command.run("check", *words, "--app", "AAAAA-CCCCC")
    assert ran.code == 2
    assert 'is a ledger of the application "AAAAA-BBBBB"' in ran.err


def test_a_check_in_python_takes_a_ledger(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the command line."""
    command.run(*write(tmp_path, "monday", "d1,a", "d2,b", kind="users", top="", fields=USERS))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "tuesday", "d1,a", "d2,x", "d3,c", kind="users", top="", fields=USERS)
    found = loader.check_users("tuesday.csv", mapping="m.toml", ledger="all.ledger")
    ledger = found.profile["ledger"]
    assert isinstance(ledger, dict)
    assert (ledger["new"], ledger["changed"], found.profile["would_leave_out"]) == (1, 1, 1)
