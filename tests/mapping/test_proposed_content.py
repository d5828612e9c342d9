"""What is proposed by the sample: words for nothing, clocks that fit, columns without a known name."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.dialect import Dialect
from loader.mapping import parse_mapping
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.methods import Kind
from tests.mapping.samples import NOW, mapped, requests, schema_of, text_frame, typed_frame
from tests.mapping.test_ids import SIGNED

if TYPE_CHECKING:
    import pandas as pd

    from loader.mapping.rules import Mapping, Rule
    from tests.conftest import CommandLine

TIME = ["1700000000", "1700000001", "1700000002"]


def proposed(frame: pd.DataFrame, kind: Kind = Kind.EVENTS, zone: str | None = None) -> tuple[Mapping, str]:
    """The proposal as a mapping and as text."""
    text = proposal_text(propose(kind, schema_of(frame), frame, zone=zone, now=NOW), "t")
    return parse_mapping(text, "t"), text


def unsure(text: str, key: str) -> str:
    """The doubt above a line of the proposal, in one line; "" if there is none."""
    comment: list[str] = []
    for line in reversed(text.split(f"\n{key} = ", maxsplit=1)[0].split("\n")):
        if not line.startswith("# "):
            break
        comment.insert(0, line.removeprefix("# "))
    return " ".join(comment).partition("UNSURE: ")[2]


@pytest.mark.parametrize("word", [r"\N", "(null)", "<NA>", "[NULL]", "#N/A", "(not set)", "\0"])
def test_what_only_programs_write_means_nothing_in_every_column(word: str) -> None:
    """Wherever it is met; the sample then loads without it, and no line is in doubt for it."""
    frame = text_frame(
        hwid=["d1", "d2"], user_id=["u1", word], event=["buy", "buy"], time=TIME[:2], x=[word, "1"]
    )
    mapping, text = proposed(frame)
    assert mapping.source == Dialect(null_values=(word,))
    assert "UNSURE:" not in text
    bodies = [json.dumps(request) for request in requests(mapped(text, frame))]
    assert len(bodies) == 2
    assert not [body for body in bodies if json.dumps(word) in body]
    assert mapping.members["x"].type == "integer"


@pytest.mark.parametrize("word", ["NULL", "NA", "None"])
def test_a_word_among_json_means_nothing_in_every_column(word: str) -> None:
    """No JSON is written so: the program that wrote the file has this word for nothing."""
    frame = text_frame(
        hwid=["d1", "d2"], user_id=["u1", word], event=["buy", "buy"], time=TIME[:2], x=['{"a": 1}', word]
    )
    mapping, text = proposed(frame)
    assert mapping.source == Dialect(null_values=(word,))
    assert "UNSURE:" not in text
    assert [request["attributes"] for request in requests(mapped(text, frame))] == [{"x.a": 1}, {}]


def test_null_among_json_is_json() -> None:
    """It says nothing of other columns."""
    frame = text_frame(hwid=["d1", "d2"], event=["buy", "buy"], time=TIME[:2], x=['{"a": 1}', "null"])
    assert proposed(frame)[0].source == Dialect()


@pytest.mark.parametrize("zero", ["0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000"])
def test_a_date_of_zeros_means_nothing(zero: str) -> None:
    """MySQL writes it in place of a date that is not known; the column stays one of dates."""
    frame = text_frame(hwid=["d1", "d2"], event=["buy", "buy"], time=TIME[:2], day=["2024-03-04", zero])
    mapping, text = proposed(frame)
    assert (mapping.members["day"].type, mapping.members["day"].null_values) == ("date", (zero,))
    assert "UNSURE:" not in text
    assert "day" not in requests(mapped(text, frame))[1]["attributes"]


@pytest.mark.parametrize("word", ["NA", "NULL", "null", "None", "-", "?", "nil"])
@pytest.mark.parametrize("column", ["user_id", "label"])
def test_a_word_that_may_be_data_is_proposed_for_its_column_and_marked(word: str, column: str) -> None:
    """The user decides; no other column is touched."""
    frame = text_frame(
        **{
            "hwid": ["d1", "d2"],
            "user_id": ["u1", "u2"],
            "label": ["a", "b"],
            "event": ["e", "e"],
            "time": TIME[:2],
        }
        | {column: ["x", word]}
    )
    mapping, text = proposed(frame)
    rules: dict[str, Rule] = {**mapping.fields, **mapping.members}
    key = {"user_id": "userId"}.get(column, column)
    assert {name for name, rule in rules.items() if rule.null_values} == {key}
    assert rules[key].null_values == (word,)
    assert (
        unsure(text, key) == f'"{word}" is taken for nothing. If it is a value, take it out of null_values.'
    )


@pytest.mark.parametrize("word", ["NA", "NULL", "-", "n/a", "NaN", "None"])
@pytest.mark.parametrize(
    ("cells", "kind"),
    [(["12.5", "7"], "float"), (["1", "2"], "integer"), (["true", "false"], "boolean"),
     (["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"], "date")],
)  # fmt: skip
def test_a_word_among_values_of_one_type_is_nothing_and_costs_no_type(
    word: str, cells: list[str], kind: str
) -> None:
    """The column keeps its type, and the row that has the word is sent without it."""
    frame = text_frame(hwid=["d"] * 3, event=["e"] * 3, time=TIME, a=[*cells, word])
    mapping, text = proposed(frame)
    assert (mapping.members["a"].type, mapping.members["a"].null_values) == (kind, (word,))
    assert "UNSURE:" not in text
    sent = [request["attributes"] for request in requests(mapped(text, frame))]
    assert ["a" in attributes for attributes in sent] == [True, True, False]


def test_a_word_for_nothing_among_times_platforms_and_zones_hides_no_form() -> None:
    """The time is still recognised, and the platform is not taken for one that is unknown."""
    frame = text_frame(
        hwid=["d"] * 3, event=["e"] * 3, time=[*TIME[:2], "NULL"], platform=["ios", "NULL", "android"]
    )
    mapping, text = proposed(frame)
    assert (mapping.fields["timestamp"].clock.unit, mapping.fields["timestamp"].null_values) == (
        "s",
        ("NULL",),
    )
    assert (mapping.fields["device_type"].values, mapping.fields["device_type"].null_values) == (
        None,
        ("NULL",),
    )
    assert "UNSURE:" not in text


@pytest.mark.parametrize("name", ["scientific", "spreadsheet_mark", "hashes", "fraction_of_nothing", "grouped",
                                  "quotes_around", "invisible_around"])  # fmt: skip
def test_sampled_ids_that_look_wrong_are_marked(name: str) -> None:
    """With one of them and what to do."""
    texts = SIGNED[name]
    count = len(texts)
    frame = text_frame(hwid=[f"d{number}" for number in range(count)], user_id=texts)
    _, text = proposed(frame, Kind.USERS)
    assert unsure(text, "userId").startswith("ids such as ")
    assert unsure(text, "hwid") == ""


MIXPANEL = {"event": ["e", "e"], "properties.distinct_id": ["u1", "u2"]}
CLEVERTAP = {"eventName": ["e", "e"], "profile.identity": ["u1", "u2"]}
GA4 = {"event_name": ["e", "e"], "user_pseudo_id": ["d1", "d2"]}


@pytest.mark.parametrize(
    ("column", "rest", "times", "clock"),
    [
        ("properties.time", MIXPANEL, ["1709588261", "1709588262"], "s"),
        ("properties.time", MIXPANEL, ["1709588261123", "1709588262123"], "ms"),
        ("properties.time", MIXPANEL, ["1709588261123456", "1709588262123456"], "us"),
        ("properties.time", MIXPANEL, ["2024-03-04T21:37:41Z", "2024-03-04T21:37:42Z"], "iso"),
        ("event_timestamp", GA4, ["1709588261", "1709588262"], "s"),
        ("event_timestamp", GA4, ["1709588261123", "1709588262123"], "ms"),
        ("ts", CLEVERTAP, ["1709588261", "1709588262"], "s"),
        ("ts", CLEVERTAP, ["2024-03-04T21:37:41Z", "2024-03-04T21:37:42Z"], "iso"),
    ],
)
def test_the_clock_of_a_known_export_is_tried_on_the_sample(
    column: str, rest: dict[str, list[str]], times: list[str], clock: str
) -> None:
    """What does not fit gives way to the one form that does, marked; and the unedited proposal loads."""
    frame = text_frame(**rest, **{column: times})
    mapping, text = proposed(frame)
    found = mapping.fields["timestamp"].clock
    assert clock in {found.unit, found.format}
    assert [request["timestampUTC"] for request in requests(mapped(text, frame))] == [1709588261, 1709588262]
    assert "in other exports it is" not in text
    usual = column == "properties.time" and clock == "s"
    assert ("0 of 2 sampled times fit that. What is written here" in unsure(text, "timestamp")) is not usual


def test_the_clock_that_some_of_the_sample_fits_stays_and_says_how_many() -> None:
    """No other form fits the rest, so the user is told, and not the clock changed."""
    frame = text_frame(**{**MIXPANEL, "properties.time": ["1709588261", "yesterday"]})
    mapping, text = proposed(frame)
    assert mapping.fields["timestamp"].clock.unit == "s"
    assert "1 of 2 sampled times fit that, and the others would be rejected." in unsure(text, "timestamp")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("EVENT_TS", pa.array([0, 1], pa.timestamp("us", "UTC"))),
        ("whatever", pa.array([10**15, 10**15], pa.timestamp("us", "UTC"))),
        ("created_at", pa.array(["2024-03-04T21:37:41Z"] * 2)),
        ("createdAt", pa.array([1709588261, 1709588262])),
        ("order date", pa.array(["2024-03-04T21:37:41Z"] * 2)),
        ("order_date", pa.array(["04.03.2024", "31.03.2024"])),
        ("PurchaseTime", pa.array(["1709588261123"] * 2)),
        ("day", pa.array([19000, 19001], pa.date32())),
    ],
)
def test_a_time_without_a_known_name_is_found_by_type_and_content(name: str, cells: pa.Array) -> None:
    """It is marked, because only the user knows whether it is the time of the event."""
    if name == "EVENT_TS":
        cells = pa.array([10**15, 10**15 + 1], pa.timestamp("us", "UTC"))
    frame = typed_frame(
        hwid=pa.array(["d1", "d2"]),
        event=pa.array(["e", "e"]),
        amount=pa.array([1709588261, 5]),
        **{name: cells},
    )
    mapping, text = proposed(frame, zone="UTC")
    assert mapping.fields["timestamp"].column == (name,)
    assert unsure(text, "timestamp") == "is this when the event happened?"
    assert len(requests(mapped(text, frame))) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"amount": ["1709588261", "1709588262"]},
        {"created_at": ["yesterday", "today"]},
        {"created_at": ["1709588261", "n"]},
        {"note": ["2024-03-04", "2024-03-05"]},
        {"platform_status": ["1709588261", "1709588262"]},
        {"created_at": ["12", "13"]},
    ],
)
def test_what_may_be_anything_is_not_taken_for_the_time(columns: dict[str, list[str]]) -> None:
    """A number without a name of a time, and a name without times, stay what they are; the time is left open."""
    frame = text_frame(hwid=["d1", "d2"], event=["e", "e"], **columns)
    text = proposal_text(propose(Kind.EVENTS, schema_of(frame), frame, now=NOW), "t")
    assert "\n# timestamp = " in text


def test_of_several_times_the_one_that_speaks_of_the_event_is_taken() -> None:
    """A birthday, a change and a load are times too; they are not even named as fitting."""
    frame = text_frame(
        hwid=["d"], event=["e"], birth_date=["1990-05-01"], updated_at=["2024-03-05T00:00:00Z"],
        ordered_at=["2024-03-04T00:00:00Z"], sent_at=["2024-03-04T01:00:00Z"],
    )  # fmt: skip
    mapping, text = proposed(frame)
    assert mapping.fields["timestamp"].column == ("ordered_at",)
    assert unsure(text, "timestamp") == 'is this when the event happened? "sent_at" would fit too.'


@pytest.mark.parametrize(
    "name", ["device_uuid", "deviceGuid", "DEVICE_IDENTIFIER", "installation_id", "idfv", "gaid"]
)
def test_an_id_of_a_device_without_a_known_name_is_found_and_marked(name: str) -> None:
    """By a word in its name; a device's model or type is none."""
    frame = text_frame(**{"device_model": ["m"], name: ["D1"], "user_id": ["u1"]})
    mapping, text = proposed(frame, Kind.USERS)
    assert mapping.fields["hwid"].column == (name,)
    assert unsure(text, "hwid") == "is this the device's id?"


