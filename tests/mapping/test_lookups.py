"""Look-ups in a mapping: what becomes of a cell that is a key of another table."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from loader.errors import MappingError
from loader.lookups import open_lookups
from loader.mapping import bind, parse_mapping, read_mapping, write_mapping
from loader.mapping.file import build_mapping
from loader.model import Chunk
from loader.sources import open_source
from tests.mapping.samples import messages, requests

if TYPE_CHECKING:
    from pathlib import Path

    from loader.mapping import Mapped, Mapper

DEVICES = "id,hwid,platform,born,zone\nu1,D1,ios,2024-01-02 03:04,Asia/Tokyo\nu2,D2,,,\nu3,,NA,x,y\n"
BY_USER = {"column": "user", "lookup": "devices.csv", "key": "id"}
COPY = " (if rows were loaded with it, in a copy that the mapping then names)"
NEEDED = "an event needs a device id (hwid), a user id (userId), or both"


def bound(
    folder: Path, users: list[Any], *, fields: dict[str, Any], source: Any = None, **more: Any
) -> Mapper:
    """A mapping of events, bound to a frame of users and to what is in the folder."""
    text = {"event": {"const": "e"}, "timestamp": {"const": "2024-01-01T00:00:00Z"}} | fields
    document = {"kind": "events", "fields": text, "source": source or {}} | more
    path = folder / "mapping.toml"
    path.write_text(write_mapping(build_mapping(document)))
    mapping = read_mapping(path)
    lookups = open_lookups(mapping, where="m.toml", nothing=mapping.source.null_values)
    given = open_source(["users"], table=pd.DataFrame({"user": users}))
    return bind(mapping, given.schema, given.sample(), application="A", where="m.toml", lookups=lookups)


def mapped(folder: Path, users: list[Any], **more: Any) -> Mapped:
    """The same, mapped."""
    mapper = bound(folder, users, **more)
    source = open_source(["users"], table=pd.DataFrame({"user": users}))
    return mapper.map(next(iter(source.chunks())))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a look-up."""
    (tmp_path / "devices.csv").write_text(DEVICES)
    return tmp_path


def find(value: str, **more: Any) -> dict[str, Any]:
    """A rule that looks up a value by the user."""
    return BY_USER | {"value": value} | more


def test_the_value_beside_the_key_takes_the_place_of_the_cell(folder: Path) -> None:
    """For each field and attribute, with its own conversion: names, formats, zones, types."""
    fields = {
        "hwid": find("hwid"),
        "device_type": find("platform", values={"ios": 1}),
        "timestamp": find("born", zone="Europe/Berlin", format="%Y-%m-%d %H:%M"),
    }
    attributes = {"birth": find("born", type="date", zone="Asia/Tokyo"), "where": find("zone")}
    (request,) = requests(mapped(folder, ["u1"], fields=fields, attributes=attributes))
    assert request == {
        "application": "A",
        "event": "e",
        "attributes": {"birth": "2024-01-01 18:04", "where": "Asia/Tokyo"},
        "hwid": "D1",
        "timestampUTC": 1704161040,
        "timestampCurrent": 1704164640,
        "device_type": 1,
    }


def test_a_key_that_is_missing_is_named_with_the_look_up(folder: Path) -> None:
    """An empty key, a missing one, and one without a value are three reasons."""
    found = mapped(folder, ["u1", "u9", "", "u3"], fields={"hwid": find("hwid")})
    missing = f'is not among the 3 keys in column "id" of devices.csv, and {NEEDED}'
    assert messages(found) == [
        f'users, row 2, column "user": "u9" {missing}. Add it to devices.csv{COPY}, correct the cell, or set default '
        "in the mapping.",
        f'users, row 3, column "user" is empty, and {NEEDED}. Fill it.',
        f'users, row 4, column "user": "u3" has nothing in column "hwid" of devices.csv, and {NEEDED}. Fill it '
        f"in devices.csv{COPY}, correct the cell, or set default in the mapping.",
    ]


