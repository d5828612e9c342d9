"""Cells of every Arrow type arrive as Arrow's own Python values, from files and from tables in memory."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from loader.column_types import carried_type, carry_cells, plain_type
from loader.mapping import bind, parse_mapping
from loader.sources import open_source
from tests.column_types.samples import FORMS, PLAIN, TYPES
from tests.mapping.samples import APPLICATION, NOW

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = """
kind = "events"
[fields]
hwid = "hwid"
event = { const = "purchase" }
timestamp = { column = "time", unit = "s" }
[attributes]
"""


def table_of(cells: pa.Array) -> pa.Table:
    """Events with the cells in column a."""
    rows = len(cells)
    return pa.table({"hwid": [f"d{row}" for row in range(rows)], "time": ["1700000000"] * rows, "a": cells})


def write_file(path: Path, table: pa.Table, make_writer: Callable[..., Any]) -> Path:
    """Write an Arrow file or stream, in two batches."""
    with make_writer(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=max(len(table) - 2, 1))
    return path


def write_parquet(path: Path, table: pa.Table) -> Path:
    """Write a Parquet file."""
    parquet.write_table(table, path)
    return path


def write_feather(path: Path, table: pa.Table) -> Path:
    """Write a Feather file, compressed."""
    feather.write_feather(table, path)
    return path


ORIGINS: dict[str, Callable[[Path, pa.Table], Any]] = {
    "x.arrow": partial(write_file, make_writer=ipc.new_file),
    "x.arrows": partial(write_file, make_writer=ipc.new_stream),
    "x.feather": write_feather,
    "x.parquet": write_parquet,
    "Arrow table": lambda _, table: table,
    "pandas": lambda _, table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda _, table: pl.from_arrow(table, rechunk=False),
}

# What Parquet's writer cannot write, and what polars cannot hold or holds as another type.
LACKING = {
    "x.parquet": {"list_view", "large_list_view", "decimal of thousands", "tensor"},
    "polars": {
        "uuid", "list of uuids", "list_view", "large_list_view", "decimal256", "decimal of thousands",
        "tensor",
        "list of decimals",  # polars 2.1 ends the process when it hands them over
        *(f"timestamp of {unit} in +05:45" for unit in ("s", "ms", "us", "ns")),
    },
}  # fmt: skip


def values(array: pa.Array) -> list[Any]:
    """Arrow's own Python values, with nothing in place of what is not a number."""
    return [None if cell is None or cell != cell else plain(cell) for cell in array.to_pylist()]  # noqa: PLR0124


def plain(cell: Any) -> Any:
    """A value as the plain type of its column has it."""
    if isinstance(cell, list):
        return [plain(member) for member in cell]
    if isinstance(cell, np.ndarray):
        return cell.tolist()
    return str(cell) if isinstance(cell, uuid.UUID) else cell


@pytest.mark.parametrize("name", TYPES)
def test_a_form_of_a_type_has_the_cells_of_the_type(name: str) -> None:
    """Views, dictionaries, runs, slices and extensions give the cells that Arrow itself gives for them."""
    array = TYPES[name]
    carried = carry_cells(array, array.type)
    carried.validate(full=True)
    assert carried.type == carried_type(array.type) == plain_type(array.type)
    assert values(carried) == values(array)


def read(origin: str, folder: Path, table: pa.Table, rule: str) -> list[dict[str, Any]]:
    """The attributes of a table from one origin."""
    made = ORIGINS[origin](folder / origin, table)
    source = open_source([made]) if isinstance(made, Path) else open_source(["frame"], table=made)
    source.survey()
    mapping = parse_mapping(HEAD + rule, "m.toml")
    mapper = bind(mapping, source.schema, source.sample(), application=APPLICATION, where="x", now=NOW)
    found = [mapper.map(chunk) for chunk in source.chunks()]
    assert [reject.message for one in found for reject in one.rejects] == []
    bodies = [json.loads(body, parse_float=Decimal) for one in found for body in one.bodies.to_pylist()]
    return [body["request"]["attributes"] for body in bodies]


def sent(cell: Any, kind: pa.DataType) -> Any:
    """A cell as an attribute, worked out from Arrow's Python value alone."""
    match cell:
        case dt.datetime():
            return (cell if cell.tzinfo is None else cell.astimezone(dt.UTC)).strftime("%Y-%m-%d %H:%M")
        case dt.date():
            return f"{cell} 00:00"
        case bytes():
            return cell.decode()
        case list():
            return [sent(member, kind.value_type) for member in cell]
        case float():
            return shortest(cell, kind)
    return cell


def shortest(number: float, kind: pa.DataType) -> Decimal:
    """The shortest decimal that a number of this width is read from."""
    return Decimal(str(np.float32(number) if kind in {pa.float16(), pa.float32()} else number))


