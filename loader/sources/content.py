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

    from loader.sources.inputfile import InputFile, WatchedFile

_STEP = 1 << 20
_NO_MEMBER = "__MACOSX/"  # what macOS puts beside each file in a ZIP archive


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


@dataclass(frozen=True, slots=True)
class Packed:
    """A compressed file, read as what is in it.

    Attributes:
        file: the file.
        packing: gzip, bz2, zstd or zip.
        inside: the name of what is in it.
    """

    file: InputFile
    packing: str
    inside: str

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self.file.name

    @property
    def size(self) -> None:
        """Only reading to the end tells."""

    @contextmanager
    def open(self) -> Iterator[Unpacking]:
        """Unpack from the beginning on; memory does not grow with what is in it."""
        with self.file.open() as raw:
            if self.packing != "zip":
                yield Unpacking(pa.CompressedInputStream(raw, self.packing), self.name)
                return
            with _open_archive(raw, self.name) as archive, archive.open(self.inside) as member:
                yield Unpacking(member, self.name)

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as unpacking:
            return unpacking.read(size)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Unpacking:
    """Content on its way out of a packed file; it can go back within what was read last."""

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


def unpack_file(file: InputFile, packing: str, inside: str) -> Packed:
    """The content of a packed file.

    Args:
        file: the file.
        packing: gzip, bz2, zstd or zip.
        inside: the name of what is in it; a ZIP archive knows better.

    Raises:
        SourceError: a ZIP archive that does not hold one file.
    """
    if packing != "zip":
        return Packed(file, packing, inside)
    with file.open() as raw, _open_archive(raw, file.name) as archive:
        return Packed(file, packing, _find_member(archive, file.name))


@contextmanager
def _open_archive(raw: WatchedFile, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(raw) as archive:
            yield archive
    except zipfile.BadZipFile as failure:
        raise Damaged(name, str(failure)) from failure


def _find_member(archive: zipfile.ZipFile, name: str) -> str:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith(_NO_MEMBER)
    ]
    names = [member.filename for member in members]
    if "[Content_Types].xml" in names:
        raise SourceError(f'{name}: is an Excel workbook (or another Office file). Save it as "CSV UTF-8".')
    if len(members) != 1:
        shown = f": {', '.join(names[:5])}{', …' if len(names) > 5 else ''}" if names else ""
        raise SourceError(
            f"{name}: is a ZIP archive of {len(names)} files{shown}. Only an archive with a single "
            "file can be read. Unpack it and name the files."
        )
    if members[0].flag_bits & 1:
        raise SourceError(f"{name}: is a ZIP archive with a password. Unpack it first.")
    return names[0]
