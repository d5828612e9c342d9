"""What a sample of text shows about a column: the type and form of its values, for the user to check.

Only `map` uses this. A load takes no type from a sample, because the 1,001st value may have another type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from loader.mapping import timestamps
from loader.mapping.nested import jsontext

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_CODES = {
    "id",
    "ids",
    "uid",
    "uuid",
    "guid",
    "code",
    "zip",
    "plz",
    "postcode",
    "phone",
    "tel",
    "sku",
    "ean",
    "isbn",
}
_BOOLEANS = {"true", "false", "yes", "no"}


@dataclass(frozen=True, slots=True)
class Look:
    """The form of the values of a text column.

    Attributes:
        type: the attribute type that all of them fit; "object" if they are JSON objects.
        why: what they have in common.
        unsure: what the user must check.
        decimal: the decimal mark.
    """

    type: str
    why: str
    unsure: str = ""
    decimal: str = "."


def look(values: pa.Array) -> Look:
    """The type that every distinct value of a sample fits."""
    texts = [text for text in values.drop_null().unique().to_pylist() if text]
    if not texts:
        return Look("string", "empty in the sample", "what does this column hold?")
    for found, shape in _SHAPES:
        if all(re.fullmatch(shape, text) for text in texts):
            return found
    if all(text.casefold() in _BOOLEANS for text in texts):
        return Look("boolean", "true or false in every sampled row")
    if timestamps.iso_shaped(pa.array(texts, pa.string())).all():
        return Look("date", "ISO dates or times in every sampled row")
    return _nested(texts)


_SHAPES = (
    (Look("integer", "whole numbers in every sampled row"), r"-?(?:0|[1-9]\d{0,17})"),
    (Look("string", "digits, but a code: they begin with zeros, or are too many for a number"), r"-?\d+"),
    (Look("float", "numbers in every sampled row"), r"-?\d+(?:\.\d+)?"),
    (Look("float", "numbers with a decimal comma", decimal=","), r"-?\d+(?:,\d+)?"),
)


def _nested(texts: list[str]) -> Look:
    if not all(text.startswith(("{", "[")) for text in texts):
        return Look("string", "text")
    cells = jsontext.parsed(pa.array(texts, pa.string()))
    if cells.wrong.any():
        return Look("string", "text")
    if all(jsontext.keyed(value) is not None for value in cells.values if value != []):
        return Look("object", "JSON objects: each member is sent as an attribute")
    flat = all(
        isinstance(value, list) and not any(isinstance(one, (list, dict, type(None))) for one in value)
        for value in cells.values
    )
    return Look("list", "JSON lists") if flat else Look("string", "JSON text, sent as it is")


def names_a_code(column: str) -> bool:
    """Whether a column's name says that its digits are a code, not a number: ``order_id``, ``zipCode``."""
    return bool(_CODES & {word.lower() for word in _WORDS.findall(column)})
