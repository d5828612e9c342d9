"""`sandbox`: a server in the foreground that says where it is."""

from __future__ import annotations

import json
import re
import shlex
import signal
import urllib.request
from typing import TYPE_CHECKING

from tests.cli.conftest import GOOD, events_csv

if TYPE_CHECKING:
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