@pytest.mark.parametrize(
    ("rule", "because"),
    [
        ({"fields": {"hwid": {"const": "D"}, "device_type": find("platform", required=True)}}, "the mapping requires a value"),
        ({"fields": {"hwid": {"const": "D"}}, "attributes": {"p": find("platform", empty="reject")}}, "the mapping rejects a row without a value"),
        ({"fields": {"hwid": {"const": "D"}}, "attributes": {"p": find("platform", type="price", currency="USD", empty="reject")}}, "the mapping rejects a row without a value"),
    ],
)  # fmt: skip
def test_a_value_that_must_be_there_rejects_a_missing_key(
    folder: Path, rule: dict[str, Any], because: str
) -> None:
    """`required` and `empty = "reject"` say that the key is missing, not that the cell is empty."""
    (reject,) = mapped(folder, ["u9"], **rule).rejects
    assert (
        reject.reason == f'column "user" is not among the 3 keys in column "id" of devices.csv, and {because}'
    )
    assert (reject.column, reject.value) == ("user", "u9")


def test_a_default_takes_the_place_of_a_missing_key(folder: Path) -> None:
    """And of an empty key, and of a key without a value."""
    found = mapped(folder, ["u1", "u9", "", "u3"], fields={"hwid": find("hwid", default="none-1")})
    assert [request["hwid"] for request in requests(found)] == ["D1", "none-1", "none-1", "none-1"]


@pytest.mark.parametrize(
    ("users", "more"),
    [
        ([" u1\t", "u2 "], {"trim": True}),
        (["U1", "U2"], {"case": "lower"}),
        (["u1", "u2"], {"column": ["none", "user"]}),
    ],
)
def test_a_cell_is_tidied_before_it_is_looked_up(
    folder: Path, users: list[str], more: dict[str, Any]
) -> None:
    """`trim` and `case` are for the key."""
    if "column" in more:
        more = {"column": ["user"]}
    found = mapped(folder, users, fields={"hwid": find("hwid", **more)})
    assert [request["hwid"] for request in requests(found)] == ["D1", "D2"]


def test_a_template_makes_keys_of_several_columns(folder: Path) -> None:
    """What is looked up is the text that it makes."""
    rule = {"template": "u{user}", "lookup": "devices.csv", "key": "id", "value": "hwid"}
    assert [one["hwid"] for one in requests(mapped(folder, ["1", "2"], fields={"hwid": rule}))] == [
        "D1",
        "D2",
    ]


@pytest.mark.parametrize(
    "more",
    [{"null_values": ["NA"]}, {"default": "Chrome", "null_values": ["NA"]}],
)
def test_words_for_nothing_are_empty_in_the_look_up_too(folder: Path, more: dict[str, Any]) -> None:
    """Those of the rule, as in the input."""
    fields = {
        "hwid": {"const": "D"},
        "device_type": find("platform", **{"values": {"ios": 1, "web": 11}} | more),
    }
    with_default = "default" in more
    found = mapped(folder, ["u3"], fields=fields)
    if with_default:
        assert [request["device_type"] for request in requests(found)] == [11]
    else:
        assert [request.get("device_type") for request in requests(found)] == [None]


def test_words_for_nothing_everywhere_are_no_keys(folder: Path) -> None:
    """`null_values` of `[source]` holds for keys of the look-up: many empty keys are not one key many times."""
    (folder / "devices.csv").write_text("id,hwid\nNULL,D7\nNULL,D8\nu1,NULL\n")
    fields = {"hwid": find("hwid", default="none-1")}
    found = mapped(folder, ["NULL", "u1"], fields=fields, source={"null_values": ["NULL"]})
    assert [request["hwid"] for request in requests(found)] == ["none-1", "none-1"]


def test_a_fault_in_a_found_value_says_where_the_value_stands(folder: Path) -> None:
    """The column of the input alone would send the user to the wrong file."""
    (reject,) = mapped(folder, ["u1"], fields={"hwid": find("hwid"), "device_type": find("zone")}).rejects
    assert 'column "user", "zone" of devices.csv: "Asia/Tokyo" is not a device type' in reject.message


def test_an_id_of_a_look_up_is_looked_at_as_any_id(folder: Path) -> None:
    """What is only blanks is empty, and a rounded number is rejected."""
    (folder / "devices.csv").write_text('id,hwid\nu1," "\nu2,1.23E+12\n')
    found = mapped(folder, ["u1", "u2"], fields={"hwid": find("hwid")})
    assert ["has nothing in" in text for text in messages(found)] == [True, False]
    assert "written as a rounded number" in messages(found)[1]


