"""Values that `[rows]` lists and no cell has: mostly a spelling that the file does not use."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.selection import read_comparable, spell_value
from loader.text.escape import quote

if TYPE_CHECKING:
    from loader.mapping import Mapper
    from loader.mapping.table import Table
    from loader.model import Chunk


class UnmatchedValues:
    """The values of `only` and `except` that no cell has so far.

    Args:
        mapper: of the check.
    """

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        rules = mapper.mapping.rows
        lists = {"only": rules.only, "except": rules.excluded}
        self._left = {
            (name, column): set(texts) for name, columns in lists.items() for column, texts in columns.items()
        }
        self._hints: dict[tuple[str, str, str], str] = {}

    def add(self, chunk: Chunk) -> None:
        """Look at the cells of a chunk."""
        if any(self._left.values()):
            table = self._mapper.read(chunk)
            for (name, column), left in self._left.items():
                if left:
                    self._look(name, column, left, table)

    def _look(self, name: str, column: str, left: set[str], table: Table) -> None:
        cells = pc.unique(read_comparable(column, table))
        there, kind = set(cells.to_pylist()), table.column(column).type
        left -= {text for text in left if (spell_value(text, kind) if text else None) in there}
        for text in left:
            if (like := find_like(text, cells)) is not None:
                self._hints.setdefault((name, column, text), f"; some are {quote(like)}, so list that")
            elif pa.types.is_timestamp(kind) and (time := next(filter(None, cells.to_pylist()), None)):
                self._hints.setdefault((name, column, text), f"; a time there is written {quote(time)}")

    def list_remarks(self) -> list[str]:
        """A sentence about each value that no cell has."""
        return [
            self._word(name, column, text)
            for (name, column), left in self._left.items()
            for text in sorted(left)
        ]

    def _word(self, name: str, column: str, text: str) -> str:
        sentence = f'[rows] {name} "{column}": no cell is {quote(text) if text else "empty"}'
        return f"{sentence}{self._hints.get((name, column, text), '')}."


def find_like(text: str, cells: pa.Array) -> str | None:
    """A cell that means the same number, or differs by case and blanks alone; None if there is none."""
    for cell in cells.to_pylist():
        if cell and (cell.strip().casefold() == text.strip().casefold() or is_same_number(cell, text)):
            return str(cell)
    return None


def is_same_number(one: str, other: str) -> bool:
    """Whether two texts are one number."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
