"""The bytes of a text file on their way into the CSV reader: hashed, proven to be UTF-8, properly ended."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from loader.errors import SourceError

if TYPE_CHECKING:
    from loader.sources.boundaries import RecordEnds
    from loader.sources.inputfile import InputFile, WatchedFile

_MARKS = {  # the longer ones first: a UTF-32 mark begins with a UTF-16 mark
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_WORD_BREAK = re.compile(rb"[\s,;|\"]")
_SIGNS = "€‚„…‘’“”–—°§£«»ºª"
_REACH = 24  # bytes shown on either side of a byte that is not UTF-8


class Digest(Protocol):
    """A hash that is being made."""

    def update(self, block: bytes, /) -> None:
        """Take the next bytes."""


class NotUtf8(Exception):
    """A byte that is not UTF-8.

    Args:
        offset: its place in the file, in bytes.
        before: the bytes before it, up to a blank or delimiter.
        after: itself and the bytes after it, up to a blank or delimiter.
    """

    def __init__(self, offset: int, before: bytes, after: bytes) -> None:
        super().__init__(offset, before, after)
        self.offset = offset
        self.before = before
        self.after = after


@dataclass(frozen=True, slots=True)
class Stretch:
    """How far a text goes at a stretch: to where a record surely ends, `enough` bytes on or soon after."""

    ends: RecordEnds
    enough: int


class TextFile:
    """A readable stream for `pyarrow.csv.open_csv`.

    Args:
        file: read from its present position on and left open.
        size: bytes to read; what follows is ignored.
        tail: put after the last byte. A line end makes the last record whole; a record that must come out
            again at the end proves that no quote was left open.
        stretch: where to end before the last byte; then there is no tail.
        digest: is given all bytes.

    Attributes:
        start, offset: place in the file of the first byte, and of the next one to read.
        whole: the last byte was read.
    """

    def __init__(
        self,
        file: WatchedFile,
        size: int,
        *,
        tail: bytes = b"\n",
        stretch: Stretch | None = None,
        digest: Digest | None = None,
    ) -> None:
        self.closed = False
        self.start = self.offset = file.tell()
        self.whole = False
        self._file = file
        self._left = size
        self._tail = tail
        self._stretch = stretch
        self._ended = False
        self._held = b""
        self._digest = digest
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It goes forward only."""
        return False

    def close(self) -> None:
        """Nothing to release: whoever opened the file closes it."""
        self.closed = True

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; the tail comes in one piece with the last ones.

        Raises:
            NotUtf8: at the first byte that is not.
            SourceError: the file changed.
        """
        if self._ended:
            return b""
        block = self._to_sure_end(self._next(max(1, size - len(self._tail))))
        if self._digest is not None:
            self._digest.update(block)
        self._prove_utf8(block)
        self._left -= len(block)
        self.offset += len(block)
        if self._left > 0:
            return block
        block, self._tail = block + self._tail, b""
        self.whole = True
        return block

    def _next(self, size: int) -> bytes:
        """The next bytes; a carriage return at their end waits for what follows it.

        The reader drops a line feed at the beginning of a block after a block that ends with a carriage
        return, even within quotes.
        """
        block = self._held + self._file.read(min(size, self._left) - len(self._held))
        self._held = b"\r" if block.endswith(b"\r") and 1 < len(block) < self._left else b""
        return block[: len(block) - len(self._held)]

    def _to_sure_end(self, block: bytes) -> bytes:
        """The block, or its beginning that ends the stretch."""
        if self._stretch is None:
            return block
        read = self.offset - self.start
        end = self._stretch.ends.after(block, max(0, self._stretch.enough - read))
        if end is None:
            return block
        self._ended = True
        return block[:end]

    def _prove_utf8(self, block: bytes) -> None:
        pending = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(block, final=len(block) == self._left)
        except UnicodeDecodeError as failure:
            offset = self.offset - pending + failure.start
            before = failure.object[max(failure.start - _REACH, 0) : failure.start]
            after = failure.object[failure.start :][:_REACH]
            raise NotUtf8(offset, _WORD_BREAK.split(before)[-1], _WORD_BREAK.split(after)[0]) from None


def refuse_wide_text(file: InputFile, head: bytes) -> None:
    """Refuse UTF-16 and UTF-32, by the byte order mark or by the NULs that it puts between Latin letters.

    Raises:
        SourceError: with the first bytes and how to convert the file.
    """
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            raise SourceError(_wide(file.name, encoding, f"it begins with the bytes {mark.hex(' ')}"))
    if head.count(0) * 3 >= len(head) > 0:
        seen = f"it begins with the bytes {head[:8].hex(' ')}"
        raise SourceError(_wide(file.name, "UTF-16 or UTF-32, or not text at all", seen))


def _wide(name: str, encoding: str, seen: str) -> str:
    return (
        f"{name}: the file is {encoding}, not UTF-8 ({seen}). "
        'Export it as UTF-8 (in Excel: "CSV UTF-8"), or convert it: iconv -f UTF-16 -t UTF-8.'
    )


def encoding_advice(found: NotUtf8) -> str:
    """What the bytes are and what to do, as the end of a sentence."""
    shown = f"the byte {found.after[:1].hex()} in {ascii(found.before + found.after)[1:]} is not UTF-8"
    plausible = _as_latin(found)
    if plausible is None:
        return f"{shown}; the file is damaged or in another encoding. Export it again as UTF-8."
    return (
        f'{shown}; read as Latin-1 (Windows-1252) it would be "{plausible}". Export the file as UTF-8, '
        "or if that reading is right convert it: iconv -f WINDOWS-1252 -t UTF-8."
    )


def _as_latin(found: NotUtf8) -> str | None:
    """The word in Windows-1252, where that makes the wrong byte a letter or a sign used in texts.

    Bytes 80 to bf right after it are what follows in UTF-8: then it is UTF-8 that was damaged.
    """
    try:
        word = (found.before + found.after).decode("cp1252")
    except UnicodeDecodeError:
        return None
    character = word[len(found.before)]
    damaged_utf8 = b"\x80" <= found.after[1:2] <= b"\xbf"
    return word if not damaged_utf8 and (character.isalpha() or character in _SIGNS) else None
