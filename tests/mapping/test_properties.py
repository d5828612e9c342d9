"""Laws of the way from cells to bodies, for any text, number and nesting."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.mapping.samples import EVENTS, mapped, requests, typed_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
# What is wrong with other ids is told in `test_ids.py`.
ID = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=20).filter(
    lambda text: not re.fullmatch(r"\d+[eE]\d+", text)
)
ROW = st.tuples(
    ID,
    st.none() | ID,
    st.none() | TEXT,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
    st.none() | st.lists(TEXT, max_size=3),
    st.integers(631_152_000, 1_780_000_000),
)
TYPES = (
    pa.string(),
    pa.string(),
    pa.string(),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.list_(pa.string()),
    pa.int64(),
)
NAMES = ("hwid", "user", "text", "whole", "real", "truth", "list", "time")


@given(st.lists(ROW, min_size=1, max_size=10))
def test_a_body_parses_back_to_what_the_cells_held(rows: list[tuple[Any, ...]]) -> None:
    """Whatever is in the cells, each body is strict JSON in UTF-8 that holds exactly the row's values.

    An empty list is no value, as null is none.
    """
    columns = zip(*rows, strict=True)
    frame = typed_frame(
        **{name: pa.array(cells, kind) for name, kind, cells in zip(NAMES, TYPES, columns, strict=True)}
    )
    toml = f'{EVENTS}userId = "user"\n[attributes]\nothers = true'
    for request, row in zip(requests(mapped(toml, frame)), rows, strict=True):
        hwid, user, *cells, time = row
        attributes = dict(zip(NAMES[2:-1], cells, strict=True))
        expected = {
            "application": "AAAAA-BBBBB",
            "event": "purchase",
            "attributes": {name: value for name, value in attributes.items() if value not in (None, [])},
            "hwid": hwid,
            "userId": user,
            "timestampUTC": time,
            "timestampCurrent": time,
        }
        assert request == {name: value for name, value in expected.items() if value is not None}


MEMBER_NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="."), min_size=1, max_size=5
)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.booleans() | st.integers(-(2**63), 2**63 - 1) | FLOAT | TEXT
SCALAR = st.none() | VALUE
OBJECT = st.dictionaries(
    MEMBER_NAME.filter(lambda name: name not in {"key", "value"} and not name.endswith("_value")),
    SCALAR | st.dictionaries(MEMBER_NAME, SCALAR, max_size=3) | st.lists(VALUE, max_size=3),
    max_size=5,
)


def opened(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The members of an object under their dotted names, by other means."""
    found: dict[str, Any] = {}
    for name, member in value.items():
        if isinstance(member, dict):
            found |= opened(member, f"{prefix}{name}.")
        elif member is not None and member not in ("", []):
            found[prefix + name] = member
    return found


@given(st.lists(OBJECT, min_size=1, max_size=5))
def test_every_member_of_json_text_arrives_with_its_own_type(objects: list[dict[str, Any]]) -> None:
    """Opened all the way, nothing lost, numbers with all their digits."""
    rows = len(objects)
    frame = typed_frame(
        hwid=pa.array(["d"] * rows),
        time=pa.array(["1700000000"] * rows),
        p=pa.array([json.dumps(one) for one in objects]),
    )
    result = requests(mapped(f'{EVENTS}[attributes]\nexpand = ["p"]', frame))
    for request, one in zip(result, objects, strict=True):
        expected = opened(one)
        assert request["attributes"] == expected
        for name, value in expected.items():
            assert type(request["attributes"][name]) is type(value)
            if isinstance(value, float):
                assert math.copysign(1, request["attributes"][name]) == math.copysign(1, value)
