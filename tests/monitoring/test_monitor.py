"""What a monitor reads: the file for Prometheus, and traces and metrics over OTLP."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from loader.model import RATE_LIMIT, Account, Wire
from loader.monitoring import Monitor
from loader.monitoring.measures import MEASURES
from loader.progress.moment import Moment
from loader.progress.pace import Speed
from tests import faultserver
from tests.cli.conftest import GOOD, NAMELESS, SANDBOXED, events_csv
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

Samples = dict[tuple[str, str], float]
LABELS = {"method", "job_name", "outcome", "class", "reason", "version"}


def scrape(path: Path) -> Samples:
    """The samples of a file as Prometheus's own parser reads them, by name and own label."""
    found: Samples = {}
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        assert family.documentation, family
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample
            own = [sample.labels[name] for name in ("outcome", "class", "reason") if name in sample.labels]
            found[sample.name.removeprefix("pushwoosh_loader_"), "".join(own)] = sample.value
    return found


def test_a_load_is_told_to_prometheus(command: CommandLine, tmp_path: Path) -> None:
    """Rows by outcome, answers by class, when it ran and how it ended, under the conventional names."""
    events_csv(tmp_path, GOOD, GOOD, NAMELESS)
    before = time.time()
    ran = command.run("events", "events.csv", *SANDBOXED, "--metrics", "events.prom")
    assert ran.code == 3, ran.err
    found = scrape(tmp_path / "events.prom")
    assert [found["rows", name] for name in ("confirmed", "rejected", "in_doubt", "never_sent")] == [
        2,
        1,
        0,
        0,
    ]
    assert (found["answers_total", "2xx"], found["requests_total", ""]) == (2, 2)
    assert (found["running", ""], found["exit_code", ""]) == (0, 3)
    assert before <= found["start_timestamp_seconds", ""] <= found["end_timestamp_seconds", ""]
    assert ("last_success_timestamp_seconds", "") not in found
    assert 'job_name="events",method="events"' in (tmp_path / "events.prom").read_text()


def test_the_last_success_outlives_a_failed_night(command: CommandLine, tmp_path: Path) -> None:
    """A monitor can alert on how long ago a night went well, also after a night without an input."""
    events_csv(tmp_path, GOOD)
    told = ("--metrics", "m.prom", "--job", "nightly events")
    assert command.run("events", "events.csv", *SANDBOXED, *told).code == 0
    first = scrape(tmp_path / "m.prom")
    assert command.run("events", "tomorrow.csv", *SANDBOXED, *told).code == 6
    second = scrape(tmp_path / "m.prom")
    success = "last_success_timestamp_seconds", ""
    assert first[success] == second[success] == first["end_timestamp_seconds", ""]
    assert (first["exit_code", ""], second["exit_code", ""], second["running", ""]) == (0, 6, 0)
    assert ("rows", "confirmed") not in second
    assert 'job_name="nightly events"' in (tmp_path / "m.prom").read_text()


def test_a_killed_load_still_says_that_it_runs(command: CommandLine, tmp_path: Path) -> None:
    """While it runs, the file says so; after a kill its time no longer moves."""
    events_csv(tmp_path, *([GOOD] * 500))
    path = tmp_path / "m.prom"
    with command.start("events", "events.csv", *SANDBOXED, "--rate", "20", "--metrics", path) as process:
        for _ in range(600):
            if path.exists() and ("rows", "confirmed") in scrape(path):
                break
            time.sleep(0.05)
        running = scrape(path)
        assert (running["running", ""], running["end_timestamp_seconds", ""]) == (1, 0)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert scrape(path)["running", ""] == 1


def test_a_running_load_is_looked_at_every_few_seconds(tmp_path: Path) -> None:
    """Each look writes the rate, what is on the wire, and what keeps the sender waiting."""
    monitor = Monitor("events", tmp_path / "m.prom", wall=lambda: 1_000.0)
    monitor.begin()
    wire = Wire(7, 40, 16, RATE_LIMIT, 1.5, (0, 30, 0, 2, 1), {RATE_LIMIT: 4.0, "something new": 1.0})
    account = Account(100, confirmed=30, rejected=2, in_doubt=1, in_flight=7)
    monitor.see(Moment(account, wire, 100, Speed(now=12.5), 3.0))
    found = scrape(tmp_path / "m.prom")
    assert found["rows_per_second", ""] == 12.5
    assert (found["requests_in_flight", ""], found["requests_in_flight_limit", ""]) == (7, 16)
    assert (found["answers_total", "2xx"], found["answers_total", "5xx"]) == (30, 1)
    assert (found["wait_left_seconds", "rate_limit"], found["wait_left_seconds", "outage"]) == (1.5, 0)
    assert (found["waited_seconds_total", "rate_limit"], found["waited_seconds_total", "other"]) == (4, 1)
    assert found["rows", "never_sent"] == 60
    monitor.end({"exit_code": 0, "confirmed": 98})
    assert scrape(tmp_path / "m.prom")["last_success_timestamp_seconds", ""] == 1_000


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_the_exporter_can_read_the_file(tmp_path: Path) -> None:
    """The exporter has another account, and its collector never meets a half-written file."""
    before = os.umask(0o022)
    try:
        Monitor("events", tmp_path / "m.prom").begin()
    finally:
        os.umask(before)
    assert (tmp_path / "m.prom").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["m.prom"]


def test_a_disk_that_is_full_ends_no_load(tmp_path: Path) -> None:
    """Metrics that cannot be written cost the metrics alone."""
    (tmp_path / "gone").mkdir()
    monitor = Monitor("events", tmp_path / "gone" / "m.prom")
    monitor.begin()
    (tmp_path / "gone" / "m.prom").unlink()
    (tmp_path / "gone").rmdir()
    monitor.end({"exit_code": 0})


