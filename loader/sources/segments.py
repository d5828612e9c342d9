"""A text file in segments, each read by a reader of its own, so that reading can begin at any of them.

A segment ends where a record surely does (`boundaries`); so what a segment holds does not depend on what
was read before it, and the records are the same wherever reading began. In a text whose quotes leave that
unsure the last segment goes on to the end of the file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from loader.model import Mark
from loader.sources.ragged import RaggedRows
from loader.sources.textfile import Stretch, TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.sources.boundaries import RecordEnds
    from loader.sources.inputfile import WatchedFile
    from loader.sources.records import Slab

    # Reads a segment to its end; the ragged rows know at which record it begins.
    Parse = Callable[[TextFile, RaggedRows], Iterator[Slab]]

# A segment is an eighth of what stands before it, within these bounds: fine enough to name the place of a
# change in a small file, and few enough in a large one for the list of them to stay small (250 a gigabyte).
SHORTEST = 64 << 10
LONGEST = 4 << 20

BEGINNING = Mark(0, 0, "")


class Surveyed:
    """The first pass over a text file: finds the segments.

    Args:
        file: the file, at its beginning.
        size: its bytes.
        block: the bytes that the reader takes at a time.
        ends: makes what finds the ends of records.
        tail: put after the last byte of the file.

    Attributes:
        marks: where the segments end, so far.
    """

    def __init__(
        self, file: WatchedFile, size: int, block: int, ends: Callable[[], RecordEnds], *, tail: bytes
    ) -> None:
        self.marks: list[Mark] = []
        self._file = file
        self._size = size
        self._block = block
        self._ends = ends
        self._tail = tail
        self._digest = hashlib.sha256()

    def slabs(self, parse: Parse) -> Iterator[Slab]:
        """All records."""
        ragged, text = RaggedRows(), self._segment(0)
        while True:
            ragged.begin(ragged.end, header=text.start == 0)
            yield from parse(text, ragged)
            if text.whole:
                return
            self.marks.append(Mark(ragged.end, text.offset, self._digest.hexdigest()[:32]))
            self._file.seek(text.offset)
            text = self._segment(text.offset)

    def _segment(self, offset: int) -> TextFile:
        stretch = Stretch(self._ends(), segment_bytes(offset, self._block))
        left = self._size - offset
        return TextFile(self._file, left, tail=self._tail, stretch=stretch, digest=self._digest)

    def sha256(self) -> str:
        """Hash of the bytes read."""
        return self._digest.hexdigest()


def slabs_from(
    first: int, marks: Sequence[Mark], file: WatchedFile, size: int, parse: Parse
) -> Iterator[Slab]:
    """The records of a file from the mark at or before record `first` on, in the segments of its survey."""
    known = [BEGINNING, *marks]
    start = max(number for number, mark in enumerate(known) if mark.row <= first)
    for number, mark in enumerate(known[start:], start + 1):
        end, tail = (known[number].offset, b"") if number < len(known) else (size, b"\n")
        file.seek(mark.offset)
        ragged = RaggedRows(end=mark.row)
        ragged.begin(mark.row, header=mark.offset == 0)
        yield from parse(TextFile(file, end - mark.offset, tail=tail), ragged)


def segment_bytes(offset: int, block: int) -> int:
    """How long a segment that begins at `offset` is at least; it ends with the next record."""
    shortest = min(SHORTEST, block)
    # The room for that record within the last block spares reading one more.
    longest = max(LONGEST // block, 1) * block - shortest
    return min(max(offset >> 3, shortest), max(longest, shortest))
