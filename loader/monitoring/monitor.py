"""All that a monitor is told by one command: its phases, its values while it runs, and its end."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from loader.monitoring import state
from loader.progress.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from loader.model import Account, Outcome, Reject, Wire
    from loader.monitoring.measures import Values
    from loader.monitoring.telemetry import Telemetry
    from loader.progress.moment import Moment, ReadingProgress

EVERY_SECONDS = 5.0
_ASKED_BY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
)


class Monitor:
    """Tells monitors about one command. Nothing that fails here ends a load.

    Args:
        method: what is loaded, or what the command is called.
        target: the file for Prometheus; None for none.
        job: what the user calls the job; by default as the file, which is the same every night.
        wall: the time of day, in Unix time.
        every: seconds between two looks at a running load.
    """

    def __init__(
        self,
        method: str,
        target: Path | None = None,
        job: str | None = None,
        *,
        wall: Callable[[], float] = time.time,
        every: float = EVERY_SECONDS,
    ) -> None:
        name = job or (target.name.removesuffix(".prom") if target else f"pushwoosh-{method}")
        self.labels = {"method": method, "job_name": name}
        self._target = target
        self._wall = wall
        self._every = every
        self._values: Values = {}
        self._telemetry: Telemetry | None = None

    @property
    def values(self) -> Values:
        """The values at this moment."""
        return self._values

    def begin(self) -> None:
        """The command has begun."""
        self._values = state.begin(self._wall(), self._read())
        self._telemetry = open_telemetry(self)
        self._write()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A part of the work: survey, delivery or report."""
        with self._telemetry.phase(name) if self._telemetry else ExitStack():
            yield

    def watch(self, other: Watch) -> Watch:
        """A watch that shows what the other one does, and tells monitors too."""
        return other if self._target is None and self._telemetry is None else _Told(other, self, self._every)

    def see(self, moment: Moment) -> None:
        """Take in the state of a running load."""
        self._values = self._values | state.look(moment)
        self._write()

    def end(self, record: Mapping[str, object]) -> None:
        """The work has ended, with this summary; the report may follow."""
        self._values = self._values | state.end(record, self._wall())
        self._write()

    def close(self, record: Mapping[str, object]) -> None:
        """The command has ended."""
        if self._telemetry is not None:
            self._telemetry.end(record)
            self._telemetry = None

    def _read(self) -> Values:
        if self._target is None or not self._target.is_file():
            return {}
        from loader.monitoring.textfile import read_textfile  # noqa: PLC0415 - only if it is requested

        return read_textfile(self._target)

    def _write(self) -> None:
        if self._target is None:
            return
        from loader.monitoring.textfile import write_textfile  # noqa: PLC0415 - only if it is requested

        with suppress(OSError):  # a full disk must not end a load; the age of the file tells
            write_textfile(self._target, self._values, self.labels)


class _Told(Watch):
    """Tells a monitor what another watch shows."""

    def __init__(self, other: Watch, monitor: Monitor, every: float) -> None:
        super().__init__(every)
        self._other = other
        self._monitor = monitor

    @contextmanager
    def reading(self, reading: Callable[[], ReadingProgress]) -> Iterator[None]:
        """Show it as the other one does."""
        with self._other.reading(reading):
            yield

    @contextmanager
    def watching(
        self,
        account: Callable[[], Account],
        wire: Callable[[], Wire],
        *,
        goal: int | None = None,
        run: str | None = None,
        place: Callable[[int], str] = str,
    ) -> Iterator[None]:
        """Show it as the other one does, and tell it."""
        with (
            self._other.watching(account, wire, goal=goal, run=run, place=place),
            super().watching(account, wire, goal=goal, run=run, place=place),
        ):
            yield

    def hear_news(self, event: str, text: str, worker: str = "") -> None:
        """The other one tells it."""
        self._other.hear_news(event, text, worker)

    def hear_rejects(self, rejects: Sequence[Reject]) -> None:
        """The other one tells of rows."""
        self._other.hear_rejects(rejects)

    def hear_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """The other one tells of rows."""
        self._other.hear_outcomes(outcomes)

    def show_reading(self, reading: ReadingProgress) -> None:
        """The other one shows it."""

    def begin(self, moment: Moment, run: str | None) -> None:  # noqa: ARG002 - an id is no label
        """Tell the first state."""
        self._monitor.see(moment)

    def show(self, moment: Moment) -> None:
        """Tell one state."""
        self._monitor.see(moment)

    def end(self, moment: Moment) -> None:
        """Tell the last state."""
        self._monitor.see(moment)


def find_missing_extra() -> str:
    """A note for the user if OpenTelemetry's variables ask for it, and it is not installed; otherwise ""."""
    asked = any(os.environ.get(name, "") not in ("", "none") for name in _ASKED_BY)
    if not asked or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    try:
        import loader.monitoring.telemetry  # noqa: F401, PLC0415 - an extra; only whether it can be imported
    except ImportError:
        return (
            "OpenTelemetry's variables are set, but it is not installed, so nothing is sent to a collector. "
            "Run: pip install 'pushwoosh-loader[otel]'"
        )
    return ""


def open_telemetry(monitor: Monitor) -> Telemetry | None:
    """OpenTelemetry, if its variables ask for it and the extra is installed."""
    if not any(os.environ.get(name) for name in _ASKED_BY):
        return None
    try:
        from loader.monitoring.telemetry import Telemetry  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return Telemetry.open(lambda: monitor.values, monitor.labels)
