"""A worker whose permit is over sends nothing, and a load waits for the permits of a run that died."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loader.choices import Cluster, Library
from loader.cluster import permit
from loader.conditions import BEGAN, ENDED, Conditions, Ending, may_still_send
from loader.delivery import Brake, Target, open_line_in_process
from loader.errors import CheckpointLocked
from loader.journal import CheckpointView, Journal
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.model import Answer, Attempt, Outcome, State
from loader.pipeline import load, prepare
from loader.planning import build_identity
from loader.progress import Silent
from loader.settings import Endpoint, Settings
from tests.faultserver import FaultServer, hang

if TYPE_CHECKING:
    from pathlib import Path

    from loader.planning import Plan
    from tests.cluster.dask_processes import DaskProcesses

_PATIENCE = 60.0


def send_one(server: FaultServer, library: Library, *answers: bool) -> Attempt:
    """What becomes of one request, if it is said of each body in turn whether it may leave."""
    said = iter(answers)
    line = open_line_in_process(Target(library, server.url + "postEvent", None, 1), lambda: next(said))
    line.send(b'{"row":1}', "row")
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for _, attempt in line.turn(0.1):
            line.close()
            return attempt
    raise AssertionError("the attempt did not end")


@pytest.mark.parametrize("library", Library)
def test_a_body_that_may_not_leave_any_more_does_not_reach_the_vendor(library: Library) -> None:
    """A process that stood still between its decision to send and the wire looks at the clock once more."""
    with FaultServer() as server:
        attempt = send_one(server, library, *([False] * 9))
        assert not isinstance(attempt, Answer)
        assert not server.bodies


@pytest.mark.parametrize("library", Library)
def test_a_body_that_may_leave_is_sent_once(library: Library) -> None:
    """The question costs no request."""
    with FaultServer() as server:
        assert isinstance(send_one(server, library, *([True] * 9)), Answer)
        assert server.bodies == [b'{"row":1}']


ON_CLUSTER = Conditions(options={"cluster": "tcp://10.0.0.1:8786"}).to_text()
ALONE = Conditions().to_text()
CLEAN = Ending().to_text()
GIVEN_UP = Ending(interrupted=True, sending=True).to_text()


def plan_users(folder: Path, server: FaultServer) -> Plan:
    """A load of three users."""
    source = folder / "users.csv"
    source.write_text("device_id,user_id\nD0,u0\nD1,u1\nD2,u2\n")
    endpoint = Endpoint.parse(server.url)
    return prepare(Settings(Kind.USERS, (str(source),), "AAAAA-BBBBB", endpoint, folder / "users.ckpt"))


def run_before(plan: Plan, *notes: tuple[str, str]) -> None:
    """A run that noted this, and left the first row in doubt."""
    assert plan.settings.checkpoint is not None
    with Journal.open(plan.settings.checkpoint, build_identity(plan)) as journal:
        for what, detail in notes:
            journal.note(what, detail)
        journal.lease(range(1))
        journal.sending(0)
        journal.settle([Outcome(0, State.IN_DOUBT, 1)])


@pytest.mark.parametrize(
    ("runs", "waits"),
    [
        ([[(BEGAN, ON_CLUSTER)]], True),
        ([[(BEGAN, ON_CLUSTER), (ENDED, GIVEN_UP)]], True),
        ([[(BEGAN, ON_CLUSTER)], []], True),
        ([[(BEGAN, ON_CLUSTER), (ENDED, CLEAN)]], False),
        ([[(BEGAN, ON_CLUSTER)], [(BEGAN, ALONE)]], False),
        ([[(BEGAN, ALONE)]], False),
        ([[]], False),
    ],
)
def test_a_load_waits_for_the_workers_of_a_run_that_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[tuple[str, str]]], waits: bool
) -> None:
    """Before it is over what they may still send, nothing is sent and no doubt is given back to be sent."""
    waited: list[bool] = []

    def wait(_: Brake) -> bool:
        view = CheckpointView.open(tmp_path / "users.ckpt")
        assert [row.ordinal for row in view.exceptions(State.IN_DOUBT)] == [0]
        assert not server.bodies
        waited.append(True)
        return True

    monkeypatch.setattr(permit, "wait_out", wait)
    with FaultServer() as server:
        plan = plan_users(tmp_path, server)
        for number, notes in enumerate(runs):
            run_before(plan, *notes) if not number else note(plan, *notes)
        result = load(prepare(plan.settings), brake=Brake(), watch=Silent())
    assert bool(waited) == waits
    assert result.account.confirmed == 3


def note(plan: Plan, *notes: tuple[str, str]) -> None:
    """A run that noted this and ended before its first lease."""
    assert plan.settings.checkpoint is not None
    with Journal.open(plan.settings.checkpoint, build_identity(plan)) as journal:
        for what, detail in notes:
            journal.note(what, detail)


def test_permits_are_waited_for_until_they_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as the longest permit, and the margin for clocks."""
    monkeypatch.setattr(permit, "PERMIT_SECONDS", 0.2)
    monkeypatch.setattr(permit, "MARGIN_SECONDS", 0.1)
    before = time.monotonic()
    assert permit.wait_out(Brake())
    assert time.monotonic() - before >= 0.3


def test_who_ends_the_wait_loads_nothing_and_waits_the_next_time(tmp_path: Path) -> None:
    """Ctrl-C while it waits ends at once, with nothing sent; the next start waits again."""
    brake = Brake()
    brake.drain()
    with FaultServer() as server:
        plan = plan_users(tmp_path, server)
        run_before(plan, (BEGAN, ON_CLUSTER))
        for _ in range(2):
            result = load(prepare(plan.settings), brake=brake, watch=Silent())
            assert result.exit_code == 130
            assert (result.account.in_doubt, result.account.never_sent) == (1, 2)
        assert not server.bodies


def test_a_run_that_is_ended_at_once_notes_that_workers_may_still_send(
    tmp_path: Path, dask: DaskProcesses
) -> None:
    """After a second Ctrl-C nobody waits for what workers have, so the next start does."""
    brake = Brake()
    with FaultServer([hang]) as server:
        plan = plan_users(tmp_path, server)
        options = LoadOptions(cluster=Cluster.parse(dask.address))
        plan = prepare(replace(plan.settings, options=options))

        def halt() -> None:
            server.await_accepted(1, _PATIENCE)
            brake.halt()

        ending = threading.Thread(target=halt)
        ending.start()
        result = load(plan, brake=brake, watch=Silent())
        ending.join()
    assert result.interrupted
    assert may_still_send(CheckpointView.open(tmp_path / "users.ckpt").notes)


def test_a_second_coordinator_is_refused_before_it_meets_a_worker(tmp_path: Path) -> None:
    """Two loads never have one checkpoint, whichever workers they would have."""
    with FaultServer() as server:
        plan = plan_users(tmp_path, server)
        options = LoadOptions(cluster=Cluster.parse("tcp://127.0.0.1:9"))
        second = prepare(replace(plan.settings, options=options))
        assert second.settings.checkpoint is not None
        with (
            Journal.open(second.settings.checkpoint, build_identity(plan)),
            pytest.raises(CheckpointLocked),
        ):
            load(second, brake=Brake(), watch=Silent())
