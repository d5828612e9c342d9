"""Cells: a column of a frame as one plain Arrow array, and as text. Arrow-backed columns are not copied."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types import carry_cells
from loader.mapping.encode import distinct, nulled, numpy_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from loader.mapping.zones import Mask, Seconds

#: Beyond this a float cannot tell neighbouring integers apart.
MAX_EXACT_FLOAT = 2**53
#: From here on a float may be one integer or the next: 2^53 + 1 is written as 2^53.
_SURE = {pa.float32(): 2**24, pa.float64(): MAX_EXACT_FLOAT}

# Up to here Arrow surely writes a day: its years end with 32767.
_MOST_DAYS = 11_000_000
# Up to here Arrow writes a decimal without an exponent.
_PLAIN_SCALE = 6
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def from_series(series: pd.Series[Any]) -> tuple[pa.Array, Mask | None]:
    """A column as one plain Arrow array, and the mask of cells that cannot be written in UTF-8."""
    try:
        array = pa.array(series.array, from_pandas=True)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        UnicodeEncodeError,
        OverflowError,
    ):
        return _decoded([None if _missing(cell) else str(cell) for cell in series])
    return from_chunks(array) if isinstance(array, pa.ChunkedArray) else plain(array)


def from_chunks(cells: pa.ChunkedArray) -> tuple[pa.Array, Mask | None]:
    """A column of an Arrow table, as `from_series` gives it."""
    if cells.num_chunks == 1:
        return plain(cells.chunk(0))
    array = cells.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # older pyarrow returns a chunked array without chunks
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return plain(array)


def plain(array: pa.Array) -> tuple[pa.Array, Mask | None]:
    """Reduce an array to plain types (see `column_types`): also no binary, one text type, NaN as null.

    Members of nested cells have their plain types from the source already.

    Also return the mask of cells that are not UTF-8 text.
    """
    if array.type == pa.string() or is_nested(array.type):
        return array, None
    array = carry_cells(array, array.type)
    kind = array.type
    if pa.types.is_binary(kind):
        return _read_text(array)
    if pa.types.is_null(kind):
        return array.cast(pa.string()), None
    if pa.types.is_floating(kind):
        array = array if kind != pa.float16() else array.cast(pa.float32())
        return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array), None
    return array, None


def _read_text(array: pa.BinaryArray) -> tuple[pa.Array, Mask | None]:
    """Bytes as the text in UTF-8 that they are by their type; the mask tells those that are not."""
    try:
        return array.cast(pa.string()), None
    except pa.ArrowInvalid:
        return _decoded(array.to_pylist())


def _decoded(cells: list[Any]) -> tuple[pa.Array, Mask]:
    texts = [_utf8(cell) for cell in cells]
    missing = [text is None and cell is not None for text, cell in zip(texts, cells, strict=True)]
    return pa.array(texts, pa.string()), np.array(missing, dtype=np.bool_)


def _utf8(cell: str | bytes | None) -> str | None:
    try:
        if isinstance(cell, bytes):
            return cell.decode()
        if cell is not None:
            cell.encode()
    except UnicodeError:
        return None
    return cell


def _missing(cell: object) -> bool:
    return cell is None or cell != cell or type(cell).__name__ in {"NAType", "NaTType"}  # noqa: PLR0124 - NaN


def cell_types(schema: pa.Schema) -> dict[str, pa.DataType]:
    """The Arrow type of each column's cells; for a dictionary, the type of its values."""
    return {
        column.name: column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        for column in schema
    }


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are text."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or (hasattr(pa.types, "is_string_view") and pa.types.is_string_view(kind))
        or pa.types.is_null(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def is_nested(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type hold several values."""
    return bool(pa.types.is_nested(kind))


def as_text(array: pa.Array) -> pa.Array:
    """Typed cells as text: integers exact, whole floats without a fraction, times as ISO text in UTC."""
    kind = array.type
    if kind == pa.string():
        return array
    if pa.types.is_floating(kind):
        return _float_text(array)
    if pa.types.is_timestamp(kind):
        return _timestamp_text(array)
    if pa.types.is_decimal(kind):
        return _decimal_text(array)
    return array.cast(pa.string())


def _decimal_text(array: pa.Array) -> pa.Array:
    """Decimals without an exponent, and without the zeros at the end, which only the column's type adds."""
    texts, scale = array.cast(pa.string()), array.type.scale
    if scale < 0 or scale > _PLAIN_SCALE:
        exponents = pc.match_substring(texts, "E")
        if pc.any(exponents).as_py():
            plain_texts = distinct(texts, lambda text: format(Decimal(text), "f"))
            texts = pc.if_else(exponents, plain_texts, texts)
    return pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".") if scale > 0 else texts


def unwritable_times(array: pa.Array) -> Mask | None:
    """The dates and times that are beyond what can be written: years of six digits, hours beyond 24."""
    kind = array.type
    if not (is_moment(kind) or pa.types.is_time(kind)) or not len(array):
        return None
    ends = pc.min_max(array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())).as_py()
    second = _PER_SECOND[kind.unit] if hasattr(kind, "unit") else 1
    low, high = (0, 86_400 * second) if pa.types.is_time(kind) else (-_MOST_DAYS, _MOST_DAYS)
    if pa.types.is_timestamp(kind):
        low, high = low * 86_400 * second, high * 86_400 * second
    if ends["min"] is None or (low <= ends["min"] and ends["max"] < high):
        return None
    return numpy_mask(pc.starts_with(as_text(array), "<value out of range"))


