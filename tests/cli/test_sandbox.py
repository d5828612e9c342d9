"""`sandbox`: a server in the foreground that says where it is."""

from __future__ import annotations

import re
import signal
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
