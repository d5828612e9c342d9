"""Whole bodies and whole rejects."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import MappingError
from loader.mapping import bind, infer, write_mapping
from loader.methods import Kind
from tests.mapping.samples import (
    APPLICATION,
    EVENTS,
    NOW,
    chunk_of,
    inferred,
    mapped,
    mapper_of,
    messages,
    requests,
    schema_of,
    text_frame,
    typed_frame,
)  # fmt: skip

USERS = """
kind = "users"
[fields]
hwid = "hwid"
userId = "user"
tz_offset = { column = "zone", unit = "s" }
device_type = "platform"
"""


def test_an_event_body_is_exactly_as_the_vendor_documents_it() -> None:
    """Fields in the documentation's order, nothing that is empty, attributes always present."""
    frame = text_frame(
        userId=["00042", ""], hwid=["AB-1", "ab-2"], event=["Buy \"it\"", "x"], timestamp=["20240704", "20240705"],
        timezone=["America/New_York"] * 2, platform=["iOS", ""], size=["L", ""],
    )  # fmt: skip
    assert inferred(Kind.EVENTS, frame).map(chunk_of(frame)).bodies.to_pylist() == [
        b'{"request":{"application":"AAAAA-BBBBB","event":"Buy \\"it\\"","attributes":{"size":"L"},"hwid":"AB-1",'
        b'"userId":"00042","timestampUTC":1720065600,"timestampCurrent":1720051200,"device_type":1}}',
        b'{"request":{"application":"AAAAA-BBBBB","event":"x","attributes":{},"hwid":"ab-2",'
        b'"timestampUTC":1720152000,"timestampCurrent":1720137600}}',
    ]


def test_ordered_events_wait_for_their_device_or_else_for_their_user() -> None:
    """The key of the order is the device; only where none is known it is the user, whatever a device is called."""
    frame = text_frame(
        userId=["u", "D", "u"],
        hwid=["D", "", ""],
        event=["x"] * 3,
        timestamp=["20240704"] * 3,
        timezone=["UTC"] * 3,
    )
    free = inferred(Kind.EVENTS, frame)
    assert free.map(chunk_of(frame)).owners.to_pylist() == ["", "", ""]
    ordered = replace(free, ordered=True)
    assert ordered.map(chunk_of(frame)).owners.to_pylist() == ["D", "user D", "user u"]


def test_a_user_body_is_exactly_as_the_vendor_documents_it() -> None:
    """The offset is the zone's at the start of the load, here in summer."""
    frame = text_frame(
        user=["00042", "", "x"], hwid=["AB-1", "ab-2", "c"], zone=["America/New_York", "-2917", ""],
        platform=["android", "1", ""],
    )  # fmt: skip
    result = mapped(USERS, frame)
    assert result.bodies.to_pylist() == [
        b'{"request":{"application":"AAAAA-BBBBB","hwid":"AB-1","userId":"00042","tz_offset":-14400,"device_type":3}}',
        b'{"request":{"application":"AAAAA-BBBBB","hwid":"ab-2","tz_offset":-2917,"device_type":1}}',
        b'{"request":{"application":"AAAAA-BBBBB","hwid":"c","userId":"x"}}',
    ]
    assert result.owners.to_pylist() == ["AB-1", "ab-2", "c"]


def test_empty_text_is_no_id_wherever_it_comes_from() -> None:
    """An empty cell, an empty default or an empty entry of a table sends no userId at all."""
    frame = text_frame(hwid=["a"] * 2, user=["", "anonymous"], time=["1700000000"] * 2)
    rule = 'userId = { column = "user", values = { anonymous = "" }, default = "" }'
    assert [one.get("userId", "-") for one in requests(mapped(EVENTS + rule, frame))] == ["-", "-"]


#: What visibly is not the id that it was: a rounded number, a spreadsheet's marks.
DAMAGED = re.compile(
    r"""[+-]?\d([.,]\d+)?[eE]\+\d{1,3}|[+-]?\d[.,]\d+[eE]\d{1,3}|\#{3,}|'[-+=@0-9][^']*'?|="[^"]*\"""",
    re.ASCII,
)
DRAWN_AS_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(
    map(chr, range(0xFE00, 0xFE10))
)


def is_seen(character: str) -> bool:
    """Whether an eye sees a character."""
    return (
        unicodedata.category(character) not in {"Zs", "Zl", "Zp", "Cc", "Cf"}
        and character not in DRAWN_AS_BLANKS
    )


