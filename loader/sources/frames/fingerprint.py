"""The bytes that stand for the content of a table, whatever library and version holds it.

Text is text (object, ``str``, ``string[pyarrow]``, a categorical of texts), a whole number is one in any
width, a time one in any unit; a missing cell is one, be it None, NaN, NaT or NA. What could send other
bytes differs: a number in place of text, a float in place of an integer, another zone.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types import carried_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Buffer: TypeAlias = bytes | memoryview | Numbers

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def header(schema: pa.Schema) -> bytes:
    """What stands for names and types of the columns."""
    return json.dumps([[field.name, _tag(field.type)] for field in schema]).encode(
        "utf-8", "backslashreplace"
    )


def block(arrays: Sequence[pa.Array]) -> tuple[bytes, int]:
    """The SHA-256 of some rows, given as plain columns, and how many bytes stand for them."""
    digest, size = hashlib.sha256(), 0
    for array in arrays:
        for part in _parts(array):
            view = memoryview(part)  # type: ignore[arg-type] # arrays are buffers
            digest.update(view)
            size += view.nbytes
    return digest.digest(), size


def _tag(kind: pa.DataType) -> str:
    """The type, as far as it matters for what is sent."""
    kind = carried_type(kind)
    if pa.types.is_timestamp(kind):
        return f"time[{kind.tz or ''}]"
    if _is_list(kind):
        return f"list[{_tag(kind.value_type)}]"
    tags = {
        "text": _is_text(kind) or pa.types.is_null(kind),
        "integer": pa.types.is_integer(kind) and not pa.types.is_uint64(kind),
        "date": pa.types.is_date(kind),
        "span": pa.types.is_duration(kind),
    }
    return next((tag for tag, fits in tags.items() if fits), str(_named_alike(kind)))


def _named_alike(kind: pa.DataType) -> pa.DataType:
    """The type whatever the members of a list are called, and whether members may be null."""
    if pa.types.is_float16(kind):
        return pa.float32()
    if _is_list(kind):
        return (pa.large_list if pa.types.is_large_list(kind) else pa.list_)(_named_alike(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _named_alike(field.type)) for field in kind])
    return kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _parts(array: pa.Array) -> Iterator[Buffer]:
    """The rows that have a value, as bits, then the values, with nothing where there is none."""
    yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False))
    for fits, values in _VALUES:
        if fits(array.type):
            yield from values(array)
            return
    yield from _written(array)


def _numbers(array: pa.Array, kind: type[np.int64 | np.uint64] = np.int64) -> Numbers:
    filled: Numbers = pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype(kind, copy=False)
    return filled


def _integers(array: pa.Array) -> Iterator[Buffer]:
    yield _numbers(array, np.uint64 if pa.types.is_uint64(array.type) else np.int64)


def _floats(array: pa.Array) -> Iterator[Buffer]:
    yield pc.fill_null(array, 0.0).to_numpy(zero_copy_only=False)


def _booleans(array: pa.Array) -> Iterator[Buffer]:
    yield np.packbits(
        pc.equal(array, pa.scalar(value=True)).fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    )


def _times(array: pa.Array) -> Iterator[Buffer]:
    yield from np.divmod(_numbers(array.cast(pa.int64())), _PER_SECOND[array.type.unit])


def _dates(array: pa.Array) -> Iterator[Buffer]:
    yield _numbers(array.cast(pa.date32()).cast(pa.int32()))


def _lists(array: pa.Array) -> Iterator[Buffer]:
    yield _numbers(pc.list_value_length(array))
    yield from _parts(array.flatten())


def _texts(array: pa.Array) -> Iterator[Buffer]:
    """Lengths and bytes."""
    filled = pc.fill_null(array if array.type != pa.null() else array.cast(pa.string()), "")
    filled = filled if pa.types.is_binary(filled.type) else filled.cast(pa.string())
    if not len(filled):
        return
    _, ends, data = filled.buffers()
    bounds = np.frombuffer(ends, np.int32)[filled.offset : filled.offset + len(filled) + 1]
    yield np.diff(bounds).astype(np.int64)
    if bounds[-1] > bounds[0]:
        yield memoryview(data)[bounds[0] : bounds[-1]]


def _written(array: pa.Array) -> Iterator[Buffer]:
    """Decimals, times of day, structs, maps: as they are written."""
    for cell in array.to_pylist():
        yield f"{cell!r}\n".encode("utf-8", "backslashreplace")


_VALUES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Iterator[Buffer]]], ...] = (
    (lambda kind: _is_text(kind) or pa.types.is_binary(kind) or pa.types.is_null(kind), _texts),
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (lambda kind: pa.types.is_timestamp(kind) or pa.types.is_duration(kind), _times),
    (pa.types.is_date, _dates),
    (_is_list, _lists),
)
