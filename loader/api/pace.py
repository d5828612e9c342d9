"""How the runs of a load went over time, as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from loader.latency import compute_quantile, from_text

if TYPE_CHECKING:
    from loader.journal import CheckpointView as Ledger

COLUMNS = {
    "run": "int64",
    "until": "datetime64[us, UTC]",
    "seconds": "float64",
    "rows": "int64",
    "attempts": "int64",
    "rows_per_second": "float64",
    "in_flight": "float64",
    "window": "int64",
    "waiting": "float64",
    "half": "float64",
    "p90": "float64",
    "p99": "float64",
}


def build_pace(ledger: Ledger) -> pd.DataFrame:
    """A row for each stretch of time; `loader.Checkpoint.pace` explains the columns."""
    numbers = {run.generation: number for number, run in enumerate(ledger.runs, 1)}
    rows = []
    for sample in ledger.samples:
        times, settled = from_text(sample.times), sample.confirmed + sample.rejected + sample.in_doubt
        rows.append(
            (
                numbers[sample.generation],
                pd.Timestamp(sample.at, unit="s", tz="UTC"),
                sample.seconds,
                settled,
                sample.attempts,
                settled / sample.seconds if sample.seconds else 0.0,
                sample.wire_seconds / sample.seconds if sample.seconds else 0.0,
                sample.window,
                sum(sample.waits.values()),
                *(compute_quantile(times, share) for share in (0.5, 0.9, 0.99)),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
