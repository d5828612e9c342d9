"""Lists of keys and values: Arrow maps, and lists of key/value structs such as GA4's ``event_params``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode
from loader.mapping.cells import as_text, is_nested, is_text

if TYPE_CHECKING:
    from loader.mapping.zones import Mask

Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Keyed:
    """The pairs of all cells, one after the other.

    Attributes:
        parents: the row of each pair.
        keys: text.
        values: of any type; a struct has one alternative for each type, of which one is filled.
    """

    parents: Positions
    keys: pa.Array
    values: pa.Array


def is_list(kind: pa.DataType) -> bool:
    """Whether cells of this type are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def value_type(kind: pa.DataType) -> pa.DataType | None:
    """The type of the values, if cells of this type are lists of keys and values."""
    if pa.types.is_map(kind):
        return kind.item_type if _is_name(kind.key_type) else None
    if pa.types.is_fixed_size_list(kind) or not is_list(kind) or not pa.types.is_struct(kind.value_type):
        return None
    fields = {field.name: field.type for field in kind.value_type}
    if set(fields) != {"key", "value"} or not _is_name(fields["key"]):
        return None
    return fields["value"]


def _is_name(kind: pa.DataType) -> bool:
    """Whether cells of the type are names: bytes may be no text, and a row is not rejected for a name."""
    return is_text(kind) and not _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """The type of a single value taken out: its own, or text if it is one of several alternatives."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        odd = any(is_nested(field.type) or _is_bytes(field.type) for field in kind)
        return None if odd else pa.string()
    return kind


def flat(array: pa.Array) -> pa.Array:
    """The members of all lists, one after the other."""
    return array.flatten()


def lengths(array: pa.Array) -> Positions:
    """The number of members of each list; 0 for null."""
    found: Positions = pc.fill_null(array.value_lengths(), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def parents(array: pa.Array) -> Positions:
    """The row of each member of all lists."""
    return np.repeat(np.arange(len(array), dtype=np.int64), lengths(array))


def at(array: pa.Array, place: int) -> pa.Array:
    """The member at a place of each list, counted from 0; null if the list ends before it."""
    found = lengths(array)
    has = found > place
    starts = np.cumsum(found) - found
    return flat(array).take(pa.array(np.where(has, starts + place, 0), mask=~has))


def listed(members: pa.Array, like: pa.Array) -> pa.Array:
    """Members as lists again, of the same lengths and with the same nulls as `like`."""
    offsets = np.concatenate([[0], np.cumsum(lengths(like))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), members, mask=like.is_null())


def joined_by_row(fragments: pa.Array, parents: Positions, rows: int) -> pa.Array:
    """Join the fragments of each row with commas, without nulls; a row may be empty."""
    keep = fragments.is_valid()
    return pc.binary_join(grouped(fragments.filter(keep), parents[encode.numpy_mask(keep)], rows), ",")


def pairs(array: pa.Array) -> Keyed:
    """The keys and values of a column whose `value_type` is known; a pair without a key is left out."""
    kind = array.type
    if pa.types.is_map(kind):
        array = array.cast(
            pa.list_(pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)]))
        )
    members, rows = flat(array), parents(array)
    keys, values = pc.struct_field(members, "key"), pc.struct_field(members, "value")
    keys = (keys.dictionary_decode() if pa.types.is_dictionary(keys.type) else keys).cast(pa.string())
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    valid = keys.is_valid()
    return Keyed(rows[encode.numpy_mask(valid)], keys.filter(valid), values.filter(valid))


def alternatives(values: pa.Array) -> list[pa.Array]:
    """The arrays that hold the values: each pair has its value in one of them."""
    if not pa.types.is_struct(values.type):
        return [values]
    return [pc.struct_field(values, [number]) for number in range(values.type.num_fields)]


def twice(found: Keyed) -> Mask:
    """The pairs whose key occurs earlier in the same row."""
    codes = found.keys.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((codes, found.parents))
    same = np.zeros(len(codes), dtype=np.bool_)
    repeated = (np.diff(found.parents[order]) == 0) & (np.diff(codes[order]) == 0)
    same[order[1:][repeated]] = True
    return same


def one(array: pa.Array, key: str) -> pa.Array:
    """The value of one key in each row; the first if a row has the key twice."""
    found = pairs(array)
    chosen = encode.numpy_mask(pc.equal(found.keys, key))
    values = found.values.filter(pa.array(chosen))
    if pa.types.is_struct(values.type):
        values = pc.coalesce(*(as_text(part) for part in alternatives(values)))
    return spread(values, found.parents[chosen], len(array))


def spread(values: pa.Array, parents: Positions, rows: int) -> pa.Array:
    """Put values into the rows that they belong to: the first of several, null if there is none."""
    filled, first = np.unique(parents, return_index=True)
    positions = np.zeros(rows, dtype=np.int64)
    has = np.zeros(rows, dtype=np.bool_)
    positions[filled], has[filled] = first, True
    return values.take(pa.array(positions, mask=~has))


def grouped(members: pa.Array, parents: Positions, rows: int) -> pa.Array:
    """The members of each row as a list."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(parents, minlength=rows))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), members)
