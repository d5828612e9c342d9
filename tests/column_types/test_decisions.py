"""What a type decides is known before the first row: a refusal names column, type and way out."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import ipc

from loader.column_types import find_refusal, plain_field, plain_type
from loader.errors import MappingError
from loader.mapping import bind, infer, parse_mapping
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.methods import Kind
from loader.sources import open_source
from tests.column_types.samples import TYPES
from tests.mapping.samples import APPLICATION, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from loader.mapping import Mapper, Mapping
    from loader.sources import Source

LEAVE_OUT = "or leave it out in a mapping file"
TEXT = f"Export it as text, {LEAVE_OUT}."
CHOICE = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
DENSE = pa.UnionArray.from_dense(
    pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
)
PERIODS = pa.field(
    "a",
    pa.int64(),
    metadata={"ARROW:extension:name": "pandas.period", "ARROW:extension:metadata": '{"freq": "M"}'},
)
SHAPES = pa.field("a", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})

REFUSED: dict[str, tuple[pa.Array, pa.Field | None, str]] = {
    "sparse union": (CHOICE, None, f"cells of several types ({CHOICE.type}). Export each type as a column of its own or all of them as text, {LEAVE_OUT}."),
    "dense union": (DENSE, None, f"cells of several types ({DENSE.type}). Export each type as a column of its own or all of them as text, {LEAVE_OUT}."),
    "interval": (pa.array([(1, 2, 3), None], pa.month_day_nano_interval()), None, f"month_day_nano_interval, a type that the loader does not know. {TEXT}"),
    "duration": (pa.array([1, None], pa.duration("s")), None, f"duration[s], which has no form in JSON. Export it as a number or as text, {LEAVE_OUT}."),
    "fixed-size binary": (pa.array([b"abcd", None], pa.binary(4)), None, f"4 bytes in each cell, which are not text. {TEXT}"),
    "16 bytes": (pa.array([b"0123456789abcdef", None], pa.binary(16)), None, f"16 bytes in each cell, which are not text. {TEXT} UUIDs are read from text or from a column with the type UUID."),
    "dictionary of bytes": (pa.array([b"abcd", None], pa.binary(4)).dictionary_encode(), None, f"4 bytes in each cell, which are not text. {TEXT}"),
    "list of days": (pa.array([[dt.date(2024, 1, 1)], None]), None, f"lists of date32[day], and the members of a list must be texts, numbers or booleans. Export them as lists of texts, {LEAVE_OUT}."),
    "list of durations": (pa.array([[1], None], pa.list_(pa.duration("s"))), None, f"lists of duration[s], and the members of a list must be texts, numbers or booleans. Export them as lists of texts, {LEAVE_OUT}."),
    "member twice": (pa.StructArray.from_arrays([pa.array([1, 2]), pa.array([3, 4])], names=["x", "x"]), None, f"struct<x: int64, x: int64>, which names a member twice. Rename one of them, {LEAVE_OUT}."),
    "periods": (pa.array([650, None]), PERIODS, f"extension<pandas.period>, a type that the loader does not know. {TEXT}"),
    "shapes": (pa.array([b"\x01", None]), SHAPES, f"extension<geoarrow.wkb>, a type that the loader does not know. {TEXT}"),
}  # fmt: skip


FIELDS = 'kind = "events"\n[fields]\nevent = "event"\ntimestamp = { column = "timestamp", unit = "s" }\n'
NAMED = {
    "hwid": f'{FIELDS}hwid = "a"',
    "[attributes] expand": f'{FIELDS}hwid = "hwid"\n[attributes]\nexpand = ["a"]',
}


def table_with(name: str) -> pa.Table:
    """Events with a column of a type that is refused."""
    cells, field, _ = REFUSED[name]
    columns = [pa.array(["d1", "d2"]), pa.array(["e", "e"]), pa.array(["1700000000"] * 2), cells]
    fields = [pa.field(column, pa.string()) for column in ("hwid", "event", "timestamp")]
    return pa.table(columns, schema=pa.schema([*fields, field or pa.field("a", cells.type)]))


def source_with(name: str, origin: str, folder: Path) -> Source:
    """The same as a source."""
    table = table_with(name)
    if origin != "file":
        return open_source(["frame"], table=table)
    with ipc.new_file(folder / "x.arrow", table.schema) as writer:
        writer.write_table(table)
    return open_source([folder / "x.arrow"])


def bound(source: Source, mapping: Mapping) -> Mapper:
    """A mapping, bound to a source."""
    return bind(mapping, source.schema, source.sample(), application=APPLICATION, where="x", now=NOW)


@pytest.mark.parametrize("origin", ["file", "frame"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_type_that_cannot_be_sent_is_refused_by_name(name: str, origin: str, tmp_path: Path) -> None:
    """The sentence names the column, what it holds and the way out, with a mapping and without one."""
    source = source_with(name, origin, tmp_path)
    unnamed = infer(Kind.EVENTS, source.schema, source.sample())
    with pytest.raises(MappingError) as refusal:
        bound(source, unnamed)
    assert refusal.value.problems == [f'a: column "a" holds {REFUSED[name][2]}']
    for place, rule in NAMED.items():
        with pytest.raises(MappingError) as refusal:
            bound(source, parse_mapping(rule, "m.toml"))
        assert refusal.value.problems == [f'{place}: column "a" holds {REFUSED[name][2]}']


@pytest.mark.parametrize("origin", ["file", "frame"])
@pytest.mark.parametrize("name", REFUSED)
def test_the_way_out_of_a_refusal_works(name: str, origin: str, tmp_path: Path) -> None:
    """What `map` proposes leaves the column out, and every row is sent."""
    source = source_with(name, origin, tmp_path)
    source.survey()
    proposal = propose(Kind.EVENTS, source.schema, source.sample(), zone=None, now=NOW)
    mapper = bound(source, parse_mapping(proposal_text(proposal, "x"), "m.toml"))
    found = [mapper.map(chunk) for chunk in source.chunks()]
    assert ([len(one.bodies) for one in found], [one.rejects for one in found]) == ([2], [[]])


@pytest.mark.parametrize("name", TYPES)
def test_a_type_that_is_read_is_plain_and_stays_so(name: str) -> None:
    """Deciding twice changes nothing, and no type is both read and refused."""
    kind = plain_type(TYPES[name].type)
    assert plain_type(kind) == kind
    assert find_refusal(TYPES[name].type) is find_refusal(kind) is None


def test_what_is_inside_a_refused_struct_is_refused_too() -> None:
    """A member that stands there twice is not taken from one of the two."""
    source = open_source(["frame"], table=table_with("member twice"))
    with pytest.raises(MappingError) as refusal:
        bound(source, parse_mapping(f'{FIELDS}hwid = "a.x"', "m.toml"))
    assert refusal.value.problems == [f'hwid: column "a.x" holds {REFUSED["member twice"][2]}']


def test_an_extension_over_text_is_text() -> None:
    """A name that is not known says nothing against text, which is sent as it is."""
    field = pa.field("a", pa.large_string(), metadata={"ARROW:extension:name": "acme.code"})
    assert plain_field(field).type == pa.string()


IDS = 'kind = "users"\n[fields]\nhwid = { column = "h" }\nuserId = { column = "u" }'


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (pa.array([42, 2**63 - 1]), ["42", str(2**63 - 1)]),
        (pa.array([42.0, 2.0**53 - 1]), ["42", str(2**53 - 1)]),
        (TYPES["decimal256"].slice(3, 1), ["-42"]),
        (pa.array(["42.000000000", "0", "0.000000001", "120"]).cast(pa.decimal128(38, 9)), ["42", "0", "0.000000001", "120"]),
        (pa.array(["42.50", "100"]).cast(pa.decimal64(10, 2)), ["42.5", "100"]),
        (TYPES["decimal of thousands"].slice(0, 1), ["12000"]),
        (TYPES["uuid"].slice(0, 1), ["7ed4bffc-f189-40b0-9090-c58e1cba14b8"]),
    ],
    ids=str,
)  # fmt: skip
def test_an_id_is_written_without_what_only_its_type_adds(cells: pa.Array, wanted: list[str]) -> None:
    """No zeros behind the point, no exponent: 42.000000000 of a warehouse is the user 42."""
    table = pa.table({"h": [f"d{row}" for row in range(len(cells))], "u": cells})
    source = open_source(["frame"], table=table)
    source.survey()
    (found,) = [bound(source, parse_mapping(IDS, "m.toml")).map(chunk) for chunk in source.chunks()]
    assert [
        f'"userId":"{user}"' in body.decode()
        for user, body in zip(wanted, found.bodies.to_pylist(), strict=True)
    ] == [True] * len(wanted)


def test_ids_of_16_bits_are_refused() -> None:
    """2,049 is stored as 2,048 there, so another user would get the row."""
    table = pa.table({"h": ["d"], "u": pa.array([2049.0], pa.float16())})
    source = open_source(["frame"], table=table)
    with pytest.raises(MappingError) as refusal:
        bound(source, parse_mapping(IDS, "m.toml"))
    assert refusal.value.problems == [
        'userId: column "u" holds floating-point numbers of 16 bits, which tell ids only up to 2,048 apart. '
        "Export the ids as text or integers."
    ]


EVENT = 'kind = "events"\n[fields]\nhwid = { const = "d" }\nevent = { const = "e" }\ntimestamp = { const = "2024-03-04T00:00:00Z" }\n[attributes]\n'


@pytest.mark.parametrize(
    ("type_", "cells", "reason"),
    [
        ("integer", pa.array([True]), "holds bool; these are not numbers"),
        ("float", TYPES["time of us"], "holds time64[us]; these are not numbers"),
        ("integer", TYPES["timestamp of ms in UTC"], "holds timestamp[ms, tz=UTC]; these are not numbers"),
        ("boolean", TYPES["date32"], "holds date32[day]; these are neither true nor false"),
        ("list", pa.array([1]), "holds int64; these are not lists"),
        ("list", TYPES["dictionary of date32"], "holds date32[day]; these are not lists"),
    ],
)
def test_a_conversion_that_no_cell_allows_is_refused(type_: str, cells: pa.Array, reason: str) -> None:
    """Nothing is sent, and no row is rejected one by one, if the column's type says that none can be read."""
    source = open_source(["frame"], table=pa.table({"a": cells}))
    with pytest.raises(MappingError) as refusal:
        bound(source, parse_mapping(f'{EVENT}a = {{ column = "a", type = "{type_}" }}', "m.toml"))
    assert refusal.value.problems == [
        f'attribute "a": column "a" {reason}. Remove type, or set type = "string".'
    ]
    source.survey()
    mapper = bound(source, parse_mapping(f'{EVENT}a = {{ column = "a", type = "string" }}', "m.toml"))
    assert [reject for chunk in source.chunks() for reject in mapper.map(chunk).rejects] == []
