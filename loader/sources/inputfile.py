"""One input file, watched: what is read must be what was there when the load began."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import SourceError, SourceMissing
from loader.file_names import name_file
from loader.message import Message
from loader.sources.pages import PAGE, Pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

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


class Changed(SourceError):
    """A file that is not what it was when it was read first.

    Args:
        name: the file.
        difference: what was found.
        beginning: which part of it to restore, if not the whole.
        row: the last row that was read before, if that is known.
    """

    def __init__(self, name: str, difference: str, beginning: str = "", row: int = 0) -> None:
        place = f"row {row:,}" if row else "this place"
        super().__init__(
            f"{name}: changed while it was being read ({difference}). Nothing after {place} was read. To "
            f"continue, restore the file as it was{beginning}; a load of another file would send rows again."
        )
        self._found = name, difference, beginning

    def name_row(self, row: int) -> Changed:
        """The same, with the last row that was read."""
        return Changed(*self._found, row)


class WatchedFile(io.FileIO):
    """A file that stops being read as soon as it is not the file that was surveyed.

    The stamp is compared after each read, so no byte is used that was read after the change. Since a change
    can leave the stamp as it was, each byte is given out only as part of a page that is what it was when it
    was read first.
    """

    def __init__(self, input_file: InputFile) -> None:
        super().__init__(input_file.path, "rb")
        self._expected = input_file
        self._kept = (-1, b"")  # the last page of which a small part was read, and its number
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
        start = self.tell()
        left = max(self._expected.size - start, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            block = self._read_small(start, wanted) if wanted <= PAGE else self._read_large(start, wanted)
        except OSError as failure:
            name = self._expected.name
            raise SourceError(f"{name}: cannot be read: {failure.strerror or failure}.") from failure
        self._expected.odometer.add(len(block))
        return block

    def readall(self) -> bytes:
        """All bytes from here on."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Up to as many bytes as the buffer holds."""
        view = memoryview(buffer).cast("B")
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def _read_small(self, start: int, wanted: int) -> bytes:
        """Bytes out of one page or two, which are kept: some formats read byte by byte."""
        first, end = start // PAGE, start + wanted
        parts = [
            self._read_page(number)[max(start - number * PAGE, 0) : end - number * PAGE]
            for number in range(first, -(-end // PAGE))
        ]
        self.seek(end)
        return b"".join(parts)

    def _read_page(self, number: int) -> bytes:
        if self._kept[0] != number:
            page = self._read_at(number * PAGE, min(PAGE, self._expected.size - number * PAGE))
            self._compare()
            self._recognise(number, page)
            self._kept = number, page
        return self._kept[1]

    def _read_large(self, start: int, wanted: int) -> bytes:
        """Bytes out of many pages, read at once; those around them in the outer pages only to compare."""
        block = super().read(wanted) or b""
        self._compare()
        view, end = memoryview(block), start + len(block)
        for number in range(start // PAGE, -(-end // PAGE)):
            low, high = number * PAGE, min((number + 1) * PAGE, self._expected.size)
            page: bytes | memoryview = view[max(low - start, 0) : high - start]
            if low < start or high > end:
                before, after = self._read_at(low, start - low), self._read_at(end, high - end)
                page = b"".join((before, page, after))
            self._recognise(number, page)
        return block

    def _read_at(self, offset: int, size: int) -> bytes:
        """Bytes from another place; the present one stays."""
        if size <= 0:
            return b""
        position = self.tell()
        self.seek(offset)
        block = super().read(size) or b""
        self.seek(position)
        return block

    def _recognise(self, number: int, page: bytes | memoryview) -> None:
        if not self._expected.pages.recognise(number, page):
            start = number * PAGE
            raise Changed(
                self._expected.name,
                f"of its bytes {start + 1:,} to {start + len(page):,} some are others, although its size and "
                "its time are the same",
            )

    def _compare(self) -> None:
        now, before = Stamp.of(os.fstat(self.fileno())), self._expected.stamp
        if now != before:
            raise Changed(self._expected.name, _name_difference(before, now), _name_beginning(before, now))


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
        name: the path as the user gave it, or what a temporary file is called, for messages.
        path: where it is.
        stamp: what it must still be whenever it is read.
        end: where reading ends, if more follows that is not part of it; None to read all.
        odometer: counts what is read.
        pages: what its bytes must still be.
    """

    name: str
    path: Path
    stamp: Stamp
    end: int | None = field(default=None, kw_only=True)
    odometer: Odometer = field(default_factory=Odometer, compare=False, repr=False)
    pages: Pages = field(default_factory=Pages, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp.size if self.end is None else self.end

    @property
    def raw_size(self) -> int:
        """Bytes that are read from the disk for it."""
        return self.size

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells it from each other file, whatever it is called."""
        return self.stamp.device, self.stamp.inode, ""

    @property
    def ranged(self) -> bool:
        """A disk gives any part."""
        return True

    @classmethod
    def at(cls, given: Path | str, odometer: Odometer | None = None) -> InputFile:
        """Look at a path without opening it (opening a FIFO would wait for a writer).

        Args:
            given: the path.
            odometer: counts what is read of all files together.

        Raises:
            SourceError: it is not a regular file.
        """
        name, path = name_file(given), Path(given)
        try:
            stamp = _look(name, path)
        except FileNotFoundError:
            raise SourceMissing(Message("{name}: there is no such file.", name=name)) from None
        return cls(name, path, stamp, odometer or Odometer())

    def __reduce__(self) -> tuple[Callable[..., InputFile], tuple[object, ...]]:
        """How it travels to another process, which may have another working directory, or another disk."""
        whole = str(self.path.absolute())
        return find_again, (self.name, whole, self.stamp.size, self.end, self.pages)

    def open(self) -> WatchedFile:
        """Open for reading, unbuffered.

        Raises:
            SourceError: it may not be read, is gone, or is not the file it was.
        """
        try:
            return WatchedFile(self)
        except OSError as failure:
            raise SourceError(f"{self.name}: cannot be read: {_name_reason(failure)}.") from failure

    def begins_with(self, size: int, sha256: str) -> bool:
        """Whether more follows its first `size` bytes, and these are the ones with this hash."""
        return self.size > size and replace(self, end=size, pages=Pages()).sha256() == sha256

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


def find_again(name: str, where: str, size: int, end: int | None, pages: Pages) -> InputFile:
    """Look at a file that another process has read before, perhaps on another machine.

    Its inode and its time may differ here, so what is found is what it must stay. Whether its bytes are those
    of the first read, `pages` tells as they are read.

    Args:
        name: what messages call it.
        where: its whole path.
        size: bytes that it had there.
        end: where reading ends, as in `InputFile`.
        pages: what its bytes must be.

    Raises:
        SourceError: it is not here, or has another size.
    """
    path, host = Path(where), platform.node()
    called = where if where.endswith(name) else f"{name} ({where})"
    try:
        stamp = _look(f"{called} on {host}", path)
    except FileNotFoundError:
        raise SourceMissing(
            f"{called}: there is no such file on {host}. Put it where all workers can read it, for example "
            "on a shared folder or in a store."
        ) from None
    if stamp.size != size:
        raise SourceError(
            f"{called}: the file on this machine ({host}) has {stamp.size:,} bytes, the coordinator's has "
            f"{size:,}. All workers must read the same file: copy it again, or put it on a shared folder."
        )
    return InputFile(name, path, stamp, end=end, pages=pages)


def _look(name: str, path: Path) -> Stamp:
    """The stamp of a path.

    Raises:
        FileNotFoundError: nothing is there.
        SourceError: it is not a regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as failure:
        raise SourceError(f"{name}: cannot be read: {_name_reason(failure)}.") from failure
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(
            f"{name}: is {_name_kind(status.st_mode)}, which can be read only once. A load that can be "
            "resumed must read its input again. Write it to a file first, or give it as standard "
            "input (-)."
        )
    return Stamp.of(status)


def _name_reason(failure: OSError | ValueError) -> str:
    return (failure.strerror if isinstance(failure, OSError) else None) or str(failure)


def _name_kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe (FIFO)"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
