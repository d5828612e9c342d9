"""The cells of a column in the type in which they travel: whole columns at a time, no row in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types.decisions import carried_type, is_list

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY = 86_400_000  # milliseconds
_DASHES = (8, 12, 16, 20)  # a dash stands before these of the 32 digits of a UUID
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def carry_cells(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The cells as their carried type; an array that has it already is returned as it is.

    Args:
        array: cells of one column.
        kind: the type that the column is read as; it says more than the array's type if an extension is
            named in the metadata of the column alone.
    """
    wanted = carried_type(kind)
    if array.type == wanted:
        return array
    if pa.types.is_null(wanted):
        return pa.nulls(len(array))
    for fits, convert in _WAYS:
        if fits(array.type):
            return convert(array, wanted)
    return array.cast(wanted)


def _carry(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Members of nested cells. Their type is known to be carried; only a null one hides a refusal."""
    if pa.types.is_null(wanted):
        return pa.nulls(len(array))
    return carry_cells(array, wanted)


def _decode_dictionary(array: pa.DictionaryArray, wanted: pa.DataType) -> pa.Array:
    return _carry(array.dictionary, wanted).take(array.indices)


def _decode_runs(array: pa.RunEndEncodedArray, wanted: pa.DataType) -> pa.Array:
    """Decode positions in place of values, because Arrow decodes runs of some types only."""
    places = pa.array(np.arange(len(array.values), dtype=np.int64))
    runs = pa.RunEndEncodedArray.from_arrays(array.run_ends, places)
    return _carry(array.values, wanted).take(pc.run_end_decode(runs.slice(array.offset, len(array))))


def _decode_extension(array: pa.ExtensionArray, wanted: pa.DataType) -> pa.Array:
    return _carry(array.storage, wanted)


def _decode_bytes(array: pa.FixedSizeBinaryArray, wanted: pa.DataType) -> pa.Array:
    """Bytes as bytes; only those of a UUID are wanted as text."""
    return write_uuids(array) if pa.types.is_string(wanted) else array.cast(wanted)


def write_uuids(array: pa.FixedSizeBinaryArray) -> pa.Array:
    """UUIDs of 16 bytes as their 36 characters (RFC 9562, section 4)."""
    rows = len(array)
    filled = array.fill_null(bytes(16)) if array.null_count else array
    raw = np.frombuffer(filled.buffers()[1] or b"", np.uint8)[filled.offset * 16 :][: rows * 16]
    digits = np.empty((rows, 32), np.uint8)
    digits[:, 0::2] = _HEX[raw.reshape(rows, 16) >> 4]
    digits[:, 1::2] = _HEX[raw.reshape(rows, 16) & 15]
    texts = np.insert(digits, _DASHES, ord("-"), axis=1)
    ends = pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * 36)
    written = pa.StringArray.from_buffers(rows, ends, pa.py_buffer(np.ascontiguousarray(texts)))
    return pc.if_else(array.is_valid(), written, pa.nulls(rows, pa.string())) if array.null_count else written


def _cut_to_days(array: pa.Array, _wanted: pa.DataType) -> pa.Array:
    """Days out of milliseconds, the rest cut off; Arrow itself refuses a rest, and days beyond 32 bits."""
    days = np.floor_divide(array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), _DAY)
    bounds = np.iinfo(np.int32)
    cut = np.clip(days, bounds.min, bounds.max).astype(np.int32)
    return pa.array(cut, mask=array.is_null().to_numpy(zero_copy_only=False)).cast(pa.date32())


def _rebuild_list(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Lists of carried members. Not by `cast`: of a slice of views it gives empty lists (pyarrow 26.0.1)."""
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    large = pa.types.is_large_list(wanted)
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    offsets = pa.array(ends.astype(np.int64 if large else np.int32))
    members = _carry(array.flatten(), wanted.value_type)
    make = pa.LargeListArray if large else pa.ListArray
    return make.from_arrays(offsets, members, type=wanted, mask=array.is_null())


def _rebuild_struct(array: pa.StructArray, wanted: pa.StructType) -> pa.Array:
    fields = list(wanted)
    members = [_carry(member, field.type) for member, field in zip(array.flatten(), fields, strict=True)]
    if not fields:
        return array
    return pa.StructArray.from_arrays(members, fields=fields, mask=array.is_null())


def _rebuild_map(array: pa.MapArray, wanted: pa.MapType) -> pa.Array:
    """Maps of carried keys and values."""
    offsets = array.offsets.to_numpy(zero_copy_only=False)
    first, last = int(offsets[0]), int(offsets[-1])
    keys = _carry(array.keys.slice(first, last - first), wanted.key_type)
    values = _carry(array.items.slice(first, last - first), wanted.item_type)
    ends = pa.array((offsets - first).astype(np.int32))
    return pa.MapArray.from_arrays(ends, keys, values, type=wanted, mask=array.is_null())


_WAYS: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., pa.Array]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _decode_extension),
    (pa.types.is_dictionary, _decode_dictionary),
    (pa.types.is_run_end_encoded, _decode_runs),
    (pa.types.is_fixed_size_binary, _decode_bytes),
    (pa.types.is_date64, _cut_to_days),
    (is_list, _rebuild_list),
    (pa.types.is_struct, _rebuild_struct),
    (pa.types.is_map, _rebuild_map),
)