def clock(cell: Any) -> Any:
    """A time of day out of its text."""
    return dt.time.fromisoformat(cell) if isinstance(cell, str) else cell


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("name", PLAIN)
def test_every_type_arrives_as_its_python_value_from_everywhere(
    name: str, origin: str, tmp_path: Path
) -> None:
    """A column means the same in each kind of file and in each library's table; an empty cell is not sent."""
    array = PLAIN[name]
    if name in LACKING.get(origin, ()):
        pytest.skip(f"{origin} has no such type")
    zoneless = pa.types.is_date(array.type) or (pa.types.is_timestamp(array.type) and array.type.tz is None)
    rule = 'a = { column = "a", zone = "UTC" }' if zoneless else 'a = "a"'
    found = [one.get("a") for one in read(origin, tmp_path, table_of(array), rule)]
    kind = plain_type(array.type)
    wanted = [None if cell is None or cell in ("", b"", []) else sent(cell, kind) for cell in values(array)]
    assert (list(map(clock, found)) if pa.types.is_time(kind) else found) == wanted


ROWS = 20_000  # more than are converted at a time


def test_a_late_cell_is_converted_like_the_first(tmp_path: Path) -> None:
    """A column whose only values stand at the end of a large file is read as its type says."""
    late = uuid.UUID(int=7)
    stored = pa.array([None] * (ROWS - 1) + [late.bytes], pa.binary(16))
    table = table_of(pa.ExtensionArray.from_storage(pa.uuid(), stored))
    found = read("x.parquet", tmp_path, table, 'a = "a"')
    assert (len(found), found[0], found[-1]) == (ROWS, {}, {"a": str(late)})


NESTED: dict[str, tuple[pa.Array, list[dict[str, Any]]]] = {
    "struct": (
        pa.StructArray.from_arrays(
            [TYPES["uuid"].slice(0, 3), TYPES["string_view"].slice(0, 3)],
            names=["id", "word"],
            mask=pa.array([False, False, True]),
        ),
        [{"id": "7ed4bffc-f189-40b0-9090-c58e1cba14b8", "word": "ä"}, {}, {}],
    ),
    "map": (
        pa.MapArray.from_arrays(
            pa.array([0, 1, 1, 2], pa.int32()),
            TYPES["string_view"].slice(3, 2),
            TYPES["decimal32"].slice(3, 2),
        ),
        [{"00042": -42}, {}, {"x" * 40: Decimal("0.01")}],
    ),
}


@pytest.mark.parametrize("origin", ["x.arrow", "Arrow table"])
@pytest.mark.parametrize("form", ["", "slice of ", "runs of ", "dictionary of "])
@pytest.mark.parametrize("name", NESTED)
def test_what_is_inside_a_cell_is_read_like_a_column(
    name: str, form: str, origin: str, tmp_path: Path
) -> None:
    """Members of structs and maps have the same types as columns, whatever form the cells have."""
    array, wanted = NESTED[name]
    formed = FORMS[form](array) if form != "slice of " else pa.concat_arrays([array, array]).slice(3)
    found = read(origin, tmp_path, table_of(formed), 'expand = ["a"]')
    places = {
        "": [0, 1, 2],
        "slice of ": [0, 1, 2],
        "runs of ": [0, 0, 1, 1, 2, 2],
        "dictionary of ": [2, 1, 0, 0],
    }
    shown = found if form != "dictionary of " else found[:4]
    assert shown == [wanted[place] for place in places[form]]


SCALARS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.string_view(), st.text(max_size=20)),
    (pa.large_string(), st.text(max_size=20)),
    (pa.binary_view(), st.binary(max_size=20)),
    (pa.bool_(), st.booleans()),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.decimal64(12, 3), st.decimals(1 - 10**9, 10**9 - 1, allow_nan=False, places=3)),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b", "c"])),
]


def nullable(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The cells, and nothing among them."""
    return st.none() | cells


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """A type with what its cells may be: lists, structs and maps of each other, two levels deep."""
    shape = draw(st.sampled_from(["scalar", "list", "view", "fixed", "struct", "map"])) if depth else "scalar"
    if shape == "scalar":
        scalar: tuple[pa.DataType, st.SearchStrategy[Any]] = draw(st.sampled_from(SCALARS))
        return scalar
    kind, cells = draw(kinds(depth - 1))
    match shape:
        case "fixed":
            return pa.list_(kind, 2), st.lists(nullable(cells), min_size=2, max_size=2)
        case "struct":
            return pa.struct([("x", kind), ("y", pa.string_view())]), st.fixed_dictionaries(
                {"x": nullable(cells), "y": nullable(st.text(max_size=14))}
            )
        case "map":
            pair = st.tuples(st.text(max_size=14), nullable(cells))
            return pa.map_(pa.string_view(), kind), st.lists(pair, max_size=3)
    make = {"list": pa.large_list, "view": pa.list_view}[shape]
    return make(kind), st.lists(nullable(cells), max_size=3)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_cells_of_any_nested_type_are_those_that_arrow_gives(data: st.DataObject) -> None:
    """Whatever is inside whatever, from any row to any other: what is read is what stands there."""
    kind, cells = data.draw(kinds())
    written = data.draw(st.lists(nullable(cells), max_size=8))
    start = data.draw(st.integers(0, len(written)))
    stop = data.draw(st.integers(start, len(written)))
    array = pa.array(written, kind).slice(start, stop - start)
    carried = carry_cells(array, kind)
    carried.validate(full=True)
    assert carried.type == carried_type(kind) == plain_type(kind)
    assert carried.to_pylist() == array.to_pylist()
