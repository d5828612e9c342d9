"""One writer at a time, whichever copy or name of the ledger it has.

The lock file beside the ledger makes a second writer wait. A copy, a hard link and a ledger whose lock file
was deleted have another lock file, or none; all of them carry the ledger's id, and its name is taken by
whoever writes. The operating system gives both back when the writer dies, however it dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from loader.journal.checkpoint_files import OWNER_ONLY
from loader.journal.copies import Name
from loader.ledger.store import LedgerLocked, explaining
from loader.message import Message

if TYPE_CHECKING:
    from pathlib import Path


class LedgerLock:
    """The right to write to a ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}-lock"), mode=OWNER_ONLY, thread_local=False)
        self._name: Name | None = None

    def take(self, *, wait_seconds: float = 0.0) -> None:
        """Take the lock file.

        Raises:
            LedgerLocked: another writer has it, and did not give it back in time.
            LedgerError: it cannot be written.
        """
        with explaining(self._path):
            try:
                self._lock.acquire(timeout=max(wait_seconds, 0.25), poll_interval=0.05)
            except Timeout:  # which is an error of the system too
                raise LedgerLocked(say_in_use(self._path)) from None

    def keep_copies_out(self, identifier: str) -> None:
        """Keep writers of copies from running meanwhile.

        Raises:
            LedgerLocked: one is running.
        """
        name = Name(f"pushwoosh-loader-ledger-{identifier}")
        if not name.take():
            raise LedgerLocked(say_in_use(self._path))
        self._name = name

    def release(self) -> None:
        """Give it back."""
        if self._name is not None:
            self._name.release()
        self._lock.release()


def say_in_use(path: Path) -> Message:
    """Say that another load writes to a ledger."""
    return Message(
        "{path} is in use: another load has this ledger, or a copy of it, right now. Both would send rows "
        "that neither has sent yet. Nothing was sent. Run the same command again when that load is done.",
        path=path,
    )
