"""Values and names that the API gives a meaning: application codes, prices, dates, device types, synonyms.

Pure definitions, shared with the sandbox. They restate the vendor's documentation (user-centric API 1.3).
What the documentation leaves open is not checked here.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.methods import MappedField

if TYPE_CHECKING:
    from collections.abc import Iterable

#: An application code as the control panel shows it.
APPLICATION_CODE: Final = re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")
#: The two attributes that together make a price.
PRICE_AMOUNT: Final = "__amount"
PRICE_CURRENCY: Final = "__currency"
#: How the vendor wants a date in an attribute: text, in UTC (strptime codes).
DATE_FORMAT: Final = "%Y-%m-%d %H:%M"


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
        22: "LINE",
    }
)
_ALIASES: Final = MappingProxyType(
    {"iphone os": 1, "mac os x": 7, "os x": 7, "mac": 7, "internet explorer": 13, "ie11": 13, "mail": 14}
)

#: Mapping field -> names of columns that mean it, the surest first. If two columns of a file name the
#: same field, the one that comes first here is taken.
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


def refuse_unknown(fields: Iterable[str]) -> None:
    """Raise `ValueError` if a field has no line in `SYNONYMS`, which is a mistake in the loader."""
    if unknown := sorted(set(fields) - set(SYNONYMS)):
        raise ValueError(f"no names of columns for {', '.join(unknown)}")


refuse_unknown(MappedField)


def plain(name: str) -> str:
    """Remove what does not matter in the name of a column or device type: case, blanks, `_`, `-`."""
    return re.sub(r"[\s_\-]", "", name).casefold()


_DEVICE_CODES: Final = MappingProxyType(
    {plain(name): code for code, name in DEVICE_TYPES.items()}
    | {plain(name): code for name, code in _ALIASES.items()}
)


def new_device_types(constants: Iterable[object]) -> tuple[int, ...]:
    """The numbers among the constants of a mapping that the table lacks: the vendor adds platforms."""
    numbers = [int(text) for text in map(str, constants) if re.fullmatch(r"[1-9]\d{0,2}", text, re.ASCII)]
    return tuple(sorted(set(numbers) - set(DEVICE_TYPES)))


def device_type(text: str) -> int | None:
    """The vendor's number for a device type, given by its name in any case or by the number as text."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text) if len(text) < 4 and int(text) in DEVICE_TYPES else None
    return _DEVICE_CODES.get(plain(text))


def refuse_application(code: str, advice: str = "Check {application}.") -> None:
    """The vendor would refuse every call with a code that cannot be one.

    Raises:
        ConfigError: it is not of the form of application codes.
    """
    if not APPLICATION_CODE.fullmatch(code):
        raise ConfigError(
            Message(
                'The application code "{code}" is not of the form XXXXX-XXXXX (five capital '
                f"letters or digits, twice). {advice}",
                code=code,
                application=Setting("application"),
            )
        )
