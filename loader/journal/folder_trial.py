"""Whether a checkpoint can be kept in a folder: what a load does with its files is tried on others."""

from __future__ import annotations

import mmap
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from loader.journal.byte_lock import is_byte_locked, lock_byte

SQLITE_VERSION = sqlite3.sqlite_version
_PREFIX = ".pushwoosh-loader-trial-"


def find_fault(folder: Path) -> str:
    """Why a checkpoint cannot be kept in a folder, as a sentence without its end; "" if it can.

    Some network file systems take locks that keep nobody out, or cannot share memory, which SQLite needs for
    its write-ahead log (sqlite.org/wal.html: "all processes must be on the same host computer").
    """
    try:
        with TemporaryDirectory(prefix=_PREFIX, dir=folder) as trial:
            return _try_database(Path(trial) / "trial") or _try_locks(Path(trial) / "trial")
    except OSError as error:
        return f"no file can be written there: {error.strerror}"


def _try_database(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("CREATE TABLE trial (number INTEGER)")
            connection.commit()
    except sqlite3.Error as error:
        return f"SQLite cannot keep a database there: {error}"
    return "" if mode == "wal" else f"SQLite cannot keep a write-ahead log there, only the mode {mode}"


def _try_locks(path: Path) -> str:
    first, second = (os.open(path, os.O_RDWR) for _ in range(2))
    try:
        if not lock_byte(first):
            return "a new file is locked by someone else"
        if _separates_descriptors() and not is_byte_locked(second):
            return "a lock on a file there keeps nobody out"
        with mmap.mmap(first, 1) as shared:
            shared.flush()
    except OSError as error:
        return f"files there cannot be locked or mapped: {error.strerror}"
    finally:
        os.close(first)
        os.close(second)
    return ""


def _separates_descriptors() -> bool:
    """Whether a lock of one descriptor holds off another of this process."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return True
    return hasattr(fcntl, "F_OFD_SETLK")
