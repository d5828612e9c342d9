"""Loads on the workers of a cluster: the same rows, bodies, rejects and account as on one machine."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from loader.event_counts import count_events
from loader.journal import CheckpointView
from loader.progress import Silent
from loader.report.html import render_page
from loader.reporting import gather, list_runs
from loader.settings import NOTHING_IN_MEMORY
from tests.faultserver import FaultServer, answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.dask_processes import DaskProcesses
    from tests.conftest import CommandLine

APPLICATION = "XXXXX-XXXXX"
TOKEN = "a-made-up-token-of-the-tests"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """3,000 events of 1,000 devices, among them rows that cannot be mapped."""
    rows = range(3000)
    frame = pd.DataFrame(
        {
            "event": ["purchase"] * len(rows),
            "hwid": ["" if row % 500 == 499 else f"device-{row % 1000:05}" for row in rows],
            "timestamp": [f"2026-03-01T00:{row // 60 % 60:02}:{row % 60:02}Z" for row in rows],
            "order": [f"order {row}" for row in rows],
        }
    )
    path = tmp_path / "events.csv"
    frame.to_csv(path, index=False)
    return path


def load_events(source: object, server: FaultServer, **options: Any) -> loader.LoadResult:
    """One load, to a server on this machine."""
    given: Any = source
    return loader.load_events(given, application=APPLICATION, endpoint=server.url, progress=False, **options)


def test_the_same_rows_arrive_as_from_one_machine(events: Path, tmp_path: Path, dask: DaskProcesses) -> None:
    """Bodies, rejects, the account and what a report counts do not depend on who reads, maps and sends."""
    found = []
    for cluster in (None, dask.address):
        checkpoint = tmp_path / f"{bool(cluster)}.ckpt"
        with FaultServer() as server:
            result = load_events(events, server, checkpoint=checkpoint, cluster=cluster)
            failures = result.rejected.filter(regex="^(?!_loader_(at|load)$)").to_json(orient="records")
            account = result.account
            counts = (account.confirmed, account.rejected, account.in_doubt, account.never_sent)
            view = CheckpointView.open(checkpoint)
            named = count_events(view, (str(events),), NOTHING_IN_MEMORY, Silent())
            found.append((Counter(server.bodies), failures, counts, named))
    for one, other in zip(*found, strict=True):
        assert one == other
    assert found[0][2] == (2994, 6, 0, 0)
    assert found[0][3].read == 0
    assert all(count == 1 for count in found[1][0].values())


def test_both_workers_send(events: Path, tmp_path: Path, dask: DaskProcesses) -> None:
    """A load that has a second worker uses it: connections come from two processes."""
    with FaultServer() as server:
        load_events(events, server, checkpoint=tmp_path / "c", cluster=dask.address, concurrency=1, limit=400)
        shares = Counter(request.connection for request in server.accepted)
    assert len(shares) == 2
    assert min(shares.values()) > 40


def test_the_rows_of_a_device_keep_their_order_over_workers(
    events: Path, tmp_path: Path, dask: DaskProcesses
) -> None:
    """Each device has three events, in the parts of different workers: they arrive as they stand."""
    with FaultServer() as server:
        load_events(events, server, checkpoint=tmp_path / "c", cluster=dask.address, order="device")
        arrived: dict[str, list[int]] = {}
        for body in server.bodies:
            request = json.loads(body)["request"]
            arrived.setdefault(request["hwid"], []).append(int(request["attributes"]["order"].split()[1]))
    assert len(arrived) == 998
    assert all(rows == sorted(rows) for rows in arrived.values())


def test_a_load_that_stopped_on_a_cluster_continues_on_one_machine_and_back(
    events: Path, tmp_path: Path, dask: DaskProcesses
) -> None:
    """The checkpoint is the same, whoever sends."""
    with FaultServer() as server:
        for limit, cluster in ((1000, dask.address), (2000, None), (None, dask.address)):
            load_events(events, server, checkpoint=tmp_path / "c", cluster=cluster, limit=limit)
        assert Counter(Counter(server.bodies).values()) == {1: 2994}


def test_an_input_is_read_to_where_it_is_damaged(tmp_path: Path, dask: DaskProcesses) -> None:
    """Rows before a damaged place are sent by workers too, and the load says where it is."""
    import gzip  # noqa: PLC0415

    day = "2026-03-01T00:00:00Z"
    text = "event,hwid,timestamp,order\n" + "".join(f"purchase,d{row},{day},{row}\n" for row in range(40_000))
    whole = tmp_path / "events.csv.gz"
    whole.write_bytes(gzip.compress(text.encode()))
    stops = []
    for cluster in (None, dask.address):
        path = tmp_path / f"{bool(cluster)}" / "events.parquet"
        path.parent.mkdir()
        frame = pd.read_csv(whole, dtype=str)
        frame.to_parquet(path, row_group_size=5000)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 2000] = bytes(2000)
        path.write_bytes(content)
        with FaultServer() as server:
            result = load_events(path, server, checkpoint=path.with_suffix(".ckpt"), cluster=cluster)
            stops.append(
                (str(result.stopped).replace(str(path), "X"), len(server.bodies), result.account.confirmed)
            )
    assert stops[0] == stops[1]
    assert 0 < stops[0][1] < 40_000


def test_a_pause_that_the_vendor_asks_of_one_worker_is_one_of_all(
    events: Path, tmp_path: Path, dask: DaskProcesses
) -> None:
    """After a 429 nothing is sent until the time is over, and nothing is lost."""
    with FaultServer([answer(), answer(429, b"", "Retry-After: 1"), answer()]) as server:
        result = load_events(
            events, server, checkpoint=tmp_path / "c", cluster=dask.address, limit=300, concurrency=4
        )
        assert result.account.confirmed == 300
        assert result.account.attempts > 300


def test_the_token_stands_in_no_log_and_no_task(events: Path, tmp_path: Path, dask: DaskProcesses) -> None:
    """It reaches the vendor, and nobody who looks at the cluster can read it."""
    import requests  # noqa: PLC0415
    from distributed import Client  # noqa: PLC0415

    client: Any = Client(dask.address, set_as_default=False)  # type: ignore[no-untyped-call]
    with client, FaultServer() as server:
        result = load_events(
            events, server, checkpoint=tmp_path / "c", cluster=client, token=TOKEN, limit=200
        )
        assert result.account.confirmed == 200
        assert all(request.header("authorization") == [f"Token {TOKEN}"] for request in server.accepted)
        pages = [
            requests.get(client.dashboard_link.replace("status", page), timeout=30).text
            for page in ("info/main/workers.html", "tasks", "info/main/logs.html", "json/counts.json")
        ]
        known = [str(client.run_on_scheduler(lambda dask_scheduler: str(vars(dask_scheduler)))), *pages]
        known += [str(client.get_scheduler_logs()), str(client.get_worker_logs()), dask.log]
        assert not any(TOKEN in text for text in known)
        assert client.status == "running"


def test_a_cluster_that_is_not_there_is_refused_in_words(events: Path, command: CommandLine) -> None:
    """Nothing was sent, and the user is told which address cannot be reached."""
    ran = command.run(
        "events",
        events,
        "--app",
        APPLICATION,
        "--endpoint",
        "http://127.0.0.1:9/",
        "--cluster",
        "tcp://127.0.0.1:9",
        "--yes",
    )
    assert ran.code == 2
    assert "The Dask cluster tcp://127.0.0.1:9 cannot be reached" in ran.err


def test_what_workers_cannot_take_part_in_is_refused(tmp_path: Path, dask: DaskProcesses) -> None:
    """A table in memory, a session and processes belong to one machine; the error says what to do."""
    frame = pd.DataFrame({"event": ["purchase"], "hwid": ["d"], "timestamp": ["2026-03-01T00:00:00Z"]})
    with FaultServer() as server, pytest.raises(loader.ConfigError, match="Write it to a Parquet file"):
        load_events(frame, server, checkpoint=tmp_path / "c", cluster=dask.address)
    path = tmp_path / "e.csv"
    frame.to_csv(path, index=False)
    with FaultServer() as server, pytest.raises(loader.ConfigError, match="both say who sends"):
        load_events(path, server, checkpoint=tmp_path / "c", cluster=dask.address, processes=2)


def test_a_ledger_keeps_rows_from_going_twice(events: Path, tmp_path: Path, dask: DaskProcesses) -> None:
    """Keys are read by workers and judged by the one ledger: the same rows are not sent again."""
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'kind = "events"\nkey = ["order"]\n[fields]\nevent = "event"\nhwid = "hwid"\n'
        'timestamp = "timestamp"\n'
        '[attributes]\norder = "order"\n'
    )
    with FaultServer() as server:
        for name, cluster in (("a", None), ("b", dask.address), ("c", dask.address)):
            copy, more = tmp_path / f"{name}.csv", "purchase,new,2026-03-01T00:00:00Z,more\n"
            copy.write_text(events.read_text() + (more if name == "b" else ""))
            load_events(
                copy,
                server,
                checkpoint=tmp_path / name,
                cluster=cluster,
                mapping=mapping,
                ledger=tmp_path / "ledger",
            )
        assert Counter(Counter(server.bodies).values()) == {1: 2995}


def test_who_sent_is_seen_in_the_log_and_afterwards(
    events: Path, dask: DaskProcesses, command: CommandLine
) -> None:
    """The log says where the dashboard is and who takes part; the checkpoint keeps what each did."""
    with FaultServer() as server:
        to_server = ("--app", APPLICATION, "--endpoint", server.url, "--cluster", dask.address)
        ran = command.run("events", events, *to_server, "--yes", "--log-format", "json", "--checkpoint", "c")
        assert ran.code == 3
    told = [json.loads(line) for line in ran.err.splitlines()]
    (dashboard,) = (event for event in told if event["event"] == "dashboard")
    assert re.fullmatch(r"Dask's dashboard is at http://127\.0\.0\.1:\d+/status", dashboard["message"])
    assert {event["worker"] for event in told if event["event"] == "worker_joined"} == {
        "worker-1",
        "worker-2",
    }
    (start,) = (event for event in told if event["event"] == "start")
    assert {worker["worker"] for worker in start["workers"]} == {"worker-1", "worker-2"}
    view = CheckpointView.open(command.folder / "c")
    (run,) = list_runs(view, with_examples=False)
    assert sum(worker.rows for worker in run.workers) == 2994
    assert all(worker.rate and not worker.lost for worker in run.workers)
    page = render_page(gather(view, "c", [str(events)]))
    assert all(worker.name in page for worker in run.workers)
