"""SQLite by Python's own module, in a file that is only read.

Not by ADBC: its driver takes the types of the first rows for those of all, fails at a later row of another
type, and makes floating-point numbers of whole ones beside them, which may lose digits of an id.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from loader.errors import LoaderError, SourceError
from loader.queries.engines.rows import read_rows
from loader.queries.result import QueryFailed, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.queries.query import Query


def open_result(query: Query, work: Path) -> Iterator[Result]:
    """Run a query; see `loader.queries.engines.open_result`."""
    path = None if query.database is None else query.database.path
    if path is None or not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. After sqlite:/// comes the path; an absolute one has four "
            "slashes."
        )
    with explain(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.set_authorizer(allow)
        cursor = connection.execute(query.text)
        if cursor.description is None:
            raise SourceError("The query gives no rows. A query only reads. Give one SELECT.")
        names = [column[0] for column in cursor.description]
        yield read_rows(names, cursor.fetchmany, work, partial(explain), lambda _: "CAST(X AS TEXT)")


def allow(action: int, *_: object) -> int:
    """Let a query do anything in the file but attach another one, which VACUUM INTO would write to."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


@contextmanager
def explain() -> Iterator[None]:
    """Say what failed, in SQLite's words."""
    try:
        yield
    except LoaderError:
        raise
    except (sqlite3.Error, sqlite3.Warning) as error:
        said = str(error)
        is_other = any(sign in said for sign in ("readonly", "one statement", "authoriz"))
        raise QueryFailed(said, "A query only reads: give one SELECT." if is_other else "") from None
