"""What lies inside columns: JSON text, structs, maps, lists of keys and values."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pytest

from loader.errors import MappingError
from loader.mapping import write_mapping
from tests.mapping.samples import (
    EVENTS,
    chunk_of,
    mapped,
    mapper_of,
    messages,
    requests,
    text_frame,
    typed_frame,
)

PAIRS = pa.list_(
    pa.struct(
        [
            ("key", pa.string()),
            ("value", pa.struct([("string_value", pa.string()), ("int_value", pa.int64()), ("double_value", pa.float64())])),
        ]
    )
)  # fmt: skip
PARAMS = [
    {"key": "page", "value": {"string_value": "/a\"b", "int_value": None, "double_value": None}},
    {"key": "session", "value": {"string_value": None, "int_value": 2**60, "double_value": None}},
    {"key": "value", "value": {"string_value": None, "int_value": None, "double_value": 1.5}},
    {"key": "nothing", "value": {"string_value": None, "int_value": None, "double_value": None}},
]  # fmt: skip
OBJECT = '{"page": "/a\\"b", "session": 1152921504606846976, "value": 1.50, "nothing": null}'


def frame_with(name: str, cells: Any) -> Any:
    """A frame of events with one more column."""
    rows = len(cells)
    ids, times = pa.array([f"d{row}" for row in range(rows)]), pa.array(["1700000000"] * rows)
    return typed_frame(hwid=ids, time=times, **{name: cells})


def attributes(toml: str, frame: Any) -> list[dict[str, Any]]:
    """The attributes of each row that was mapped."""
    return [one["attributes"] for one in requests(mapped(f"{EVENTS}[attributes]\n{toml}", frame))]


@pytest.mark.parametrize(
    ("name", "column", "cell"),
    [
        ("p.time", "p", pa.array(['{"time": 1700000000}'])),
        ("p.time", "p", pa.array([{"time": 1_700_000_000}])),
        ("p.time", "p", pa.array([[("time", "1700000000")]], pa.map_(pa.string(), pa.string()))),
        ("p.time", "p", pa.array([[{"key": "time", "value": 1_700_000_000}]])),
        ("p.time", "p", pa.array([[{"key": "time", "value": {"a": None, "b": 1_700_000_000}}]])),
        ("p.time", "p", pa.array(['[{"key": "time", "value": {"int_value": 1700000000}}]'])),
        ("p.time", "p.time", pa.array([1_700_000_000])),
        ("p.a.time", "p", pa.array([{"a": {"time": 1_700_000_000}}])),
        ("p.a.time", "p", pa.array([{"a": '{"time": 1700000000}'}])),
        ("p.a.time", "p", pa.array(['{"a": {"time": 1700000000}}'])),
        ("p.a.time", "p", pa.array(['{"a.time": "1700000000", "a": {"time": 5}}'])),
        ("p.$t", "p", pa.array([{"list": [{"element": {"key": "$t", "value": "1700000000"}}]}])),
    ],
)  # fmt: skip
def test_a_dotted_name_reaches_into_every_kind_of_column(name: str, column: str, cell: pa.Array) -> None:
    """A nested export and its flattened form take the same mapping."""
    toml = EVENTS.replace('"time"', f'"{name}"')
    frame = typed_frame(hwid=pa.array(["d"]), **{column: cell})
    assert [one["timestampUTC"] for one in requests(mapped(toml, frame))] == [1_700_000_000]


def test_what_lies_inside_serves_ids_zones_and_templates_too() -> None:
    """An id in JSON keeps its digits, a number as it is written."""
    toml = """
