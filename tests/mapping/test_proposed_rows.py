"""What `map` proposes about rows: an id by which repeats are left out, and events that nobody sent."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from loader.mapping import parse_mapping
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.mapping.rules import RowRules, Unique
from loader.methods import Kind
from tests.mapping.samples import NOW, mapped, requests, schema_of, text_frame, typed_frame


def proposed(frame: Any, kind: Kind = Kind.EVENTS) -> str:
    """The text of a proposal."""
    return proposal_text(propose(kind, schema_of(frame), frame, now=NOW), "t.csv")


def events(rows: int = 2, **columns: Any) -> Any:
    """A frame of events without a vendor's signs."""
    return text_frame(
        hwid=[f"d{row}" for row in range(rows)],
        event=["buy"] * rows,
        time=["2024-07-01T10:00:00Z"] * rows,
        **columns,
    )


@pytest.mark.parametrize("name", ["insert_id", "$insert_id", "uuid", "messageId", "message_id", "event_id"])
def test_a_known_id_is_proposed_as_the_key_of_a_row(name: str) -> None:
    """Nobody means to send one event twice; of two deliveries of it the first goes."""
    columns: dict[str, Any] = {name: ["a", "a"]}
    frame = events(**columns)
    text = proposed(frame)
    assert f'# An id of each row; a row that repeats one is left out.\nunique = ["{name}"]\n' in text
    assert parse_mapping(text, "t").unique == Unique((name,))


def test_an_id_that_stands_in_many_rows_is_only_offered() -> None:
    """It may be the id of a kind of event; then nearly all rows would be left out."""
    frame = events(20, event_id=[str(row % 2) for row in range(20)])
    text = proposed(frame)
    assert "# UNSURE: the same id stands in many rows of the sample" in text
    assert '# unique = ["event_id"]' in text
    assert parse_mapping(text, "t").unique is None


@pytest.mark.parametrize("name", ["id", "label", "insert"])
def test_other_columns_are_no_keys(name: str) -> None:
    """A column called id is an id of anything."""
    columns: dict[str, Any] = {name: ["a", "b"]}
    assert "unique" not in proposed(events(**columns))


@pytest.mark.parametrize("kind", [Kind.USERS, Kind.TAGS])
def test_users_and_tags_have_no_id_of_a_row(kind: Kind) -> None:
    """There a uuid is the user's, and a later row of a user is meant."""
    assert "unique" not in proposed(text_frame(hwid=["d1"], user_id=["u"], uuid=["a"], plan=["x"]), kind)


def ga4(*names: str) -> Any:
    """A small export of GA4."""
    return typed_frame(
        event_name=pa.array(names),
        event_timestamp=pa.array([1_709_208_000_000_000] * len(names)),
        user_pseudo_id=pa.array(["p"] * len(names)),
        platform=pa.array(["ANDROID"] * len(names)),
    )


def amplitude(*names: str) -> Any:
    """A small export of Amplitude."""
    return text_frame(
        event_type=list(names),
        event_time=["2024-07-01 10:00:00.000000"] * len(names),
        device_id=[f"d{row}" for row in range(len(names))],
        amplitude_id=["1"] * len(names),
        uuid=[f"u{row}" for row in range(len(names))],
    )


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        (ga4("purchase", "screen_view"), "event_name"),
        (amplitude("purchase", "[Amplitude] Start of a new kind"), "event_type"),
        (amplitude("purchase", "session_start"), "event_type"),
    ],
)
def test_events_that_a_library_records_are_left_out_if_the_user_says_so(frame: Any, column: str) -> None:
    """Two lines to uncomment; which events are wanted is the user's choice, so none is left out unasked."""
    text = proposed(frame)
    assert parse_mapping(text, "t").rows == RowRules()
    assert len(requests(mapped(text, frame))) == 2
    uncommented = text.replace("# [rows]", "[rows]").replace("# except", "except")
    assert list(parse_mapping(uncommented, "t").rows.excluded) == [column]
    (request,) = requests(mapped(uncommented, frame))
    assert request["event"] == "purchase"


def test_nothing_is_said_of_events_that_the_sample_does_not_have() -> None:
    """An export that holds only the app's own events needs no selection."""
    assert "[rows]" not in proposed(ga4("purchase", "signup"))