def _float_text(array: pa.Array) -> pa.Array:
    whole = whole_floats(array)
    if whole is None:
        return array.cast(pa.string())
    return pc.coalesce(whole, array.cast(pa.string()))


def exact_wholes(array: pa.Array) -> Mask:
    """The floats that are whole and stand for this one integer alone."""
    values = array.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        exact: Mask = (np.abs(values) < _SURE[array.type]) & (np.trunc(values) == values)
    return exact


def whole_floats(array: pa.Array) -> pa.Array | None:
    """The exact whole floats as integer text, null for the others; None if there are none."""
    values = array.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        exact = (np.abs(values) <= MAX_EXACT_FLOAT) & (np.trunc(values) == values)
    if not exact.any():
        return None
    integers = pa.array(np.where(exact, values, 0).astype(np.int64), mask=~exact)
    return integers.cast(pa.string())


def _timestamp_text(array: pa.Array) -> pa.Array:
    # Without its zone: writing local time would need the zone database of the system.
    text = array.cast(pa.int64()).cast(pa.timestamp(array.type.unit)).cast(pa.string())
    return text if array.type.tz is None else pc.binary_join_element_wise(text, "Z", "")


def is_moment(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are dates or timestamps."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def whole_seconds(array: pa.Array) -> Seconds:
    """Arrow dates and timestamps as seconds since 1970, fractions cut off downwards; null is 0."""
    if pa.types.is_date32(array.type):
        return _int64(array.cast(pa.int32())) * 86_400
    unit = "ms" if pa.types.is_date64(array.type) else array.type.unit
    seconds: Seconds = np.floor_divide(_int64(array.cast(pa.int64())), _PER_SECOND[unit])
    return seconds


def _int64(array: pa.Array) -> Seconds:
    filled: Seconds = pc.fill_null(array, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return filled


def without(array: pa.Array, words: Sequence[str]) -> pa.Array:
    """The cells, null where a cell as text is exactly one of the words; cells of several values stay."""
    if not words or is_nested(array.type):
        return array
    return nulled(pc.is_in(as_text(array), value_set=pa.array(words, pa.string())), array)


def present(array: pa.Array) -> Mask:
    """The rows that are not null."""
    return numpy_mask(array.is_valid())
