"""One table in which keys are looked up: the columns that are needed, and the rows of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.lookups.index import Index
from loader.lookups.texts import Texts
from loader.mapping.encode import nulled
from loader.mapping.table import Table
from loader.profile.sketch import hash_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from loader.lookups.texts import Rows
    from loader.mapping.rules import LookUp
    from loader.model import Chunk
    from loader.profile.sketch import Hashes
    from loader.sources import Source

#: Bytes of text of the largest table that travels itself: it then need not lie where all workers can read it.
MOST_CARRIED: Final = 16 << 20
_PART = 1 << 16  # rows


class _Keys:
    """The hashes of one column of keys, on their way into an index."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []
        self._rows: list[np.ndarray[tuple[int], np.dtype[np.int32 | np.int64]]] = []

    def add(self, texts: pa.Array, first: int) -> None:
        """Add the keys of some rows; `first` is the number of the first one."""
        known = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False)) + first
        self._hashes.append(hash_values(texts.drop_null()))
        self._rows.append(known.astype(np.int32) if first + len(texts) < 1 << 31 else known)

    def build(self, keys: Texts, keep: str) -> Index:
        """The index; once."""
        hashes, rows = _joined(self._hashes, np.uint64), _joined(self._rows, np.int32)
        self._hashes.clear()
        self._rows.clear()
        return Index(keys, hashes, rows, keep)


def _joined(parts: Sequence[np.ndarray[Any, Any]], kind: type) -> np.ndarray[Any, Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


class LookUpTable:
    """The keys and values of one table.

    Args:
        lookups: of this table.
        types: the type of each column.
        nothing: texts that mean nothing.
        source: the file that it is read from, surveyed; None if it is a table in memory.
    """

    def __init__(
        self,
        lookups: Iterable[LookUp],
        types: dict[str, pa.DataType],
        nothing: Collection[str],
        source: Source | None = None,
    ) -> None:
        wanted = self._lookups = tuple(lookups)
        self._source = source
        self._nothing = tuple(nothing)
        self._types = types
        columns = dict.fromkeys(name for each in wanted for name in (each.key, each.value))
        self._texts = {name: Texts() for name in columns}
        self._keys = {each.key: _Keys() for each in wanted}
        self._keeps = {each.key: each.keep for each in wanted}
        self._indexes: dict[str, Index] = {}

    def __reduce__(self) -> tuple[Callable[..., LookUpTable], tuple[object, ...]]:
        """How it travels: a small one, or one of memory, as its texts; a large one is read again there."""
        size = sum(texts.size for texts in self._texts.values())
        if self._source is None or size <= MOST_CARRIED:
            return _unpack, (self._lookups, self._types, self._pack())
        return _read_again, (self._lookups, self._types, self._nothing, self._source)

    def _pack(self) -> bytes:
        table = pa.table({name: texts.column for name, texts in self._texts.items()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
            out.write_table(table, max_chunksize=_PART)
        return bytes(sink.getvalue())

    def add(self, chunk: Chunk) -> None:
        """Take the rows of a chunk.

        Raises:
            ConfigError: the folder for temporary files cannot take them.
        """
        table = Table(chunk.frame, self._nothing)
        self.take({name: table.text(name) for name in self._texts}, chunk.first)

    def take(self, cells: Mapping[str, pa.Array], first: int) -> None:
        """Take the next rows by columns; `first` is the number of the first one, and an empty cell is null.

        Raises:
            ConfigError: as `add`.
        """
        for name, texts in self._texts.items():
            texts.add(cells[name])
            if name in self._keys:
                self._keys[name].add(cells[name], first)

    def finish(self) -> None:
        """Make it ready to be asked; nothing is added afterwards."""
        for texts in self._texts.values():
            texts.finish()
        for name, keys in self._keys.items():
            self._indexes[name] = keys.build(self._texts[name], self._keeps[name])

    def index(self, key: str) -> Index:
        """The keys of a column."""
        return self._indexes[key]

    def read(self, column: str, rows: Rows) -> pa.Array:
        """The cells of a column in some rows; null if a row is -1 or its cell is empty."""
        return self._texts[column].take(rows)

    def find_type(self, column: str) -> pa.DataType:
        """The type of a column in the table."""
        return self._types[column]


def _unpack(lookups: Iterable[LookUp], types: dict[str, pa.DataType], packed: bytes) -> LookUpTable:
    """The table whose texts have come from another process."""
    table, first = LookUpTable(lookups, types, ()), 0
    with pa.ipc.open_stream(packed) as stream:
        for batch in stream:
            cells = {
                name: nulled(pc.equal(column, ""), column)
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            table.take(cells, first)
            first += batch.num_rows
    table.finish()
    return table


def _read_again(
    lookups: Iterable[LookUp], types: dict[str, pa.DataType], nothing: Collection[str], source: Source
) -> LookUpTable:
    """The table, read from its file as another process read it.

    Raises:
        SourceError: the file is not here, or is another one.
    """
    table = LookUpTable(lookups, types, nothing, source)
    for chunk in source.chunks():
        table.add(chunk)
    table.finish()
    return table
