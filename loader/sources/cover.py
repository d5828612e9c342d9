"""What is done to a text before pyarrow's reader splits it, and is undone in the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.sources.escapes import Escapes
from loader.sources.quoting import AFTER_BLANK, AFTER_QUOTE, StrayQuotes

if TYPE_CHECKING:
    import pyarrow as pa


class Cover:
    """Hides what the reader would misread: protected characters, line ends of cells, and stray quotes.

    Args:
        delimiter: between cells.
        quote: around cells, or "".
        escape: protects the next character, or "".
        line_end: what alone ends a row, "lf" or "crlf", or "".
        marks: whether to look for stray quotes; no, if the text is known to have none.
    """

    def __init__(
        self, delimiter: str, quote: str, escape: str, line_end: str = "", *, marks: bool = True
    ) -> None:
        self._escapes = Escapes(escape, delimiter, quote, line_end) if escape or line_end else None
        self._strays = StrayQuotes(delimiter.encode(), quote.encode() if marks else b"")
        self._held = b""

    @property
    def quoted(self) -> bool:
        """Whether a quote was seen so far."""
        return self._strays.quoted

    @property
    def marked(self) -> bool:
        """Whether a quote was seen that stands where none should."""
        return self._strays.marked

    @property
    def opened(self) -> bool | None:
        """Whether the last block ends within quotes, if each of its quotes stands where it should."""
        return self._strays.opened

    def take(self, text: bytes, *, last: bool) -> bytes:
        """The next block of the text, covered; what depends on the block after it is held back."""
        if self._escapes is not None:
            text = self._held + text
            if not last:
                text, self._held = self._escapes.split(text)
            text = self._escapes.cover(text)
        return self._strays.cover(text)

    def uncover(self, text: bytes) -> bytes:
        """The text as it was.

        Marks of quotes stay. No segment ends after one, so the places of none depend on that.
        """
        return text if self._escapes is None else self._escapes.uncover(text)

    def show(self, text: str) -> str:
        """A covered text as it was, for messages."""
        plain = self.uncover(text.encode()).decode()
        return plain.replace(AFTER_QUOTE, "").replace(AFTER_BLANK, "")

    def restore(self, table: pa.Table) -> pa.Table:
        """The columns that the reader made of a covered text, as they were meant."""
        return table if self._escapes is None else self._escapes.restore(table)
