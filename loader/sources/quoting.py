"""Quotes that stand where none should: marked in the text, so that no row with one is read in silence.

pyarrow's reader takes whatever follows a closing quote for more text of the cell (``"32" TV"`` gives
``32 TV"``) and a quote after a blank for text. Which rows these are is known only here, before the
reader drops the quotes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from loader.sources.boundaries import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Noncharacters of Unicode (chapter 23.7): a text that is exchanged has none.
AFTER_QUOTE = "\ufdd1"
AFTER_BLANK = "\ufdd2"
_LINE_ENDS = b"\r\n"
_MOST_BLANKS = 64


class QuoteScanner:
    """Follows the quotes of a text, block by block, exactly as pyarrow's reader does.

    A quote opens only at the beginning of a cell, two within are a character, and what follows a closing one
    belongs to the cell.

    Args:
        delimiter: the byte between cells.
        quote: the byte around cells.

    Attributes:
        inside: the text so far ends within quotes.
    """

    def __init__(self, delimiter: bytes, quote: bytes) -> None:
        blanks = b" \t".replace(delimiter, b"")
        sign, start = re.escape(quote), re.escape(delimiter) + _LINE_ENDS
        self._opening = re.compile(rb"(?<=[%b])([%b]*)%b" % (start, blanks, sign))
        self._rest = re.compile(rb"[^%b]*+(?:%b%b[^%b]*+)*+%b" % (sign, sign, sign, sign, sign))
        self._quote, self._blanks = quote, blanks
        self._fit = delimiter + _LINE_ENDS
        self._before = b"\n"
        self._begun = self.inside = self._closed = False

    def scan(self, block: bytes) -> Iterator[tuple[int, int, str]]:
        """What is special in the next block, in order: start, end, kind.

        The kinds are "quoted" (the text within quotes, the closing quote included), and `AFTER_QUOTE` and
        `AFTER_BLANK` (a place; start and end are the same).
        """
        # What stands before is put in front, because an opening quote is known by it.
        text, before = self._before + block, len(self._before)
        at = self._find_start(block)
        while True:
            if self.inside:
                end = self._rest.match(text, at)
                yield at - before, (end.end() if end else len(text)) - before, "quoted"
                if end is None:
                    break
                at, self.inside, self._closed = end.end(), False, True
            if self._closed and at < len(text):
                self._closed = False
                if text[at] not in self._fit:
                    yield at - before, at - before, AFTER_QUOTE
            opening = self._opening.search(text, at)
            if opening is None or self._closed:
                break
            at = opening.end()
            if opening[1]:
                yield at - before - 1, at - before - 1, AFTER_BLANK
            else:
                self.inside = True
        self._before, self._begun = self._keep_end(text), True

    def _keep_end(self, text: bytes) -> bytes:
        """The last byte, or the last blanks with the byte before them, because a quote may follow."""
        if self.inside:
            return text[-1:]
        end = text[-_MOST_BLANKS:]
        return end[max(len(end.rstrip(self._blanks)) - 1, 0) :]

    def _find_start(self, block: bytes) -> int:
        """Where in the text to begin, with what stands before; a quote may continue that one."""
        before = len(self._before)
        if self._closed and block.startswith(self._quote):
            self._closed, self.inside = False, True
            return before + 1
        if not self._begun and block.startswith(BYTE_ORDER_MARK + self._quote):
            self.inside = True
            return before + len(BYTE_ORDER_MARK) + 1
        return before if self.inside else 1

    def skip(self, block: bytes, *, inside: bool) -> None:
        """Take a block whose quotes all stand where they should, without a look at each."""
        self._closed = not inside and block.endswith(self._quote)
        self.inside, self._begun = inside, True
        self._before = self._keep_end(self._before + block[-_MOST_BLANKS:])

    def fits(self, block: bytes) -> bool:
        """Whether the first byte of the block may follow the block before."""
        if self._closed:  # a quote doubles the one before it: the scanner follows that
            return block[0] in self._fit
        return self.inside or block[0] != self._quote[0] or self._before in self._fit


class StrayQuotes:
    """Puts a mark beside each quote that stands where none should.

    Args:
        delimiter: the byte between cells.
        quote: the byte around cells, or b"" if no byte has that meaning.

    Attributes:
        quoted: a quote was seen.
        marked: a mark was put.
        opened: whether the last block ends within quotes, if it was quickly seen that each of its quotes
            stands where it should; else None.
    """

    def __init__(self, delimiter: bytes, quote: bytes) -> None:
        self.quoted = self.marked = False
        self.opened: bool | None = None
        self._quote = quote
        self._scanner = QuoteScanner(delimiter, quote) if quote else None
        self._beside = np.zeros(256, dtype=bool)  # what may stand outside of a quote, right beside it
        self._beside[list(delimiter + quote + _LINE_ENDS)] = True

    def cover(self, block: bytes) -> bytes:
        """The next block, with its marks."""
        scanner = self._scanner
        if scanner is None or not block:
            return block
        self.opened = self._close_regular(block, scanner)
        if self.opened is not None:
            scanner.skip(block, inside=self.opened)
            return block
        return self._mark(block, scanner)

    def _close_regular(self, block: bytes, scanner: QuoteScanner) -> bool | None:
        """Whether the block ends within quotes, if all its quotes stand where they should; else None."""
        if not scanner.fits(block):
            return None
        if self._quote not in block:
            return scanner.inside
        self.quoted = True
        signs = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(signs == self._quote[0])
        if not self._are_regular(signs, quotes, inside=scanner.inside):
            return None
        return bool((len(quotes) + scanner.inside) % 2)

    def _are_regular(self, signs: NDArray[np.uint8], quotes: NDArray[np.intp], *, inside: bool) -> bool:
        opening, closing = quotes[inside::2], quotes[not inside :: 2]
        # A quote that is the first byte of a block was looked at beside the byte before it, and what stands
        # behind the last byte is not known yet: there, a quote is compared with itself.
        before = self._beside.take(signs.take(opening - 1, mode="clip"))
        behind = self._beside.take(signs.take(closing + 1, mode="clip"))
        return bool(before.all() and behind.all())

    def _mark(self, block: bytes, scanner: QuoteScanner) -> bytes:
        parts, at = [], 0
        for start, _, kind in scanner.scan(block):
            if kind != "quoted":
                parts += [block[at:start], kind.encode()]
                at, self.marked = start, True
        return b"".join([*parts, block[at:]])
