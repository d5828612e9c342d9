"""A monitor as anybody would write it: it reads the summary and the metrics of a job, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pathlib import Path

#: The job starts every day, and writes its metrics every 5 seconds while it runs.
LATE_SECONDS, SILENT_SECONDS = 25 * 3600.0, 60.0


class Finding(StrEnum):
    """What the monitor says of the night."""

    FINE = "fine"
    REJECTED = "some rows rejected"
    IN_DOUBT = "some rows in doubt"
    FAILED = "failed"
    WRONG = "wrong settings"
    NO_INPUT = "no input"
    LOCKED = "the load of before still runs"
    EMPTY = "empty"
    DIED = "died without a word"
    RUNNING = "runs"
    LATE = "did not start"


_BY_CODE = {
    0: Finding.FINE,
    2: Finding.WRONG,
    3: Finding.REJECTED,
    4: Finding.IN_DOUBT,
    6: Finding.NO_INPUT,
    7: Finding.LOCKED,
    8: Finding.EMPTY,
}


@dataclass(frozen=True, slots=True)
class Monitor:
    """Judges a job by its files.

    Attributes:
        summary: what `--summary` names.
        metrics: what `--metrics` names.
    """

    summary: Path
    metrics: Path

    def judge(self, now: float) -> Finding:
        """What is to be said at this time.

        Args:
            now: Unix time.
        """
        metrics = self._read_metrics()
        if now - metrics["pushwoosh_loader_start_timestamp_seconds"] > LATE_SECONDS:
            return Finding.LATE
        account = json.loads(self.summary.read_text("utf-8"))
        if account["state"] == "running":
            silent = now - self.metrics.stat().st_mtime > SILENT_SECONDS
            return Finding.DIED if silent else Finding.RUNNING
        return _BY_CODE.get(account["exit_code"], Finding.FAILED)

    def _read_metrics(self) -> dict[str, float]:
        families = text_string_to_metric_families(self.metrics.read_text("utf-8"))
        return {sample.name: sample.value for family in families for sample in family.samples}
