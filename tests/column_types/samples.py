"""Arrays of every type that Arrow knows, and of their forms."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = [uuid.UUID("7ed4bffc-f189-40b0-9090-c58e1cba14b8"), None, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]
UUIDS = pa.ExtensionArray.from_storage(
    pa.uuid(), pa.array([each and each.bytes for each in IDS], pa.binary(16))
)
WORDS = pa.array(["ä", None, "", "00042", "x" * 40])
NUMBERS = pa.array([1, None, -7, 2**53 + 1])
LISTS = [["a", "b"], None, [], ["c"]]
MOMENT = dt.datetime(2024, 3, 4, 21, 37, 41, 123456)
LATER = [None, dt.datetime(1969, 12, 31, 23, 59)]
DAYS = [dt.date(2024, 3, 4), None, dt.date(1815, 6, 18), dt.date(9999, 12, 31)]
CLOCKS = [dt.time(0, 0), None, dt.time(23, 59, 59)]
DECIMALS = [Decimal("1.50"), None, Decimal("0.00"), Decimal("-42.00"), Decimal("0.01")]


def runs(values: pa.Array) -> pa.Array:
    """Each value twice, run-end encoded."""
    ends = pa.array(range(2, 2 * len(values) + 1, 2), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, values)


def words(values: pa.Array) -> pa.Array:
    """The values as a dictionary, in another order, the first one twice."""
    places = [*reversed(range(len(values))), 0, None]
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), values)


PLAIN: dict[str, pa.Array] = {
    "null": pa.nulls(3),
    "boolean": pa.array([True, None, False]),
    **{
        f"{kind}": pa.array([0, None, 1, np.iinfo(f"{kind}").max, np.iinfo(f"{kind}").min], kind)
        for kind in (
            pa.int8(), pa.int16(), pa.int32(), pa.int64(),
            pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
        )
    },
    "float16": pa.array([0.1, None, 2048, -1.5, float("nan")], pa.float16()),
    "float32": pa.array([0.1, None, 1e30, 16777216, float("nan")], pa.float32()),
    "float64": pa.array([0.1, None, 1e300, 2**53, float("nan"), 5e-324]),
    "decimal32": pa.array(DECIMALS, pa.decimal32(6, 2)),
    "decimal64": pa.array(DECIMALS, pa.decimal64(12, 2)),
    "decimal128": pa.array([*DECIMALS, Decimal(10) ** 30], pa.decimal128(38, 2)),
    "decimal256": pa.array([*DECIMALS, Decimal(10) ** 60], pa.decimal256(76, 2)),
    "decimal of small parts": pa.array([Decimal("1e-30"), Decimal(0), Decimal(7)], pa.decimal128(38, 30)),
    "decimal of thousands": pa.array([Decimal(12000), None, Decimal(0)], pa.decimal128(9, -3)),
    "string": WORDS,
    "large_string": WORDS.cast(pa.large_string()),
    "string_view": WORDS.cast(pa.string_view()),
    "binary": WORDS.cast(pa.binary()),
    "large_binary": WORDS.cast(pa.large_binary()),
    "binary_view": WORDS.cast(pa.binary()).cast(pa.binary_view()),
    "date32": pa.array(DAYS, pa.date32()),
    "date64": pa.array(DAYS, pa.date64()),
    **{
        f"time of {unit}": pa.array(CLOCKS, kind(unit))
        for kind, unit in ((pa.time32, "s"), (pa.time32, "ms"), (pa.time64, "us"), (pa.time64, "ns"))
    },
    **{
        f"timestamp of {unit} in {zone}": pa.array(
            [MOMENT.replace(microsecond=0), *LATER], pa.timestamp(unit, zone)
        )
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Asia/Kathmandu", "+05:45")
    },
    "uuid": UUIDS,
    "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, None, 1, 2, -1], pa.int8())),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["[1]", None, '{"a": 1}'])),
    "opaque text": pa.ExtensionArray.from_storage(
        pa.opaque(pa.string(), "numeric", "postgres"), pa.array(["1.50", None])
    ),
    "list": pa.array(LISTS),
    "large_list": pa.array(LISTS, pa.large_list(pa.large_string())),
    "fixed_size_list": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int16(), 2)),
    "list_view": pa.array(LISTS, pa.list_view(pa.string_view())),
    "large_list_view": pa.array(LISTS, pa.large_list_view(pa.string())),
    "list of bytes": pa.array([[b"a"], [], None], pa.list_(pa.binary())),
    "list of uuids": pa.ListArray.from_arrays(pa.array([0, 1, 1], pa.int32()), UUIDS.slice(0, 1)),
    "list of decimals": pa.array([[Decimal("1.50"), Decimal(10) ** 9], None], pa.list_(pa.decimal64(18, 2))),
    "list of floats": pa.array([[0.1, 1.0], []], pa.list_(pa.float32())),
    "list of booleans": pa.array([[True, False], None]),
    "list of words": pa.ListArray.from_arrays(
        pa.array([0, 2, 3], pa.int32()), pa.array(["a", "b", "a"]).dictionary_encode()
    ),
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int32(), [2]), pa.array([[1, 2], None], pa.list_(pa.int32(), 2))
    ),
}  # fmt: skip
FORMS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "": lambda array: array,
    "dictionary of ": words,
    "runs of ": runs,
    "slice of ": lambda array: pa.concat_arrays([array, array]).slice(1, len(array)),
    "runs of dictionary of ": lambda array: runs(words(array)),
    "slice of runs of ": lambda array: runs(array).slice(1, len(array)),
}


def make(name: str, form: str) -> pa.Array | None:
    """A form of one of the types, or None if Arrow cannot make it."""
    try:
        return FORMS[form](PLAIN[name])
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
        return None


TYPES = {form + name: array for name in PLAIN for form in FORMS if (array := make(name, form)) is not None}