@pytest.mark.parametrize(
    ("at", "offset"),
    [
        ('"2024-01-15T00:00:00Z"', -18_000),
        ('"run"', -14_400),
        ('{ column = "created", format = "iso" }', -18_000),
    ],
)
def test_the_offset_of_a_zone_is_taken_at_the_chosen_instant(at: str, offset: int) -> None:
    """A constant, the start of the load, or a column of times."""
    toml = f'kind = "users"\n[fields]\nhwid = "hwid"\ntz_offset = {{ column = "zone", at = {at} }}'
    frame = text_frame(hwid=["d"], zone=["America/New_York"], created=["2024-02-01T00:00:00Z"])
    assert requests(mapped(toml, frame))[0]["tz_offset"] == offset


def test_the_start_of_the_load_is_written_into_the_effective_mapping() -> None:
    """A load that is resumed months later takes the offsets of the first run."""
    frame = text_frame(user=["u"], hwid=["d"], zone=["Europe/Berlin"], platform=["ios"])
    assert 'at = "2026-06-01T12:00:00+00:00"' in write_mapping(mapper_of(USERS, frame).mapping)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"])) | st.text("0'=\"#.E+ \u200b\0\ufeff"),
        min_size=1,
        max_size=20,
    )
)
def test_ids_arrive_byte_for_byte(ids: list[str]) -> None:
    """Leading zeros, blanks, case, digits, any Unicode text: an id is never touched; an unseen one is none."""
    frame = text_frame(hwid=list(ids), time=["1700000000"] * len(ids))
    result = mapped(EVENTS, frame, sampled=0)
    sound = [one for one in ids if not DAMAGED.fullmatch(one) and any(map(is_seen, one))]
    assert [one["hwid"] for one in requests(result)] == sound


@pytest.mark.parametrize(
    ("cells", "ids"),
    [
        (pa.array([42, 2**63 - 1]), ["42", "9223372036854775807"]),
        (pa.array([2**64 - 1, 0], pa.uint64()), ["18446744073709551615", "0"]),
        (pa.array([42.0, 2.0**53 - 1]), ["42", "9007199254740991"]),
        (pa.array(["00123", "1e5"]).dictionary_encode(), ["00123", "1e5"]),
        (pa.array(["00123", "1e5"], pa.large_string()), ["00123", "1e5"]),
    ],
)
def test_typed_ids_are_exact(cells: pa.Array, ids: list[str]) -> None:
    """Integers keep all digits, whole floats lose their fraction."""
    frame = typed_frame(hwid=cells, time=pa.array(["1700000000"] * 2))
    assert [one["hwid"] for one in requests(mapped(EVENTS, frame))] == ids


def test_a_float_id_that_lost_digits_is_rejected() -> None:
    """From 2^53 on a float cannot tell two neighbouring ids apart: it may have been 2^53 + 1."""
    frame = typed_frame(hwid=pa.array([2.0**53, 1.5, 7.0]), time=pa.array(["1700000000"] * 3))
    result = mapped(EVENTS, frame)
    assert [one["hwid"] for one in requests(result)] == ["7"]
    assert messages(result)[1] == (
        'x.csv, row 2, column "hwid": "1.5" is a floating-point number, which may have lost digits of the id. '
        "Export the ids as text or integers."
    )


def test_plain_pandas_columns_work_too() -> None:
    """Object, numpy, category and nullable columns of a notebook, an odd index, a lone surrogate."""
    frame = pd.DataFrame(
        {
            "hwid": pd.Series(["a", 7, None, "\ud800"], dtype=object),
            "time": np.array([1_700_000_000] * 4),
            "n": pd.Series([1, None, 3, 4], dtype="Int64"),
            "c": pd.Series(["x", "y", "x", "x"], dtype="category"),
            "f": [1.5, float("nan"), 2.0, 3.0],
        }
    )
    frame.index = pd.Index([9, 9, 3, 1])
    table = pa.schema(
        [
            ("hwid", pa.string()),
            ("time", pa.int64()),
            ("n", pa.int64()),
            ("c", pa.string()),
            ("f", pa.float64()),
        ]
    )
    mapping = infer(
        Kind.EVENTS, pa.schema([("event", pa.string()), *table]), frame.assign(event="e"), where="t.csv"
    )
    mapper = bind(mapping, pa.schema([("event", pa.string()), *table]), frame.assign(event="e"),
                  application=APPLICATION, where="frame", now=NOW)  # fmt: skip
    result = mapper.map(chunk_of(frame.assign(event="e")))
    assert [(one["hwid"], one["attributes"]) for one in requests(result)] == [
        ("a", {"n": 1, "c": "x", "f": 1.5}),
        ("7", {"c": "y"}),
    ]
    assert messages(result) == [
        'x.csv, row 3, column "hwid" is empty, and an event needs a device id (hwid), a user id (userId), or both. Fill it.',
        'x.csv, row 4, column "hwid" is not text in UTF-8. Fix the cell where it was exported.',
    ]


