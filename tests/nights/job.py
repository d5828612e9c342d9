"""The job: a shell script, started as cron starts it: a bare environment, no terminal, another folder."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import loader
from tests.nights.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADER = "hwid,user_id,event,timestamp\n"
_SCRIPT = """\
#!/bin/sh
exec {python} -m loader events {folder}/exports/night-"$1".csv \\
    --endpoint "$2" --app AAAAA-BBBBB --token-file {folder}/token --checkpoint-dir {folder}/state \\
    --fail-if-empty --give-up-after 1s --quiet --job nightly \\
    --summary {folder}/account.json --metrics {folder}/pushwoosh.prom
"""


@dataclass(frozen=True, slots=True)
class Job:
    """The job in a folder of its own."""

    folder: Path

    @classmethod
    def install(cls, folder: Path) -> Job:
        """Write the script and what it needs."""
        for name in ("exports", "state"):
            (folder / name).mkdir()
        token = folder / "token"
        token.write_text("not-a-real-token\n")
        token.chmod(0o600)
        names = {"python": shlex.quote(sys.executable), "folder": shlex.quote(str(folder))}
        (folder / "job.sh").write_text(_SCRIPT.format(**names))
        return cls(folder)

    @property
    def monitor(self) -> Monitor:
        """What watches it."""
        return Monitor(self.folder / "account.json", self.folder / "pushwoosh.prom")

    def export(self, night: int, events: Iterable[str]) -> None:
        """Write what the warehouse exported: an event of each of these names, a device each."""
        rows = [
            f"device-{night}-{number},u{number},{name},2024-03-0{night}T10:00:00Z\n"
            for number, name in enumerate(events)
        ]
        (self.folder / "exports" / f"night-{night}.csv").write_text(_HEADER + "".join(rows))

    def start(self, night: int, endpoint: str) -> subprocess.Popen[bytes]:
        """Start it as cron does."""
        environment = {
            "SHELL": "/bin/sh",
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "LOGNAME": "loader",
            # Tests may run in a folder that is not installed; and no slip goes beyond this machine.
            "PYTHONPATH": str(Path(loader.__file__).parent.parent),
            "PUSHWOOSH_ENDPOINT": "http://127.0.0.1:9/",
        }
        return subprocess.Popen(
            ["/bin/sh", str(self.folder / "job.sh"), str(night), endpoint],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, night: int, endpoint: str) -> int:
        """Run it to its end; its exit code."""
        with self.start(night, endpoint) as process:
            return process.wait(timeout=120)
