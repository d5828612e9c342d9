"""What an input holds: names of events, device types, attributes or tags with their types."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.fields import DEVICE_TYPES
from loader.text.escape import escape_short, quote

if TYPE_CHECKING:
    from loader.mapping import Column
    from loader.methods import Method

Codes = np.ndarray[Any, np.dtype[np.int64]]

# What the first character of a JSON value says, in the words of `loader.mapping.nested.members`.
_JSON_TYPES = {'"': "string", "t": "boolean", "f": "boolean", "[": "list", "n": ""}


class ThingKind(StrEnum):
    """What a thing is. The values are in summaries: they never change."""

    EVENT = "event"
    DEVICE_TYPE = "device_type"
    MEMBER = "member"


class Thing(NamedTuple):
    """Something that a vendor may refuse as such: then it refuses every row that has it.

    Attributes:
        kind: what it is.
        name: of the event, of the attribute or tag; the number of the device type.
        type: of the values of an attribute or tag; otherwise "".
    """

    kind: ThingKind
    name: str
    type: str = ""

    def describe(self, method: Method) -> str:
        """It in words: ``event "purchase"``, ``device type 1 (iOS)``, ``attribute cds (integer)``."""
        if self.kind is ThingKind.EVENT:
            return f"event {quote(self.name)}"
        if self.kind is ThingKind.DEVICE_TYPE:
            known = DEVICE_TYPES.get(int(self.name)) if self.name.isdigit() else None
            return f"device type {escape_short(self.name)}" + (f" ({known})" if known else "")
        one = method.container.one if method.container else "attribute"
        return f"{one} {escape_short(self.name)}" + (f" ({self.type})" if self.type else "")


class Held(NamedTuple):
    """Which row has which of some things, of which it has at most one.

    Attributes:
        things: what there is.
        codes: for each row the place of its thing among them, or -1.
    """

    things: list[Thing]
    codes: Codes


def read_things(column: Column, values: pa.Array, declared: str) -> Held | None:
    """Which thing each row has by one key of its body; None if the key says nothing that is to be covered.

    Args:
        column: the key.
        values: its values.
        declared: the type that the mapping gives it.
    """
    if column.member:
        return _read_member(column, values, declared)
    if column.name not in {ThingKind.EVENT, ThingKind.DEVICE_TYPE}:
        return None
    return _read_names(ThingKind(column.name), values)


def _read_names(kind: ThingKind, values: pa.Array) -> Held:
    names, codes = _number(values.cast(pa.string()))
    return Held([Thing(kind, name) for name in names], codes)


def _read_member(column: Column, values: pa.Array, declared: str) -> Held:
    if column.text or column.kind != "mixed":
        there = values.is_valid()
        if not column.text and pa.types.is_string(values.type):  # `null` removes a value, and has no type
            there = pc.and_(there, pc.fill_null(pc.not_equal(values, "null"), fill_value=False))
        codes = np.where(there.to_numpy(zero_copy_only=False), 0, -1).astype(np.int64)
        return Held([Thing(ThingKind.MEMBER, column.name, column.kind or declared)], codes)
    initials, codes = _number(pc.utf8_slice_codeunits(values, 0, 1))
    types = [_JSON_TYPES.get(initial, "number") for initial in initials]
    known = np.array([*(bool(name) for name in types), False])
    return Held(
        [Thing(ThingKind.MEMBER, column.name, name) for name in types], np.where(known[codes], codes, -1)
    )


def _number(texts: pa.Array) -> tuple[list[str], Codes]:
    """The distinct texts, and for each text its place among them, or -1."""
    encoded = texts.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes
