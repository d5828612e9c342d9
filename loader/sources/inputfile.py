"""One input file, watched: what is read must be what was there when the load began."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from loader.errors import SourceError, SourceMissing
from loader.message import Message

_BLOCK = 1 << 20


class Odometer:
    """How far the first pass over the files is. One thread reads, others may ask.

    Attributes:
        total: bytes of all files.
    """

    def __init__(self) -> None:
        self.total = 0
        self._before = 0
        self._size = 0
        self._read = 0

    @property
    def done(self) -> int:
        """Bytes read. A file that is read twice, to be hashed too, counts once."""
        return self._before + min(self._read, self._size)

    def begin(self, size: int) -> None:
        """From here on a file of `size` bytes is read; the one before is done."""
        self._before, self._size, self._read = self._before + self._size, size, 0

    def end(self) -> None:
        """All files are done; what is read later is not counted."""
        self.begin(0)

    def add(self, read: int) -> None:
        """Count bytes that were read."""
        self._read += read


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells, at the cost of one system call, that a file is not the one it was."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp in the answer of `os.stat` or `os.fstat`."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class WatchedFile(io.FileIO):
    """A file that stops being read as soon as it is not the file that was surveyed.

    The stamp is compared after each read, so no byte is used that was read after the change.
    """

    def __init__(self, input_file: InputFile) -> None:
        super().__init__(input_file.path, "rb")
        self._expected = input_file
        try:
            self._compare()
        except SourceError:
            self.close()
            raise

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes.

        Raises:
            SourceError: the file changed, or the disk failed.
        """
        try:
            block = super().read(-1 if size is None else size) or b""
        except OSError as failure:
            name = self._expected.name
            raise SourceError(f"{name}: cannot be read: {failure.strerror or failure}.") from failure
        self._compare()
        self._expected.odometer.add(len(block))
        return block

    def _compare(self) -> None:
        now, before = Stamp.of(os.fstat(self.fileno())), self._expected.stamp
        if now != before:
            raise SourceError(
                f"{self._expected.name}: changed while it was being read ({_name_difference(before, now)}). "
                "Nothing after this place was read. To continue, restore the file as it was"
                f"{_name_beginning(before, now)}; a load of another file would send rows again."
            )


def _name_difference(before: Stamp, now: Stamp) -> str:
    if (before.device, before.inode) != (now.device, now.inode):
        return "another file has taken its place"
    if before.size != now.size:
        return f"it had {before.size:,} bytes and now has {now.size:,}"
    return "it was written to"


def _name_beginning(before: Stamp, now: Stamp) -> str:
    grown = (before.device, before.inode) == (now.device, now.inode) and now.size > before.size
    return f", its first {before.size:,} bytes," if grown else ""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A regular file as it was when the source was opened.

    Attributes:
        name: the path as the user gave it, for messages.
        path: where it is.
        stamp: what it must still be whenever it is read.
        odometer: counts what is read.
    """

    name: str
    path: Path
    stamp: Stamp
    odometer: Odometer = field(default_factory=Odometer, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp.size

    @property
    def raw_size(self) -> int:
        """Bytes that are read from the disk for it."""
        return self.stamp.size

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells it from each other file, whatever it is called."""
        return self.stamp.device, self.stamp.inode, ""

    @classmethod
    def at(cls, given: Path | str, odometer: Odometer | None = None) -> InputFile:
        """Look at a path without opening it (opening a FIFO would wait for a writer).

        Args:
            given: the path.
            odometer: counts what is read of all files together.

        Raises:
            SourceError: it is not a regular file.
        """
        name, path = str(given), Path(given)
        try:
            status = path.stat()
        except FileNotFoundError:
            raise SourceMissing(Message("{name}: there is no such file.", name=name)) from None
        except (OSError, ValueError) as failure:
            raise SourceError(f"{name}: cannot be read: {_name_reason(failure)}.") from failure
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(
                f"{name}: is {_name_kind(status.st_mode)}, which can be read only once. A load that can be "
                "resumed must read its input again. Write it to a file first, or give it as standard "
                "input (-)."
            )
        return cls(name, path, Stamp.of(status), odometer or Odometer())

    def open(self) -> WatchedFile:
        """Open for reading, unbuffered.

        Raises:
            SourceError: it may not be read, is gone, or is not the file it was.
        """
        try:
            return WatchedFile(self)
        except OSError as failure:
            raise SourceError(f"{self.name}: cannot be read: {_name_reason(failure)}.") from failure

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as file:
            return file.read(size)

    def sha256(self) -> str:
        """Hash of all bytes, in hexadecimal, for formats whose reader does not see each byte."""
        digest = hashlib.sha256()
        with self.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()


def _name_reason(failure: OSError | ValueError) -> str:
    return (failure.strerror if isinstance(failure, OSError) else None) or str(failure)


def _name_kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe (FIFO)"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
