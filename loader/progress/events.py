"""One JSON object a line, for programs that read the log of a load; the README lists the keys."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from loader.progress.failed_rows import FirstFailures, list_failed, list_rejects
from loader.progress.lines import Periodic, read_utc
from loader.text.escape import escape_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import TextIO

    from loader.model import Outcome, Reject, Worker
    from loader.progress.failed_rows import FailedRow
    from loader.progress.moment import Moment, ReadingProgress


class EventLog:
    """Writes events as lines; from any thread.

    Args:
        out: where to.
        wall: the time of day.

    Attributes:
        run: the id of the run in its checkpoint; None until the checkpoint is open.
    """

    def __init__(self, out: TextIO, wall: Callable[[], datetime] = read_utc) -> None:
        self.run: str | None = None
        self._out = out
        self._wall = wall
        # Elsewhere a letter that cannot be written would become something that is not JSON.
        self._ascii = not (out.encoding or "").lower().startswith("utf")
        self._lines: deque[str] = deque()
        self._lock = threading.RLock()
        self._writer = 0

    def write(self, event: str, **facts: object) -> None:
        """Write one line; a reader that has gone ends nothing."""
        now = f"{self._wall():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        line = json.dumps({"event": event, "time": now, "run": self.run, **facts}, ensure_ascii=self._ascii)
        self._lines.append(escape_json(line) + "\n")
        # A signal handler may come in the middle of a write, which then takes its line along.
        while self._lines and self._writer != threading.get_ident():
            self._write_all()

    def _write_all(self) -> None:
        with self._lock:
            self._writer = threading.get_ident()
            try:
                while self._lines:
                    with suppress(OSError):
                        self._out.write(self._lines.popleft())
                        self._out.flush()
            finally:
                self._writer = 0


class LogHandler(logging.Handler):
    """What libraries log, and Python's warnings, as events."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event."""
        event = "warning" if record.levelno < logging.ERROR else "error"
        self._log.write(event, message=record.getMessage().strip(), source=record.name)


def begin_log(out: TextIO) -> EventLog:
    """A log that also takes what libraries log, Python's warnings and an error that nobody expected."""
    log = EventLog(out)
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(LogHandler(log))

    def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        lines = traceback.format_exception(kind, error, trace)
        log.write("error", message=f"{kind.__name__}: {error}", exit_code=1, traceback="".join(lines))

    sys.excepthook = unexpected
    return log


class JsonLines(Periodic):
    """The state of a load as events."""

    def __init__(self, log: EventLog, every: float = 10, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(every, clock)
        self._log = log
        self._failures = FirstFailures()

    def tell_reading(self, reading: ReadingProgress) -> None:
        """Write one event."""
        self._log.write(
            "reading",
            done=min(reading.done, reading.total or reading.done),
            total=reading.total,
            unit=reading.unit,
        )

    def begin(self, moment: Moment, run: str | None) -> None:
        """Write what earlier runs left."""
        super().begin(moment, run)
        self._log.run = run
        self._log.write("start", **describe_state(moment))

    def tell(self, event: str, moment: Moment) -> None:
        """Write one event."""
        self._log.write(event, **describe_state(moment))

    def hear_rejects(self, rejects: Sequence[Reject]) -> None:
        """Write the first of each reason."""
        self._tell_rows(list_rejects(rejects))

    def hear_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Write the first rejected and the first in doubt of each reason."""
        self._tell_rows(list_failed(outcomes))

    def hear_news(self, event: str, text: str, worker: str = "") -> None:
        """Write one event."""
        self._log.write(event, message=text, **({"worker": worker} if worker else {}))

    def _tell_rows(self, rows: Iterable[FailedRow]) -> None:
        for row in self._failures.select(rows):
            self._log.write(
                row.state.value,
                where=self._place(row.ordinal),
                reason=row.reason,
                http_status=row.http_status,
                code=row.code,
            )


def describe_state(moment: Moment) -> dict[str, object]:
    """The counts, which add up to `read`, and what the sender does."""
    account, wire, speed = moment.account, moment.wire, moment.speed
    return {
        "read": account.read,
        "goal": moment.goal,
        "confirmed": account.confirmed,
        "rejected": account.rejected,
        "in_doubt": account.in_doubt,
        "in_flight": moment.in_flight,
        "never_sent": moment.never_sent,
        "left_out": account.left_out,
        "window": wire.window,
        "attempts": account.attempts,
        "elapsed_seconds": round(moment.elapsed, 1),
        "rows_per_second": _round(speed.now),
        "mean_rows_per_second": _round(speed.mean),
        "seconds_left": _round(speed.left),
        "waiting_for": moment.wait or None,
        "waiting_seconds": round(wire.waiting_seconds, 1) if moment.wait else 0.0,
        "silent_seconds": round(moment.silent, 1),
        **({"workers": [describe_worker(each) for each in wire.workers]} if wire.workers else {}),
    }


def describe_worker(worker: Worker) -> dict[str, object]:
    """One worker of a cluster."""
    return {
        "worker": worker.name,
        "rows": worker.rows,
        "rows_per_second": _round(worker.rate),
        "in_flight": worker.in_flight,
        "in_doubt": worker.doubts,
        "seen_seconds_ago": _round(worker.silent),
        "lost": worker.lost or None,
    }


def _round(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
