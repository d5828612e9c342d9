"""What is proposed for tables that no vendor made."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping import parse_mapping
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.mapping.proposing.sampling import look
from loader.methods import Kind
from tests.mapping.samples import NOW, mapped, requests, schema_of, text_frame, typed_frame


def lines(kind: Kind, frame: Any, zone: str | None = None) -> list[str]:
    """The proposal without its first comment."""
    text = proposal_text(propose(kind, schema_of(frame), frame, zone=zone, now=NOW), "t.csv")
    return text.partition("\n[fields]\n")[2].splitlines()


@pytest.mark.parametrize(
    ("cells", "type_", "decimal"),
    [
        (["1", "-7", "0", ""], "integer", "."),
        (["00123", "7"], "string", "."),
        (["9007199254740993000000"], "string", "."),
        (["1", "2.50"], "float", "."),
        (["1", "2,50"], "float", ","),
        (["1e5"], "string", "."),
        (["NA", "1"], "string", "."),
        (["nan"], "string", "."),
        (["true", "No"], "boolean", "."),
        (["t", "f", ""], "boolean", "."),
        (["t"], "string", "."),
        (["t", "F"], "string", "."),
        (["t", "f", "x"], "string", "."),
        (["2024-01-31", "2024-01-31T10:20:30Z"], "date", "."),
        (['{"a": 1}', "{}"], "object", "."),
        (['[{"key": "a", "value": {"int_value": 1}}]', "[]"], "object", "."),
        (['["x", 1]', "[]"], "list", "."),
        (['[{"a": 1}]'], "string", "."),
        (["{x}", "[y]"], "string", "."),
        (["x"], "string", "."),
        (["", None], "string", "."),
    ],
)
def test_a_type_is_proposed_only_if_every_sampled_value_has_it(
    cells: list[str | None], type_: str, decimal: str
) -> None:
    """Codes with zeros in front, words for nothing and odd numbers stay text."""
    seen = look(pa.array(cells, pa.string()))
    assert (seen.type, seen.decimal) == (type_, decimal)


def test_every_line_has_its_reason_and_what_is_missing_is_left_to_the_person() -> None:
    """Two columns of one meaning, numbers of unknown device types, a date that could be read in two ways."""
    frame = text_frame(
        uid=["1"], user_id=["2"], device_type=["0"], occurred=["01/02/2024"], n=["5"], note=[""]
    )
    assert lines(Kind.EVENTS, frame) == [
        "# UNSURE: an event needs a name, and no column is known to hold event names. For a constant, write {",
        '# const = "purchase" }.',
        '# event = ""',
        "# By its name.",
        '# UNSURE: "uid" would fit too.',
        'userId = "user_id"',
        "# By its name.",
        '# UNSURE: format = "%d/%m/%Y" and format = "%m/%d/%Y" fit all of the sample. Write the right one.',
        "# The values carry no time zone, and the loader does not guess one. Add the zone to this table, for",
        '# example zone = "Europe/Berlin", or propose the mapping again with a zone. Until then the file is',
        "# refused.",
        'timestamp = "occurred"',
        '# UNSURE: "0" is not a device type of this vendor: these numbers mean something else.',
        '# device_type = ""',
        "",
        "[attributes]",
        "# Digits, but the name says that they are a code, not a number.",
        'uid = "uid"',
        "# Whole numbers in every sampled row.",
        'device_type = { column = "device_type", type = "integer" }',
        "# Whole numbers in every sampled row.",
        'n = { column = "n", type = "integer" }',
        "# Empty in the sample.",
        "# UNSURE: what does this column hold?",
        'note = "note"',
    ]


def test_columns_of_every_kind_find_their_place() -> None:
    """Nested columns are opened, dates without a zone are said to be so, what cannot be sent is named."""
    frame = typed_frame(
        user_id=pa.array([1.0]), event=pa.array(["e"]), ts=pa.array([1_700_000_000]), tz=pa.array(["Asia/Tokyo"]),
        when=pa.array([5], pa.date32()), props=pa.array([{"a": 1}]), js=pa.array(['{"b": 2}']),
        odd=pa.array([[{"x": 1}]]), took=pa.array([5], pa.duration("s")), timestampCurrent=pa.array([1]),
        os=pa.array(["Symbian"]), born=pa.array(["1953-07-04"]),
    )  # fmt: skip
    found = lines(Kind.EVENTS, frame)
    assert 'timestamp = { column = "ts", unit = "s", zone = { column = "tz" } }' in found
    assert "# UNSURE: these ids are floating-point numbers; from 2^53 on they are rejected." in found
    assert 'when = "when"' in found
    assert 'born = { column = "born", type = "date", format = "iso" }' in found
    assert 'expand = [{ column = "props", prefix = "props." }, { column = "js", prefix = "js." }]' in found
    assert any(line.startswith("# Not sent, because no attribute can hold list<") for line in found)
    assert '# Not sent, because no attribute can hold duration[s]: "took".' in found
    assert '# Not sent, because it is computed from the time and the zone: "timestampCurrent".' in found
    assert 'os = "os"' in found
    text = proposal_text(propose(Kind.EVENTS, schema_of(frame), frame, now=NOW), "t")
    (request,) = requests(mapped(text, frame))
    assert request["attributes"] == {
        "when": "1970-01-06 00:00", "os": "Symbian", "born": "1953-07-04 00:00", "props.a": 1, "js.b": 2,
    }  # fmt: skip
    assert parse_mapping(text, "t").kind is Kind.EVENTS


@pytest.mark.parametrize("name", ["order_id", "zipCode", "SKU", "user-id", "ID"])
def test_digits_in_a_column_of_codes_stay_text(name: str) -> None:
    """A code that begins with a zero in the 1,001st row would be no number."""
    frame = text_frame(user_id=["u"], event=["e"], ts=["1700000000"], **{name: ["17"]})
    assert lines(Kind.EVENTS, frame)[-2:] == [
        "# Digits, but the name says that they are a code, not a number.",
        f'{name} = "{name}"',
    ]


def test_a_day_that_only_one_order_allows_decides_it() -> None:
    """The thirteenth cannot be a month."""
    frame = text_frame(
        user_id=["2"] * 2, event=["e"] * 2, occurred=["01/02/2024 09:00 PM", "01/13/2024 01:00 AM"]
    )
    assert 'timestamp = { column = "occurred", format = "%m/%d/%Y %I:%M %p", zone = "UTC" }' in lines(
        Kind.EVENTS, frame, "UTC"
    )


def test_values_that_are_no_device_type_are_listed_to_be_decided() -> None:
    """The rows are loaded without a device type; a person sees which."""
    frame = text_frame(hwid=["a"] * 2, platform=["ios", "Roku"], tz=["Mars/Base", "UTC"])
    assert lines(Kind.USERS, frame)[2:7] == [
        "# By its name; a zone's name is sent as its offset at the start of the load; at = { column = ... }",
        "# uses another time.",
        '# UNSURE: "Mars/Base" is not a time zone; such rows are rejected.',
        'tz_offset = "tz"',
        "# By its name.",
    ]
    assert lines(Kind.USERS, frame)[7:] == [
        '# UNSURE: "Roku": this vendor has no such device type, so none is sent. Values not listed are',
        "# rejected.",
        'device_type = { column = "platform", values = { Roku = "", ios = "iOS" } }',
    ]


def test_an_input_without_rows_is_proposed_for_by_its_header() -> None:
    """A header alone gives a proposal to begin with."""
    frame = text_frame(hwid=[], event=[], ts=[], x=[])
    assert 'timestamp = { column = "ts", format = "iso" }' in lines(Kind.EVENTS, frame)


@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True),
    st.lists(st.text(max_size=8), min_size=1, max_size=3),
)
def test_a_proposal_is_valid_whatever_the_columns_are_called(names: list[str], cells: list[str]) -> None:
    """Names with quotes, line ends, control characters and dots are written so that the file can be read."""
    good = [name for name in names if name.isascii() or name.encode("utf-8", "ignore").decode() == name]
    columns = {name: cells for name in good if name.strip()}
    frame = text_frame(
        hwid=["d"] * len(cells), event=["e"] * len(cells), ts=["1700000000"] * len(cells), **columns
    )
    proposal = propose(Kind.EVENTS, schema_of(frame), frame, now=NOW)
    mapping = parse_mapping(proposal_text(proposal, "a\x7f\n.csv"), "t")
    sent = {rule.column[0] for rule in [*mapping.members.values(), *mapping.fields.values()]}
    sent |= {expand.column for expand in mapping.expand}
    assert sent | set(proposal.unused) == set(frame.columns)


@pytest.mark.parametrize(
    "cells",
    [
        pa.array(["2024-07-01 12:00:00"]),
        pa.array([datetime(2024, 7, 1, 12)], pa.timestamp("us")),
    ],
    ids=["text", "timestamps"],
)
@pytest.mark.parametrize(
    ("kind", "fixed"),
    [(Kind.TAGS, {}), (Kind.EVENTS, {"event": ["buy"], "time": ["2024-07-01T10:00:00Z"]})],
    ids=["tags", "events"],
)
def test_dates_of_members_are_read_in_the_zone_that_the_user_gave(
    kind: Kind, fixed: dict[str, list[str]], cells: pa.Array
) -> None:
    """The zone reaches each date without one that has no time of an event to take a zone from."""
    frame = typed_frame(
        userId=pa.array(["u"]), seen=cells, **{name: pa.array(text) for name, text in fixed.items()}
    )
    proposal = propose(kind, schema_of(frame), frame, zone="+02:00", now=NOW)
    text = proposal_text(proposal, "t.csv")
    container = kind.method.container
    assert container is not None
    assert proposal.unsure == 0
    [request] = requests(mapped(text, frame))
    assert request[container.name]["seen"] == "2024-07-01 10:00"


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["31.05.1990", "1.2.1980"], '{ column = "born", type = "date", format = "%d.%m.%Y" }'),
        (["12/31/1990", "01/02/1980"], '{ column = "born", type = "date", format = "%m/%d/%Y" }'),
        (["1990/12/31"], '{ column = "born", type = "date", format = "%Y/%m/%d" }'),
        (["3-May-1990"], '{ column = "born", type = "date", format = "%d-%b-%Y" }'),
        (["May 3, 1990"], '{ column = "born", type = "date", format = "%b %d, %Y" }'),
        (["01/02/1990"], '"born"'),
        (["31.05.1990", "12/31/1990"], '"born"'),
        (["192.168.1", "10.20.30"], '"born"'),
    ],
)
def test_days_are_proposed_as_dates_if_there_is_one_way_to_read_them(cells: list[str], line: str) -> None:
    """A day is a day at the vendor, not a text; if it can be two days, the user is asked."""
    frame = text_frame(
        hwid=["d"] * len(cells),
        event=["buy"] * len(cells),
        timestamp=["2024-03-04T10:00:00Z"] * len(cells),
        born=cells,
    )
    found = lines(Kind.EVENTS, frame)
    assert f"born = {line}" in found
    assert any("%d/%m/%Y or %m/%d/%Y" in one for one in found) == (cells == ["01/02/1990"])
