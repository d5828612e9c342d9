"""Where records of a CSV text surely end, found from the quotes alone, many bytes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = b"\n"


class RecordEnds:
    r"""Finds line ends that end a record, in a text that begins with a record.

    A line end with an even number of quotes before it ends a record, if every quote before it stands where
    RFC 4180 (section 2, rules 5 to 7) puts one: an opening quote at the beginning of a cell, a closing one at
    its end, and two together within. From the first quote on that stands elsewhere (``5" pipe,1``) nothing
    is sure any more, and no further end is given.

    Args:
        delimiter: the byte between cells.
        quote: the byte around cells, or b"" if no byte has that meaning.
    """

    def __init__(self, delimiter: bytes, quote: bytes) -> None:
        self._quote = quote
        self._beside = np.zeros(256, dtype=bool)  # what may stand outside of a quote, right beside it
        self._beside[list(delimiter + quote + b"\r\n")] = True
        self._begun = False
        self._before = _LINE_END
        self._open = False
        self._sure = True

    def find_next(self, block: bytes, start: int, *, opened: bool | None = None) -> int | None:
        """Take the next block of the text; the place after the first sure end from `start` on, or None.

        Once it gave one, it is done. A line end within three bytes of the block's end is not taken: a byte
        order mark may follow, which a reader that begins there does not count to the first cell.

        Args:
            block: of the text.
            start: place in the block.
            opened: if it is known that each quote of the block stands where it should, whether the block
                ends within quotes.
        """
        if not self._sure or not block:
            return None
        end = self._find_closed_end(block, start)
        if opened is None:
            signs = np.frombuffer(block, np.uint8)
            quotes = self._find_quotes(block if end is None else block[:end])
            self._sure = self._are_regular(block, signs, quotes)
            opened = bool((len(quotes) + self._open) % 2)
        self._begun, self._open, self._before = True, opened, block[-1:]
        return end if self._sure else None

    def _find_closed_end(self, block: bytes, start: int) -> int | None:
        """The place after the first line end from `start` on with an even number of quotes before it."""
        if start >= len(block):
            return None
        if not self._quote:
            return _accept_end(block, block.find(_LINE_END, start))
        signs = np.frombuffer(block, np.uint8)[:start]
        inside = bool((np.count_nonzero(signs == self._quote[0]) + self._open) % 2)
        at = start
        while True:
            quote = block.find(self._quote, at)
            if not inside:
                end = block.find(_LINE_END, at, None if quote < 0 else quote)
                if end >= 0:
                    return _accept_end(block, end)
            if quote < 0:
                return None
            at, inside = quote + 1, not inside

    def _find_quotes(self, block: bytes) -> NDArray[np.intp]:
        if not self._quote or self._quote not in block:
            return np.empty(0, np.intp)
        return np.flatnonzero(np.frombuffer(block, np.uint8) == self._quote[0])

    def _are_regular(self, block: bytes, signs: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        """Whether each quote stands beside what it should, that at the end of the block before included."""
        if not self._open and self._before == self._quote and not self._beside[block[0]]:
            return False
        opening, closing = quotes[self._open :: 2], quotes[not self._open :: 2]
        before = np.where(opening > 0, signs[opening - 1], self._before[0])
        if not self._begun and len(opening) and opening[0] == 3 and block.startswith(BYTE_ORDER_MARK):
            before[0] = _LINE_END[0]
        after = signs[closing[closing < len(block) - 1] + 1]
        return bool(self._beside[before].all() and self._beside[after].all())


def _accept_end(block: bytes, end: int) -> int | None:
    following = block[end + 1 : end + 4]
    if end < 0 or len(following) < 3 or following == BYTE_ORDER_MARK:
        return None
    return end + 1
