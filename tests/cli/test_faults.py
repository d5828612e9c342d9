"""`--faults`: where it is taken, where it is refused, and what is said."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import GOOD, SANDBOXED, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

USERS = "hwid,userId\nDEV-1,0042\n"
TAGS = "userId,plan\n0042,gold\n"
JOBS = '[jobs.events]\nkind = "events"\ninput = "events.csv"\n'


def write_inputs(folder: Path) -> None:
    """An input of each kind, and a job file."""
    events_csv(folder, *[GOOD] * 4)
    (folder / "users.csv").write_text(USERS)
    (folder / "tags.csv").write_text(TAGS)
    (folder / "jobs.toml").write_text(JOBS)


@pytest.mark.parametrize("command_", ["users", "events", "tags"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_faults_without_a_sandbox_are_refused(
    command: CommandLine, tmp_path: Path, command_: str, more: tuple[str, ...]
) -> None:
    """A load of the vendor cannot be told to fail; the message says what to add, and that works."""
    write_inputs(tmp_path)
    load = (
        command_,
        tmp_path / f"{command_}.csv",
        "--faults",
        "calm",
        "--yes",
        "--app",
        "AAAAA-BBBBB",
        *more,
    )
    refused = command.run(*load)
    assert refused.code == 2
    assert "--faults is for rehearsals: only a sandbox can be told to fail. Add --sandbox" in refused.err
    assert command.run(*load, "--sandbox").code == 0


def test_jobs_with_faults_need_a_sandbox(command: CommandLine, tmp_path: Path) -> None:
    """`run` refuses faults before its first job, and hands them to each with a sandbox."""
    write_inputs(tmp_path)
    run = (
        "run",
        "jobs.toml",
        "--yes",
        "--app",
        "AAAAA-BBBBB",
        "--faults",
        "lost-answer=every-2",
        "--concurrency",
        1,
    )
    refused = command.run(*run)
    assert (refused.code, "Add --sandbox" in refused.err) == (2, True)
    assert not list(tmp_path.glob("*.ckpt"))
    ran = command.run(*run, "--sandbox", "--summary", "account.json")
    assert ran.code == 4
    assert "Faults of the sandbox: seed=1,lost-answer=every-2" in ran.out
    assert json.loads((tmp_path / "account.json").read_text())["jobs"][0]["in_doubt"] == 2


@pytest.mark.parametrize("command_", ["users", "events", "tags", "run", "sandbox"])
def test_a_spec_without_a_meaning_is_refused(command: CommandLine, tmp_path: Path, command_: str) -> None:
    """A mistake in the spec is a sentence that names the part and the nearest name, and nothing is begun."""
    write_inputs(tmp_path)
    files = {"run": ["jobs.toml", "--sandbox"], "sandbox": ["--store", "s.sqlite3"]}
    arguments = files.get(command_, [f"{command_}.csv", *SANDBOXED])
    ran = command.run(command_, *arguments, "--faults", "calm,rest-after-stored=1%")
    assert ran.code == 2
    assert '--faults: "rest-after-stored" is not a fault. Did you mean "reset-after-stored"?' in ran.err
    assert not list(tmp_path.glob("*.ckpt")) + list(tmp_path.glob("*.sqlite3"))


def test_a_retry_of_a_rehearsal_can_fail_too(command: CommandLine, tmp_path: Path) -> None:
    """Rows that were given back meet the faults of the retry."""
    source = events_csv(tmp_path, *[GOOD] * 4)
    load = ("events", source, *SANDBOXED, "--concurrency", 1)
    assert command.run(*load, "--faults", "html=every-2").code == 4
    checkpoint = "events.csv.events.sandbox.ckpt"
    assert command.run("resolve", checkpoint, "--dropped").code == 0
    retry = ("retry", checkpoint, "--only", "given-back", "--yes")
    again = command.run(*retry, "--faults", "html=#1", "--concurrency", 1)
    assert (again.code, "Faults of the sandbox: seed=1,html=#1" in again.out) == (4, True)
    assert command.held("SELECT count(*) FROM events") == [(3,)]


def test_a_retry_at_the_vendor_cannot_be_told_to_fail(command: CommandLine, tmp_path: Path) -> None:
    """The checkpoint says that the load was not a rehearsal; the message says what to leave out."""
    with command.start("sandbox", "--port", 0, "--store", "s.sqlite3") as sandbox:
        try:
            assert sandbox.stdout is not None
            line = re.match(r"Sandbox at (\S+),", sandbox.stdout.readline())
            assert line is not None
            source = events_csv(tmp_path, GOOD)
            load = ("events", source, "--endpoint", line[1], "--yes", "--app", "AAAAA-BBBBB")
            assert command.run(*load).code == 0
            retry = ("retry", "events.csv.events.ckpt", "--yes")
            refused = command.run(*retry, "--faults", "calm")
            assert (refused.code, "leave the faults out" in refused.err) == (2, True)
            assert command.run(*retry).code == 0
        finally:
            sandbox.send_signal(signal.SIGINT)
            sandbox.communicate(timeout=60)


def test_a_sandbox_says_its_faults(command: CommandLine) -> None:
    """The line with its address has the spec written out: given again, it deals the same faults again."""
    with command.start(
        "sandbox", "--port", 0, "--store", "s.sqlite3", "--faults", "calm,seed=7,html=1%"
    ) as sandbox:
        try:
            assert sandbox.stdout is not None
            line = sandbox.stdout.readline()
            assert ", store s.sqlite3, faults seed=7,latency=p50:8ms/p99:40ms,html=1%. Press " in line
        finally:
            sandbox.send_signal(signal.SIGINT)
            sandbox.communicate(timeout=60)


def test_a_token_that_is_revoked_stops_the_load(command: CommandLine, tmp_path: Path) -> None:
    """From the third call on the token is refused: the load stops, and the same command finishes it later."""
    source = events_csv(tmp_path, *[GOOD] * 5)
    load = ("events", source, *SANDBOXED, "--concurrency", 1)
    stopped = command.run(*load, "--faults", "revoked=#3-")
    assert (stopped.code, "Token restrictions forbid this operation" in stopped.out + stopped.err) == (
        5,
        True,
    )
    assert command.run(*load).code == 0
    assert command.held("SELECT count(*) FROM events") == [(5,)]
