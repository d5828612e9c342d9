"""Cells that the user fixed, in the place of those of the input: everything that reads the rows reads these.

A row that was sent with fixed cells differs from the input for ever, so the checkpoint keeps the cells. They
are kept in the types of the input, packed as an Arrow stream: a column without a name holds the ordinals, and
no column of an input is without a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from loader.model import Chunk
    from loader.sources.records import Onlooker, Source, Survey

Ordinals: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
_ORDINAL = ""


@dataclass(frozen=True, slots=True)
class FixedTable:
    """Fixed rows of the same types.

    Attributes:
        ordinals: of the rows, ascending.
        cells: the columns of the input, a row each.
    """

    ordinals: Ordinals
    cells: pa.Table

    @classmethod
    def unpack(cls, packed: bytes) -> FixedTable:
        """Read what `pack` wrote."""
        with pa.ipc.open_stream(packed) as stream:
            table = stream.read_all()
        return cls(table[_ORDINAL].to_numpy(), table.drop_columns([_ORDINAL]))

    def pack(self) -> bytes:
        """The rows as bytes, for the checkpoint."""
        table = self.cells.add_column(0, _ORDINAL, pa.array(self.ordinals))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
            out.write_table(table)
        return bytes(sink.getvalue())

    def select(self, ordinals: Collection[int]) -> FixedTable:
        """Some of the rows; `ordinals` may have others."""
        return self.keep(pa.array(np.isin(self.ordinals, np.fromiter(ordinals, np.int64, len(ordinals)))))

    def keep(self, mask: pa.Array | pa.ChunkedArray) -> FixedTable:
        """The rows that a mask has."""
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        return FixedTable(self.ordinals[places], self.cells.take(pa.array(places)))


class FixedRows:
    """Fixed rows, of which each is there once: the latest.

    Args:
        tables: of the rows, the oldest first.
    """

    def __init__(self, tables: Iterable[FixedTable] = ()) -> None:
        self.tables = tuple(table for table in tables if len(table.ordinals))
        together = np.concatenate([np.empty(0, np.int64), *(table.ordinals for table in self.tables)])
        holders = np.repeat(np.arange(len(self.tables)), [len(table.ordinals) for table in self.tables])
        # Of several, `unique` keeps the first that it meets: the newest come first.
        self.ordinals, first = np.unique(together[::-1], return_index=True)
        self._holders = holders[::-1][first]

    @classmethod
    def unpack(cls, packed: Iterable[bytes]) -> FixedRows:
        """Those of a checkpoint, the oldest first."""
        return cls(map(FixedTable.unpack, packed))

    def __len__(self) -> int:
        return len(self.ordinals)

    @property
    def size(self) -> int:
        """Bytes of all cells, unpacked."""
        return sum(table.cells.nbytes for table in self.tables)

    def over(self, earlier: FixedRows) -> FixedRows:
        """These rows and earlier ones, which count where there is no other."""
        return FixedRows((*earlier.tables, *self.tables))

    def select(self, ordinals: Collection[int]) -> FixedRows:
        """Some of the rows."""
        return FixedRows(table.select(ordinals) for table in self.tables)

    def find(self, rows: range) -> Iterator[tuple[Ordinals, pa.Table]]:
        """The rows that are in a range, in tables of the same types, each with its ordinals."""
        low, high = np.searchsorted(self.ordinals, (rows.start, rows.stop)).tolist()
        ordinals, holders = self.ordinals[low:high], self._holders[low:high]
        for holder in np.unique(holders).tolist():
            table, here = self.tables[holder], ordinals[holders == holder]
            yield here, table.cells.take(pa.array(np.searchsorted(table.ordinals, here)))

    def write_cells(self, ordinals: Collection[int]) -> dict[int, str]:
        """The cells of those of some rows that are here, in a form in which equal cells are equal."""
        chosen = self.select(ordinals)
        if not len(chosen):
            return {}
        return {
            ordinal: repr(record)
            for here, cells in chosen.find(range(int(chosen.ordinals[-1]) + 1))
            for ordinal, record in zip(here.tolist(), cells.to_pylist(), strict=True)
        }

    def put_into(self, chunk: Chunk) -> Chunk:
        """The chunk with the fixed rows in their places; one that could not be read may be whole now."""
        found = list(self.find(chunk.rows))
        if not found:
            return chunk
        table = pa.Table.from_pandas(chunk.frame, preserve_index=False)
        places = np.arange(len(chunk.frame))
        parts = [table]
        for ordinals, cells in found:
            places[ordinals - chunk.first] = np.arange(len(ordinals)) + sum(map(len, parts))
            parts.append(_fit(cells, table.schema, chunk.place(int(ordinals[0]))))
        fixed = {ordinal - chunk.first for ordinals, _ in found for ordinal in ordinals.tolist()}
        frame: pd.DataFrame = (
            pa.concat_tables(parts)
            .take(pa.array(places))
            .to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        )
        return _replace(
            chunk,
            frame,
            {offset: why for offset, why in chunk.unreadable.items() if offset not in fixed},
            {offset: why for offset, why in chunk.no_data.items() if offset not in fixed},
        )


def _replace(chunk: Chunk, frame: pd.DataFrame, unreadable: Any, no_data: Any) -> Chunk:
    return type(chunk)(chunk.first, frame, chunk.file, chunk.first_row, unreadable, no_data)


def _fit(cells: pa.Table, schema: pa.Schema, place: str) -> pa.Table:
    """The cells in the types of the chunk; they differ only if a block of a table in memory has no UTF-8."""
    try:
        return cells.select(schema.names).cast(schema.remove_metadata())
    except (pa.ArrowException, KeyError) as failure:
        raise SourceError(
            f"{place}: the fixed cells in the checkpoint do not fit the input ({failure})."
        ) from failure


def use_fixed(source: Source, packed: Sequence[bytes]) -> Source:
    """The source with the fixed rows of a checkpoint in place of its own."""
    fixed = FixedRows.unpack(packed)
    return FixedSource(source, fixed) if len(fixed) else source


class FixedSource:
    """A source with fixed rows in place of its own.

    Args:
        source: the input.
        fixed: the rows.

    Attributes:
        schema, notices: of the input.
    """

    def __init__(self, source: Source, fixed: FixedRows) -> None:
        self.schema = source.schema
        self.notices = source.notices
        self.sample = source.sample
        self.beginning = source.beginning
        self.types = source.types
        self.read_beginning = source.read_beginning
        self.fixed = fixed
        self._source = source

    def survey(self, onlooker: Onlooker | None = None) -> Survey:
        """The survey of the input."""
        return self._source.survey() if onlooker is None else self._source.survey(onlooker)

    def survey_with_chunks(
        self,
        onlooker: Onlooker,
        take: Callable[[Chunk], object],  # noqa: ARG002 - it is given none
    ) -> bool:
        """The survey of the input, without chunks."""
        self._source.survey(onlooker)
        return False

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """The records from ordinal `first` on, with the fixed ones in their places."""
        yield from map(self.fixed.put_into, self._source.chunks(first))
