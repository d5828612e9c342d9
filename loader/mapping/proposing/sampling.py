"""What a sample of text shows about a column: the type and form of its values, for the user to check.

Only `map` uses this. A load takes no type from a sample, because the 1,001st value may have another type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from loader.mapping import timestamps, usual_formats
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
#: A day in numbers, or with the name of its month.
_DAY = re.compile(
    r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}|[A-Za-z]{3} \d{1,2}, \d{4}", re.ASCII
)
_BOOLEANS = {"true", "false", "yes", "no"}


@dataclass(frozen=True, slots=True)
class Look:
    """The form of the values of a text column.

    Attributes:
        type: the attribute type that all of them fit; "object" if they are JSON objects.
        why: what they have in common.
        unsure: what the user must check.
        decimal: the decimal mark.
        format: how a date is written.
    """

    type: str
    why: str
    unsure: str = ""
    decimal: str = "."
    format: str = "iso"


def look(values: pa.Array) -> Look:
    """The type that every distinct value of a sample fits."""
    texts = [text for text in values.drop_null().unique().to_pylist() if text]
    if not texts:
        return Look("string", "empty in the sample", "what does this column hold?")
    for found, shape in _SHAPES:
        if all(re.fullmatch(shape, text) for text in texts):
            return found
    if words := _look_at_words(texts):
        return words
    if timestamps.iso_shaped(pa.array(texts, pa.string())).all():
        return Look("date", "ISO dates or times in every sampled row")
    if all(_DAY.fullmatch(text) for text in texts):
        return _look_at_days(texts)
    return _nested(texts)


_SHAPES = (
    (Look("integer", "whole numbers in every sampled row"), r"-?(?:0|[1-9]\d{0,17})"),
    (Look("string", "digits, but a code: they begin with zeros, or are too many for a number"), r"-?\d+"),
    (Look("float", "numbers in every sampled row"), r"-?\d+(?:\.\d+)?"),
    (Look("float", "numbers with a decimal comma", decimal=","), r"-?\d+(?:,\d+)?"),
)
_LETTERS = Look(
    "boolean",
    "t and f in every sampled row, as PostgreSQL and Redshift write true and false",
    "if these are codes, remove the type.",
)


def _look_at_words(texts: list[str]) -> Look | None:
    if set(texts) == {"t", "f"}:
        return _LETTERS
    if all(text.casefold() in _BOOLEANS for text in texts):
        return Look("boolean", "true or false in every sampled row")
    return None


def _look_at_days(texts: list[str]) -> Look:
    """Days as people write them: a date only if there is one way to read all of them."""
    forms = usual_formats.list_fitting(pa.array(texts, pa.string()))
    if len(forms) == 1:
        return Look("date", f"days written as {forms[0]} in every sampled row", format=forms[0])
    if not forms:
        return Look("string", "text")
    ways = " or ".join(forms)
    return Look("string", "text", f'days, written as {ways}? Then set type = "date" and that format.')


def _nested(texts: list[str]) -> Look:
    if not all(text.startswith(("{", "[")) for text in texts):
        return Look("string", "text")
    cells = jsontext.Cells(pa.array(texts, pa.string()))
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
