"""Seven nights of a job, of which only two files are known to the one who watches it."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultserver import OK, FaultServer, answer, hang
from tests.nights.job import Job
from tests.nights.monitor import LATE_SECONDS, SILENT_SECONDS, Finding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faultserver import Behaviour

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script of POSIX, and its signals")

NOBODY = "http://127.0.0.1:9/json/1.3/"
REFUSED = b'{"status_code":210,"status_message":"Event not found","response":null}'


def know_purchases(body: bytes) -> Behaviour:
    """A vendor that knows only one event."""
    return answer(200, OK if b'"purchase"' in body else REFUSED)


def test_a_monitor_finds_each_kind_of_night(tmp_path: Path) -> None:
    """It tells good, rejected, missing, empty, failed, killed, locked and late nights by two files alone."""
    job = Job.install(tmp_path)
    monitor, codes = job.monitor, list[int]()
    with FaultServer(know_purchases) as vendor:
        job.export(1, ["purchase"] * 30)
        codes.append(job.run(1, vendor.url))
        assert monitor.judge(time.time()) is Finding.FINE

        job.export(2, ["purchase"] * 20 + ["purchas"] * 3)
        codes.append(job.run(2, vendor.url))
        assert monitor.judge(time.time()) is Finding.REJECTED
        assert read_account(job)["rejects"] == [
            {"reason": read_account(job)["rejects"][0]["reason"], "rows": 3}
        ]

        codes.append(job.run(3, vendor.url))
        assert monitor.judge(time.time()) is Finding.NO_INPUT

        job.export(4, [])
        codes.append(job.run(4, vendor.url))
        assert monitor.judge(time.time()) is Finding.EMPTY

        (token := tmp_path / "token").rename(tmp_path / "moved")
        codes.append(job.run(5, vendor.url))
        assert monitor.judge(time.time()) is Finding.WRONG
        (tmp_path / "moved").rename(token)

        job.export(5, ["purchase"] * 10)
        codes.append(job.run(5, NOBODY))
        assert monitor.judge(time.time()) is Finding.FAILED
        assert read_account(job)["never_sent"] == 10
        codes.append(job.run(5, vendor.url))
        assert monitor.judge(time.time()) is Finding.FINE

    job.export(6, ["purchase"] * 10)
    with FaultServer([hang]) as silent:
        killed = job.start(6, silent.url)
        silent.await_accepted(1, seconds=60)
        assert monitor.judge(time.time()) is Finding.RUNNING
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
    assert monitor.judge(time.time() + SILENT_SECONDS + 1) is Finding.DIED

    job.export(7, ["purchase"] * 10)
    with FaultServer([hang]) as silent:
        first = job.start(7, silent.url)
        silent.await_accepted(1, seconds=60)
        codes.append(job.run(7, silent.url))
        assert monitor.judge(time.time()) is Finding.LOCKED
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=60)

    assert codes == [0, 3, 6, 8, 2, 5, 0, 7]
    assert monitor.judge(time.time() + LATE_SECONDS + 1) is Finding.LATE
    assert len({body for body in vendor.bodies if b'"purchase"' in body}) == 30 + 20 + 10


def read_account(job: Job) -> dict[str, Any]:
    """The summary."""
    found: dict[str, Any] = json.loads((job.folder / "account.json").read_text("utf-8"))
    return found
