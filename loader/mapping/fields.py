"""The fields of the two API methods: names, JSON types, limits, device types, names people use for them.

Pure definitions, shared with the sandbox. They restate the vendor's documentation of `registerUser`
and `postEvent` (user-centric API 1.3); what the documentation leaves open is not checked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

#: An application code as the control panel shows it.
APPLICATION_CODE: Final = re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")
MAX_EVENT_LENGTH: Final = 32
MAX_ATTRIBUTE_NAME_LENGTH: Final = 64
RESERVED_ATTRIBUTES: Final = frozenset({"msgHash", "richMediaCode", "inAppCode"})
#: The two attributes that together make a price.
PRICE_AMOUNT: Final = "__amount"
PRICE_CURRENCY: Final = "__currency"
#: How the vendor wants a date in an attribute: text, in UTC (strptime codes).
DATE_FORMAT: Final = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class ApiField:
    """One key of the `request` object.

    Attributes:
        name: the key.
        json_type: "string", "integer" or "object".
        required: whether a request without it is refused.
        max_length: of a string, in characters.
    """

    name: str
    json_type: str
    required: bool = False
    max_length: int | None = None


_APPLICATION: Final = ApiField("application", "string", required=True)
_DEVICE_TYPE: Final = ApiField("device_type", "integer")

#: API method -> its fields, in the order of the documentation, which is the order in a body.
METHODS: Final = MappingProxyType(
    {
        "registerUser": (
            _APPLICATION,
            ApiField("hwid", "string", required=True),
            ApiField("userId", "string"),
            ApiField("tz_offset", "integer"),
            _DEVICE_TYPE,
        ),
        "postEvent": (
            _APPLICATION,
            ApiField("event", "string", required=True, max_length=MAX_EVENT_LENGTH),
            ApiField("attributes", "object", required=True),
            ApiField("hwid", "string"),
            ApiField("userId", "string"),
            ApiField("timestampUTC", "integer"),
            ApiField("timestampCurrent", "integer"),
            _DEVICE_TYPE,
        ),
    }
)

#: API method -> fields of which at least one must be present and not empty.
ANY_OF: Final = MappingProxyType({"registerUser": ("hwid",), "postEvent": ("hwid", "userId")})

#: Vendor number -> name.
DEVICE_TYPES: Final = MappingProxyType(
    {
        1: "iOS",
        2: "BlackBerry",
        3: "Android",
        4: "Nokia ASHA",
        5: "Windows Phone",
        7: "macOS",
        8: "Windows",
        9: "Amazon",
        10: "Safari",
        11: "Chrome",
        12: "Firefox",
        13: "Internet Explorer 11",
        14: "e-mail",
        17: "Huawei",
        18: "SMS",
        19: "Xiaomi",
        21: "WhatsApp",
    }
)
_ALIASES: Final = MappingProxyType(
    {"iphone os": 1, "mac os x": 7, "os x": 7, "mac": 7, "internet explorer": 13, "ie11": 13, "mail": 14}
)

#: Mapping field -> names of columns that mean it, the surest first: where two columns of a file name
#: the same field, the one named earlier here is taken.
SYNONYMS: Final = MappingProxyType(
    {
        "hwid": ("hwid", "device_id", "context_device_id", "user_pseudo_id", "player_id"),
        "userId": (
            "userId",
            "external_id",
            "external_user_id",
            "distinct_id",
            "identity",
            "customer_id",
            "uid",
        ),
        "event": ("event", "event_name", "event_type", "name"),
        "timestamp": (
            "timestampUTC",
            "timestamp",
            "time",
            "ts",
            "event_time",
            "event_timestamp",
            "occurred_at",
            "occurred",
            "datetime",
        ),
        "zone": (
            "timezone_id",
            "timezone",
            "context_timezone",
            "tz",
            "tz_offset",
            "time_zone_offset_seconds",
        ),
        "tz_offset": (
            "tz_offset",
            "timezone_id",
            "timezone",
            "context_timezone",
            "tz",
            "time_zone_offset_seconds",
        ),
        "device_type": ("device_type", "platform", "os_name", "os", "type"),
    }
)


def plain(name: str) -> str:
    """Fold what does not matter in a column's or device type's name: case, blanks, `_`, `-`."""
    return re.sub(r"[\s_\-]", "", name).casefold()


_DEVICE_CODES: Final = MappingProxyType(
    {plain(name): code for code, name in DEVICE_TYPES.items()}
    | {plain(name): code for name, code in _ALIASES.items()}
)


def device_type(text: str) -> int | None:
    """The vendor's number for a device type given by name in any case, or by that number as text."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text) if len(text) < 4 and int(text) in DEVICE_TYPES else None
    return _DEVICE_CODES.get(plain(text))
