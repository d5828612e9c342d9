"""Copies of a checkpoint: two of them must not be loaded at the same moment.

A copy is another file, so nothing about the file itself tells. But both carry the id that the checkpoint got
when it was created. A lock that is named after it, in the folder for temporary files, is taken by whoever
loads. It is a second guard: without such a folder the load continues, and a copy on another machine is not
seen.

Each login, and each systemd service with `PrivateTmp`, may have a folder for temporary files of its own. So
Linux also keeps the name of a socket that nobody talks to (unix(7), "abstract"): it is the same for all
processes of the machine, and is gone with its owner.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

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
        self._name = Name(self._path.stem)

    def take(self, path: Path) -> None:
        """Take it for the checkpoint at `path`.

        Raises:
            CheckpointLocked: another copy is being loaded.
        """
        if not self._name.take():
            raise CheckpointLocked(say_loaded(path))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if self._path.exists():
                self._name.release()
                raise CheckpointLocked(say_loaded(path)) from None
        except OSError:  # there is no folder for temporary files, or another account has made the file
            return

    def release(self) -> None:
        """Give it back, and leave no file behind."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._lock.release()
        self._name.release()


class Name:
    """A name that one process of the machine can have at a time; on Linux only.

    Args:
        text: the name.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._socket: socket.socket | None = None

    def take(self) -> bool:
        """Take it; False if someone has it."""
        if sys.platform != "linux":
            return True
        owner = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            owner.bind(f"\0{self._text}")
        except OSError as error:
            owner.close()
            return error.errno != errno.EADDRINUSE  # a system that forbids such sockets has no second guard
        self._socket = owner
        _taken.add(self)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _give_up_names() -> None:
    """A forked process has none: it would keep the name after its parent."""
    for name in tuple(_taken):
        name.release()


_taken: WeakSet[Name] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_give_up_names)


def say_loaded(path: Path) -> Message:
    """Say that another copy is being loaded, and what to do."""
    return Message(
        "{path} is in use: another copy of it is being loaded right now. Both would send the same rows. "
        "Wait until that load is done or stop it. Then continue with the copy that was loaded last, and "
        "delete the other one.",
        path=path,
    )
