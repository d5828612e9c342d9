"""One object of a store as a file of the input, watched: what is read must be what the first read found."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.sources.inputfile import Changed, Odometer
from loader.sources.pages import PAGE, Pages
from loader.stores.ahead import ReadAhead
from loader.stores.stored import Replaced, name_difference

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from loader.stores import Stored

_BLOCK = 1 << 20


class WatchedObject(io.RawIOBase):
    """An object that stops being read as soon as it is not the one that was found.

    Each page is compared with what it was when it was read first. The first read of all has nothing to
    compare with: so before the last byte is given out, the store is asked whether it is still the same
    version.
    """

    def __init__(self, file: StoredFile) -> None:
        super().__init__()
        self._file = file
        self._at = 0
        self._confirmed = False
        self._ahead = ReadAhead(file.stored.read_range, self._recognise, file.size)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes.

        Raises:
            SourceError: the object changed, or cannot be read.
        """
        left = max(self._file.size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            block = self._ahead.read(self._at, self._at + wanted)
            self._at += wanted
            if self._at == self._file.size and not self._confirmed:
                self._confirm()
        except Replaced as change:
            raise Changed(self._file.name, change.difference) from None
        self._file.odometer.add(len(block))
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

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; nothing is read for it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        """The present place."""
        return self._at

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It goes to any place."""
        return True

    def close(self) -> None:
        """Give up what is read ahead."""
        if not self.closed:
            self._ahead.close()
            self._file.stored.rest()
        super().close()

    def _confirm(self) -> None:
        if difference := name_difference(self._file.stored.seen, self._file.stored.look_again()):
            raise Replaced(difference)
        self._confirmed = True

    def _recognise(self, start: int, content: bytes) -> None:
        """Compare the pages of a range, which begins with a page."""
        view = memoryview(content)
        for at in range(0, len(view), PAGE):
            page = view[at : at + PAGE]
            if not self._file.pages.recognise((start + at) // PAGE, page):
                low = start + at
                raise Replaced(
                    f"of its bytes {low + 1:,} to {low + len(page):,} some are others, although its size is "
                    "the same"
                )


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object as it was when the source was opened.

    Attributes:
        stored: the object, to be read by ranges.
        odometer: counts what is read.
        pages: what its bytes must still be.
    """

    stored: Stored
    odometer: Odometer = field(default_factory=Odometer, compare=False, repr=False)
    pages: Pages = field(default_factory=Pages, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its address, without secrets."""
        return self.stored.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stored.seen.size

    @property
    def raw_size(self) -> int:
        """Bytes that are read from the store for it."""
        return self.size

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells it from each other file, however its address is spelled."""
        return 0, 0, self.stored.identity

    @property
    def ranged(self) -> bool:
        """Whether any part of it can be read without what stands before."""
        return self.stored.ranged

    def open(self) -> WatchedObject:
        """Open for reading."""
        return WatchedObject(self)

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as file:
            return file.read(size)

    def sha256(self) -> str:
        """Hash of all bytes, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
