"""A lock on one byte of a file, far behind what is stored in it: nobody who reads or writes is in its way.

On Linux and macOS it belongs to the descriptor (fcntl(2), "open file description locks"), so closing another
descriptor of the file does not drop it, as it drops the locks that SQLite takes. It can be asked for without
being taken. Systems without such locks have those of the process, and Windows those of the handle.
"""

from __future__ import annotations

import os
import struct
import sys
from contextlib import suppress

# In the page of SQLite's own lock bytes (sqlite.org/fileformat2.html), in which it never stores anything, but
# behind the 512 that it locks.
BYTE = 0x40000000 + 768
# The bytes that a connection holds for reading while it is open, and a last one for writing when it closes.
_SHARED, _SHARED_BYTES = 0x40000000 + 2, 510

if sys.platform == "win32":
    import msvcrt

    def lock_byte(descriptor: int) -> bool:
        """Lock the byte for oneself; False if someone else has it."""
        os.lseek(descriptor, BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def is_byte_locked(descriptor: int) -> bool:
        """Whether someone else has the byte."""
        if not lock_byte(descriptor):
            return True
        unlock_byte(descriptor)
        return False

    def unlock_byte(descriptor: int) -> None:
        """Give the byte back."""
        os.lseek(descriptor, BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def share_database(descriptor: int) -> None:
        """Nothing: Windows keeps SQLite's locks whatever else is closed."""

    def end_sharing(descriptor: int) -> None:
        """Nothing, as there is nothing to end."""

else:
    import errno
    import fcntl

    _BUSY = frozenset({errno.EACCES, errno.EAGAIN})

    def lock_byte(descriptor: int) -> bool:
        """Lock the byte for oneself; False if someone else has it.

        Raises:
            OSError: the file system cannot lock.
        """
        try:
            _ask("SETLK", descriptor, fcntl.F_WRLCK, BYTE, 1)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def unlock_byte(descriptor: int) -> None:
        """Give the byte back."""
        _ask("SETLK", descriptor, fcntl.F_UNLCK, BYTE, 1)

    def is_byte_locked(descriptor: int) -> bool:
        """Whether someone else has the byte; takes nothing."""
        return _ask("GETLK", descriptor, fcntl.F_RDLCK, BYTE, 1) != fcntl.F_UNLCK

    def share_database(descriptor: int) -> None:
        """Hold what SQLite's connection holds once more, for the descriptor.

        The process loses SQLite's own locks as soon as anything in it closes the file. The next SQLite tool
        then takes itself for the only one, and deletes the write-ahead log. Not while this is held.
        """
        if hasattr(fcntl, "F_OFD_SETLK"):
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _pack(fcntl.F_RDLCK, _SHARED, _SHARED_BYTES))

    def end_sharing(descriptor: int) -> None:
        """Let it go, so that SQLite can fold the log into the file when it closes."""
        if hasattr(fcntl, "F_OFD_SETLK"):
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _pack(fcntl.F_UNLCK, _SHARED, _SHARED_BYTES))

    def _ask(what: str, descriptor: int, kind: int, first: int, length: int) -> int:
        """Take or ask for a lock of the descriptor, or of the process if there are no others."""
        packed = _pack(kind, first, length)
        own = getattr(fcntl, f"F_OFD_{what}", None)
        if own is not None:
            try:
                return _unpack_kind(fcntl.fcntl(descriptor, own, packed))
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                    raise
        return _unpack_kind(fcntl.fcntl(descriptor, getattr(fcntl, f"F_{what}"), packed))

    # `struct flock`: Linux begins with the kind, the others with the place.
    _KIND_FIRST = os.uname().sysname == "Linux"
    _LAYOUT = struct.Struct("@hhqqi0q" if _KIND_FIRST else "@qqihhi")

    def _pack(kind: int, first: int, length: int) -> bytes:
        if _KIND_FIRST:
            return _LAYOUT.pack(kind, os.SEEK_SET, first, length, 0)
        return _LAYOUT.pack(first, length, 0, kind, os.SEEK_SET, 0)

    def _unpack_kind(packed: bytes) -> int:
        fields = _LAYOUT.unpack(packed[: _LAYOUT.size])
        return int(fields[0 if _KIND_FIRST else 3])
