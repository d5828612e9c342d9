"""The page on clusters names the bounds that the code keeps."""

from __future__ import annotations

import pytest

from benchmarks.cluster import MOST_EXCHANGES
from benchmarks.sizing import LATENCIES, RATES, SIZES, read_constants
from loader.choices import MAX_CLUSTER_CONCURRENCY, MAX_CONCURRENCY, Concurrency
from loader.cluster import parts, permit, spread, station
from loader.lookups.table import MOST_CARRIED
from tests.docs.pages import ROOT

PAGE = " ".join((ROOT / "docs" / "scaling.md").read_text("utf-8").split())
WAIT = permit.PERMIT_SECONDS + permit.MARGIN_SECONDS


@pytest.mark.parametrize(
    "sentence",
    [
        f"A worker may send for {permit.PERMIT_SECONDS:.0f} seconds after",
        f"after at most {WAIT:.0f} s the coordinator gives up",
        f"The next start of the same command waits {WAIT:.0f} s first",
        f"the load waits {permit.ALONE_SECONDS:.0f} s for another one",
        f"`--concurrency` allows up to {MAX_CONCURRENCY:,}, {Concurrency().highest} by default",
        f"on a cluster up to {MAX_CLUSTER_CONCURRENCY:,} over all workers",
        f"two of at most {parts.PART_ROWS:,} rows for each worker",
        f"stay within {MOST_EXCHANGES} a second",
        f"look-up files of more than {MOST_CARRIED >> 20} MB",
    ],
)
def test_the_page_names_the_bounds_of_the_code(sentence: str) -> None:
    """An operator who plans with a bound of the page plans with the one that holds."""
    assert sentence in PAGE


def test_the_model_has_the_bounds_of_the_code() -> None:
    """The table is made with the leases and the exchanges that a load has."""
    assert spread._LEASES_A_WORKER == 2
    assert 1 / station._PER_WORKER_SECONDS == MOST_EXCHANGES


def test_the_table_has_every_size() -> None:
    """A line for each latency and rate, and a column for each number of rows, from measured constants."""
    lines = [
        line for line in (ROOT / "docs" / "scaling.md").read_text("utf-8").splitlines() if " ms |" in line
    ]
    assert len({tuple(line.split("|")[1:3]) for line in lines}) == len(LATENCIES) * len(RATES)
    assert all(line.count("|") == 6 + len(SIZES) for line in lines)
    assert read_constants().row_us > 0
