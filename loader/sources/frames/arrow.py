"""Arrow arrays as the mapping knows them, and the error for cells that cannot be sent."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types import carry_cells
from loader.errors import SourceError


class Unsendable(SourceError):
    """A column of a type that has no form in JSON."""

    def __init__(self, column: str, holds: str, remedy: str) -> None:
        super().__init__(
            f'The column "{column}" holds {holds}. {remedy}, or leave the column out '
            f'(frame.drop(columns="{column}")).'
        )


def plain(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The cells as the mapping knows them; NaN is null.

    Args:
        array: cells of one column.
        kind: the type that the column is read as.
    """
    array = carry_cells(array, kind)
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    if pa.types.is_floating(array.type):
        return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return array


def whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array in place of chunks."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