kind = "events"
[fields]
hwid = { column = ["p.device", "p.user"] }
userId = { template = "{p.user}-x" }
event = { column = "p.name", values = { a = "b" } }
timestamp = { column = "p.time", format = "iso", zone = { column = "p.zone" } }
"""
    cells = [
        {"user": "007", "device": "D", "name": "a", "time": "2024-07-04", "zone": "America/New_York"},
        {"user": 9007199254740993, "name": "a", "time": "2024-07-04", "zone": 3600},
    ]
    found = requests(mapped(toml, text_frame(p=[json.dumps(cell) for cell in cells])))
    assert [(one["hwid"], one["userId"], one["timestampUTC"]) for one in found] == [
        ("D", "007-x", 1720065600),
        ("9007199254740993", "9007199254740993-x", 1720047600),
    ]


@pytest.mark.parametrize(
    "cell",
    [
        pa.array([OBJECT]),
        pa.array([PARAMS], PAIRS),
        pa.array([{"list": [{"element": one} for one in PARAMS]}]),
        pa.array([json.dumps(PARAMS)]),
        pa.array([{"page": '/a"b', "session": 2**60, "value": 1.5, "nothing": None}]),
    ],
    ids=["json", "pairs", "wrapped pairs", "json pairs", "struct"],
)
def test_each_member_becomes_an_attribute_of_its_own_type(cell: pa.Array) -> None:
    """Text stays text, numbers stay numbers with all digits, what is empty is left out."""
    members = {"page": '/a"b', "session": 2**60, "value": 1.5}
    assert attributes('expand = ["p"]', frame_with("p", cell)) == [members]
    assert attributes('others = true\nexpand = ["p"]', frame_with("p", cell)) == [members]
    prefixed = {f"p_{name}": value for name, value in members.items()} | {"p_nothing": None}
    toml = 'expand = [{ column = "p", prefix = "p_", empty = "null" }]'
    assert attributes(toml, frame_with("p", cell)) == [prefixed]
    toml = 's = { column = "p.session", type = "string" }\nexpand = ["p"]\nexcept = ["p.page"]'
    assert attributes(toml, frame_with("p", cell)) == [{"s": str(2**60), "value": 1.5}]


def test_objects_are_opened_all_the_way_and_other_lists_are_sent_as_their_json() -> None:
    """Nothing is lost: a list of scalars is a list, a list of objects is its text; an empty one is no value."""
    cell = '{"a": {"b": {"c": true}}, "l": ["x", 1.50], "o": [{"k": 1.50}], "e": {}, "n": "", "f": false, "z": []}'
    expected = {"a.b.c": True, "l": ["x", 1.5], "o": '[{"k":1.50}]', "f": False}
    frame = frame_with("p", pa.array([cell, "", None, "null", "{}"]))
    assert attributes('expand = ["p"]', frame) == [expected, {}, {}, {}, {}]
    assert attributes('expand = ["p"]\nexcept = ["p.a", "p.o"]', frame)[0] == {"l": ["x", 1.5], "f": False}  # fmt: skip


def test_maps_and_pairs_keep_their_rows_whatever_is_empty_or_cut() -> None:
    """Null and empty cells, null values, and a chunk that is a slice of a larger array."""
    cells = pa.array([[("x", 0)], [("a", 1), ("b", None)], None, [], [("a", 2), ("c", 3)]], pa.map_(pa.string(), pa.int32()))  # fmt: skip
    assert attributes('expand = ["p"]', frame_with("p", cells.slice(1))) == [
        {"a": 1},
        {},
        {},
        {"a": 2, "c": 3},
    ]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ('{"a": 1', ': "{"a": 1" is not a readable JSON object. Fix the cell where it was exported, or do not open this column in the mapping.'),
        ("plain", ': "plain" is not a readable JSON object. Fix the cell where it was exported, or do not open this column in the mapping.'),
        ('{"a": NaN}', ': "{"a": NaN}" is not a readable JSON object. Fix the cell where it was exported, or do not open this column in the mapping.'),
        ('{"a": 1, "a": 2}', ': "{"a": 1, "a": 2}" is not a readable JSON object. Fix the cell where it was exported, or do not open this column in the mapping.'),
        ('{"a": "\\ud800"}', ': "{"a": "\\ud800"}" is not a readable JSON object. Fix the cell where it was exported, or do not open this column in the mapping.'),
        ("[1, 2]", " is a JSON list, not an object. Remove this column from expand."),
        ('{"a": {"b": 1}, "a.b": 2}', ' gives "a.b" twice. To take the first one, name it in the mapping ({ column = "p.a.b" }). To send neither, name it under except.'),
        ('{"a": 1e999}', ' has a member "a" that is not a finite number of at most 64 bits. Name it in the mapping with type = "string": { column = "p.a" }.'),
        ('{"a": 18446744073709551616}', ' has a member "a" that is not a finite number of at most 64 bits. Name it in the mapping with type = "string": { column = "p.a" }.'),
        ('{"msgHash": 1}', ' has a member "msgHash" that cannot be an attribute: this name is reserved by the vendor. Name it under except, or map it under another name.'),
        ('{"' + "x" * 65 + '": 1}', f' has a member "{"x" * 59}…" that cannot be an attribute: the name has 65 characters, 64 are allowed. Name it under except, or map it under another name.'),
        ('{"taken": 1}', ' has a member "taken", but another column gives that attribute already. Set prefix in expand, or name the member under except.'),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_opened_rejects_its_row(cell: str, sentence: str) -> None:
    """No member is dropped in silence, and the row beside it is mapped."""
    toml = f'{EVENTS}[attributes]\ntaken = "hwid"\nexpand = ["p"]'
    result = mapped(toml, frame_with("p", pa.array(['{"good": 1}', cell])))
    assert [one["attributes"] for one in requests(result)] == [{"taken": "d0", "good": 1}]
    assert messages(result) == [f'x.csv, row 2, column "p"{sentence}']


def test_json_nested_too_deeply_rejects_its_row() -> None:
    """A cell of 100,000 brackets ends in a sentence, not in a crash."""
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    result = mapped(f'{EVENTS}[attributes]\nexpand = ["p"]', frame_with("p", pa.array(["{}", deep])))
    assert len(requests(result)) == 1
    assert "is not a readable JSON object." in messages(result)[0]


def test_a_key_that_stands_twice_in_a_map_rejects_its_row() -> None:
    """Arrow lets a map hold a key twice; JSON readers would take either."""
    cells = pa.array([[("a", 1), ("b", 2), ("a", 3)], [("a", 4)]], pa.map_(pa.string(), pa.int64()))
    result = mapped(f'{EVENTS}[attributes]\nexpand = ["p"]', frame_with("p", cells))
    assert [one["attributes"] for one in requests(result)] == [{"a": 4}]
    assert messages(result) == [
        'x.csv, row 1, column "p" gives "a" twice. To take the first one, name it in the mapping '
        '({ column = "p.a" }). To send neither, name it under except.'
    ]


def test_two_columns_that_give_the_same_attribute_are_told() -> None:
    """At once where the names are known, row by row where they are not; never one of the two in silence."""
    frame = typed_frame(hwid=pa.array(["d"] * 2), time=pa.array(["1700000000"] * 2),
                        p=pa.array(['{"a": 1}', '{"b": 1}']), q=pa.array(['{"a": 2}', '{"a": 2}']))  # fmt: skip
    result = mapped(f'{EVENTS}[attributes]\nexpand = ["p", "q"]', frame)
    assert [one["attributes"] for one in requests(result)] == [{"b": 1, "a": 2}]
    assert messages(result) == [
        'x.csv, row 1, columns "p", "q" both give an attribute "a". Set prefix in expand for one of them.'
    ]
    structs = frame_with("p", pa.array([{"a": 1}])).assign(a="x")
    with pytest.raises(MappingError) as caught:
        mapped(f'{EVENTS}[attributes]\nothers = true\nexpand = ["p"]', structs)
    assert caught.value.problems == [
        'attribute "a" would come from both "a" and "p.a". Name one of them under except, or set prefix in expand.'
    ]


@pytest.mark.parametrize(
    ("attribute", "cell", "problem"),
    [
        ('a = "p.pagge"', pa.array([{"page": "x"}]), 'a: the input has no column "p.pagge". Did you mean "p.page"?'),
        ('a = "p"', pa.array([{"page": "x"}]), 'a: column "p" holds struct<page: string>, which cannot be sent as one value. Name a member of it ("column.member"), open it with expand, or leave it out with except.'),
        ('a = "p.a"', pa.array(["plain"]), 'a: column "p" holds no JSON objects. Check the name.'),
        ('expand = ["p"]', pa.array(["plain"]), '[attributes] expand: column "p" holds no JSON objects. Check the name.'),
        ('expand = ["p"]', pa.array([5]), '[attributes] expand: column "p" holds int64. JSON text, structs, maps and lists of keys and values can be opened if their values are text, numbers, true or false.'),
        ('expand = ["q"]', pa.array([5]), '[attributes] expand: the input has no column "q". The columns are "hwid", "time", "p".'),
        ('expand = [3]', pa.array([5]), '[attributes] expand must be a list of columns, each a name in quotes or a table such as { column = "name", prefix = "its_" }.'),
        ('expand = [{ column = "p", prefx = "a" }]', pa.array([5]), '[attributes] expand does not take "prefx". Did you mean "prefix"?'),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_refused_before_the_first_row(
    attribute: str, cell: pa.Array, problem: str
) -> None:
    """With the name that was meant, or with what to do."""
    with pytest.raises(MappingError, match=re.escape(problem)):
        mapped(f"{EVENTS}[attributes]\n{attribute}", frame_with("p", cell))


def test_the_effective_mapping_reads_back_and_opens_the_same() -> None:
    """A resumed load opens the columns as the first run did; what is not sent is told."""
    cells = pa.array([{"a": 1, "m": [("k", "v")], "o": [{"x": 1}], "c": {"d": "e"}}],
                     pa.struct([("a", pa.int64()), ("m", pa.map_(pa.string(), pa.string())),
                                ("o", pa.list_(pa.struct([("x", pa.int64())]))), ("c", pa.struct([("d", pa.string())]))]))  # fmt: skip
    frame = frame_with("p", cells)
    mapper = mapper_of(f'{EVENTS}[attributes]\nexpand = ["p"]\nexcept = ["p.m.x"]', frame)
    again = mapper_of(write_mapping(mapper.mapping), frame)
    assert again.mapping == mapper.mapping
    assert 'expand = [{ column = "p.m", prefix = "m." }]\nexcept = ["p.m.x"]' in write_mapping(mapper.mapping)
    assert (
        mapper.notices[0] == 'column "p.o" is not sent: it holds list<element: struct<x: int64>>.'
        or mapper.notices[0] == 'column "p.o" is not sent: it holds list<item: struct<x: int64>>.'
    )
    assert (
        mapper.decisions[-1].strip()
        == 'each member of "p.m" under names that begin with "m.", with the type that it has in each row'
    )
    assert attributes('expand = ["p"]', frame) == [{"a": 1, "c.d": "e", "m.k": "v"}]


@pytest.mark.parametrize("cell", [pa.array([OBJECT, '{"more": [true]}']), pa.array([PARAMS, []], PAIRS)])
def test_the_members_stand_in_the_columns_that_a_check_looks_at(cell: pa.Array) -> None:
    """A check says of each member how often it has a value, of which type, as of any other attribute."""
    result = mapped(
        f'{EVENTS}[attributes]\nexpand = [{{ column = "p", prefix = "p_" }}]', frame_with("p", cell)
    )
    columns = {column.name: column for column in result.columns if column.member}
    for row, request in enumerate(requests(result)):
        told = {
            name: json.loads(value)
            for name, column in columns.items()
            if (value := column.values[row].as_py()) is not None
        }
        assert told == request["attributes"]
    kinds = {name: column.kind for name, column in columns.items()}
    assert kinds | {"p_more": "list"} == {
        "p_page": "string", "p_session": "number", "p_value": "number", "p_more": "list",
    }  # fmt: skip


PHONES = [
    [{"id": "A", "os": {"name": "ios 17.2"}}, {"id": "B", "os": {"name": "android"}}],
    [{"id": "C", "os": {"name": "android"}}, {"id": "D", "os": {"name": "android"}}],
    [],
    None,
    [{"id": None, "os": {"name": "ios 17.2"}}, {"id": "E", "os": None}],
]
FORMS = {
    "JSON": pa.array([None if cell is None else json.dumps(cell) for cell in PHONES]),
    "list": pa.array(PHONES),
    "large list": pa.array(PHONES, pa.large_list(pa.array(PHONES).type.value_type)),
    "a slice": pa.array([PHONES[0], *PHONES])[1:],
    "JSON in a list": pa.array(
        [None if cell is None else [json.dumps(one) for one in cell] for cell in PHONES]
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("phones.0.id", ["A", "C", None, None, None]),
        ("phones.1.id", ["B", "D", None, None, "E"]),
        ("phones.2.id", [None] * 5),
        ("phones.1.os.name", ["android", "android", None, None, None]),
        ("phones[os.name=android].id", ["B", "C", None, None, None]),
        ("phones[os.name=ios 17.2].id", ["A", None, None, None, None]),
        ("phones[id=E].id", [None, None, None, None, "E"]),
        ("phones[id=].id", [None] * 5),
    ],
)
def test_a_path_reaches_into_lists_by_place_and_by_the_first_that_fits(
    form: str, path: str, wanted: list[str | None]
) -> None:
    """In JSON text and in Arrow's lists alike; where there is no such element there is no value."""
    found = attributes(f'x = "{path}"', frame_with("phones", FORMS[form]))
    assert [one.get("x") for one in found] == wanted