class Collector(ThreadingHTTPServer):
    """Takes what an OpenTelemetry collector takes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.spans: list[Any] = []
        self.metrics: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Taker(BaseHTTPRequestHandler):
    """Decodes one message with the library's own classes."""

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        collector: Any = self.server
        if self.path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    collector.metrics |= {metric.name: metric for metric in scope.metrics}
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on this machine."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes(thing: Any) -> dict[str, Any]:
    """The attributes of a span or a point."""
    return {each.key: each.value.string_value or each.value.int_value for each in thing.attributes}


def test_opentelemetry_is_told_by_its_own_variables(
    command: CommandLine, tmp_path: Path, collector: Collector
) -> None:
    """One span for the run, one for each phase and none for a row; the measures under dotted names."""
    events_csv(tmp_path, *([GOOD] * 20), NAMELESS)
    ran = command.run(
        "events", "events.csv", *SANDBOXED, "--report", "r.html", "--job", "nightly",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, PUSHWOOSH_API_TOKEN="SECRET-TOKEN",
    )  # fmt: skip
    assert ran.code == 3, ran.err
    spans = {span.name.removeprefix("pushwoosh_loader."): span for span in collector.spans}
    assert len(collector.spans) == 4
    assert set(spans) == {"run", "survey", "delivery", "report"}
    assert {span.parent_span_id for name, span in spans.items() if name != "run"} == {spans["run"].span_id}
    run = attributes(spans["run"])
    assert (run["process.exit.code"], run["pushwoosh_loader.rows.confirmed"], run["job_name"]) == (
        3,
        20,
        "nightly",
    )
    rows = collector.metrics["pushwoosh_loader.rows"]
    points = {attributes(point)["outcome"]: point.as_double for point in rows.gauge.data_points}
    assert (rows.unit, points["confirmed"], points["rejected"]) == ("{row}", 20, 1)
    answers = collector.metrics["pushwoosh_loader.answers"].sum
    assert answers.is_monotonic
    assert "SECRET" not in f"{collector.spans}{collector.metrics}"


def test_a_refusal_is_an_error_of_its_span(
    command: CommandLine, tmp_path: Path, collector: Collector
) -> None:
    """A run that did not do its work is found by the class of its error."""
    ran = command.run("events", "no.csv", *SANDBOXED, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert ran.code == 6
    (run,) = (span for span in collector.spans if span.name.endswith(".run"))
    assert (attributes(run)["error.type"], run.status.code) == ("input_missing", 2)


@pytest.mark.parametrize(
    ("variables", "traces", "metrics"),
    [
        ({"OTEL_TRACES_EXPORTER": "none"}, False, True),
        ({"OTEL_METRICS_EXPORTER": "none"}, True, False),
        ({"OTEL_SDK_DISABLED": "true"}, False, False),
    ],
)
def test_a_part_can_be_switched_off(
    command: CommandLine,
    tmp_path: Path,
    collector: Collector,
    variables: dict[str, str],
    *,
    traces: bool,
    metrics: bool,
) -> None:
    """The variables mean what they mean to every program."""
    events_csv(tmp_path, GOOD)
    ran = command.run(
        "events", "events.csv", *SANDBOXED, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **variables
    )
    assert (ran.code, bool(collector.spans), bool(collector.metrics)) == (0, traces, metrics), ran.err


def test_a_collector_that_is_away_costs_a_load_nothing_but_seconds(
    command: CommandLine, tmp_path: Path
) -> None:
    """The rows count; whoever listens does not."""
    events_csv(tmp_path, GOOD)
    began = time.monotonic()
    ran = command.run("events", "events.csv", *SANDBOXED, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert (ran.code, ran.err) == (0, "")
    assert time.monotonic() - began < 60


def test_answers_are_counted_by_class(command: CommandLine, tmp_path: Path) -> None:
    """A vendor that asks to wait is seen as 4xx, and the wait by its reason."""
    events_csv(tmp_path, GOOD)
    busy = faultserver.answer(429, b"", "Retry-After: 1")
    with faultserver.FaultServer([busy, faultserver.answer()]) as server:
        place = ("--app", "AAAAA-BBBBB", "--endpoint", server.url)
        assert command.run("events", "events.csv", *place, "--metrics", "m.prom").code == 0
    found = scrape(tmp_path / "m.prom")
    assert (found["answers_total", "2xx"], found["answers_total", "4xx"]) == (1, 1)
    assert found["waited_seconds_total", "retry_after"] > 0


def test_every_measure_is_on_the_page() -> None:
    """An alert can be written against the reference."""
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    names = [each.prometheus + ("_total" if each.grows else "") for each in MEASURES]
    assert [
        name for name in [*names, *(each.opentelemetry for each in MEASURES)] if f"`{name}`" not in page
    ] == []


@pytest.mark.parametrize(
    ("variables", "noted"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({}, False),
    ],
)
def test_a_load_says_if_opentelemetry_is_asked_for_and_missing(
    command: CommandLine, variables: dict[str, str], *, noted: bool
) -> None:
    """Nobody waits for traces that cannot come, because only the extra sends them."""
    shadow = command.folder / "without" / "opentelemetry"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text('raise ImportError("not installed")')
    path = f"{shadow.parent}{os.pathsep}{command.environment['PYTHONPATH']}"
    arguments = (
        "events",
        ROOT / "sample_data" / "events.parquet",
        "--sandbox",
        "--checkpoint",
        "ckpt",
        "--limit",
        "1",
    )
    ran = subprocess.run(
        [sys.executable, "-m", "loader", *map(str, arguments)],
        cwd=command.folder,
        env=command.environment | variables | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ("pip install 'pushwoosh-loader[otel]'" in ran.stdout) is noted, ran.stdout
