"""Any other database by SQLAlchemy, with the driver that its URL names and the user has installed."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from loader.errors import ConfigError, LoaderError, SourceError
from loader.queries.engines.packages import require
from loader.queries.engines.rows import read_rows
from loader.queries.result import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.queries.query import Query
    from loader.queries.result import Result


def open_result(query: Query, work: Path) -> Iterator[Result]:
    """Run a query; see `loader.queries.engines.open_result`."""
    sqlalchemy = require("sqlalchemy", "sqlalchemy", "This database")
    if query.database is None:
        raise TypeError("a query by SQLAlchemy has a database")
    engine = create_engine(sqlalchemy, query.database.url)
    try:
        with explain(sqlalchemy), engine.connect() as connection:
            yield from run(sqlalchemy, connection, query.text, work)
    finally:
        engine.dispose()


def run(sqlalchemy: Any, connection: Any, text: str, work: Path) -> Iterator[Result]:
    """The result of a query; whatever it changed is taken back."""
    try:
        # Without parameters the driver gets the text as it is: % and : in it mean nothing.
        streaming = connection.execution_options(stream_results=True, no_parameters=True)
        cursor = streaming.exec_driver_sql(text)
        if not cursor.returns_rows:
            raise SourceError("The query gives no rows. A query only reads. Give one SELECT.")
        names, fetch = list(cursor.keys()), cursor.fetchmany
        yield read_rows(names, fetch, work, partial(explain, sqlalchemy), write_text)
    finally:
        with suppress(Exception):  # the connection may be lost
            connection.rollback()


def write_text(_: str) -> str:
    """How a value X is written as text in most databases."""
    return "CAST(X AS VARCHAR(4000))"


def create_engine(sqlalchemy: Any, url: str) -> Any:
    """SQLAlchemy's engine for a URL.

    Raises:
        ConfigError: SQLAlchemy knows no such database, or its driver is not installed.
    """
    try:
        return sqlalchemy.create_engine(url)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{url}: the driver {error.name} is not installed. Install the package that SQLAlchemy names for "
            "this database: https://docs.sqlalchemy.org/dialects"
        ) from None
    except sqlalchemy.exc.ArgumentError as error:
        raise ConfigError(f"{url}: SQLAlchemy cannot use this URL ({error}).") from None


@contextmanager
def explain(sqlalchemy: Any) -> Iterator[None]:
    """Say what failed, in the database's words."""
    try:
        yield
    except LoaderError:
        raise
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise QueryFailed(getattr(error, "orig", None) or error) from None
