"""The types of attributes: what a value is, and whether it fits what was declared. Pure.

The six types are those of createEvent. That the vendor converts text by the declared type is known from its
SDKs (the one for iOS sends every attribute as text); that it takes the type from the first value is a guess.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum

from loader.mapping.fields import DATE_FORMAT, PRICE_AMOUNT, PRICE_CURRENCY


class AttributeType(IntEnum):
    """A type of createEvent, by its number there."""

    INTEGER = 1
    STRING = 2
    LIST = 3
    DATE = 4
    BOOLEAN = 5
    PRICE = 6

    @property
    def word(self) -> str:
        """Its name in lower case."""
        return self.name.lower()


KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "fraction",
    list: "list",
    dict: "object",
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_BOOLEANS = frozenset({"true", "false", "1", "0"})


INFERRED: dict[type, AttributeType] = {
    bool: AttributeType.BOOLEAN,
    int: AttributeType.INTEGER,
    float: AttributeType.PRICE,
    list: AttributeType.LIST,
}
#: The kinds of JSON values that each type takes, beside the texts that `fits_text` lets pass.
TAKEN: dict[int, tuple[type, ...]] = {
    AttributeType.INTEGER: (int,),
    AttributeType.STRING: (),
    AttributeType.LIST: (list,),
    AttributeType.DATE: (),
    AttributeType.BOOLEAN: (bool,),
    AttributeType.PRICE: (int, float),
}


def infer_type(name: str, value: object) -> AttributeType | None:
    """The type that an attribute gets from its first value; None if a value tells none.

    A fraction is a price, because no other documented type holds one.
    """
    if value is None or isinstance(value, dict):
        return None
    if name in (PRICE_AMOUNT, PRICE_CURRENCY):
        return AttributeType.PRICE
    if isinstance(value, str):
        return AttributeType.DATE if is_date(value) else AttributeType.STRING
    return INFERRED[type(value)]


def fits(name: str, declared: int, value: object) -> bool:
    """Whether a value is of the declared type, or a text that the vendor can convert to it.

    Null fits every type.
    """
    if value is None:
        return True
    if isinstance(value, str):
        return fits_text(name, declared, value)
    return type(value) in TAKEN[declared] and name != PRICE_CURRENCY


def fits_text(name: str, declared: int, text: str) -> bool:
    """Whether a text can be converted to the declared type."""
    match declared:
        case AttributeType.STRING:
            return True
        case AttributeType.INTEGER:
            return _INTEGER.fullmatch(text) is not None
        case AttributeType.DATE:
            return is_date(text)
        case AttributeType.BOOLEAN:
            return text.lower() in _BOOLEANS
        case AttributeType.PRICE:
            return name == PRICE_CURRENCY or _DECIMAL.fullmatch(text) is not None
    return False


def is_date(value: object) -> bool:
    """Whether this is a date as the vendor wants it: text `YYYY-MM-DD HH:MM` of a day that exists."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return False
    try:
        datetime.strptime(value, DATE_FORMAT)
    except ValueError:
        return False
    return True


def name_kind(value: object) -> str:
    """What a value of JSON is, in a word."""
    return KINDS.get(type(value), "null")
