"""The chunks of a source, as a tape that runs forward from part to part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.model import Chunk
    from loader.sources import Source

# To begin at another place costs up to a segment of a text, and of a packed file all that stands before. To
# pass over rows costs about half a microsecond each.
_FARTHEST = 200_000


class Tape:
    """Reads chunks from a row on. Rows between two parts are passed over, unless they are many.

    Args:
        source: what is read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks: Iterator[Chunk] = iter(())
        self._last: Chunk | None = None

    def read(self, first: int) -> Iterator[Chunk]:
        """The chunks from the one that holds row `first` on."""
        last, self._last = self._last, None
        if last is None or not last.first <= first <= last.rows.stop + _FARTHEST:
            self._chunks = self._source.chunks(first)
            last = next(self._chunks, None)
        while last is not None and last.rows.stop <= first:
            last = next(self._chunks, None)
        while last is not None:
            self._last = last
            yield last
            last = next(self._chunks, None)