def test_a_type_of_the_look_up_is_the_type_of_an_attribute(folder: Path) -> None:
    """As for a column of the input, if the mapping does not say it."""
    pd.DataFrame({"id": ["u1"], "age": [41], "score": [0.5], "new": [True]}).to_parquet(folder / "p.parquet")
    rules = {
        name: {"column": "user", "lookup": "p.parquet", "key": "id", "value": name}
        for name in ("age", "score", "new")
    }
    (request,) = requests(mapped(folder, ["u1"], fields={"hwid": {"const": "D"}}, attributes=rules))
    assert request["attributes"] == {"age": 41, "score": 0.5, "new": True}


def test_keys_are_compared_as_text_whatever_their_types_are(folder: Path) -> None:
    """A number of a Parquet file is the text of a CSV cell; 007 is not 7."""
    pd.DataFrame({"id": [7, 8], "hwid": ["D7", "D8"]}).to_parquet(folder / "p.parquet")
    rule = {"column": "user", "lookup": "p.parquet", "key": "id", "value": "hwid", "default": "none-1"}
    found = mapped(folder, ["7", "007", "8"], fields={"hwid": rule})
    assert [request["hwid"] for request in requests(found)] == ["D7", "none-1", "D8"]


def test_a_typed_cell_is_the_key_and_not_the_value(folder: Path) -> None:
    """A day in the input that finds another day is sent as that one."""
    (folder / "d.csv").write_text("id,day\n2024-01-01,2023-05-06\n")
    rule = {"column": "user", "lookup": "d.csv", "key": "id", "value": "day", "zone": "UTC"}
    fields = {"hwid": {"const": "D"}, "timestamp": rule}
    (request,) = requests(mapped(folder, [date(2024, 1, 1)], fields=fields))
    assert request["timestampUTC"] == 1683331200


@pytest.mark.parametrize(("keep", "device"), [("first", "D1"), ("last", "D2")])
def test_of_rows_with_one_key_the_mapping_says_which_counts(folder: Path, keep: str, device: str) -> None:
    """`keep` says it."""
    (folder / "devices.csv").write_text("id,hwid\nu1,D1\nu0,D0\nu1,D2\n")
    (request,) = requests(mapped(folder, ["u1"], fields={"hwid": find("hwid", keep=keep)}))
    assert request["hwid"] == device


def test_the_decision_and_the_note_are_in_words(folder: Path) -> None:
    """The user reads before the first send where each value comes from, and that keys are missing."""
    mapper = bound(folder, ["U1", "U2", "u1"], fields={"hwid": find("hwid", keep="last")})
    assert any(
        line.endswith('from "user", "hwid" of devices.csv by its "id", of rows with one key the last')
        for line in mapper.decisions
    )
    assert mapper.notices[-1] == (
        'of the first 3 rows 1 has its "user" in "id" of devices.csv. Missing are "U1", "U2"; its keys are '
        '"u1", "u2", "u3". "U1" is "u1" there. case = "lower" changes the cells of the input, if the look-up '
        "has no other letters."
    )


