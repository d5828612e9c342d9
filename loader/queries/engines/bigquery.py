"""BigQuery by its ADBC driver, as its documentation has it; no test runs against BigQuery itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loader.errors import ConfigError
from loader.queries.database import PASSWORDS
from loader.queries.engines.adbc import run_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.queries.database import Database
    from loader.queries.query import Query
    from loader.queries.result import Result

_OPTION = "adbc.bigquery.sql."
_REMEDY = f"Put the credentials {PASSWORDS['bigquery']}."


def open_result(query: Query, work: Path) -> Iterator[Result]:  # noqa: ARG001 - the warehouse has its own room
    """Run a query; see `loader.queries.engines.open_result`."""
    if query.database is None:
        raise TypeError("a query in BigQuery has a database")
    yield from run_in("bigquery", read_options(query.database), query.text, "CAST(X AS STRING)", _REMEDY)


def read_options(database: Database) -> dict[str, str]:
    """What the driver is given, from ``bigquery://PROJECT/DATASET``.

    Raises:
        ConfigError: the project is missing.
    """
    parts = urlsplit(database.url)
    project, dataset = parts.netloc, unquote(parts.path.strip("/"))
    if not project:
        raise ConfigError("The URL names no project: bigquery://PROJECT/DATASET")
    given = {
        f"{_OPTION}project_id": project,
        f"{_OPTION}dataset_id": dataset,
        f"{_OPTION}auth_type": "adbc.bigquery.sql.auth_type.auth_bigquery",
    }
    return {name: value for name, value in given.items() if value}
