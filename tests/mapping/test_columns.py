"""The converted values beside the bodies: what a check looks at is what is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.mapping.samples import APPLICATION, chunk_of, mapper_of, text_frame

if TYPE_CHECKING:
    from loader.mapping import Mapped

MAPPING = """
kind = "events"

[fields]
hwid = "device"
userId = { column = "user", default = "" }
event = { const = "purchase" }
timestamp = { column = "at", format = "iso", zone = "Europe/Berlin", ambiguous = "later" }
device_type = "platform"

[attributes]
title = "title"
pieces = { column = "pieces", type = "integer", empty = "null" }
amount = { column = "amount", type = "float" }
gift = { column = "gift", type = "boolean" }
due = { column = "due", format = "iso", zone = "UTC" }
tags = { column = "tags", type = "list" }
price = { column = "amount", type = "price", currency = "EUR" }
"""
ROWS = [
    ("D-1", "0042", "2024-03-09 12:00:00", "ios", 'a "quoted" \\ title', "3", "9.90", "yes", "", '["a"]'),
    ("D-2", "", "2024-10-27 02:30:00", "Android", "", "", "", "", "2024-05-01", ""),
    ("", "", "2024-03-09 12:00:00", "ios", "lost", "1", "1", "no", "", ""),
    ("D-3", "7", "2024-03-31 02:30:00", "ios", "in the gap", "1", "1", "no", "", ""),
    ("D-4", "8", "2024-03-09T12:00:00Z", "ios", "late", "1", "1", "no", "", ""),
]
NAMES = ["device", "user", "at", "platform", "title", "pieces", "amount", "gift", "due", "tags"]


def mapped_rows() -> Mapped:
    """The rows above, mapped."""
    frame = text_frame(**dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)))
    return mapper_of(MAPPING, frame).map(chunk_of(frame))


def test_the_columns_are_what_the_bodies_say() -> None:
    """Each key of each body stands in the columns with the same value, and no column says more."""
    mapped = mapped_rows()
    assert mapped.ordinals.tolist() == [0, 1, 4]
    for row, body in zip(mapped.ordinals.tolist(), mapped.bodies.to_pylist(), strict=True):
        told: dict[str, Any] = {"application": APPLICATION, "attributes": {}}
        for column in mapped.columns:
            value = column.values[row].as_py()
            if value is not None:
                into = told["attributes"] if column.member else told
                plain = column.text or isinstance(value, int)
                into[column.name] = value if plain else json.loads(value)
        assert told == json.loads(body)["request"]


def test_naive_times_are_counted_by_zone_with_gap_and_fold() -> None:
    """Of times without an offset it is told where they were read, and which were skipped or came twice."""
    clocks = mapped_rows().clocks
    assert (dict(clocks.naive), clocks.skipped, clocks.twice) == ({"Europe/Berlin": 3}, 1, 1)
