"""Seven nights of a job, and a monitor that reads only the summary and the file of metrics."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from tests.cli.conftest import GOOD, HEADER, SANDBOXED
from tests.monitoring.test_monitor import scrape

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

TOLD = ("--summary", "night.json", "--metrics", "night.prom", "--fail-if-empty")


def judge(folder: Path, began: float) -> str:
    """What a monitor says of a night."""
    summary: dict[str, Any] = json.loads((folder / "night.json").read_text())
    metrics = scrape(folder / "night.prom")
    if metrics["start_timestamp_seconds", ""] < began:
        return "did not begin"
    if summary["state"] == "running":
        return "runs" if is_alive(summary["pid"]) else "was killed"
    assert metrics["exit_code", ""] == summary["exit_code"]
    return summary["error"]["code"] if summary["error"] else {0: "good", 3: "rejects"}[summary["exit_code"]]


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_monitor_tells_every_night_from_the_others(command: CommandLine, tmp_path: Path) -> None:
    """The good, the late, the empty, the misconfigured, the running, the locked, the killed night."""
    for number, rows in enumerate(([GOOD], [], [GOOD] * 500), start=1):
        (tmp_path / f"{number}.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    found, good = [], 0.0
    for arguments in (
        ("events", "1.csv", *SANDBOXED),
        ("events", "tomorrow.csv", *SANDBOXED),
        ("events", "2.csv", *SANDBOXED),
        ("events", "1.csv", *SANDBOXED, "--mapping", "no.toml"),
    ):
        began = time.time()
        command.run(*arguments, *TOLD)
        found.append(judge(tmp_path, began))
        good = good or scrape(tmp_path / "night.prom")["last_success_timestamp_seconds", ""]
    began = time.time()
    load = ("events", "3.csv", *SANDBOXED)
    with command.start(*load, "--rate", "20", *TOLD) as process:
        while command.run("status", "3.csv.events.sandbox.ckpt").code:
            time.sleep(0.05)
        found.append(judge(tmp_path, began))
        command.run(*load, *TOLD)
        found.append(judge(tmp_path, began))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    with command.start(*load, "--rate", "20", *TOLD) as process:
        while judge(tmp_path, began) != "runs":
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    found.append(judge(tmp_path, began))
    assert found == [
        "good", "input_missing", "too_few_rows", "mapping", "runs", "checkpoint_locked", "was killed",
    ]  # fmt: skip
    assert judge(tmp_path, time.time()) == "did not begin"
    assert scrape(tmp_path / "night.prom")["last_success_timestamp_seconds", ""] == good
