"""A text file in segments, each read by a reader of its own, so that reading can begin at any of them.

A segment ends where a record surely does (`boundaries`); so what a segment holds does not depend on what
was read before it, and the records are the same wherever reading began. In a text whose quotes leave that
unsure the last segment continues to the end of the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.model import Mark
from loader.sources.ragged import RaggedRows
from loader.sources.textfile import Stretch, TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.sources.boundaries import RecordEnds
    from loader.sources.content import Content, Opened
    from loader.sources.cover import Cover
    from loader.sources.records import Slab

    # Reads a segment to its end; the ragged rows know at which record it begins.
    Parse = Callable[[TextFile, RaggedRows], Iterator[Slab]]

# A segment is an eighth of what stands before it, within these bounds: fine enough to name the place of a
# change in a small file, and few enough in a large one for the list of them to stay small (250 a gigabyte).
SHORTEST = 64 << 10
LONGEST = 4 << 20


def _cover_nothing() -> None:
    """Leave the text of a segment as it is."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text file, as its passes need to know it.

    Attributes:
        content: what is read.
        encoding: Python's name.
        start: bytes before the header or the first record.
        header: whether there is one.
        ends: makes what finds the ends of records.
        covers: makes what covers the text of a segment.
        ragged: makes what keeps the records that do not fit.
    """

    content: Content
    encoding: str
    start: int
    header: bool
    ends: Callable[[], RecordEnds]
    covers: Callable[[], Cover | None] = _cover_nothing
    ragged: Callable[[], RaggedRows] = RaggedRows

    @property
    def beginning(self) -> Mark:
        """Before the header or the first record."""
        return Mark(0, self.start, "")


class Surveyed:
    """The first pass over a text file: finds the segments.

    Args:
        text: the file.
        block: the bytes that the reader takes at a time.
        tail: put after the last byte of the file.

    Attributes:
        marks: where the segments end, so far.
    """

    def __init__(self, text: Text, block: int, *, tail: bytes) -> None:
        self.marks: list[Mark] = []
        self._text = text
        self._block = block
        self._tail = tail
        self._digest = hashlib.sha256()

    def slabs(self, parse: Parse) -> Iterator[Slab]:
        """All records."""
        ragged = self._text.ragged()
        with self._text.content.open() as file:
            self._digest.update(file.read(self._text.start))
            while True:
                segment = self._begin_segment(file)
                ragged.begin(ragged.end, header=self._text.header and segment.start == self._text.start)
                yield from parse(segment, ragged)
                if segment.whole:
                    return
                self.marks.append(Mark(ragged.end, segment.offset, self._digest.hexdigest()[:32]))
                file.seek(segment.offset)

    def _begin_segment(self, file: Opened) -> TextFile:
        offset, size = file.tell(), self._text.content.size
        return TextFile(
            file,
            None if size is None else size - offset,
            encoding=self._text.encoding,
            tail=self._tail,
            stretch=Stretch(self._text.ends(), size_segment(offset, self._block), self._digest),
            cover=self._text.covers(),
        )

    def sha256(self) -> str:
        """Hash of the content."""
        return self._digest.hexdigest()


def read_slabs(first: int, marks: Sequence[Mark], text: Text, parse: Parse) -> Iterator[Slab]:
    """The records of a file from the mark at or before record `first` on, in the segments of its survey."""
    begins = [text.beginning, *marks]
    ends = [*(mark.offset for mark in marks), None]
    start = max(number for number, mark in enumerate(begins) if mark.row <= first)
    with text.content.open() as file:
        for mark, marked_end in zip(begins[start:], ends[start:], strict=True):
            file.seek(mark.offset)
            end, tail = (text.content.size, b"\n") if marked_end is None else (marked_end, b"")
            size = None if end is None else end - mark.offset
            ragged = text.ragged()
            ragged.end = mark.row
            ragged.begin(mark.row, header=text.header and mark.offset == text.start)
            segment = TextFile(file, size, encoding=text.encoding, tail=tail, cover=text.covers())
            yield from parse(segment, ragged)


def size_segment(offset: int, block: int) -> int:
    """How long a segment that begins at `offset` is at least; it ends with the next record."""
    shortest = min(SHORTEST, block)
    # The room for that record within the last block spares reading one more.
    longest = max(LONGEST // block, 1) * block - shortest
    return min(max(offset >> 3, shortest), max(longest, shortest))
