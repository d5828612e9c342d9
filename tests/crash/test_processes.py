"""Loads over several processes: a worker that dies, and signals to all of them at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView
from loader.methods import METHODS, Kind
from tests.checker import check
from tests.crash.campaign import Tally, ended, settle_doubts
from tests.crash.load import CONCURRENCY, PATIENCE_SECONDS, Load, unmappable, write_input
from tests.crash.vendor import Alarm, RecordingVendor, refuses

if TYPE_CHECKING:
    from tests import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")

ROWS = 600


def workers(process: warm.Process) -> list[int]:
    """The processes that a load sends with."""
    return list(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


@pytest.mark.parametrize("kind", Kind)
def test_a_worker_that_is_killed_costs_at_most_its_window(tmp_path: Path, kind: Kind) -> None:
    """The load continues over another worker; what the dead one had is in doubt, or is sent again."""
    write_input(tmp_path / f"{kind}.csv", kind, ROWS)
    with RecordingVendor(tmp_path / "landed") as vendor:
        load, due = Load(tmp_path, kind, ROWS, vendor, processes=2), threading.Event()
        vendor.alarm = Alarm(100, due.set)
        with load.start() as process:
            assert due.wait(PATIENCE_SECONDS)
            os.kill(workers(process)[0], signal.SIGKILL)
            said = ended(process)
        ledger = check(CheckpointView.open(load.checkpoint), vendor.landed)
        assert len(ledger.in_doubt) <= CONCURRENCY
        assert not ledger.never_sent
        assert process.returncode == (4 if ledger.in_doubt else 3), said
        assert METHODS[kind].repeatable or set(vendor.landed.values()) == {1}
        settle_doubts(load, Tally())


def test_ctrl_c_reaches_all_processes_and_leaves_no_doubt(tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to each of them: what is on the wire is answered, the rest was never sent."""
    write_input(tmp_path / "events.csv", Kind.EVENTS, 3000)
    with RecordingVendor(tmp_path / "landed") as vendor:
        load, due = Load(tmp_path, Kind.EVENTS, 3000, vendor, processes=2), threading.Event()
        vendor.alarm = Alarm(100, due.set)
        with load.start() as process:
            assert due.wait(PATIENCE_SECONDS)
            for pid in [*workers(process), process.pid]:
                os.kill(pid, signal.SIGINT)
            said = ended(process)
        assert process.returncode == 130, said
        ledger = check(CheckpointView.open(load.checkpoint), vendor.landed)
    assert not ledger.in_doubt
    assert ledger.never_sent


def test_a_load_over_processes_is_the_same_load(tmp_path: Path) -> None:
    """Begun over one process and ended over three, every row is there once."""
    write_input(tmp_path / "events.csv", Kind.EVENTS, ROWS)
    with RecordingVendor(tmp_path / "landed") as vendor:
        first, due = Load(tmp_path, Kind.EVENTS, ROWS, vendor), threading.Event()
        vendor.alarm = Alarm(100, due.set)
        with first.start() as process:
            assert due.wait(PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
            ended(process)
        with Load(tmp_path, Kind.EVENTS, ROWS, vendor, processes=3).start() as process:
            said = ended(process)
        assert process.returncode == 3, said
        ledger = check(CheckpointView.open(first.checkpoint), vendor.landed)
    assert ledger.confirmed == {row for row in range(ROWS) if not (unmappable(row) or refuses(row))}


@pytest.mark.parametrize("processes", [0, 65])
def test_a_number_that_cannot_be_is_refused(tmp_path: Path, processes: int) -> None:
    """Nothing is sent where the number of processes makes no sense."""
    write_input(tmp_path / "events.csv", Kind.EVENTS, 1)
    with RecordingVendor(tmp_path / "landed") as vendor:
        with Load(tmp_path, Kind.EVENTS, 1, vendor, processes).start() as process:
            said = ended(process)
        assert not vendor.landed
    assert process.returncode == 2
    assert f"--processes is {processes}" in said
