"""Workers that do not answer, that are cut off and come back, and a scheduler that is gone."""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import loader
from loader.cluster import connecting, joining, permit
from loader.cluster.messages import Assignment
from loader.delivery import Target
from loader.journal import CheckpointView
from loader.methods import Kind
from loader.settings import Endpoint, Settings
from tests.checker import check, noted
from tests.crash.cluster.machines import Machines
from tests.crash.load import write_input
from tests.crash.vendor import Alarm, RecordingVendor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loader.api.results import LoadResult
    from loader.cluster.messages import Orders

ROWS = 400
_PATIENCE = 120.0


@pytest.fixture
def short_permits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Permits that are over soon."""
    monkeypatch.setattr(permit, "PERMIT_SECONDS", 1.0)
    monkeypatch.setattr(permit, "MARGIN_SECONDS", 0.2)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[RecordingVendor]:
    """Notes what it takes."""
    with RecordingVendor(tmp_path / "landed") as serving:
        yield serving


def load_events(folder: Path, vendor: RecordingVendor, address: str) -> LoadResult:
    """A load in this process, whose account is true."""
    write_input(folder / "events.csv", Kind.EVENTS, ROWS)
    result = loader.load_events(
        folder / "events.csv",
        application="AAAAA-11111",
        endpoint=vendor.url,
        checkpoint=folder / "c",
        progress=False,
        concurrency=4,
        cluster=address,
    )
    check(CheckpointView.open(folder / "c"), noted(folder / "landed"))
    return result


def when_sending(vendor: RecordingVendor, act: Callable[[], None]) -> None:
    """Act once some rows were taken, in another thread."""
    vendor.alarm = Alarm(50, lambda: threading.Thread(target=act, daemon=True).start())


def test_a_worker_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, vendor: RecordingVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that hangs when a load begins takes no part in it, and the others load."""
    monkeypatch.setattr(joining, "_ANSWER_SECONDS", 0.1)
    with Machines(tmp_path, 2) as machines:
        machines.await_workers(2)
        machines.stop_worker("worker-2")
        result = load_events(tmp_path, vendor, machines.address)
    assert result.stopped is None
    assert result.account.never_sent == 0


def test_workers_that_all_do_not_answer_are_named(
    tmp_path: Path, vendor: RecordingVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no worker answers, the load is refused with the name of one."""
    monkeypatch.setattr(joining, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(joining, "_OPEN_SECONDS", 0.5)
    with Machines(tmp_path, 1) as machines:
        machines.await_workers(1)
        machines.stop_worker("worker-1")
        with pytest.raises(loader.ConfigError, match="worker-1: it does not answer"):
            load_events(tmp_path, vendor, machines.address)
    assert not vendor.landed


@pytest.mark.usefixtures("short_permits")
def test_a_worker_that_was_cut_off_takes_part_again(tmp_path: Path, vendor: RecordingVendor) -> None:
    """After the network is back, the only worker of a cluster loads what is left."""

    def cut_off() -> None:
        machines.stop_worker("worker-1")
        threading.Timer(2.5, machines.continue_worker, ["worker-1"]).start()

    with Machines(tmp_path, 1) as machines:
        machines.await_workers(1)
        when_sending(vendor, cut_off)
        result = load_events(tmp_path, vendor, machines.address)
    assert result.stopped is None
    assert result.account.never_sent == 0


@pytest.mark.usefixtures("short_permits")
def test_a_load_whose_scheduler_is_gone_ends_and_can_be_resumed(
    tmp_path: Path, vendor: RecordingVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until no worker can send any more, and not for workers that cannot come."""
    monkeypatch.setattr(connecting, "_CONNECT_SECONDS", 1)
    with Machines(tmp_path, 2) as machines:
        machines.await_workers(2)
        when_sending(vendor, machines.kill_scheduler)
        result = load_events(tmp_path, vendor, machines.address)
        assert "the scheduler cannot be reached" in str(result.stopped)
        assert 0 < result.account.never_sent < ROWS
        machines.start_all()
        monkeypatch.setattr(connecting, "_CONNECT_SECONDS", 60)
        result = load_events(tmp_path, vendor, machines.address)
    assert result.stopped is None
    assert result.account.never_sent == 0


class LateClient:
    """A client of a cluster whose only worker answers when it is let.

    Attributes:
        answers: is set to let it.
        exchanges: how many were begun with it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answers = threading.Event()
        self.exchanges = 0
        self.status = "running"
        self.loop = SimpleNamespace(asyncio_loop=loop)
        self.scheduler = SimpleNamespace(address="tcp://127.0.0.1:1")
        self.as_current = nullcontext

    def scheduler_info(self, **_: object) -> dict[str, dict[str, dict[str, str]]]:
        """What the scheduler says of its workers."""
        return {"workers": {"tcp://127.0.0.1:2": {"name": "late"}}}

    def submit(self, *_: object, **__: object) -> SimpleNamespace:
        """Open an actor."""
        return SimpleNamespace(result=self._answer)

    def _answer(self, _: float) -> SimpleNamespace:
        assert self.answers.wait(_PATIENCE)
        opened = SimpleNamespace(result=lambda _: (0.0, None))
        return SimpleNamespace(open=lambda *_: opened, exchange=self._exchange)

    def _exchange(self, _: Orders) -> None:
        self.exchanges += 1


def test_a_worker_that_answers_after_the_load_has_ended_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster that stays, nobody talks to a worker of a load that is over."""
    monkeypatch.setattr(joining, "_ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(joining, "_OPEN_SECONDS", 0.05)
    loop = asyncio.new_event_loop()
    told: list[object] = []
    settings = Settings(Kind.EVENTS, (str(tmp_path / "e.csv"),), "A-B", Endpoint.parse("http://127.0.0.1:9/"))
    client = LateClient(loop)
    assignment = Assignment("", b"", Target.of(settings), 1.0)
    joined = joining.Joining(client, settings, (), assignment, told.append)
    before = set(threading.enumerate())
    joined.open_all()
    (asking,) = [each for each in set(threading.enumerate()) - before if each.name.endswith("worker")]
    joined.close()
    client.answers.set()
    asking.join(_PATIENCE)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert (told, client.exchanges) == ([], 0)