@pytest.mark.parametrize(
    "name", ["user_uuid", "customerNumber", "MEMBER_ID", "client", "account_key", "username"]
)
def test_an_id_of_a_user_without_a_known_name_is_found_and_marked(name: str) -> None:
    """By a word in its name; what else is said of a user is none."""
    frame = text_frame(**{"hwid": ["d1"], "user_age": ["7"], "customer_name": ["n"], name: ["u1"]})
    mapping, text = proposed(frame, Kind.USERS)
    assert mapping.fields["userId"].column == (name,)
    assert unsure(text, "userId") == "is this the user's id?"


ROWS = [
    ("hwid,user_id\nd1,u1\nd2,u2\n", "The proposed mapping can be used as is."),
    (
        "hwid,user_id\nd1,u1\n,u2\n",
        "With the proposed mapping some rows of the sample would be rejected:\n  1 of the first 2 rows: t.csv, row 2,",
    ),
    (
        "hwid,user_id\nd1,1.2E+12\nd2,1.2E+12\n",
        "With the proposed mapping all rows of the sample would be rejected:\n  2 of the first 2 rows: t.csv, row 1,",
    ),
]


@pytest.mark.parametrize(("text", "verdict"), ROWS)
def test_a_proposal_can_be_used_as_is_only_if_every_sampled_row_maps(
    command: CommandLine, text: str, verdict: str
) -> None:
    """Otherwise the reasons follow, each with the number of its rows and the first of them."""
    (command.folder / "t.csv").write_text(text)
    ran = command.run("map", "users", "t.csv", "-o", "m.toml")
    assert ran.code == 0
    assert verdict in ran.err
    assert ("can be used as is" in ran.err) is (
        command.run("check", "users", "t.csv", "--mapping", "m.toml").code == 0
    )
