"""The tables of a checkpoint, and how an older file becomes a present one.

Every row carries a checksum of itself, and the head row the sum of all checksums of each table, so that
a flipped bit, a lost row and a page from another time are all seen. The page size is small because one
group of outcomes touches a handful of pages, whatever their size.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from loader.errors import CheckpointError
from loader.methods import Kind

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID = 0x50574C43  # "PWLC"
PAGE_BYTES = 1024

# What each version adds to the one before; the last entry is the present version. Append, never change.
MIGRATIONS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        1,
        (
            """CREATE TABLE head (
                only INTEGER PRIMARY KEY, generation INTEGER, commits INTEGER, clean INTEGER, mark INTEGER,
                attempts INTEGER, elapsed REAL, at REAL, chunk_sum INTEGER, exception_sum INTEGER,
                lease_sum INTEGER, released_sum INTEGER, run_sum INTEGER, identity_sum INTEGER,
                decision_sum INTEGER, crc INTEGER)""",
            """CREATE TABLE identity (
                checkpoint TEXT PRIMARY KEY, kind TEXT, application TEXT, endpoint TEXT, mapping TEXT,
                files TEXT, crc INTEGER)""",
            """CREATE TABLE chunks (number INTEGER PRIMARY KEY, confirmed INTEGER, crc BLOB, bits BLOB)""",
            """CREATE TABLE exceptions (
                ordinal INTEGER PRIMARY KEY, state TEXT, phase TEXT, http_status INTEGER, code INTEGER,
                message TEXT, attempts INTEGER, at REAL, "column" TEXT, value TEXT, reason TEXT,
                resent INTEGER, crc INTEGER)""",
            """CREATE TABLE leases (lease INTEGER PRIMARY KEY, first INTEGER, stop INTEGER, crc INTEGER)""",
            """CREATE TABLE released (first INTEGER PRIMARY KEY, stop INTEGER, crc INTEGER)""",
            """CREATE TABLE runs (
                generation INTEGER PRIMARY KEY, run TEXT, started REAL, ended REAL, elapsed REAL,
                attempts INTEGER, crc INTEGER)""",
            """CREATE TABLE decisions (
                number INTEGER PRIMARY KEY, at REAL, what TEXT, "rows" INTEGER, detail TEXT, crc INTEGER)""",
        ),
    ),
    (
        2,
        (
            """CREATE TABLE samples (
                number INTEGER PRIMARY KEY, generation INTEGER, at REAL, seconds REAL, confirmed INTEGER,
                rejected INTEGER, in_doubt INTEGER, attempts INTEGER, "window" INTEGER, wire_seconds REAL,
                waited TEXT, times TEXT, crc INTEGER)""",
            """CREATE TABLE notes (
                number INTEGER PRIMARY KEY, generation INTEGER, at REAL, what TEXT, detail TEXT,
                crc INTEGER)""",
        ),
    ),
    (
        3,
        (
            """CREATE TABLE left_out (number INTEGER PRIMARY KEY, "rows" INTEGER, bits BLOB, crc INTEGER)""",
            """CREATE TABLE left_out_reasons (reason TEXT PRIMARY KEY, "rows" INTEGER, crc INTEGER)""",
        ),
    ),
    (
        4,
        (
            """CREATE TABLE fixed (number INTEGER PRIMARY KEY, "rows" INTEGER, digest TEXT, crc INTEGER)""",
            # Apart, so that a look at the account does not read them; the digest seals them.
            """CREATE TABLE fixed_cells (number INTEGER PRIMARY KEY, cells BLOB)""",
        ),
    ),
    (
        5,
        (
            # Each row seals itself, and is not in the head's sums: a look at the account does not read them,
            # and one that is missing costs time, because the input is read in its place.
            """CREATE TABLE categories (
                number INTEGER PRIMARY KEY, first INTEGER, stop INTEGER, codes BLOB, crc INTEGER)""",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table whose rows are sealed: the first column is the key, the last the row's checksum.

    Attributes:
        part_of: the table in whose sum its checksums are counted; "" for its own. So what a later version
            added is under the head's seal, and a head of the version before stays as it is.
        since: the version that brought it.
    """

    name: str
    select: str
    insert: str
    delete: str
    part_of: str = ""
    since: int = 1

    @property
    def total(self) -> str:
        """The sum in the head that its checksums are counted in."""
        return self.part_of or self.name

    @property
    def empty(self) -> str:
        """Deletes all its rows."""
        return self.delete.partition(" WHERE ")[0]

    def seal(self, row: tuple[object, ...]) -> int:
        """Checksum of a row without its last column."""
        return crc32(f"{self.name}{tuple(row)!r}".encode("utf-8", "backslashreplace"))