@pytest.mark.parametrize(
    ("there", "user", "advice"),
    [
        ("u1", " u1", "trim = true"),
        ("u1", "U1", 'case = "lower"'),
        ("U1", "u1", 'case = "upper"'),
        ("17", "0017", "as text"),
        ("0017", "17", "as text"),
        ("17", "17.0", "as text"),
        ("17.0", "17", "as text"),
        ("u1", '"u1"', "without quotes"),
        ("ab12", "ab-12", "in the same form"),
    ],
)
def test_keys_in_another_form_are_recognised(folder: Path, there: str, user: str, advice: str) -> None:
    """The note shows one key in both forms, and what to do; what the mapping can do, works."""
    (folder / "devices.csv").write_text(f"id,hwid\n{there},D1\n")
    (note,) = [
        each for each in bound(folder, [user], fields={"hwid": find("hwid")}).notices if "keys" in each
    ]
    assert f'"{there}" there' in note
    assert advice in note
    if "=" in advice:
        (setting, value) = advice.split(" = ")
        more = {setting: value == "true" or value.strip('"')}
        (request,) = requests(mapped(folder, [user], fields={"hwid": find("hwid", **more)}))
        assert request["hwid"] == "D1"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('lookup = "d.csv", key = "id"', "a look-up needs all three of lookup, key and value"),
        ('key = "id", value = "v"', "a look-up needs all three of lookup, key and value"),
        ('keep = "first"', "a look-up needs all three of lookup, key and value"),
        ('lookup = "d.csv", key = "id", value = "v", keep = "any"', 'keep = "any" is not known. Use "first" or "last".'),
        ('lookup = "", key = "id", value = "v"', 'lookup = "" must be text in quotes.'),
        ('lookpu = "d.csv"', 'does not take "lookpu". Did you mean "lookup"?'),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_mapping_is_said(rule: str, problem: str) -> None:
    """Before any file is read."""
    text = f'kind = "users"\n[fields]\nhwid = {{ column = "u", {rule} }}'
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.toml")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('[lookups."e.csv"]\nencoding = "latin-1"', '[lookups."e.csv"]: no rule has lookup = "e.csv".'),
        ('[lookups."d.csv"]\nencodign = "latin-1"', '[lookups."d.csv"]: '),
        ('[lookups]\n"d.csv" = "latin-1"', '[lookups."d.csv"] must be a table'),
    ],
)
def test_what_is_wrong_in_how_a_look_up_is_written_is_said(table: str, problem: str) -> None:
    """A name that no rule has would do nothing."""
    text = 'kind = "users"\n[fields]\nhwid = { column = "u", lookup = "d.csv", key = "i", value = "v" }\n'
    with pytest.raises(MappingError) as caught:
        parse_mapping(text + table, "m.toml")
    assert problem in str(caught.value)


def test_a_constant_cannot_be_looked_up() -> None:
    """It has no cell."""
    text = 'kind = "users"\n[fields]\nhwid = { const = "u", lookup = "d.csv", key = "id", value = "v" }'
    with pytest.raises(MappingError, match="const is no cell that could be looked up"):
        parse_mapping(text, "m.toml")


def test_the_canonical_text_keeps_a_look_up() -> None:
    """With all its keys; where the mapping file stood is not part of it."""
    text = (
        'kind = "users"\n[fields]\nhwid = { column = "u", lookup = "d.csv", key = "id", value = "v", keep = "last" }\n'
        'tz_offset = { column = "z", at = { column = "t", lookup = "d.csv", key = "id", value = "w", unit = "s" } }\n'
        '[lookups."d.csv"]\ndelimiter = ";"\nnull_values = ["-"]'
    )
    mapping = parse_mapping(text, "m.toml")
    written = write_mapping(mapping)
    assert parse_mapping(written, "checkpoint") == mapping
    assert 'lookup = "d.csv", key = "id", value = "v", keep = "last"' in written
    assert [name for name, _ in mapping.joining] == ["hwid", "tz_offset at"]


def test_rows_that_are_left_out_ask_the_look_up_first(folder: Path) -> None:
    """`unlisted` and `from` see the value that was found."""
    fields = {"hwid": find("hwid"), "device_type": find("platform", values={"ios": 1}, unlisted="leave out")}
    (folder / "devices.csv").write_text("id,hwid,platform\nu1,D1,ios\nu2,D2,web\n")
    found = mapped(folder, ["u1", "u2"], fields=fields)
    assert [request["hwid"] for request in requests(found)] == ["D1"]
    assert [outside.explain(1) for outside in found.outside] == ['selection: user is not listed: "web"']


def test_each_chunk_is_looked_up_for_itself(folder: Path) -> None:
    """What was found for one chunk is not taken for the next."""
    mapper = bound(folder, ["u1"], fields={"hwid": find("hwid")})
    devices = [
        requests(mapper.map(Chunk(at, pd.DataFrame({"user": [user]}), "f", 1, {})))[0]["hwid"]
        for at, user in enumerate(["u2", "u1"])
    ]
    assert devices == ["D2", "D1"]
