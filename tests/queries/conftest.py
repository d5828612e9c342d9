"""What the tests of queries share: a query that is run, and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pyarrow import parquet

from loader.queries.keeping import run_query
from loader.queries.query import Query

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ORDERS = "user_id,amount\n0042,12.50\n0043,1\n0042,\n"
DEVICES = "user_id,hwid\n0042,AB01\n0043,CD02\n"


class Ask(Protocol):
    """Runs a query; gives its result."""

    def __call__(self, text: str, *inputs: str, database: str | None = None, **options: Any) -> pa.Table:
        """The result of a query over inputs, or in a database."""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a query in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *inputs: str, database: str | None = None, **options: Any) -> pa.Table:
        target = tmp_path / "result.parquet"
        kept = run_query(Query.of(text, inputs, database, **options), target)
        assert not list(tmp_path.glob("result.parquet.*"))  # neither a part nor a folder of work
        table = parquet.read_table(target)
        assert kept.rows == table.num_rows
        return table

    return run


@pytest.fixture
def orders(tmp_path: Path) -> str:
    """A file of three orders."""
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return str(path)


@pytest.fixture
def devices(tmp_path: Path) -> str:
    """A file of two devices."""
    path = tmp_path / "devices.csv"
    path.write_text(DEVICES)
    return str(path)
