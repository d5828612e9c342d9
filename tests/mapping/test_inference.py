"""Columns recognised by their names."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from loader.errors import MappingError
from loader.mapping import infer
from loader.methods import Kind
from tests.mapping.samples import chunk_of, inferred, requests, schema_of, text_frame, typed_frame


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ("userID hwid", {"userId": "userID", "hwid": "hwid"}),
        ("User ID|Hwid|Type", {"userId": "User ID", "hwid": "Hwid", "device_type": "Type"}),
        ("external_user_id player_id timezone_id", {"userId": "external_user_id", "hwid": "player_id", "tz_offset": "timezone_id"}),
        ("customer-id DEVICE_ID os", {"userId": "customer-id", "hwid": "DEVICE_ID", "device_type": "os"}),
    ],
)  # fmt: skip
def test_synonyms_are_recognised_however_they_are_spelled(columns: str, fields: dict[str, str]) -> None:
    """Case, blanks, underscores and hyphens do not matter."""
    names = columns.split("|") if "|" in columns else columns.split()
    frame = text_frame(**{name: ["1"] for name in names})
    found = infer(Kind.USERS, schema_of(frame), frame).fields
    assert {field: rule.column[0] for field, rule in found.items()} == fields


def test_of_two_candidates_the_surer_is_taken_and_the_other_is_named() -> None:
    """The person is told, and the other column is not lost: it becomes an attribute."""
    frame = text_frame(uid=["1"], user_id=["2"], event=["e"], ts=["1700000000"])
    mapping = infer(Kind.EVENTS, schema_of(frame), frame, where="t.csv")
    assert mapping.fields["userId"].column == ("user_id",)
    assert list(mapping.members) == ["uid"]
    assert (
        mapping.notes[0]
        == 'userId is taken from "user_id"; "uid" would fit too. To choose, use a mapping file.'
    )


def test_numbers_of_another_vendor_are_not_read_as_device_types() -> None:
    """OneSignal writes 0 for iOS and 1 for Android; here 1 is iOS."""
    frame = text_frame(player_id=["a", "b"], device_type=["1", "0"])
    problem = (
        't.csv with the columns "player_id", "device_type": column "device_type" holds the number 0, which is not a device type of '
        "this vendor, so its numbers mean something else. Say what they mean in a mapping file (`map` proposes one), for example device_type = "
        '{ column = "device_type", values = { 0 = "ios", 1 = "android" } }.'
    )
    with pytest.raises(MappingError, match=f"^{re.escape(problem)}$"):
        infer(Kind.USERS, schema_of(frame), frame, where="t.csv")


def test_a_column_named_type_that_holds_no_device_types_is_an_attribute() -> None:
    """A vague name counts only if all its values are device types."""
    frame = text_frame(hwid=["a"], event=["e"], ts=["1700000000"], type=["gold"])
    mapper = inferred(Kind.EVENTS, frame)
    assert requests(mapper.map(chunk_of(frame)))[0]["attributes"] == {"type": "gold"}
    assert mapper.notices[0] == '"type" is not read as device_type: "gold" is not a device type.'


def test_types_of_parquet_columns_are_kept() -> None:
    """Numbers stay numbers; what cannot be one attribute is left out with a word on it."""
    frame = typed_frame(
        hwid=pa.array(["a"]),
        event=pa.array(["e"]),
        ts=pa.array([1_700_000_000]),
        n=pa.array([1]),
        ok=pa.array([True]),
        nested=pa.array([{"x": 1}]),
        timestampCurrent=pa.array([1]),
        _loader_reason=pa.array(["r"]),
    )
    mapper = inferred(Kind.EVENTS, frame)
    assert requests(mapper.map(chunk_of(frame)))[0]["attributes"] == {"n": 1, "ok": True}
    assert mapper.notices[:2] == (
        'column "nested" is not sent: it holds struct<x: int64>, and an attribute is one value. A mapping file can open it with expand.',
        'column "timestampCurrent" is not used: it is computed from the time and the zone.',
    )


def test_what_is_missing_is_listed_at_once() -> None:
    """A table whose columns say nothing gets one error with everything that is needed."""
    frame = text_frame(a=["1"], b=["2"])
    with pytest.raises(MappingError) as caught:
        infer(Kind.EVENTS, schema_of(frame), frame, where="t.csv")
    assert str(caught.value) == (
        't.csv with the columns "a", "b":\n  no column is known to hold the user ids or device ids. Name it in a mapping file (`map` proposes one): '
        '[fields] hwid = "its name" or userId = "its name", or rename it to hwid or userId.\n'
        '  no column is known to hold the event names. Name it in a mapping file (`map` proposes one): [fields] event = "its name" or write '
        'event = { const = "purchase" }, or rename it to event.\n'
        '  no column is known to hold the times. Name it in a mapping file (`map` proposes one): [fields] timestamp = "its name", or rename '
        "it to timestamp."
    )


def test_unused_columns_of_users_are_named() -> None:
    """Nothing is left out in silence."""
    frame = text_frame(hwid=["a"], city=["x"], age=["3"])
    assert infer(Kind.USERS, schema_of(frame), frame).notes == (
        'not used, because registerUser has no place for them: "city", "age".',
    )
