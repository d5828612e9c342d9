"""Marks of the logs: which events are equal, whose they are, which devices changed their user.

SQL makes them, slice by slice, in temporary tables of the reader's connection, of numbers only: an entry
is a digest and an id, about 20 bytes. Whoever reads them compares the rows themselves: digests may collide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.sandbox.page.following import Follower

if TYPE_CHECKING:
    from loader.sandbox.page.reading import Reader


@dataclass(frozen=True, slots=True)
class Plan:
    """How marks are made.

    Attributes:
        log: the table that is marked.
        tables: of marks, by name, with the statements that make them.
        steps: the statements that mark the ids above `:low` and up to `:high`.
    """

    log: str
    tables: dict[str, str]
    steps: tuple[str, ...]


CONTENT = (
    "application, event, hwid, user_id, timestamp_utc, timestamp_current, device_type, attributes, stamped"
)

EQUALS = Plan(
    "events",
    {
        "slice": "CREATE TEMP TABLE slice (digest INTEGER, id INTEGER)",
        "equals": """
        CREATE TEMP TABLE equals (digest INTEGER, id INTEGER, PRIMARY KEY (digest, id)) WITHOUT ROWID
        """,
        "doubled": "CREATE TEMP TABLE doubled (number INTEGER PRIMARY KEY, digest INTEGER UNIQUE)",
    },
    (
        "DELETE FROM slice",
        f"INSERT INTO slice SELECT digest({CONTENT}), id FROM events WHERE id > :low AND id <= :high",  # noqa: S608
        "INSERT INTO equals SELECT digest, id FROM slice ORDER BY digest, id",
        """
        INSERT OR IGNORE INTO doubled (digest)
        SELECT digest FROM equals WHERE digest IN (SELECT digest FROM slice)
        GROUP BY digest HAVING count(*) > 1
        """,
    ),
)

OWNERS = Plan(
    "events",
    {
        "owners": """
        CREATE TEMP TABLE owners (owner INTEGER, timestamp_utc INTEGER, id INTEGER,
            PRIMARY KEY (owner, timestamp_utc, id)) WITHOUT ROWID
        """
    },
    (
        """
        INSERT INTO owners SELECT CASE WHEN coalesce(user_id, '') <> ''
            THEN digest('user', application, user_id) ELSE digest('device', application, hwid) END,
            timestamp_utc, id
        FROM events WHERE id > :low AND id <= :high
        """,
    ),
)

MOVES = Plan(
    "registrations",
    {
        "moves": """
        CREATE TEMP TABLE moves (device INTEGER, id INTEGER, user INTEGER,
            PRIMARY KEY (device, id)) WITHOUT ROWID
        """,
        "moved": "CREATE TEMP TABLE moved (number INTEGER PRIMARY KEY, device INTEGER UNIQUE)",
    },
    (
        """
        INSERT INTO moves SELECT digest(application, hwid), id, digest(coalesce(nullif(user_id, ''), hwid))
        FROM registrations WHERE id > :low AND id <= :high
        """,
        """
        INSERT OR IGNORE INTO moved (device)
        SELECT device FROM moves WHERE device IN
            (SELECT digest(application, hwid) FROM registrations WHERE id > :low AND id <= :high)
        GROUP BY device HAVING min(user) <> max(user)
        """,
    ),
)


class Marks(Follower):
    """The marks of one plan, made as far as they are asked for."""

    def __init__(self, reader: Reader, plan: Plan) -> None:
        self._plan = plan
        super().__init__(reader, plan.log)

    def forget(self) -> None:
        """Empty tables."""
        dropped = [f"DROP TABLE IF EXISTS temp.{name}" for name in self._plan.tables]
        self._reader.write_own(*dropped, *self._plan.tables.values())

    def read_slice(self, low: int, high: int) -> None:
        """Mark a slice."""
        self._reader.write_own(*self._plan.steps, low=low, high=high)
