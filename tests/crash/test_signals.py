"""Ctrl-C and SIGTERM: a true account, whatever the vendor is doing."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.delivery import DRAIN_SECONDS
from loader.journal import CheckpointView
from loader.methods import Kind
from tests.checker import Ledger, check
from tests.crash.load import CONCURRENCY, PATIENCE_SECONDS, Load, write_input
from tests.crash.vendor import Alarm, RecordingVendor
from tests.faultserver import http

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests import warm
    from tests.faultserver import Visit

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")


class Silent(RecordingVendor):
    """Takes every row and never answers."""

    def reply(self, visit: Visit, ordinal: int) -> None:
        """Nothing."""
        visit.await_hang_up()


class Busy(RecordingVendor):
    """Takes nothing, and asks for an hour's patience."""

    def takes(self, ordinal: int) -> bool:
        """Not now."""
        return False

    def reply(self, visit: Visit, ordinal: int) -> None:
        """Come back later."""
        visit.send(http(429, b"", "Retry-After: 3600"))


def interrupted(
    folder: Path, vendor: RecordingVendor, *signals: signal.Signals, after: int, answered: bool = False
) -> Ledger:
    """A load that gets signals once the vendor has had enough requests; what its checkpoint says."""
    write_input(folder / "events.csv", Kind.EVENTS, 3000)
    with vendor:
        load, due = Load(folder, Kind.EVENTS, 3000, vendor), threading.Event()
        vendor.alarm = Alarm(after, due.set, answered=answered)
        with load.start() as process:
            assert due.wait(PATIENCE_SECONDS)
            said = signalled(process, signals)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    return check(CheckpointView.open(load.checkpoint), vendor.landed)


def signalled(process: warm.Process, signals: Sequence[signal.Signals]) -> str:
    """Send signals, each once the one before was noticed; what the process said."""
    assert process.stderr is not None
    lines: list[str] = []
    first, *more = signals
    process.send_signal(first)
    for number in more:
        # Two signals of one kind at once are one.
        while "Press Ctrl-C again" not in "".join(lines):
            lines.append(process.stderr.readline())
            assert lines[-1], f"it ended after one signal: {''.join(lines)}"
        process.send_signal(number)
    # Whoever waits for the vendor needs all of the drain.
    return "".join(lines) + process.communicate(timeout=0.8 * DRAIN_SECONDS)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_leaves_no_doubt(tmp_path: Path, number: signal.Signals) -> None:
    """What is on the wire is answered and settled; the rest was never sent."""
    ledger = interrupted(tmp_path, RecordingVendor(tmp_path / "landed"), number, after=100)
    assert not ledger.in_doubt
    assert ledger.confirmed
    assert ledger.never_sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Nobody waits for a vendor that is silent: at most the window is in doubt."""
    vendor = Silent(tmp_path / "landed")
    ledger = interrupted(tmp_path, vendor, signal.SIGINT, number, after=CONCURRENCY)
    assert ledger.in_doubt
    assert len(ledger.in_doubt) <= CONCURRENCY


def test_a_signal_while_the_vendor_asked_to_wait(tmp_path: Path) -> None:
    """A wait of an hour ends at once, with no row in doubt and none lost."""
    vendor = Busy(tmp_path / "landed")
    ledger = interrupted(tmp_path, vendor, signal.SIGINT, after=1, answered=True)
    assert not ledger.in_doubt
    assert not ledger.confirmed


def test_systemd_waits_longer_than_a_load_takes_to_end() -> None:
    """The unit of the how-to kills no load that still waits for answers, or that writes a large report."""
    page = Path(__file__).parent.parent.parent / "docs" / "how-to" / "nightly-job.md"
    (minutes,) = re.findall(r"^TimeoutStopSec=(\d+)min$", page.read_text("utf-8"), re.MULTILINE)
    report_of_ten_million_rows = 120.0  # ten times the seconds that the page names
    assert int(minutes) * 60 >= DRAIN_SECONDS + report_of_ten_million_rows