@pytest.mark.parametrize(
    "cells", [pa.array(['[["a", "b"], ["c"]]', "[[1]]"]), pa.array([[["a", "b"], ["c"]], [["1"]]])]
)
def test_lists_in_lists_take_a_place_each(cells: pa.Array) -> None:
    """Counted from 0."""
    assert attributes('x = "p.0.1"', frame_with("p", cells)) == [{"x": "b"}, {}]


@pytest.mark.parametrize("form", ["JSON", "list", "large list"])
def test_a_path_into_a_list_that_names_no_element_is_refused(form: str) -> None:
    """It is not called empty; both ways that are shown give the id."""
    frame = frame_with("phones", FORMS[form])
    with pytest.raises(MappingError) as refusal:
        attributes('x = "phones.id"', frame)
    assert refusal.value.problems == [
        'x: "phones" is a list, and "phones.id" does not say which of its elements is meant. Write '
        '"phones.0.id" for the first one, or "phones[NAME=TEXT].id" for the first one with this text in one of '
        "its members."
    ]
    assert attributes('x = "phones.0.id"', frame)[0] == {"x": "A"}
    assert attributes('x = "phones[id=B].id"', frame)[0] == {"x": "B"}


@pytest.mark.parametrize(
    ("cell", "path", "found"),
    [
        ('{"a": {"b": [{"c": 1}]}}', "p.a.b.c", "p.a.b"),
        ('{"a": [{"b": [{"c": 1}]}]}', "p.a.0.b.c", "p.a.0.b"),
        ('[{"c": 1}]', "p.c", "p"),
    ],
)
def test_the_list_in_the_way_is_named(cell: str, path: str, found: str) -> None:
    """Wherever it lies."""
    with pytest.raises(MappingError, match=re.escape(f'"{found}" is a list, and "{path}" does not say')):
        attributes(f'x = "{path}"', frame_with("p", pa.array([cell])))


