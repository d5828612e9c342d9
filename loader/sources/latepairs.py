r"""Backslashes that stand only beyond the beginning of a file, which alone decides how the file is read.

A dump whose first cell with a line end (``\n``) or with nothing (``\N``) comes late looks like any other
table at its beginning. So the first pass looks at all cells, and refuses the file if its backslashes may be
those of a database's text form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from loader.sieve import Content
from loader.sources.escapes import holds_escapes
from loader.sources.textforms import SURE_PAIRS, explain_pairs

if TYPE_CHECKING:
    import pyarrow as pa

    from loader.sources.records import Slab

_PAIR = re.compile(rb"\\(.?)", re.DOTALL)
_PATH = r"(?:^|[^A-Za-z])[A-Za-z]:\\(?:[^\\]|$)"  # as `textforms.PATH`, for RE2
_SURE = frozenset(pair.encode() for pair in SURE_PAIRS)


class LatePairs:
    r"""Looks at the backslashes of a file whose beginning leaves open what they mean.

    Args:
        open: whether they may have a meaning: nothing was said, and the file is divided as databases do.
        escape: the file is read with an escape, since ``\N`` stands in it: Hive writes that, and protects
            other characters only if its table says so.
    """

    def __init__(self, *, open: bool, escape: bool) -> None:  # noqa: A002 - the question is open
        self._open = open
        self._escape = escape
        self._row = 0

    def look(self, slab: Slab, *, quoted: bool) -> None:
        """Look at the next records, still covered; with quotes in the file the question is settled."""
        self._open = self._open and not quoted
        for column in slab.table.columns if self._open else ():
            for chunk in column.chunks:
                text = Content(chunk).bytes.tobytes()
                if holds_escapes(text) if self._escape else b"\\" in text:
                    self._weigh(chunk, text)
                    self._row = self._row or slab.first + self._find_row(column) + 1

    def _weigh(self, chunk: pa.StringArray, text: bytes) -> None:
        if self._escape:
            return
        paths = pc.any(pc.match_substring_regex(chunk, _PATH)).as_py()
        if paths or not set(_PAIR.findall(text)) <= _SURE:
            self._open = False

    def _find_row(self, column: pa.ChunkedArray) -> int:
        cells = enumerate(column.to_pylist())
        if self._escape:
            return next(row for row, cell in cells if cell and holds_escapes(cell.encode()))
        return next(row for row, cell in cells if cell and "\\" in cell)

    def refuse(self, name: str) -> None:
        """Refuse the file if its backslashes may be a database's.

        Raises:
            SourceError: with the row of the first one.
        """
        if self._open and self._row:
            raise explain_pairs(f"{name}, row {self._row:,}")
