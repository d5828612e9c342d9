"""One load at a time: the lock beside the checkpoint.

The operating system drops the lock when its holder dies, however it dies; the file itself stays and
means nothing. Its text is the holder's process id, for people.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from loader.errors import CheckpointError, CheckpointLocked
from loader.journal.checkpoint_files import OWNER_ONLY, explain_unusable
from loader.message import Command, Message, Setting

if TYPE_CHECKING:
    from pathlib import Path

# Long enough to outlast a reader that looks whether a load is running, short enough to be refused at once.
_PATIENCE = 0.25
_HOLDER = re.compile(r"process (\d{1,10})\n")


class Lock:
    """The exclusive right to write a checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path, mode=OWNER_ONLY, thread_local=False)

    def take(self, checkpoint: Path) -> None:
        """Take the lock, or say who has it.

        Raises:
            CheckpointLocked: a load is running on this checkpoint.
            CheckpointError: the lock file cannot be written.
        """
        try:
            self._lock.acquire(timeout=_PATIENCE, poll_interval=0.02)
        except Timeout:
            # The library takes a folder in which nothing can be made (/proc) for a lock that is held.
            if not self._path.exists():
                raise CheckpointError(
                    Message(
                        "{path} cannot be used: no file can be made in its folder. "
                        "Name a checkpoint in another folder with {checkpoint}.",
                        path=checkpoint,
                        checkpoint=Setting("checkpoint"),
                    )
                ) from None
            raise CheckpointLocked(say_in_use(checkpoint, self._path)) from None
        except OSError as error:
            raise explain_unusable(checkpoint, error) from error
        self._sign()

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def _sign(self) -> None:
        """Write the process id, unless the lock library keeps its own text in the file."""
        try:
            with self._path.open("r+") as file:
                if not re.fullmatch(_HOLDER, file.read(100) or f"process {os.getpid()}\n"):
                    return
                file.seek(0)
                file.truncate()
                file.write(f"process {os.getpid()}\n")
        except (OSError, UnicodeDecodeError):  # the text is a courtesy; Windows refuses it
            return


def is_held(path: Path) -> bool:
    """Whether a load holds the lock at `path` now; creates nothing."""
    if not path.exists():
        return False
    probe = FileLock(path, mode=OWNER_ONLY, thread_local=False)
    try:
        probe.acquire(timeout=0)
    except (Timeout, PermissionError):
        # A file of another account cannot be asked: that a load runs is the careful answer.
        return True
    except OSError:  # a read-only disk: nobody can load there
        return False
    probe.release()
    return False


def say_in_use(checkpoint: Path, lock: Path) -> Message:
    """Say who is loading with a checkpoint, and what to do."""
    return Message(
        "{checkpoint} is in use: {holder} is loading with it right now. "
        "Wait until it is done or stop it; {status} shows how far it is.",
        checkpoint=checkpoint,
        holder=describe_holder(lock),
        status=Command.STATUS,
    )


def describe_holder(path: Path) -> str:
    """Say who holds the lock at `path`, for the user."""
    try:
        found = _HOLDER.fullmatch(path.read_text())
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        return "another process"
    return "this very process" if int(found[1]) == os.getpid() else f"process {found[1]}"
