"""The lock file beside the checkpoint: loads that start at the same moment do so one after the other.

The operating system drops the lock when its holder dies, however it dies; the file itself stays and means
nothing. It may be deleted at any time: what keeps a second load out is the hold on the checkpoint itself.
Its text is the holder's process id, for people.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from loader.errors import CheckpointError, CheckpointLocked
from loader.journal.checkpoint_files import OWNER_ONLY, Files, explain_unusable
from loader.journal.copies import CopyGuard
from loader.journal.hold import HeldElsewhere, Hold, Sign
from loader.message import Command, Message, Setting

if TYPE_CHECKING:
    from pathlib import Path

# Long enough for another start to be refused by the hold and to let go, short enough to be refused at once.
_PATIENCE = 0.25
_HOLDER = re.compile(r"process (\d{1,10})\n")


class Lock:
    """The exclusive right to write a checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path, mode=OWNER_ONLY, thread_local=False)
        self._hold: Hold | None = None
        self._guard: CopyGuard | None = None
        self._sign: Sign | None = None

    def take(self, checkpoint: Path) -> None:
        """Take the lock file, or say who has it.

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
        self._write_name()

    def hold(self, checkpoint: Path) -> Hold:
        """Take the hold on the checkpoint itself, which exists by now.

        Raises:
            CheckpointLocked: a load is running on this very file.
            CheckpointError: it cannot be locked.
        """
        try:
            self._hold = Hold.take(checkpoint)
            self._put_up_sign(checkpoint)
        except HeldElsewhere:
            raise CheckpointLocked(say_held(checkpoint)) from None
        except OSError as error:
            raise explain_unusable(checkpoint, error) from error
        return self._hold

    def keep_copies_out(self, checkpoint: Path, identifier: str) -> None:
        """Keep loads with copies of the checkpoint from running meanwhile.

        Raises:
            CheckpointLocked: one is running.
        """
        guard = CopyGuard(identifier)
        guard.take(checkpoint)
        self._guard = guard

    def release(self) -> None:
        """Give back all of it."""
        if self._guard is not None:
            self._guard.release()
        if self._sign is not None:
            self._sign.take_down()
        if self._hold is not None:
            self._hold.release()
        self._lock.release()

    def _put_up_sign(self, checkpoint: Path) -> None:
        """Be seen by the slots of the run before, while there are none of this run."""
        with suppress(FileNotFoundError):
            self._sign = Sign(Files(checkpoint).wire)

    def _write_name(self) -> None:
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


def say_in_use(checkpoint: Path, lock: Path) -> Message:
    """Say who is loading with a checkpoint, and what to do."""
    return Message(
        "{checkpoint} is in use: {holder} is loading with it right now. "
        "Wait until it is done or stop it; {status} shows how far it is.",
        checkpoint=checkpoint,
        holder=describe_holder(lock),
        status=Command.STATUS,
    )


def say_held(checkpoint: Path) -> Message:
    """Say that a load is running whose lock file is not the one beside the checkpoint."""
    names = checkpoint.stat().st_nlink
    if names > 1:
        return Message(
            "{checkpoint} is in use: a load is running right now with the same file under another name; it "
            "has {names} names (hard links). Wait until it is done or stop it, and give every load a "
            "checkpoint of its own with {setting}.",
            checkpoint=checkpoint,
            names=names,
            setting=Setting("checkpoint"),
        )
    return Message(
        "{checkpoint} is in use: a load is running with it right now, although its lock file was deleted or "
        "replaced. Wait until it is done or stop it; {status} shows how far it is.",
        checkpoint=checkpoint,
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
