r"""Text of databases, with a sign (mostly a backslash) that protects the next one, made readable as CSV.

Before the reader splits the text, each sign with what it protects becomes one character that has no meaning
in CSV; in the columns that come out, it becomes what it stands for. The characters are the control codes
U+0080 to U+009F; where they stand in the text themselves, they are written in another way as long as that
lasts, so that any text comes out as it was.

The rules are those that MySQL (``SELECT ... INTO OUTFILE``, ``LOAD DATA``, ``mysql --batch``),
Postgres (``COPY``, text format), Hive (``ESCAPED BY``) and Redshift (``UNLOAD ... ESCAPE``) have in common:
- Before a quote, a delimiter, a line end or itself, the sign protects it.
- In a cell without quotes around it, ``\N`` alone is nothing, and letters stand for control
characters; before
  anything else the sign is dropped.
- In a cell with quotes around it, the sign before anything else is a character like others (Spark, Hive).

In the same way a line end that ends no row becomes a code: MySQL protects the line feed that ends its rows,
and writes a carriage return as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.sources.quoting import QuoteScanner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RAW, _DROPPED, _KEPT, _BOTH_ENDS, _NOTHING = "\x80", "\x81", "\x82", "\x83", "\x84"
_SPECIAL = "\x85\x86\x87\x88\x89"  # the sign itself, the delimiter, the quote, and both line ends
_LETTERS = {"0": "\0", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "Z": "\x1a"}
_LETTER_CODES = dict(zip(_LETTERS, map(chr, range(0x8A, 0x92)), strict=True))
_RETURN, _FEED, _ROW_END = (
    "\x92",
    "\x93",
    "\x94",
)  # line ends that end no row; the last one stands for a moment
_CODE = re.compile(rb"\xc2[\x80-\x9f]")
_ESCAPES = {code.encode() for code in (_DROPPED, _KEPT, _BOTH_ENDS, *_SPECIAL, *_LETTER_CODES.values())}
# Letters for the codes themselves, where they stand in the text: no sign of a dialect is one.
_RAW_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
_RAW_CODE = re.compile(b"\xc2\x80[A-Za-f]")


class Escapes:
    """Replaces protected characters by codes, block by block.

    Args:
        escape: the sign, one ASCII character; or "".
        delimiter: between cells.
        quote: around cells, or "".
        line_end: what alone ends a row, "lf" or "crlf"; or "".
    """

    def __init__(self, escape: str, delimiter: str, quote: str, line_end: str = "") -> None:
        self._sign = escape.encode()
        self._line_end = line_end
        self._meanings = _list_meanings(escape, delimiter, quote)
        signs = zip((escape, delimiter, quote, "\n", "\r"), _SPECIAL, strict=True)
        self._special = _encode_pairs(escape, [next(signs), ("\r\n", _BOTH_ENDS), *signs])
        self._letters = _encode_pairs(escape, [*_LETTER_CODES.items(), ("N", _NOTHING)])
        self._plain = {code: pair for pair, code in self._special + self._letters}
        self._plain |= {_DROPPED.encode(): self._sign, _KEPT.encode(): self._sign}
        self._plain |= {_RETURN.encode(): b"\r", _FEED.encode(): b"\n"}
        self._scanner = QuoteScanner(delimiter.encode(), quote.encode()) if quote and escape else None

    def split(self, text: bytes) -> tuple[bytes, bytes]:
        """The text, and apart from it an end that has no meaning before the next block is known."""
        signs = len(text) - len(text.rstrip(self._sign)) if self._sign else 0
        held = 1 if signs % 2 or text.endswith(b"\xc2") else 0
        return text[: len(text) - held], text[len(text) - held :]

    def cover(self, text: bytes) -> bytes:
        """The next block with codes; it does not end with half a pair."""
        if b"\xc2" in text:
            text = _CODE.sub(_write_raw, text)
        if not self._sign:
            return self._cover_line_ends(text)
        if self._sign in text:
            for pair, code in self._special:
                text = text.replace(pair, code)
        text = self._cover_line_ends(text)
        if self._scanner is not None:
            return self._cover_letters(text, self._scanner)
        return self._replace_letters(text)

    def _cover_line_ends(self, text: bytes) -> bytes:
        """The text with a code for each line end that ends no row."""
        if self._line_end == "crlf":
            text = text.replace(b"\r\n", _ROW_END.encode()).replace(b"\n", _FEED.encode())
            return text.replace(b"\r", _RETURN.encode()).replace(_ROW_END.encode(), b"\r\n")
        return text.replace(b"\r", _RETURN.encode()) if self._line_end else text

    def _cover_letters(self, text: bytes, scanner: QuoteScanner) -> bytes:
        parts, at = [], 0
        for start, end, kind in scanner.scan(text):
            if kind == "quoted":
                parts += [self._replace_letters(text[at:start])]
                parts += [text[start:end].replace(self._sign, _KEPT.encode())]
                at = end
        return b"".join([*parts, self._replace_letters(text[at:])])

    def _replace_letters(self, text: bytes) -> bytes:
        if self._sign not in text:
            return text
        for pair, code in self._letters:
            text = text.replace(pair, code)
        return text.replace(self._sign, _DROPPED.encode())

    def uncover(self, text: bytes) -> bytes:
        """The text as it was before `cover`."""
        text = _CODE.sub(lambda code: self._plain.get(code[0], code[0]), text)
        return _RAW_CODE.sub(_read_raw, text)

    def restore(self, table: pa.Table) -> pa.Table:
        """The columns of a text with codes as they were meant."""
        columns = [self._restore_column(column) for column in table.columns]
        return pa.table(columns, schema=table.schema)

    def _restore_column(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        codes = {code for chunk in column.chunks for code in _find_codes(chunk)}
        if not codes:
            return column
        if _NOTHING.encode() in codes:
            nothing = pc.equal(column, _NOTHING)
            column = pc.replace_substring(column, _NOTHING, "N")
            column = pc.if_else(nothing, pa.scalar(None, pa.string()), column)
        for code, meaning in self._meanings.items():
            if code.encode() in codes:
                column = pc.replace_substring(column, code, meaning)
        if _RAW.encode() in codes:
            column = _restore_raw(column)
        return column


def holds_escapes(text: bytes) -> bool:
    r"""Whether a covered text holds a sign that protects another one; ``\N`` alone is none."""
    return not _ESCAPES.isdisjoint(_CODE.findall(text))


def _list_meanings(escape: str, delimiter: str, quote: str) -> Mapping[str, str]:
    """What each code stands for; that of nothing depends on the cell, that of a raw code on what follows."""
    meanings = dict(zip(_SPECIAL, (escape, delimiter, quote, "\n", "\r"), strict=True))
    meanings |= {_DROPPED: "", _KEPT: escape, _BOTH_ENDS: "\r\n", _RETURN: "\r", _FEED: "\n"}
    return meanings | {code: _LETTERS[letter] for letter, code in _LETTER_CODES.items()}


def _encode_pairs(escape: str, pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [((escape + sign).encode(), code.encode()) for sign, code in pairs if sign]


def _write_raw(found: re.Match[bytes]) -> bytes:
    return _RAW.encode() + _RAW_LETTERS[found[0][1] - 0x80 :][:1]


def _read_raw(found: re.Match[bytes]) -> bytes:
    return _read_code(found[0]).encode()


def _read_code(written: bytes) -> str:
    return chr(0x80 + _RAW_LETTERS.index(written[2]))


def _find_codes(chunk: pa.StringArray) -> set[bytes]:
    if not len(chunk):
        return set()
    offsets, cells = chunk.buffers()[1:]
    return set(_CODE.findall(cells)) if cells is not None and offsets is not None else set()


def _restore_raw(column: pa.ChunkedArray) -> pa.ChunkedArray:
    cells = [chunk.buffers()[2] or b"" for chunk in column.chunks]
    written = {code for part in cells for code in _RAW_CODE.findall(part)}
    # That of U+0080 comes last: what it becomes is how all others begin.
    for code in sorted(written, key=_read_code, reverse=True):
        column = pc.replace_substring(column, code.decode(), _read_code(code))
    return column
