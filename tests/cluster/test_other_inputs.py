"""Workers that do not find the input of the coordinator under its name: each has a folder of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import loader
from loader.journal import CheckpointView
from loader.methods import Kind
from tests.checker import check
from tests.crash.cluster.machines import Machines
from tests.crash.load import write_input
from tests.crash.vendor import RecordingVendor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.api.results import LoadResult

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the folder of a process in /proc")

ROWS = 3000
#: What this names depends on who reads it, as a path does on the disks of several machines.
HERE = "/proc/self/cwd/events.csv"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """A cluster of one worker, that has the input."""
    write_input(tmp_path / "events.csv", Kind.EVENTS, ROWS)
    with Machines(tmp_path, 1) as running:
        running.await_workers(1)
        yield running


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[RecordingVendor]:
    """Notes what it takes."""
    with RecordingVendor(tmp_path / "landed") as serving:
        yield serving


def load_events(folder: Path, vendor: RecordingVendor, address: str) -> LoadResult:
    """A load in this process, whose account is true."""
    result = loader.load_events(
        HERE,
        application="AAAAA-11111",
        endpoint=vendor.url,
        checkpoint=folder / "c",
        progress=False,
        cluster=address,
    )
    check(CheckpointView.open(folder / "c"), vendor.landed)
    return result


@pytest.mark.parametrize("content", ["none", "fewer rows", "other rows"])
def test_a_worker_with_another_input_sends_none_of_it(
    tmp_path: Path, machines: Machines, vendor: RecordingVendor, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """The load is refused with its name, or its rows go to another worker; none of what it has lands."""
    monkeypatch.chdir(tmp_path)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    whole = (tmp_path / "events.csv").read_text()
    other = {
        "none": "",
        "fewer rows": whole[: len(whole) // 2],
        "other rows": whole.replace("purch", "refun"),
    }
    if content != "none":
        (elsewhere / "events.csv").write_text(other[content])
    machines.start_worker(elsewhere)
    machines.await_workers(2)
    if content == "other rows":
        result = load_events(tmp_path, vendor, machines.address)
        assert (result.stopped, result.account.never_sent) == (None, 0)
    else:
        with pytest.raises(loader.ConfigError, match=f"worker-2: {HERE}"):
            load_events(tmp_path, vendor, machines.address)
    assert not any("refun" in body.decode() for body in vendor.bodies)
