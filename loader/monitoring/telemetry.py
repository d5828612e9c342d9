"""Traces and metrics by OpenTelemetry, over OTLP/HTTP, as its own variables say.

One span for the run, one for each phase of it (survey, delivery, report), none for a row. An exporter that
cannot be reached delays the end of a command by a few seconds at most, and ends nothing.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from loader._version import __version__
from loader.monitoring.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from loader.monitoring.measures import Measure, Values

SCOPE = "loader"
PATIENCE_MILLIS = 5_000


class Telemetry:
    """The providers of one command, and its span.

    Args:
        tracers: makes spans; None if no traces are wanted.
        meters: reads the measures; None if no metrics are wanted.
        labels: attributes of every span and value.
    """

    def __init__(
        self, tracers: TracerProvider | None, meters: MeterProvider | None, labels: Mapping[str, str]
    ) -> None:
        self._tracers, self._meters = tracers, meters
        self._labels = dict(labels)
        tracer = (tracers or trace.NoOpTracerProvider()).get_tracer(SCOPE, __version__)
        self._tracer = tracer
        self._run = tracer.start_span("pushwoosh_loader.run", attributes=self._labels)

    @classmethod
    def open(cls, values: Callable[[], Values], labels: Mapping[str, str]) -> Self | None:
        """What the environment asks for; None if that is nothing, or nothing that is known here."""
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return None
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # a load has no room for its complaints
        resource = Resource.create({"service.name": "pushwoosh-loader", "service.version": __version__})
        tracers = open_tracers(resource) if is_wanted("TRACES") else None
        meters = open_meters(resource, values, labels) if is_wanted("METRICS") else None
        return cls(tracers, meters, labels) if tracers or meters else None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A child span of the run."""
        context = trace.set_span_in_context(self._run)
        with self._tracer.start_as_current_span(
            f"pushwoosh_loader.{name}", context, attributes=self._labels, record_exception=False
        ):
            yield

    def end(self, record: Mapping[str, object]) -> None:
        """End the span of the run, and send what is left."""
        error = record.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        self._run.set_attribute("process.exit.code", _number(record.get("exit_code")))
        for name in ("read", "confirmed", "rejected", "in_doubt", "never_sent", "left_out"):
            if isinstance(record.get(name), int):
                self._run.set_attribute(f"pushwoosh_loader.rows.{name}", _number(record[name]))
        if code is not None:
            self._run.set_attribute("error.type", str(code))
            self._run.set_status(trace.StatusCode.ERROR)
        self._run.end()
        with ExitStack() as ends:  # each whatever the other does
            if self._tracers is not None:
                ends.callback(self._tracers.force_flush, PATIENCE_MILLIS)
            if self._meters is not None:
                ends.callback(self._meters.shutdown, PATIENCE_MILLIS)


def is_wanted(signal: str) -> bool:
    """Whether the environment asks for traces or metrics over OTLP."""
    exporter = os.environ.get(f"OTEL_{signal}_EXPORTER", "")
    if exporter:
        return "otlp" in exporter.split(",")
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def open_tracers(resource: Resource) -> TracerProvider:
    """Spans, sent in groups."""
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=PATIENCE_MILLIS / 1000)))
    return provider


def open_meters(resource: Resource, values: Callable[[], Values], labels: Mapping[str, str]) -> MeterProvider:
    """The measures, read and sent as often as OTEL_METRIC_EXPORT_INTERVAL says."""
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=PATIENCE_MILLIS / 1000))
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter(SCOPE, __version__)
    for measure in MEASURES:
        create = meter.create_observable_counter if measure.grows else meter.create_observable_gauge
        create(
            measure.opentelemetry,
            [_observer(measure, values, labels)],
            unit=measure.unit,
            description=measure.meaning,
        )
    return provider


def _observer(
    measure: Measure, values: Callable[[], Values], labels: Mapping[str, str]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for label, value in values().get(measure, {}).items():
            yield Observation(value, {**labels, **({measure.label: label} if measure.label else {})})

    return observe


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1
