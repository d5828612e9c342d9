"""Copies of a checkpoint: two of them must not be loaded at the same moment.

A copy is another file, so nothing about the file itself tells. But both carry the id that the checkpoint got
when it was created. A lock that is named after it, in the folder for temporary files, is taken by whoever
loads. It is a second guard: without such a folder the load continues, and a copy on another machine is not
seen.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from loader.errors import CheckpointLocked
from loader.journal.checkpoint_files import OWNER_ONLY
from loader.message import Message


class CopyGuard:
    """The right to load with one of the copies of a checkpoint.

    Args:
        checkpoint: the id of the checkpoint.
    """

    def __init__(self, checkpoint: str) -> None:
        self._path = Path(tempfile.gettempdir()) / f"pushwoosh-loader-{checkpoint}.lock"
        self._lock = FileLock(self._path, mode=OWNER_ONLY, thread_local=False)

    def take(self, path: Path) -> None:
        """Take it for the checkpoint at `path`.

        Raises:
            CheckpointLocked: another copy is being loaded.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if self._path.exists():
                raise CheckpointLocked(
                    Message(
                        "{path} is in use: another copy of it is being loaded right now. Both would send "
                        "the same rows. Wait until that load is done or stop it. Then continue with the copy "
                        "that was loaded last, and delete the other one.",
                        path=path,
                    )
                ) from None
        except OSError:  # there is no folder for temporary files, or another account has made the file
            return

    def release(self) -> None:
        """Give it back, and leave no file behind."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._lock.release()