def test_every_row_is_a_body_or_a_reject_in_its_place() -> None:
    """Ordinals, rejects and bodies stay together, also in a chunk from the middle of a file."""
    frame = text_frame(hwid=["a", "", "c", None, "e"], time=["1700000000"] * 4 + ["x"])
    result = mapper_of(EVENTS, frame.iloc[:1]).map(
        chunk_of(frame, first=100, first_row=8, unreadable={3: "the row is cut."})
    )
    assert [(one.ordinal, one.device) for one in result.requests()] == [(100, ""), (102, "")]
    assert [one["hwid"] for one in requests(result)] == ["a", "c"]
    assert [(reject.ordinal, reject.column, reject.value) for reject in result.rejects] == [
        (101, "hwid", ""), (103, "", ""), (104, "time", "x"),
    ]  # fmt: skip
    assert messages(result)[1] == "x.csv, row 11, the row is cut."
    every = list(result.requests())
    assert list(result.requests(range(100, 101), range(102, 105))) == every
    assert list(result.requests(range(101, 103))) == every[1:]
    assert list(result.requests(range(103, 105))) == []


def test_equal_rejects_share_their_reason() -> None:
    """So that they can be counted by it."""
    frame = text_frame(hwid=["a", "b"], time=["x", "y"])
    (reason,) = {one.reason for one in mapped(EVENTS, frame).rejects}
    assert reason == 'column "time" is not a number of seconds since 1970'


def test_a_chunk_without_rows_maps_to_nothing() -> None:
    """An input with a header only loads nothing, without an error."""
    result = mapped(EVENTS, text_frame(hwid=[], time=[]))
    assert (result.count, list(result.requests()), result.rejects) == (0, [], [])


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("x" * 33, f'"{"x" * 33}" is longer than the 32 characters that an event name may have. Give it a shorter name '
         "with values in the mapping."),
        ("", None),
    ],
)  # fmt: skip
def test_an_event_without_a_proper_name_is_rejected(event: str, message: str | None) -> None:
    """The vendor takes at most 32 characters; blanks are kept as they are."""
    frame = text_frame(hwid=["a", "b"], event=["é" * 31 + " ", event], time=["1700000000"] * 2)
    result = mapped(EVENTS.replace('{ const = "purchase" }', '"event"'), frame)
    assert [one["event"] for one in requests(result)] == ["é" * 31 + " "]
    assert messages(result) == [
        f'x.csv, row 2, column "event": {message}' if message else
        'x.csv, row 2, column "event" is empty, and an event needs a name. Fill it, or set default in the mapping.'
    ]  # fmt: skip


def test_a_mapping_that_does_not_fit_lists_every_problem() -> None:
    """All columns that are missing are named at once, with the nearest one."""
    toml = EVENTS.replace('"hwid"', '"hwids"').replace('"time"', '"moment"')
    problems = (
        'x.toml:\n  hwid: the input has no column "hwids". Did you mean "hwid"?\n'
        '  timestamp: the input has no column "moment". The columns are "hwid", "time".'
    )
    with pytest.raises(MappingError, match=f"^{re.escape(problems)}$"):
        mapped(toml, text_frame(hwid=["d"], time=["1"]))


def test_the_decisions_tell_each_field_in_one_line() -> None:
    """What a person reads before the first send."""
    frame = text_frame(
        user_id=["u"], device_id=["d"], event=["e"], timestamp=["19970101"], timezone=["UTC"], platform=["ios"],
        cds=["1"],
    )  # fmt: skip
    assert inferred(Kind.EVENTS, frame).decisions == (
        'event       from "event"',
        'hwid        from "device_id"',
        'userId      from "user_id"',
        'timestamp   from "timestamp": days as YYYYMMDD, local midnight in the zone of column "timezone"',
        'device_type from "platform": vendor\'s numbers, or names in any case',
        "attributes  cds as string",
    )
    assert schema_of(frame).names == list(frame.columns)