IDENTITY = SealedTable(
    "identity",
    "SELECT * FROM identity",
    "INSERT INTO identity VALUES (?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM identity WHERE checkpoint = ?",
)
EXCEPTIONS = SealedTable(
    "exceptions",
    "SELECT * FROM exceptions ORDER BY ordinal",
    "INSERT INTO exceptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM exceptions WHERE ordinal = ?",
)
LEASES = SealedTable(
    "leases",
    "SELECT * FROM leases ORDER BY lease",
    "INSERT INTO leases VALUES (?, ?, ?, ?)",
    "DELETE FROM leases WHERE lease = ?",
)
RELEASED = SealedTable(
    "released",
    "SELECT * FROM released ORDER BY first",
    "INSERT INTO released VALUES (?, ?, ?)",
    "DELETE FROM released WHERE first = ?",
)
RUNS = SealedTable(
    "runs",
    "SELECT * FROM runs ORDER BY generation",
    "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM runs WHERE generation = ?",
)
DECISIONS = SealedTable(
    "decisions",
    "SELECT * FROM decisions ORDER BY number",
    "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
    "DELETE FROM decisions WHERE number = ?",
)
SAMPLES = SealedTable(
    "samples",
    "SELECT * FROM samples ORDER BY number",
    "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM samples WHERE number = ?",
    part_of="runs",
    since=2,
)
NOTES = SealedTable(
    "notes",
    "SELECT * FROM notes ORDER BY number",
    "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)",
    "DELETE FROM notes WHERE number = ?",
    part_of="runs",
    since=2,
)
LEFT_OUT = SealedTable(
    "left_out",
    "SELECT * FROM left_out ORDER BY number",
    "INSERT INTO left_out VALUES (?, ?, ?, ?)",
    "DELETE FROM left_out WHERE number = ?",
    part_of="chunks",
    since=3,
)
REASONS = SealedTable(
    "left_out_reasons",
    "SELECT * FROM left_out_reasons ORDER BY reason",
    "INSERT INTO left_out_reasons VALUES (?, ?, ?)",
    "DELETE FROM left_out_reasons WHERE reason = ?",
    part_of="exceptions",
    since=3,
)
FIXED = SealedTable(
    "fixed",
    "SELECT * FROM fixed ORDER BY number",
    "INSERT INTO fixed VALUES (?, ?, ?, ?)",
    "DELETE FROM fixed WHERE number = ?",
    part_of="decisions",
    since=4,
)
HEAD = SealedTable(
    "head",
    "SELECT * FROM head",
    "INSERT INTO head VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM head WHERE only = ?",
)

# The version that brought the categories.
CATEGORIES_SINCE = 5

# What empties a checkpoint; its tables stay.
EMPTY = (
    "DELETE FROM chunks",
    "DELETE FROM fixed_cells",
    "DELETE FROM categories",
    *(
        table.empty
        for table in (
            *(IDENTITY, EXCEPTIONS, LEASES, RELEASED, RUNS, DECISIONS, SAMPLES, NOTES),
            *(LEFT_OUT, REASONS, FIXED, HEAD),
        )
    ),
)

# Writes the head over the head of the commit before; over any other commit's, it writes nothing.
UPDATE_HEAD = """UPDATE head SET generation = ?, commits = ?, clean = ?, mark = ?, attempts = ?, elapsed = ?,
    at = ?, chunk_sum = ?, exception_sum = ?, lease_sum = ?, released_sum = ?, run_sum = ?, identity_sum = ?,
    decision_sum = ?, crc = ? WHERE only = ? AND commits = ?"""


def version() -> int:
    """The version that this program writes."""
    return MIGRATIONS[-1][0]


def migrate(connection: sqlite3.Connection, present: int, wanted: int | None = None) -> None:
    """Bring an older file up to date in one transaction; the connection is in autocommit mode.

    Args:
        connection: of the file.
        present: its version; 0 of one without a table.
        wanted: the version to bring it to, by default the one that this program writes.
    """
    wanted = wanted or version()
    connection.execute("BEGIN IMMEDIATE")
    for number, statements in MIGRATIONS:
        if present < number <= wanted:
            for statement in statements:
                connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {wanted}")
    connection.execute("COMMIT")


def read_version(connection: sqlite3.Connection) -> int:
    """The version of an open file, with what its log knows: the file alone may say an older one."""
    ((present,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(present)


def list_tables(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Names and definitions of what is in a database."""
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


def list_expected_tables(present: int) -> list[tuple[object, ...]]:
    """What `tables` finds in a sound checkpoint of that version."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, 0, present)
        return list_tables(connection)


def _suggest_checkpoint(path: Path) -> str:
    """What to name instead: if the input itself was named, the checkpoints beside it."""
    endings = [f"{kind}{rehearsed}.ckpt" for kind in Kind for rehearsed in ("", ".sandbox")]
    beside = [path.with_name(f"{path.name}.{ending}") for ending in endings]
    found = [str(name) for name in beside if name.is_file()]
    if not found:
        return "Name another checkpoint."
    subject = "The checkpoint of a load of it is" if len(found) == 1 else "The checkpoints of loads of it are"
    return f"{subject} {' and '.join(found)}."


def refuse_empty(path: Path) -> None:
    """Raise `CheckpointError` if the file is empty, which SQLite takes for a database without tables."""
    if not path.stat().st_size:
        raise CheckpointError(f"{path} is empty, so it is not a checkpoint. Delete it, or name another one.")


def recognise(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open checkpoint.

    SQLite is asked, because nothing else may open the file: see `loader.journal.hold`.

    Raises:
        CheckpointError: the file is foreign, or from a newer version of this program.
    """
    try:
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        found = read_version(connection)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB:
            raise
        raise CheckpointError(
            f"{path} is not a checkpoint, or is damaged: it does not begin like an SQLite database. "
            f"Nothing in it was changed. {_suggest_checkpoint(path)}"
        ) from error
    if application != APPLICATION_ID or found < 1:
        raise CheckpointError(
            f"{path} is a database of another program, not a checkpoint. Nothing in it was changed. "
            f"{_suggest_checkpoint(path)}"
        )
    if found > version():
        raise CheckpointError(
            f"{path} was written by a newer version of this program (checkpoint version {found}, "
            f"this one knows {version()}). Continue with that version."
        )
    return found