def test_a_list_after_the_sample_rejects_its_row() -> None:
    """With what is wrong; the cell is not empty."""
    frame = frame_with("p", pa.array(['{"a": 1}', '[{"a": 2}]', "[]"]))
    found = mapper_of(f'{EVENTS}[attributes]\nx = "p.a"', frame[:1]).map(chunk_of(frame))
    assert [one["attributes"] for one in requests(found)] == [{"x": "1"}, {}]
    assert messages(found) == [
        'x.csv, row 2, column "p.a" lies in a list, and the mapping does not say in which of its elements. Name '
        "the element in the mapping, as in list.0.member for the first one."
    ]


REPEATED = [{"key": "s", "value": {"string_value": "1", "int_value": None}}, {"key": "s", "value": {"string_value": None, "int_value": 2}}]  # fmt: skip


@pytest.mark.parametrize(
    "cell", [pa.array([json.dumps(REPEATED)]), pa.array([REPEATED])], ids=["JSON", "list"]
)
def test_a_parameter_that_stands_twice_is_named_and_both_ways_out_work(cell: pa.Array) -> None:
    """The row is rejected; the first one is taken, or none, if the mapping says so."""
    frame = frame_with("p", cell)
    assert messages(mapped(f'{EVENTS}[attributes]\nexpand = ["p"]', frame)) == [
        'x.csv, row 1, column "p" gives "s" twice. To take the first one, name it in the mapping '
        '({ column = "p.s" }). To send neither, name it under except.'
    ]
    assert attributes('expand = ["p"]\nx = { column = "p.s" }', frame) == [{"x": "1"}]
    assert attributes('expand = ["p"]\nexcept = ["p.s"]', frame) == [{}]
