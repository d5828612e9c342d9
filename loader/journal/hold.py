"""The hold of the one process that loads, on the checkpoint's own file: under whatever name it is found.

A lock file can be deleted, and a hard link or another path of the checkpoint has a lock file of its own. What
everybody who writes must open is the file itself, so its inode is what is locked.

Closing any descriptor of a file drops all locks that the process has on it by fcntl(2), those of SQLite among
them (sqlite.org/howtocorrupt.html, 2.2). Another SQLite tool then takes itself for the only one, and deletes
the write-ahead log under a running load. So nothing but SQLite opens a checkpoint, with this one exception;
and its descriptor is closed only while no connection of the process is open on the file.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal.byte_lock import (
    end_sharing,
    is_byte_locked,
    lock_byte,
    share_database,
    unlock_byte,
)
from loader.journal.checkpoint_files import NO_FOLLOW, Inode, read_inode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.journal.checkpoint_files import Files


class HeldElsewhere(Exception):
    """Another load holds the file."""


class Hold:
    """The exclusive right to write to a file, by its inode.

    Attributes:
        inode: device and inode of the file.
    """

    def __init__(self, descriptor: int, inode: Inode) -> None:
        self.inode = inode
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Hold:
        """Take the hold on the file at `path`.

        Raises:
            HeldElsewhere: this process or another one has it.
            CheckpointError: the file was replaced at this moment.
            OSError: it cannot be opened, or its file system cannot lock.
        """
        inode = _process.claim(path)
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDWR | NO_FOLLOW)
            _lock(descriptor)
            _verify_place(path, descriptor, inode)
        except BaseException:
            _process.give(inode, descriptor)
            raise
        hold = _process.held[inode] = cls(descriptor, inode)
        return hold

    def share(self) -> None:
        """Hold SQLite's lock for readers once more, which no closing of the file drops."""
        share_database(self._descriptor)

    def end_sharing(self) -> None:
        """Let SQLite close the file for good."""
        end_sharing(self._descriptor)

    def release(self) -> None:
        """Give the hold back."""
        if self._descriptor >= 0:
            _process.give(self.inode, self._descriptor)
            self._descriptor = -1

    def forget(self) -> None:
        """Close the descriptor in a process that was forked: there it would keep the parent's lock alive."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Sign:
    """Says to everybody who looks that a load runs: a lock on the slot file, which SQLite knows nothing of.

    On a descriptor of its own, because a memory map keeps the one that it was made of.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | NO_FOLLOW)
        _process.signs.add(self)
        self.put_up()

    def put_up(self) -> None:
        """Lock; again, if the system drops the locks of a process with any descriptor of the file."""
        lock_byte(self._descriptor)

    def take_down(self) -> None:
        """Close the descriptor."""
        if self in _process.signs:
            _process.signs.discard(self)
            os.close(self._descriptor)


class _Process:
    """What this process has open on checkpoints.

    Attributes:
        held: its holds, by inode; None for one that is being taken.
        signs: of its loads.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Hold nothing."""
        self.held: dict[Inode, Hold | None] = {}
        self.signs: set[Sign] = set()
        self._guard = threading.Lock()
        self._connections: Counter[Inode] = Counter()
        self._parked: dict[Inode, list[int]] = {}

    def claim(self, path: Path) -> Inode:
        """Enter a file that is about to be held, so that no other thread takes it.

        Raises:
            HeldElsewhere: this process holds it.
            OSError: there is no file.
        """
        found = path.stat()
        inode = found.st_dev, found.st_ino
        with self._guard:
            if inode in self.held:
                raise HeldElsewhere
            self.held[inode] = None
        return inode

    def give(self, inode: Inode, descriptor: int) -> None:
        """Strike a file off, and close its descriptor as soon as no connection is open on it."""
        with self._guard:
            self.held.pop(inode, None)
            if descriptor < 0:
                return
            if self._connections[inode]:
                end_sharing(descriptor)
                with suppress(OSError):
                    unlock_byte(descriptor)
                self._parked.setdefault(inode, []).append(descriptor)
            else:
                os.close(descriptor)

    def connect(self, inode: Inode) -> None:
        """Count a connection."""
        with self._guard:
            self._connections[inode] += 1

    def disconnect(self, inode: Inode) -> None:
        """Count a connection that is closed; after the last one, close what waited for it."""
        with self._guard:
            self._connections[inode] -= 1
            if not self._connections[inode]:
                del self._connections[inode]
                for descriptor in self._parked.pop(inode, []):
                    os.close(descriptor)

    def begin_as_child(self) -> None:
        """A forked process holds nothing."""
        for hold in self.held.values():
            if hold is not None:
                hold.forget()
        for sign in tuple(self.signs):
            sign.take_down()
        for descriptors in self._parked.values():
            for descriptor in descriptors:
                os.close(descriptor)
        self.begin()


_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.begin_as_child)


@contextmanager
def connecting(path: Path) -> Iterator[None]:
    """While this process may have an SQLite connection to the file at `path`."""
    inode = read_inode(path)
    if inode is None:
        yield
        return
    _process.connect(inode)
    try:
        yield
    finally:
        _process.disconnect(inode)


def is_running(files: Files) -> bool:
    """Whether a load runs with a checkpoint; takes nothing that a load needs, and changes nothing.

    Of another process, its slot file is asked for, which a load locks before it can be seen, and which
    SQLite knows nothing of.
    """
    if read_inode(files.path) in _process.held:
        return True
    try:
        descriptor = os.open(files.wire, os.O_RDONLY | NO_FOLLOW)
    except PermissionError:
        # A file of another account cannot be asked: that a load runs is the careful answer.
        return True
    except OSError:
        return False
    try:
        return is_byte_locked(descriptor)
    except OSError:  # a file system without locks: nobody can load there
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if not lock_byte(descriptor):
        raise HeldElsewhere


def _verify_place(path: Path, descriptor: int, inode: Inode) -> None:
    """Refuse a file that was replaced between the look at it and its lock."""
    found = os.fstat(descriptor)
    if not (found.st_dev, found.st_ino) == inode == read_inode(path):
        raise CheckpointError(f"{path} was replaced at this moment. Run the same command again.")
