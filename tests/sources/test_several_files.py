"""Files of one input whose types differ: read as one table, or refused with both files and both types."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from loader.errors import SourceError
from loader.mapping import bind, infer, parse_mapping
from loader.methods import Kind
from loader.sources import Source, open_source
from tests.mapping.samples import APPLICATION, NOW

UTC = dt.UTC
FIELDS = 'kind = "events"\n[fields]\nevent = "event"\nhwid = "hwid"\ntimestamp = "timestamp"\n'
PRICE = pa.array([Decimal("1.50")], pa.decimal128(10, 2))
TIMES = pa.array([dt.datetime(2024, 3, 4, tzinfo=UTC)])
FAR = pa.array([dt.datetime(9999, 12, 31, tzinfo=UTC)], pa.timestamp("us", "UTC"))

PAIRS: dict[str, tuple[pa.Array, pa.Array, list[Any]]] = {
    "text": (pa.array(["x"]), pa.array(["y"], pa.large_string()), ["x", "y"]),
    "views": (pa.array(["x"]), pa.array(["y"]).cast(pa.string_view()), ["x", "y"]),
    "bytes": (pa.array(["x"]), pa.array([b"y"]), ["x", "y"]),
    "whole numbers": (pa.array([1], pa.int32()), pa.array([2**53 + 1]), [1, 2**53 + 1]),
    "numbers": (pa.array([2**53 + 1]), pa.array([0.5]), [2**53 + 1, "0.5"]),
    "floats": (pa.array([0.1], pa.float32()), pa.array([0.1]), ["0.1", "0.1"]),
    "nothing": (pa.array(["x"]), pa.nulls(1), ["x", None]),
    "nothing and lists": (pa.array([["x"]]), pa.nulls(1), [["x"], None]),
    "nothing and days": (TIMES, pa.nulls(1), ["2024-03-04 00:00", None]),
    "dictionary": (pa.array(["x"]).dictionary_encode(), pa.array(["y"]), ["x", "y"]),
    "units": (TIMES, FAR.cast(pa.timestamp("ms", "UTC")), ["2024-03-04 00:00", "9999-12-31 00:00"]),
    "nanoseconds": (TIMES.cast(pa.timestamp("ns", "UTC")), FAR, ["2024-03-04 00:00", "9999-12-31 00:00"]),
    "decimals": (PRICE, PRICE.cast(pa.decimal128(12, 4)), ["1.5", "1.5"]),
    "lists": (pa.array([[1]], pa.list_(pa.int32())), pa.array([[2]], pa.large_list(pa.int64())), [[1], [2]]),
}


def saved(folder: Any, first: pa.Array, second: pa.Array, *, swapped: bool = False) -> Source:
    """Two files whose column `a` has the cells."""
    for number, cells in enumerate((second, first) if swapped else (first, second)):
        table = pa.table({"event": ["buy"], "hwid": ["d"], "timestamp": TIMES, "a": cells})
        with ipc.new_file(folder / f"{number}.arrow", table.schema) as writer:
            writer.write_table(table)
    return open_source([folder])


def sent(source: Source) -> list[Any]:
    """The attributes that are sent; numbers with a fraction as they are written."""
    source.survey()
    sample = source.sample()
    mapping = infer(Kind.EVENTS, source.schema, sample)
    mapper = bind(mapping, source.schema, sample, application=APPLICATION, where="x", now=NOW)
    found = [mapper.map(chunk) for chunk in source.chunks()]
    assert [one.rejects for one in found] == [[], []]
    bodies = [body for one in found for body in one.bodies.to_pylist()]
    return [json.loads(body, parse_float=str)["request"]["attributes"].get("a") for body in bodies]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_types_that_differ_without_loss_are_one_table(name: str, swapped: bool, tmp_path: Any) -> None:
    """Each row is sent as it would be alone, whichever file comes first."""
    first, second, wanted = PAIRS[name]
    source = saved(tmp_path, first, second, swapped=swapped)
    assert sent(source) == (wanted[::-1] if swapped else wanted)


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        (pa.array([{"x": 1, "at": dt.datetime(2024, 3, 4, tzinfo=UTC)}]), 'expand = ["a"]'),
        (pa.array([{"x": 1, "y": "b"}]), 'x = "a.x"'),
        (pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int64())), 'expand = ["a"]'),
        (pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int64())), 'x = "a.x"'),
        (pa.array([[1]]), 'x = "a.0"'),
        (pa.array([[{"key": "x", "value": 1}]]), 'expand = ["a"]'),
    ],
    ids=str,
)
@pytest.mark.parametrize("swapped", [False, True])
def test_what_is_opened_may_be_empty_in_a_file(
    cells: pa.Array, rule: str, swapped: bool, tmp_path: Any
) -> None:
    """A file without a value in a column of structs, maps or lists gives rows without its members."""
    source = saved(tmp_path, cells, pa.nulls(1), swapped=swapped)
    mapping = parse_mapping(f"{FIELDS}[attributes]\n{rule}", "m.toml")
    source.survey()
    mapper = bind(mapping, source.schema, source.sample(), application=APPLICATION, where="x", now=NOW)
    found = [mapper.map(chunk) for chunk in source.chunks()]
    assert [one.rejects for one in found] == [[], []]
    bodies = [json.loads(body)["request"]["attributes"] for one in found for body in one.bodies.to_pylist()]
    assert [body.get("x") for body in (bodies[::-1] if swapped else bodies)] == [1, None]


def test_the_sample_of_such_files_has_one_type(tmp_path: Any) -> None:
    """What is decided by a sample is decided by the rows of all files."""
    sample = saved(tmp_path, *PAIRS["whole numbers"][:2]).sample()
    assert (str(sample["a"].dtype), list(sample["a"])) == ("int64[pyarrow]", [1, 2**53 + 1])


def test_a_type_that_a_later_file_brings_is_compared_with_the_next(tmp_path: Any) -> None:
    """Both files and both types are named, also if the first file has no value in the column."""
    for number, cells in enumerate((pa.nulls(1), pa.array([1]), pa.array(["x"]))):
        parquet.write_table(pa.table({"hwid": ["d"], "a": cells}), tmp_path / f"{number}.parquet")
    with pytest.raises(SourceError) as refusal:
        open_source([tmp_path])
    assert str(refusal.value) == (
        f'{tmp_path}/2.parquet: its columns are not those of {tmp_path}/0.parquet: "a" is string, in '
        f"{tmp_path}/1.parquet int64. Make the columns alike, or load the files one by one, each with a "
        "checkpoint of its own."
    )
