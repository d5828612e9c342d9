"""What the warehouses that ADBC has drivers for have in common."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.errors import LoaderError
from loader.queries.engines.packages import require
from loader.queries.result import QueryFailed, Result, read_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def run_in(
    kind: str, options: Mapping[str, str], text: str, write_text: str, remedy: str
) -> Iterator[Result]:
    """Run a query in a warehouse.

    Args:
        kind: the last word of the driver's name, and the extra that installs it.
        options: what the driver is given.
        text: the query.
        write_text: how a value X is written as text there.
        remedy: what to do if nobody is let in.
    """
    adbc = require(f"adbc_driver_{kind}.dbapi", kind, kind.capitalize())
    with explain(adbc, remedy):
        connection = adbc.connect(db_kwargs=dict(options), autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                reader = cursor.fetch_record_batch()
                batches = read_batches(reader, partial(explain, adbc, remedy))
                yield Result(reader.schema, batches, write_text=lambda _: write_text)
        finally:
            with suppress(Exception):  # a warehouse that was lost needs no good-bye
                connection.close()


@contextmanager
def explain(adbc: Any, remedy: str) -> Iterator[None]:
    """Say what failed, in the warehouse's words."""
    try:
        yield
    except LoaderError:
        raise
    except (adbc.Error, pa.ArrowException, OSError) as error:
        unknown = any(sign in str(error).lower() for sign in ("auth", "password", "credential"))
        raise QueryFailed(error, remedy if unknown else "") from None
