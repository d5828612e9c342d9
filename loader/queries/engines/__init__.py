"""The ways to run a query, one module for each. They all give Arrow, a part at a time, and change nothing.

duckdb        over the named inputs, or in a DuckDB file
postgresql    by ADBC, which has the server copy the result in binary form
sqlite        by Python's own module
mysql         by PyMySQL, without a buffer
snowflake, bigquery    by their ADBC drivers
sqlalchemy    any other database
rows          rows of Python objects as Arrow, for engines that have nothing better
packages      what an engine needs that is not installed with the loader
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loader.queries.query import Query
    from loader.queries.result import Result

_ENGINES = frozenset({"duckdb", "postgresql", "sqlite", "mysql", "snowflake", "bigquery"})


def open_result(query: Query, work: Path) -> Iterator[Result]:
    """Run a query; yields its result once, and ends it when the generator is closed.

    Args:
        query: what is asked.
        work: a folder for temporary files.

    Raises:
        QueryFailed: the database refuses it, or fails.
        ConfigError: a package is missing.
    """
    kind = "duckdb" if query.database is None else query.database.kind
    name = kind if kind in _ENGINES else "sqlalchemy"
    run: Callable[[Query, Path], Iterator[Result]] = import_module(f"{__name__}.{name}").open_result
    yield from run(query, work)
