"""The type of a column whose type differs between the files of one input.

Cells keep the type of their own file, so no cell is written otherwise because of another file, and none can
fail to be converted during a load. The wide type is only what the mapping decides by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from loader.column_types.decisions import is_list

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_DIGITS = 76  # of a decimal
_UNITS = ("s", "ms", "us", "ns")


def widen_types(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    """The type that two plain types of one column have in common; None if they differ in meaning.

    All numbers have one meaning, all texts, and all times of one zone. What is empty has none.
    """
    if first == second:
        return first
    if pa.types.is_null(first) or pa.types.is_null(second):
        return second if pa.types.is_null(first) else first
    for fits, widen in _WIDER:
        if fits(first) and fits(second):
            return widen(first, second)
    return None


def fit_cells(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells as a wide type, to look at them beside those of other files; digits that it lacks are lost."""
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    try:
        return array.cast(kind, safe=False)
    except pa.ArrowException:  # members of structs in another order
        return pa.array(array.to_pylist(), kind)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _widen_numbers(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    kinds = (first, second)
    if any(pa.types.is_floating(kind) for kind in kinds):
        return pa.float64()
    if all(pa.types.is_signed_integer(kind) for kind in kinds):
        return pa.int64()
    if all(pa.types.is_unsigned_integer(kind) for kind in kinds):
        return pa.uint64()
    if all(pa.types.is_integer(kind) for kind in kinds) and pa.uint64() not in kinds:
        return pa.int64()
    return _widen_decimals(*(_count_digits(kind) for kind in kinds))


def _count_digits(kind: pa.DataType) -> tuple[int, int]:
    """The digits before and behind the point."""
    if pa.types.is_decimal(kind):
        return max(kind.precision - kind.scale, 0), max(kind.scale, 0)
    return 20, 0


def _widen_decimals(first: tuple[int, int], second: tuple[int, int]) -> pa.DataType:
    before, behind = max(first[0], second[0]), max(first[1], second[1])
    if before + behind > _MOST_DIGITS:
        return pa.float64()
    return (pa.decimal128 if before + behind <= 38 else pa.decimal256)(max(before + behind, 1), behind)


def _widen_times(first: pa.TimestampType, second: pa.TimestampType) -> pa.DataType | None:
    """The finer unit, because no digit is lost in it."""
    if first.tz != second.tz:
        return None
    return pa.timestamp(max(first.unit, second.unit, key=_UNITS.index), first.tz)


def _widen_clocks(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    return max(first, second, key=lambda kind: _UNITS.index(kind.unit))


def _widen_lists(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    member = widen_types(first.value_type, second.value_type)
    return None if member is None else pa.large_list(member)


def _widen_structs(first: pa.StructType, second: pa.StructType) -> pa.DataType | None:
    theirs = {field.name: field.type for field in second}
    if {field.name for field in first} != set(theirs) or first.num_fields != second.num_fields:
        return None
    members = [(field.name, widen_types(field.type, theirs[field.name])) for field in first]
    return None if any(kind is None for _, kind in members) else pa.struct(members)


def _widen_maps(first: pa.MapType, second: pa.MapType) -> pa.DataType | None:
    key, value = (
        widen_types(first.key_type, second.key_type),
        widen_types(first.item_type, second.item_type),
    )
    return None if key is None or value is None else pa.map_(key, value)


_WIDER: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., pa.DataType | None]], ...] = (
    (_is_number, _widen_numbers),
    (_is_text, lambda *_: pa.binary()),
    (pa.types.is_timestamp, _widen_times),
    (pa.types.is_time, _widen_clocks),
    (is_list, _widen_lists),
    (pa.types.is_struct, _widen_structs),
    (pa.types.is_map, _widen_maps),
)
