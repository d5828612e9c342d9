"""The file of a store: made private, opened, verified, and what is wrong with one that cannot be used."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.sandbox.store.schema import APPLICATION_ID, EARLIER_VERSION, VERSION, read_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 10.0
ADVICE: dict[int | None, str] = {
    sqlite3.SQLITE_CORRUPT: "The file is damaged. Name another file for the store.",
    sqlite3.SQLITE_FULL: "Make room, or name a file on another disk.",
    None: "Name a file in a folder that exists and can be written to.",
}


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, in one transaction, also while a sandbox serves the store.

    Raises:
        ConfigError: the file is missing, unreadable, or not a sandbox store.
    """
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            refuse_foreign(connection, path)
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise explain_unusable(path, error) from error


def make_private(path: Path) -> None:
    """Make the file with mode 0600 before SQLite would by the umask; the -wal file takes it over.

    A file that is there is left alone: to close any other handle to it would end all locks that this process
    has on it, also those of SQLite (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise explain_unusable(path, error) from error


def is_empty(connection: sqlite3.Connection) -> bool:
    """A file that nobody has put a table into, for example one that this process has just made."""
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Let nothing pass but a sandbox store of a version that this program knows."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigError(
            f"{path} is a database, but not a sandbox's store. Name another file for the store."
        )
    version = read_version(connection)
    if version not in (EARLIER_VERSION, VERSION):
        raise ConfigError(
            f"{path} is a sandbox store of version {version}, and this program knows versions up to "
            f"{VERSION}. Name another file for the store, or use the program that made it."
        )


def explain_unusable(path: Path, error: Exception) -> ConfigError:
    """The sentence for a store that cannot be opened."""
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return ConfigError(
            f"{path} is not a sandbox's store, and not an SQLite file. Name another file for the store."
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError(f"The sandbox's store {path} cannot be opened: {reason}. {ADVICE[find_cause(error)]}")


def find_cause(error: Exception) -> int | None:
    """SQLite's number for a file that is damaged or a disk that is full; None for all else."""
    if isinstance(error, sqlite3.Error):
        # The low byte is the number without its details: https://www.sqlite.org/rescode.html
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    else:
        code = sqlite3.SQLITE_FULL if isinstance(error, OSError) and error.errno == errno.ENOSPC else 0
    return code if code in ADVICE else None
