"""`sandbox`: a server in the foreground that says where it is."""

from __future__ import annotations

import json
import re
import shlex
import signal
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.cli.conftest import GOOD, events_csv
from tests.sandbox.conftest import EVENT, call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine


def test_a_load_can_be_sent_to_the_address_that_is_shown(command: CommandLine, tmp_path: Path) -> None:
    """The endpoint of the first line takes a load for the one application, and Ctrl-C ends the server."""
    with command.start("sandbox", "--port", 0, "--app", "AAAAA-BBBBB", "--store", "s.sqlite3") as sandbox:
        try:
            assert sandbox.stdout is not None
            line = re.match(r"Sandbox at (\S+), store s\.sqlite3\.", sandbox.stdout.readline())
            assert line is not None
            page = re.match(
                r"Its page, with what it receives: (http://127\.0\.0\.1:\d+/)$", sandbox.stdout.readline()
            )
            assert page is not None
            assert "What arrives" in urllib.request.urlopen(page[1], timeout=60).read().decode()
            load = ("events", events_csv(tmp_path, GOOD), "--endpoint", line[1], "--yes", "--app")
            assert command.run(*load, "CCCCC-DDDDD", "--checkpoint", "other.ckpt").code != 0
            assert command.run(*load, "AAAAA-BBBBB").code == 0
        finally:
            sandbox.send_signal(signal.SIGINT)
            sandbox.communicate(timeout=60)
    assert command.held("SELECT count(*) FROM events", "s.sqlite3") == [(1,)]


@contextmanager
def running(command: CommandLine, *options: object) -> Iterator[str]:
    """A sandbox with these options; its endpoint."""
    with command.start("sandbox", "--port", 0, "--store", "s.sqlite3", *options) as sandbox:
        try:
            assert sandbox.stdout is not None
            line = re.match(r"Sandbox at (\S+), ", sandbox.stdout.readline())
            assert line is not None
            yield line[1]
        finally:
            sandbox.send_signal(signal.SIGINT)
            sandbox.communicate(timeout=60)


def write_secret(command: CommandLine, name: str, token: str) -> Path:
    """A file that holds a token, for the user alone."""
    path = command.folder / name
    path.write_text(f"{token}\n")
    path.chmod(0o600)
    return path


def test_a_load_needs_the_token_of_the_sandbox(command: CommandLine, tmp_path: Path) -> None:
    """With token files a load is taken with the device token alone, and each token stays in its place."""
    device, server = (
        write_secret(command, "device", "for-devices"),
        write_secret(command, "server", "for-servers"),
    )
    source = events_csv(tmp_path, GOOD)
    with running(command, "--token-file", device, "--server-token-file", server) as endpoint:
        load = ("events", source, "--endpoint", endpoint, "--yes", "--app", "AAAAA-BBBBB")
        for number, token in enumerate((None, server)):
            given = () if token is None else ("--token-file", token)
            ran = command.run(*load, "--checkpoint", f"{number}.ckpt", *given)
            assert ran.code == 5
            assert "Token restrictions forbid this operation" in ran.out
        assert command.run(*load, "--token-file", device).code == 0
        request: dict[str, object] = {"auth": "for-devices", "application": "AAAAA-BBBBB", "name": "purchase"}
        assert call(endpoint, "createEvent", request).body["status_code"] == 403
        assert call(endpoint, "createEvent", request, auth="for-servers").body["status_code"] == 200
    assert command.held("SELECT count(*) FROM events", "s.sqlite3") == [(1,)]


def test_one_token_for_both_places_is_refused(command: CommandLine) -> None:
    """The vendor's two tokens differ, so the same text in both files is a mistake."""
    files = (write_secret(command, "a", "secret"), write_secret(command, "b", "secret"))
    ran = command.run("sandbox", "--token-file", files[0], "--server-token-file", files[1])
    assert ran.code == 2
    assert "--token-file and --server-token-file hold the same token." in ran.err
    assert "secret" not in ran.err


def test_an_application_that_cannot_be_is_refused(command: CommandLine) -> None:
    """Otherwise the sandbox would answer every load that its application is not found."""
    ran = command.run("sandbox", "--app", "aaaaa-aaaaa")
    assert ran.code == 2
    assert '"aaaaa-aaaaa" is not of the form XXXXX-XXXXX' in ran.err
    assert "Check --app." in ran.err


def test_choices_of_the_command_reach_the_sandbox(command: CommandLine) -> None:
    """Strict mode, the status of argument errors, the limit of events and the time of counts are choices."""
    options = ("--strict", "--argument-errors", 400, "--event-limit", 1, "--statistics-by", "arrival")
    new: dict[str, object] = {"auth": "t", "application": EVENT["application"], "name": EVENT["event"]}
    with running(command, *options) as endpoint:
        refused = call(endpoint, "postEvent", EVENT)
        assert (refused.status, refused.body["status_code"]) == (400, 210)
        declared = new | {"eventAttributes": [{"name": "cds", "type": 1}]}
        assert call(endpoint, "createEvent", declared).body["status_code"] == 200
        assert call(endpoint, "createEvent", new, name="another").body["status_code"] == 403
        assert call(endpoint, "postEvent", EVENT).body["status_code"] == 200
        period = {"date_from": "2015-06-25", "date_to": "2015-06-25"}  # the day of its timestampUTC
        asked = call(endpoint, "getEventStatistics", new | period, event=EVENT["event"])
        results = call(endpoint, "getResults", {"auth": "t"} | asked.body["response"])
        assert [hour["count"] for hour in results.body["response"]] == [0] * 24


def test_a_port_that_does_not_exist_is_refused(command: CommandLine) -> None:
    """A wrong number is a sentence with the bounds, not a traceback."""
    ran = command.run("sandbox", "--port", 70_000)
    assert ran.code == 2
    assert "70000 is not in the range 0<=x<=65535" in ran.err


def test_the_command_at_the_end_of_a_rehearsal_opens_its_page(command: CommandLine, tmp_path: Path) -> None:
    """Followed to the letter, it serves the store of the load; the page has what was sent."""
    load = ("events", events_csv(tmp_path, GOOD), "--sandbox", "--sandbox-store", "my store.sqlite3", "--yes")
    said = command.run(*load)
    lines = (said.out + said.err).splitlines()
    program, *words = shlex.split(lines[lines.index("To look at it in a browser:") + 1])
    assert program == "pushwoosh-loader"
    with command.start(*words, "--port", 0) as sandbox:
        try:
            assert sandbox.stdout is not None
            sandbox.stdout.readline()
            page = sandbox.stdout.readline().split()[-1]
            shown = json.loads(urllib.request.urlopen(f"{page}api/events", timeout=60).read())
            assert (shown["total"], [row["matched"] for row in shown["latest"]]) == (1, [False])
        finally:
            sandbox.send_signal(signal.SIGINT)
            sandbox.communicate(timeout=60)
