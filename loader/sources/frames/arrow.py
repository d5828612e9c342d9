"""Arrow arrays as the mapping knows them, and the types that cannot be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable


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
    if pa.types.is_interval(kind):
        raise Unsendable(column, f"{kind}", "Make them text or numbers")
    return simple(kind)


def simple(kind: pa.DataType) -> pa.DataType:
    """No dictionary, run or extension; one type of text and one of bytes, also inside lists and structs."""
    if isinstance(kind, pa.BaseExtensionType):
        return simple(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return simple(kind.value_type)
    for fits, wanted in _SIMPLE:
        if fits(kind):
            return wanted(kind)
    return kind


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind)
    )


_SIMPLE: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], pa.DataType]], ...] = (
    (lambda kind: pa.types.is_large_string(kind) or pa.types.is_string_view(kind), lambda _: pa.string()),
    (_is_bytes, lambda _: pa.binary()),
    (pa.types.is_float16, lambda _: pa.float32()),
    (pa.types.is_list, lambda kind: pa.list_(simple(kind.value_type))),
    (pa.types.is_large_list, lambda kind: pa.large_list(simple(kind.value_type))),
    (pa.types.is_fixed_size_list, lambda kind: pa.list_(simple(kind.value_type), kind.list_size)),
    (pa.types.is_struct, lambda kind: pa.struct([(field.name, simple(field.type)) for field in kind])),
)


def plain(array: pa.Array) -> pa.Array:
    """The array as its simple type; NaN is null."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type):
        return plain(array.dictionary).take(array.indices)
    wanted = simple(array.type)
    if array.type != wanted:
        array = _cast(array, wanted)
    if pa.types.is_floating(wanted):
        return pc.if_else(pc.is_nan(array), pa.scalar(None, wanted), array)
    return array


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    try:
        return array.cast(wanted)
    except pa.ArrowNotImplementedError:  # views of texts, with pyarrow 17
        return pa.array(array.to_pylist(), wanted)


def whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array in place of chunks."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
