"""A load with workers of this machine that is asked to end, as a terminal or a service manager does it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView
from tests.faultserver import FaultServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs groups of processes")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_leaves_no_doubt(
    command: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C reaches the workers of `local:2` too: they stay until what is on the wire is answered."""
    rows = "".join(f"purchase,d{row},2026-03-01T00:00:00Z\n" for row in range(5000))
    (tmp_path / "events.csv").write_text("event,hwid,timestamp\n" + rows)
    with FaultServer() as server:
        words = [
            "events",
            "events.csv",
            "--app",
            "XXXXX-XXXXX",
            "--endpoint",
            server.url,
            "--checkpoint",
            "c",
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "loader", *words, "--cluster", "local:2", "--rate", "300", "--yes"],
            cwd=tmp_path,
            env=command.environment | {"PYTHONWARNINGS": "default"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        server.await_accepted(300, seconds=120)
        os.killpg(process.pid, number)
        said = process.communicate(timeout=120)[1]
    account = CheckpointView.open(tmp_path / "c").account()
    assert process.returncode == 130, said
    assert (account.in_doubt, account.confirmed) == (0, len(server.bodies))
    assert account.never_sent
