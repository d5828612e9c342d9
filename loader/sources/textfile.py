"""The bytes of a text file on their way into the reader: hashed, proven to be text, made UTF-8, ended."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from loader.encoding import ByteCount
from loader.sources.cover import Cover

if TYPE_CHECKING:
    from loader.sources.boundaries import RecordEnds
    from loader.sources.content import Opened

_WORD_BREAK = re.compile(rb"[\s,;|\"]")
_CONTROL = re.compile(rb"[\x80-\x9f]")
_ROOM = 64 << 10  # bytes behind those that are enough, in which a record mostly ends
_REACH = 24  # bytes shown on either side of a byte that is not UTF-8


_AS_IT_IS = Cover(",", "", "")


class Digest(Protocol):
    """A hash that is being made."""

    def update(self, block: bytes, /) -> None:
        """Take the next bytes."""


class NotText(Exception):
    """A byte that is not text in the file's encoding.

    Args:
        offset: its place in the file, in bytes.
        encoding: Python's name of the encoding.
        before: the bytes before it, up to a blank or delimiter.
        after: itself and the bytes after it, up to a blank or delimiter.
    """

    def __init__(self, offset: int, encoding: str, before: bytes, after: bytes) -> None:
        super().__init__(offset, encoding, before, after)
        self.offset = offset
        self.encoding = encoding
        self.before = before
        self.after = after


@dataclass(frozen=True, slots=True)
class Stretch:
    """How far a text is read at a stretch: to a sure end of a record, `enough` bytes on or soon after.

    Attributes:
        ends: finds the ends.
        enough: bytes.
        digest: is given all bytes that are read.
    """

    ends: RecordEnds
    enough: int
    digest: Digest


class TextFile:
    """The text of a file, or of a part of it, as UTF-8.

    Args:
        file: read from its present position on and left open.
        size: bytes to read; what follows is ignored. None: to the end.
        encoding: what the bytes are; Python's name.
        tail: put after the last byte. A line end makes the last record whole; a record that must come out
            again at the end proves that no quote was left open.
        stretch: where to end before the last byte; then there is no tail.
        cover: makes the text what the reader can split; None to leave it as it is.

    Attributes:
        start, offset: place in the file of the first byte, and of the next one to read.
        whole: the last byte was read.
        cover: what covers the text.
    """

    def __init__(
        self,
        file: Opened,
        size: int | None = None,
        *,
        encoding: str = "utf-8",
        tail: bytes = b"\n",
        stretch: Stretch | None = None,
        cover: Cover | None = None,
    ) -> None:
        self.start = self.offset = file.tell()
        self.whole = False
        self._file = file
        self._left = size
        self._encoding = encoding
        self._tail = tail
        self._stretch = stretch
        self._length = 0
        self._ended = False
        self._return = "\r".encode(encoding)
        self._held = b""
        self._bytes = ByteCount(encoding)
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self.cover = cover or _AS_IT_IS
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of text; the tail comes in one piece with the last ones, if there is room.

        Raises:
            NotText: at the first byte that is not text.
            SourceError: the file changed, or cannot be read.
        """
        while not (self._ready or self._ended or self.whole):
            self._ready = self._read_text(size)
        if len(self._ready) <= size:
            text, self._ready = self._ready, b""
            return text
        # A carriage return is not cut from what follows it (see `_read_next`).
        end = size - self._ready.endswith(b"\r", 0, size)
        text, self._ready = self._ready[:end], self._ready[end:]
        return text

    def _read_text(self, size: int) -> bytes:
        """The text of the next bytes: about `size` of it, or none yet if it depends on what follows."""
        if self._stretch is not None and not self._length:
            # What is read beyond the end of a short segment is read again for the next one. Only the first
            # block may be that small, because a record may span two blocks, not three.
            size = min(size, self._stretch.enough + _ROOM)
        block, last = self._read_next(self._count_raw(size - len(self._tail)))
        text = self._decode(block, last=last)
        text = self.cover.take(text, last=last)
        end = self._find_end(text)
        if end is not None:
            text = text[:end]
            used = self._bytes.find_end(block, self.cover.uncover(text))
            block, last, self._ended = block[:used], False, True
        self._take(block, text)
        self.whole = last
        return text + self._tail if last else text

    def _count_raw(self, size: int) -> int:
        """How many bytes of the file give at most `size` bytes of UTF-8; whole units only."""
        if self._encoding == "utf-8":
            return max(size, 1)
        unit = len(self._return)
        return max(size // 3 // unit, 8) * unit

    def _read_next(self, size: int) -> tuple[bytes, bool]:
        """The next bytes, and whether they are the last; a carriage return waits for what follows it.

        The reader drops a line feed at the beginning of a block after a block that ends with a carriage
        return, even within quotes.
        """
        wanted = size if self._left is None else min(size, self._left)
        block = self._held + self._file.read(wanted - len(self._held))
        last = len(block) == self._left or len(block) < wanted or not block
        self._held = b""
        if not last and block.endswith(self._return) and len(block) > len(self._return):
            self._held = self._return
        return block[: len(block) - len(self._held)], last

    def _decode(self, block: bytes, *, last: bool) -> bytes:
        """The block in UTF-8."""
        pending = len(self._decoder.getstate()[0])
        if self._encoding == "utf-8" and not pending and block.isascii():  # a tenth of the time
            return block
        try:
            text = self._decoder.decode(block, final=last)
        except UnicodeDecodeError as failure:
            raise self._find_fault(failure.object, failure.start, self.offset - pending) from None
        if self._encoding == "utf-8":
            return block
        if self._encoding == "iso8859-1" and (control := _CONTROL.search(block)):
            raise self._find_fault(block, control.start(), self.offset)
        return text.encode()

    def _find_fault(self, block: bytes, start: int, offset: int) -> NotText:
        before, after = block[max(start - _REACH, 0) : start], block[start:][:_REACH]
        return NotText(
            offset + start, self._encoding, _WORD_BREAK.split(before)[-1], _WORD_BREAK.split(after)[0]
        )

    def _find_end(self, text: bytes) -> int | None:
        """Where in the text the stretch ends, if there."""
        if self._stretch is None:
            return None
        start = max(0, self._stretch.enough - self._length)
        return self._stretch.ends.find_next(text, start, opened=self.cover.opened)

    def _take(self, block: bytes, text: bytes) -> None:
        if self._stretch is not None:
            self._stretch.digest.update(block)
        if self._left is not None:
            self._left -= len(block)
        self.offset += len(block)
        self._length += len(text)
        self._bytes.take(block, self.cover.uncover(text))
