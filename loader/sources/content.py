"""The content of a file, as it is or unpacked on the way: opened again for each pass, read to its end."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from loader.sources.inputfile import Odometer

_STEP = 1 << 20


class Damaged(SourceError):
    """A packed file that cannot be unpacked to its end.

    Args:
        name: the file.
        why: what was found.
        place: roughly where, for the message.
    """

    def __init__(self, name: str, why: str, place: str = "") -> None:
        where = f"{name}, {place}" if place else name
        super().__init__(
            f"{where}: cannot be unpacked any further ({why}). Was the copy cut off, or something "
            "added to it? Copy or export it again."
        )
        self.name = name
        self.why = why

    def name_row(self, row: int) -> Damaged:
        """The same, with the last row that was read."""
        return Damaged(self.name, self.why, f"after row {row:,}")


class Opened(Protocol):
    """Content that is being read; `read` gives less than was asked for only at the end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes."""

    def seek(self, offset: int, /) -> int:
        """Go to a place; if the content is unpacked, only forward or back within what was read last."""

    def tell(self) -> int:
        """The present place."""


class Content(Protocol):
    """What can be read several times, from front to back."""

    @property
    def name(self) -> str:
        """The path as the user gave it."""

    @property
    def size(self) -> int | None:
        """Bytes, or None if only reading to the end tells."""

    def open(self) -> AbstractContextManager[Opened]:
        """Read from the beginning on."""

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""


class SourceFile(Content, Protocol):
    """A file of the input: on the disk, in a store, or one of several in a ZIP archive."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def raw_size(self) -> int:
        """Bytes that are read from the disk for it."""

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells it from each other file: device, inode, and the address or the name in an archive."""

    @property
    def ranged(self) -> bool:
        """Whether any part of it can be read without what stands before."""

    @property
    def odometer(self) -> Odometer:
        """Counts what is read from the disk."""

    def sha256(self) -> str:
        """Hash of all bytes, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Compressed content, read as what is in it.

    Attributes:
        content: the file, or what unpacking it once gave.
        codec: gzip, bz2, zstd or zip.
        inside: the name of what is in it.
    """

    content: SourceFile | Packed
    codec: str
    inside: str

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self.content.name

    @property
    def packing(self) -> str:
        """How it is packed, for people: ``gzip``, or ``gzip in gzip``."""
        around = f" in {self.content.packing}" if isinstance(self.content, Packed) else ""
        return f"{self.codec}{around}"

    @property
    def size(self) -> None:
        """Only reading to the end tells."""

    @contextmanager
    def open(self) -> Iterator[Unpacking]:
        """Unpack from the beginning on; memory does not grow with what is in it."""
        with self.content.open() as raw:
            if self.codec != "zip":
                yield Unpacking(pa.CompressedInputStream(raw, self.codec), self.name)
                return
            with open_archive(raw, self.name) as archive, archive.open(self.inside) as member:
                yield Unpacking(member, self.name)

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as unpacking:
            return unpacking.read(size)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Unpacking:
    """Content on its way out of a packed file; it can go back within what was read last.

    Attributes:
        closed: always false; Arrow asks for it where something is packed twice.
    """

    closed = False

    def __init__(self, stream: _Stream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._at = 0
        self._latest = b""
        self._again = b""

    def read(self, size: int, /) -> bytes:
        """The next bytes; fewer than `size` only at the end.

        Raises:
            Damaged: they cannot be unpacked.
        """
        parts, self._again = [self._again[:size]], self._again[size:]
        wanted = size - len(parts[0])
        try:
            while wanted and (part := self._stream.read(wanted)):
                parts.append(part)
                wanted -= len(part)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as failure:
            raise Damaged(self._name, str(failure).rstrip(".")) from failure
        self._at += size - wanted
        self._latest = b"".join(parts)
        return self._latest

    def seek(self, offset: int, /) -> int:
        """Go forward to a place, or back to one within what was read last."""
        if offset < self._at:
            back = self._at - offset
            if back > len(self._latest):
                raise ValueError("what was unpacked longer ago is gone")
            self._again = self._latest[-back:] + self._again
            self._at = offset
        while self._at < offset and self.read(min(offset - self._at, _STEP)):
            pass
        return self._at

    def tell(self) -> int:
        """The present place."""
        return self._at

    def close(self) -> None:
        """Nothing to release: whoever opened the file closes it."""


@contextmanager
def open_archive(raw: Opened, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive.

    Raises:
        Damaged: it is not a whole one.
    """
    try:
        with zipfile.ZipFile(raw) as archive:  # type: ignore[call-overload]  # its tell and seek are enough
            yield archive
    except zipfile.BadZipFile as failure:
        raise Damaged(name, str(failure)) from failure
