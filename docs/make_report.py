"""Makes docs/report-cdnow.html, the report of a load of CDNOW purchases through faults: `make docs-report`.

A vendor on loopback takes the purchases and misbehaves: it loses one answer in a hundred, rejects some rows
for good, asks to wait, and for a while loses every third answer. The load is killed, resumed, interrupted,
resumed; then its doubts are looked up at the vendor and settled, and what the mapping rejected is fixed and
sent again. Everything happens in a folder of its own, with the real commands.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tests import faultserver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faultserver import Behaviour, Visit

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "report-cdnow.html"
CHECKPOINT = "purchases.csv.events.ckpt"
SEED = 2
ASKS_SECONDS, BROWN_OUT_SECONDS = 3.0, 6.0

MAPPING = """\
version = 1
kind = "events"

[fields]
hwid = "device_id"
userId = "user_id"
event = "event"
timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }
device_type = "platform"

[attributes]
order = "order"
cds = { column = "number_of_cds", type = "integer" }
dollars = { column = "dollar_value", type = "float" }
"""


@dataclass
class Vendor:
    """What the vendor does with a request, by how many it has seen.

    Attributes:
        asks_at: from here on it asks to wait, for some seconds.
        brown_out_at: from here on it loses every third answer, for some seconds.
        landed: orders that it took.
        quiet: it has had its faults.
    """

    asks_at: int
    brown_out_at: int
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    landed: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    quiet: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    asks_until: float = 0.0
    sound_from: float = 0.0

    def behaviour(self, body: bytes) -> Behaviour:
        """For `FaultServer`."""
        order = json.loads(body)["request"]["attributes"]["order"]
        with self.lock:
            self.seen += 1
            luck, seconds = self.chance.random(), self.chance.lognormvariate(-4.3, 0.35)
            if self.seen == self.asks_at:
                self.asks_until = time.monotonic() + ASKS_SECONDS
            asks = time.monotonic() < self.asks_until
            if self.seen == self.brown_out_at:
                self.sound_from = time.monotonic() + BROWN_OUT_SECONDS
            lost = luck < (0.34 if time.monotonic() < self.sound_from else 0.01)
        time.sleep(seconds)
        if asks and not self.quiet:
            return faultserver.answer(429, b"", "Retry-After: 5")
        if int(order) % 331 == 0:
            said = f'{{"status_code":210,"status_message":"Order {order} is malformed","response":null}}'
            return faultserver.answer(200, said.encode())
        if lost and not self.quiet:
            return self.lose(order, taken=luck * 1000 % 1 < 0.6)
        self.landed[order] += 1
        return faultserver.answer()

    def lose(self, order: str, *, taken: bool) -> Callable[[Visit], None]:
        """Read the request, take it or not, and hang up."""
        if taken:
            self.landed[order] += 1
        return faultserver.close_after_request


def main() -> None:
    """Make the report."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_report", description=__doc__)
    parser.add_argument("events", type=Path, help="CSV of the purchases, as sample_data/make.py writes it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = prepare(options.events, folder / "purchases.csv")
        (folder / "purchases.toml").write_text(MAPPING)
        vendor = Vendor(rows * 68 // 100, rows * 72 // 100)
        with faultserver.FaultServer(vendor.behaviour) as server:
            story(Shell(folder, server.url), vendor, rows)
        shell = Shell(folder, "")
        shell.run("report", CHECKPOINT)
        shutil.copy(folder / "purchases.csv.events.report.html", TARGET)
        TARGET.chmod(0o644)
        twice = sum(count > 1 for count in vendor.landed.values())
        print(f"{rows:,} rows, {len(vendor.landed):,} orders at the vendor, {twice} of them twice; {TARGET}")


def prepare(source: Path, target: Path) -> int:
    """Number the purchases and damage some of them, as exports are; how many there are."""
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    frame.insert(0, "order", [f"{number:06}" for number in range(1, len(frame) + 1)])
    frame["event"] = [
        "repeat_purchase" if again else "first_purchase" for again in frame.duplicated("user_id")
    ]
    chance = random.Random(SEED)
    for column, damage in (("dollar_value", decimal_comma), ("timestamp", empty), ("timezone", unknown)):
        for row in chance.sample(range(len(frame)), len(frame) // 900):
            frame.loc[row, column] = damage(str(frame.at[row, column]))
    frame.to_csv(target, index=False)
    return len(frame)


def decimal_comma(text: str) -> str:
    """A number as a spreadsheet on the continent writes it."""
    return text.replace(".", ",")


def empty(_: str) -> str:
    """A time that was lost."""
    return ""


def unknown(_: str) -> str:
    """A zone that is none."""
    return "Mars/Olympus"


def story(shell: Shell, vendor: Vendor, rows: int) -> None:
    """What happens to the load."""
    shell.load(end=lambda: vendor.seen > rows * 0.3, by=signal.SIGKILL)
    shell.load(end=lambda: vendor.seen > rows * 0.8, by=signal.SIGINT)
    shell.load()
    vendor.quiet = True
    settle(shell, vendor)
    (shell.folder / "fixed.toml").write_text(
        MAPPING.replace('zone = { column = "timezone" }', 'zone = "America/New_York"')
    )
    shell.run("retry", CHECKPOINT, "--mapping", "fixed.toml", "--yes", "--quiet")


def settle(shell: Shell, vendor: Vendor) -> None:
    """Look up the doubts at the vendor: those there have landed, of the others half is sent again."""
    shell.run("failures", CHECKPOINT, "--in-doubt", "-o", "doubts.csv")
    doubts = pd.read_csv(shell.folder / "doubts.csv", dtype=str)[["order"]]
    there = doubts["order"].isin(list(vendor.landed))
    for decision, found in (("--landed", doubts[there]), ("--dropped", doubts[~there].iloc[10:])):
        found.to_csv(shell.folder / f"{decision[2:]}.csv", index=False)
        shell.run("resolve", CHECKPOINT, decision, "--from", f"{decision[2:]}.csv")


@dataclass
class Shell:
    """Runs the real command in a folder."""

    folder: Path
    url: str

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PUSHWOOSH_API_TOKEN": "not-a-real-token"}
        return subprocess.Popen(
            [sys.executable, "-m", "loader", *arguments], cwd=self.folder, env=environment
        )

    def run(self, *arguments: str) -> None:
        """Run a command to its end."""
        process = self.start(*arguments)
        print(f"{arguments[0]}: exit code {process.wait()}", flush=True)

    def load(self, *, end: Callable[[], bool] | None = None, by: signal.Signals = signal.SIGINT) -> None:
        """The load, ended by a signal when it is so far."""
        arguments = ["events", "purchases.csv", "--mapping", "purchases.toml", "--app", "CDNOW-00001"]
        process = self.start(*arguments, "--endpoint", self.url, "--checkpoint", CHECKPOINT, "--quiet")
        while end and process.poll() is None and not end():
            time.sleep(0.02)
        if end:
            process.send_signal(by)
        print(f"load: exit code {process.wait()}", flush=True)


if __name__ == "__main__":
    main()
