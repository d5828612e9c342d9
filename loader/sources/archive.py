"""A ZIP archive as a folder: each file in it is a file of the input, read where it lies."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loader import stores
from loader.errors import SourceError
from loader.sources.content import Unpacking, open_archive
from loader.stores.address import is_address

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

    from loader.sources.content import SourceFile
    from loader.sources.inputfile import Odometer

SIGN, EMPTY_SIGN = b"PK\x03\x04", b"PK\x05\x06"
_BLOCK = 1 << 20
_IN_ARCHIVE = re.compile(r"(.+?\.zip)/(.+)", re.IGNORECASE)
_FROM_MACOS = "__MACOSX/"  # what the Finder puts beside each file


@dataclass(frozen=True, slots=True)
class Member:
    """One of several files in a ZIP archive.

    Attributes:
        archive: where it lies.
        inside: its name there.
        size: bytes, unpacked.
        raw_size: bytes, packed.
    """

    archive: SourceFile
    inside: str
    size: int
    raw_size: int

    @property
    def name(self) -> str:
        """The path, as if the archive were a folder."""
        return f"{self.archive.name}/{self.inside}"

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells it from each other file, whatever the archive is called."""
        device, inode, address = self.archive.place
        return device, inode, f"{address}/{self.inside}" if address else self.inside

    @property
    def ranged(self) -> bool:
        """It is unpacked from front to back."""
        return False

    @property
    def odometer(self) -> Odometer:
        """Counts what is read of the archive."""
        return self.archive.odometer

    @contextmanager
    def open(self) -> Iterator[Unpacking]:
        """Unpack from the beginning on; memory does not grow with what is in it."""
        with (
            self.archive.open() as raw,
            open_archive(raw, self.name) as archive,
            archive.open(self.inside) as member,
        ):
            yield Unpacking(member, self.name)

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as unpacking:
            return unpacking.read(size)

    def sha256(self) -> str:
        """Hash of all bytes, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as unpacking:
            while block := unpacking.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Archive:
    """What a ZIP archive holds.

    Attributes:
        members: the files in it, in the order of their names.
        left_out: hidden files, and marks such as _SUCCESS.
    """

    members: tuple[Member, ...]
    left_out: tuple[Member, ...] = ()


def read_archive(file: SourceFile) -> Archive:
    """List what is in a ZIP archive.

    Raises:
        SourceError: it is damaged, or has a password.
    """
    with file.open() as raw, open_archive(raw, file.name) as archive:
        entries = [entry for entry in archive.infolist() if _is_file(entry)]
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceError(f"{file.name}: is a ZIP archive with a password. Unpack it first.")
    entries.sort(key=lambda entry: entry.filename)
    members = [Member(file, entry.filename, entry.file_size, entry.compress_size) for entry in entries]
    hidden = [member for member in members if is_set_aside(PurePosixPath(member.inside))]
    return Archive(tuple(member for member in members if member not in hidden), tuple(hidden))


def find_archive(name: str) -> tuple[str, str] | None:
    """The archive and the name in it, of a path such as ``export.zip/a.csv``; None if it is none."""
    if is_address(name):
        return _split_address(name)
    if Path(name).exists():
        return None
    around = next((parent for parent in Path(name).parents if parent.is_file()), None)
    return (str(around), Path(name).relative_to(around).as_posix()) if around else None


def _split_address(name: str) -> tuple[str, str] | None:
    """The same of an address, by its name: to ask a store for each part of each name would take long."""
    found = _IN_ARCHIVE.fullmatch(name)
    return None if found is None or stores.exists(name) else (found[1], found[2])


def find_member(file: SourceFile, inside: str) -> Member:
    """One file in an archive.

    Raises:
        SourceError: there is none of this name, or the archive cannot be read.
    """
    if file.head(len(SIGN)) != SIGN:
        raise SourceError(f"{file.name}/{inside}: {file.name} is a file and not a folder or ZIP archive.")
    found = read_archive(file)
    member = next((each for each in (*found.members, *found.left_out) if each.inside == inside), None)
    if member is None:
        raise SourceError(f"{file.name}/{inside}: there is no such file in this archive.")
    return member


def is_set_aside(path: PurePosixPath | Path) -> bool:
    """Whether a file in a folder is left out: a hidden one, a mark such as _SUCCESS, a checkpoint."""
    return any(part.startswith((".", "_")) for part in path.parts) or ".ckpt" in path.name


def _is_file(entry: zipfile.ZipInfo) -> bool:
    return not entry.is_dir() and not entry.filename.startswith(_FROM_MACOS)
