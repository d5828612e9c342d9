"""Rows of workers that were lost: each says which worker had it, and all are counted as one reason."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from loader.checkpoint_facts import count_reasons, explain
from loader.cluster.line import ClusterLine
from loader.cluster.messages import make_references
from loader.cluster.parts import Part
from loader.cluster.station import Lost, Station
from loader.delivery import Brake, Dispatch, Policy
from loader.journal import CheckpointView, Journal
from loader.journal.table_rows import ExceptionRow
from loader.methods import Kind
from loader.model import Outcome, Request, State, Worker
from loader.planning import build_identity, prepare
from loader.progress.failed_rows import FIRST_ROWS, FirstFailures, list_failed
from loader.reporting import group_rows
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

WORKERS = 8
SHARED = "the worker that had this row was lost"


class Doomed(Station):
    """A worker that is lost as soon as it was handed its rows."""

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over, and be lost."""
        super().flush(loop)
        self._tell(Lost(self, "it does not answer"))


class Losses(NamedTuple):
    """What becomes of two rows of each of some workers that are lost, the news of that, and the workers."""

    outcomes: list[Outcome]
    news: list[tuple[str, str, str]]
    workers: tuple[Worker, ...]


def lose_all(sending: Any, *names: str) -> Losses:
    """Send two rows by each worker, and lose it."""
    news: list[tuple[str, str, str]] = []
    outcomes: list[Outcome] = []
    with closing(asyncio.new_event_loop()) as loop:
        line = ClusterLine(loop, lambda *told: news.append(told))
        requests = []
        for number, name in enumerate(names):
            rows = range(2 * number, 2 * number + 2)
            worker = Doomed(name, None, 0.0, heard_at=time.monotonic(), permit_seconds=1, tell=line.tell)
            line.tell(worker)
            line.parts.open[number] = Part(number, (rows,), holder=worker, ready=True, leased=True)
            bodies = make_references(number, np.array(rows)).to_pylist()
            requests += [Request(row, "", body) for row, body in zip(rows, bodies, strict=True)]
        dispatch = Dispatch(line, policy=Policy(concurrency=2 * WORKERS), brake=Brake(), sending=sending)
        for group in dispatch.deliver(requests):
            outcomes += group
        return Losses(outcomes, news, line.list_workers())


def test_rows_of_many_lost_workers_have_one_reason(tmp_path: Path, command: CommandLine) -> None:
    """`status`, a report, the log and files of failed rows count them together; each names its worker."""
    source, checkpoint = tmp_path / "users.csv", tmp_path / "users.csv.users.ckpt"
    rows = [f"u{row},D{row}\n" for row in range(2 * WORKERS)]
    source.write_text("user_id,device_id\n" + "".join(rows))
    endpoint = Endpoint.parse("http://127.0.0.1:9/")
    settings = Settings(Kind.USERS, (str(source),), "AAAAA-BBBBB", endpoint, checkpoint)
    with Journal.open(checkpoint, build_identity(prepare(settings))) as journal:
        journal.lease(range(2 * WORKERS))
        outcomes, news, _ = lose_all(journal.sending, *(f"w{number}" for number in range(WORKERS)))
        journal.settle(outcomes)
    assert [told[0] for told in news] == ["worker_joined"] * WORKERS + ["worker_lost"] * WORKERS
    view = CheckpointView.open(checkpoint)
    assert explain(view).in_doubt == [(SHARED, 2 * WORKERS)]
    assert [
        (group.reason, group.rows) for group in group_rows(view, State.IN_DOUBT, with_examples=False)
    ] == [(SHARED, 2 * WORKERS)]
    (group,) = group_rows(view, State.IN_DOUBT, with_examples=True)
    assert group.examples[0] == "worker w0 was lost while it had this row"
    assert len(list(FirstFailures().select(list_failed(outcomes)))) == FIRST_ROWS
    assert command.run("failures", checkpoint, "--in-doubt", "-o", "failed.csv").code == 0
    failed = pd.read_csv(command.folder / "failed.csv")
    assert set(failed["_loader_reason"]) == {SHARED}
    named = [f"worker w{row // 2} was lost while it had this row" for row in range(2 * WORKERS)]
    assert failed["_loader_message"].tolist() == named


@pytest.mark.parametrize(
    ("name", "begins", "called"),
    [
        ("0", "Worker 0", "worker 0"),
        ("10.0.0.9:34567", "Worker 10.0.0.9:34567", "worker 10.0.0.9:34567"),
        ("worker-2", "worker-2", "worker-2"),
        ("dask-Worker-7", "dask-Worker-7", "dask-Worker-7"),
    ],
)
def test_a_worker_is_called_by_a_word_and_its_name(name: str, begins: str, called: str) -> None:
    """Neither "0 was lost" nor "worker worker-2 was lost"; and the news says how many rows it had."""
    outcomes, (joined, lost), _ = lose_all(lambda *_: None, name)
    assert [outcome.message for outcome in outcomes] == [f"{called} was lost while it had this row"] * 2
    assert joined[1] == f"{begins} takes part."
    had = "It had 2 rows that may have been sent. Its other rows go to the others."
    assert lost[1] == f"{begins} was lost: it does not answer. {had}"


def test_rows_that_were_lost_with_a_worker_count_as_its_doubts() -> None:
    """It has nothing on the wire any more, and no rate; what it had is in doubt."""
    (worker,) = lose_all(lambda *_: None, "w").workers
    assert (worker.in_flight, worker.doubts, worker.rate) == (0, 2, 0.0)
    assert worker.lost == "it does not answer"


def test_a_doubt_that_is_left_out_says_so_and_not_why_it_was_in_doubt() -> None:
    """The reason that equal rows share gives way when something else becomes of the row."""
    doubt = Outcome(0, State.IN_DOUBT, message="worker w0 was lost while it had this row", reason=SHARED)
    row = ExceptionRow.of_outcome(doubt, at=0.0, resent=False).given_back(marked=True, at=1.0)
    assert row.reason == SHARED
    left_out = row.left_out_in_doubt("the selection", at=2.0)
    assert count_reasons([left_out]) == [("in doubt, then left out: the selection", 1)]


def test_a_lost_worker_has_no_rate_but_keeps_its_mean() -> None:
    """What it did just before it was lost is not what it does now."""
    since = time.monotonic() - 10
    worker = Station("w", None, 0.0, heard_at=since, permit_seconds=1, tell=lambda _: None)
    worker.answered = 500
    assert worker.look().rate == pytest.approx(50, rel=0.1)
    lost = worker.look("it does not answer")
    assert (lost.rate, lost.rows) == (0.0, 500)
    assert lost.mean == pytest.approx(50, rel=0.1)
