"""Arrow arrays as the mapping knows them, and the types that cannot be sent."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError


class Unsendable(SourceError):
    """A column of a type that has no form in JSON."""

    def __init__(self, column: str, holds: str, remedy: str) -> None:
        super().__init__(
            f'The column "{column}" holds {holds}. {remedy}, or leave the column out '
            f'(frame.drop(columns="{column}")).'
        )


def plain_type(kind: pa.DataType, column: str) -> pa.DataType:
    """The type of the arrays that `plain` makes of those of `kind`.

    Raises:
        Unsendable: cells of this type have no form in JSON.
    """
    if pa.types.is_duration(kind):
        raise Unsendable(
            column,
            f"spans of time ({kind}), and their unit would have to be guessed",
            f'Make them numbers, such as seconds (frame["{column}"].dt.total_seconds())',
        )
    if pa.types.is_interval(kind):
        raise Unsendable(column, f"{kind}", "Make them text or numbers")
    return plain(pa.array([], kind)).type


def plain(array: pa.Array) -> pa.Array:
    """No dictionary, run or extension; one type of text; NaN is null."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.binary())
    if pa.types.is_floating(kind):
        array = array.cast(pa.float32()) if pa.types.is_float16(kind) else array
        return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return array


def whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array in place of chunks."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
