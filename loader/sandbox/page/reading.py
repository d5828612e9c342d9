"""A connection that only reads the store, also while a sandbox writes to it."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

BUSY_SECONDS = 5.0
PATIENCE = 20
"""A count that took a while is shown for N times that long before it is made again."""
CACHE_KIB = 32_768


class Reader:
    """Queries over a store, and what is remembered between them.

    Tables in the schema `temp` are this connection's own: SQLite keeps them in a temporary file that goes
    when it is closed. Everything else is read only.

    Args:
        path: of the store.
        clock: monotonic seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.clock = clock
        self._remembered: dict[str, tuple[float, Any]] = {}
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        self._connection.execute("PRAGMA temp_store = FILE")
        self._connection.execute(f"PRAGMA temp.cache_size = -{CACHE_KIB}")
        self._connection.create_function("digest", -1, digest)

    def list_rows(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query that is bounded by itself."""
        return self._connection.execute(query, tuple(values)).fetchall()

    def fetch_row(self, query: str, values: Iterable[object] = ()) -> tuple[Any, ...]:
        """The one row of a query that has one."""
        found: tuple[Any, ...] = self._connection.execute(query, tuple(values)).fetchone()
        return found

    def write_own(self, *statements: str, **values: object) -> None:
        """Change this connection's own tables, in one transaction."""
        self._connection.execute("BEGIN")
        try:
            for statement in statements:
                self._connection.execute(statement, values)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def remember(self, name: str, count: Callable[[], Any]) -> Any:
        """What `count` gave, made again only when that costs little: at most 1 in `PATIENCE` of the time."""
        until, value = self._remembered.get(name, (0.0, None))
        began = self.clock()
        if began >= until:
            value = count()
            ended = self.clock()
            self._remembered[name] = (ended + PATIENCE * (ended - began), value)
        return value

    def close(self) -> None:
        """Close it; its own tables go."""
        self._connection.close()


def digest(*fields: object) -> int:
    """A number of 64 bits that equal fields share; it is not the same in another process."""
    return hash(fields)
