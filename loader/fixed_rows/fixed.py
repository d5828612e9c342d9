"""The rows of a file that `failures` wrote and the user fixed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.journal import FixedCells
from loader.sources import FixedRows, FixedTable

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class FixedInput:
    """A file of fixed rows, or a table in memory.

    Attributes:
        name: of the file, for messages.
        table: a DataFrame or an Arrow table in place of a file.
    """

    name: str
    table: object = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """The rows of a file of fixed rows.

    Attributes:
        name: of the file.
        rows: of the input, with their cells: those that are to be sent.
        new: those of them whose cells the checkpoint does not have yet.
        done: how many rows of the file an earlier run of the same command has sent.
        notices: what the user should know.
    """

    name: str
    rows: FixedRows
    new: frozenset[int] = frozenset()
    done: int = 0
    notices: tuple[str, ...] = ()

    def pack(self, ordinals: Collection[int]) -> list[FixedCells]:
        """The cells of some of the rows, for the checkpoint: those that it does not have yet."""
        tables = self.rows.select(self.new.intersection(ordinals)).tables
        return [FixedCells(len(table.ordinals), table.pack()) for table in tables]


def drop_empty(rows: FixedRows) -> FixedRows:
    """The rows that have a cell. `failures` writes a record that cannot be read without any."""
    return FixedRows(map(_drop_empty, rows.tables))


def _drop_empty(table: FixedTable) -> FixedTable:
    filled = [pc.fill_null(is_filled(column), fill_value=False) for column in table.cells.columns]
    return table.keep(reduce(pc.or_, filled))


def is_filled(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """For each cell, whether it holds anything; null of one that is nothing."""
    return pc.not_equal(cells, "") if pa.types.is_string(cells.type) else cells.is_valid()
