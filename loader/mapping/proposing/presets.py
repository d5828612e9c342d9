"""Known exports, as a table: the columns by which each is recognised, and what its columns mean.

A column is named as in `paths`: ``properties.time`` is both the header of a flattened export and the member of a
nested one. What a vendor's export does not say is in `unsure`, exactly as the user reads it.
"""

# ruff: noqa: E501 - a table with whole sentences

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from loader.mapping.rules import NO_CLOCK, Clock
from loader.methods import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict

    from loader.mapping.rules import Scalar
    from loader.methods import Method


@dataclass(frozen=True, slots=True)
class Hint:
    """Where a field comes from in an export.

    Attributes:
        columns: those that can hold it, the surest first; the first that the file has is taken.
        why: what the export's column is.
        unsure: what the user must check.
        all_of: take every column that the file has; in each row the first that is not empty.
        clock: how a time is written; its zone is for values that carry none. For `tz_offset` what its numbers count.
        zones: columns of the users' zones.
        zone_unit: what the numbers in these columns count.
        values: what the export's own codes mean.
    """

    columns: tuple[str, ...]
    why: str
    unsure: str = ""
    all_of: bool = False
    clock: Clock = NO_CLOCK
    zones: tuple[str, ...] = ()
    zone_unit: str | None = None
    values: ReadOnlyDict[str, Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of export.

    Attributes:
        name: of the vendor.
        kind: what it can be loaded as.
        also: another kind that it can be loaded as, with fields for that method.
        signs: it is this export if the file has one column of each.
        fields: field -> where it comes from.
        opened: columns whose members are attributes.
        others: the columns that nothing else takes are attributes.
        left_out: columns and members that say nothing about the event.
        keys: columns that hold an id of each row; the first that the file has is taken.
        automatic: events that the vendor's library records by itself.
        prefix: with which such events begin, or "".
    """

    name: str
    kind: Kind
    signs: tuple[tuple[str, ...], ...]
    fields: ReadOnlyDict[str, Hint]
    opened: tuple[str, ...] = ()
    others: bool = False
    left_out: tuple[str, ...] = field(default=())
    also: tuple[Kind, ...] = ()
    keys: tuple[str, ...] = ()
    automatic: tuple[str, ...] = ()
    prefix: str = ""

    def of(self, method: Method) -> Preset:
        """The preset for another method: its fields, and the other columns left out."""
        strange = [hint for name, hint in self.fields.items() if name not in method.mapped]
        columns = tuple(column for hint in strange for column in hint.columns)
        fields = {name: hint for name, hint in self.fields.items() if name in method.mapped}
        return replace(self, fields=MappingProxyType(fields), left_out=self.left_out + columns)


_OWN_DEVICE: Final = (
    "is this the HWID by which this vendor knows the device? If the app has another id in this vendor's SDK, the rows "
    "would belong to devices that do not exist. Ask the app's developers, or map an id that both vendors know."
)
_ISO: Final = Clock(format="iso")
_ISO_UTC: Final = Clock(format="iso", zone="UTC")
_ONESIGNAL_TYPES: Final = MappingProxyType(
    {
        "0": "iOS",
        "1": "Android",
        "2": "Amazon",
        "3": "Windows Phone",
        "4": "Chrome",
        "5": "Chrome",
        "6": "Windows",
        "7": "Safari",
        "8": "Firefox",
        "9": "macOS",
        "13": "Huawei",
    }
)


def _or_in_capitals(*names: str) -> tuple[str, ...]:
    """The same columns in a file, and in a warehouse that writes all names in capitals."""
    return (*names, *(name.upper() for name in names))


_BRAZE_PLATFORMS: Final = MappingProxyType(
    {"ios": "iOS", "android": "Android", "kindle": "Amazon", "web": "", "tvos": "", "roku": ""}
)
_AMPLITUDE: Final = MappingProxyType(
    {
        "hwid": Hint(("device_id",), "Amplitude's id of the device", _OWN_DEVICE),
        "userId": Hint(("user_id",), "the id that your app gave the user"),
        "device_type": Hint(("platform",), "where the event happened"),
    }
)
_GA4: Final = MappingProxyType(
    {
        "hwid": Hint(("user_pseudo_id",), "GA4's id of the app's installation", _OWN_DEVICE),
        "userId": Hint(("user_id",), "the id that your app gave the user"),
        "device_type": Hint(("platform",), "where the event happened"),
    }
)
# support.google.com/analytics, "Automatically collected events"; those that no app sends itself.
_GA4_AUTOMATIC: Final = (
    *("screen_view", "page_view", "session_start", "user_engagement", "first_open", "first_visit", "scroll"),
    *("app_update", "app_remove", "app_clear_data", "app_exception", "os_update", "notification_receive"),
)
# amplitude.com/docs, "Autocapture"; the first two are older.
_AMPLITUDE_AUTOMATIC: Final = (
    *("session_start", "session_end", "$identify"),
    *(
        "[Amplitude] Application Installed",
        "[Amplitude] Application Updated",
        "[Amplitude] Application Opened",
    ),
    *("[Amplitude] Application Backgrounded", "[Amplitude] Screen Viewed", "[Amplitude] Page Viewed"),
    *("[Amplitude] Element Clicked", "[Amplitude] Element Changed", "[Amplitude] Deep Link Opened"),
)
_CLEVERTAP: Final = MappingProxyType(
    {
        "hwid": Hint(("profile.objectId", "objectId"), "CleverTap's id of the device", _OWN_DEVICE),
        "userId": Hint(("profile.identity", "identity"), "the id that your app gave the user"),
        "device_type": Hint(("profile.platform", "platform"), "the device's system"),
    }
)
_SEGMENT: Final = MappingProxyType(
    {
        "hwid": Hint(
            ("context_device_id",), "the device's id, as Segment's mobile libraries send it", _OWN_DEVICE
        ),
        "userId": Hint(("user_id",), "the id that your app gave the user"),
        "device_type": Hint(("context_device_type", "context_os_name"), "the device's system"),
    }
)

PRESETS: Final = (
    Preset(
        "Pushwoosh",
        Kind.USERS,
        (("Hwid",), ("User ID",), ("Type",)),
        MappingProxyType(
            {
                "hwid": Hint(("Hwid",), "the device, as this vendor exports it"),
                "userId": Hint(("User ID",), "the user, as this vendor exports it"),
                "device_type": Hint(("Type",), "this vendor's own numbers"),
            }
        ),
        others=True,
        left_out=("Push Token", "Type (humanized)"),
        also=(Kind.TAGS,),
    ),
    Preset(
        "OneSignal",
        Kind.USERS,
        (("player_id", "id"), ("identifier",), ("device_type",), ("external_user_id", "timezone_id", "timezone")),
        MappingProxyType(
            {
                "hwid": Hint(("player_id", "id"), "OneSignal's id of the device", _OWN_DEVICE),
                "userId": Hint(("external_user_id",), "the id that your app gave the user"),
                "tz_offset": Hint(
                    ("timezone_id", "timezone"),
                    "the zone's name if the row has one, because it covers daylight saving; otherwise the seconds of the export",
                    all_of=True,
                    clock=Clock(unit="s"),
                ),
                "device_type": Hint(
                    ("device_type",),
                    "OneSignal's own codes, translated: its 1 is Android, this vendor's 1 is iOS",
                    "11 (e-mail) and 14 (SMS) are not listed, so their rows are rejected: the hwid of such a row must "
                    'be the address. Load these rows from a separate file, with hwid = "identifier".',
                    values=_ONESIGNAL_TYPES,
                ),
            }
        ),
        opened=("tags",),
        also=(Kind.TAGS,),
    ),
    Preset(
        "Braze",
        Kind.USERS,
        (("external_id",), ("braze_id", "appboy_id")),
        MappingProxyType(
            {
                "hwid": Hint(("device_id",), "the device's id", _OWN_DEVICE),
                "userId": Hint(("external_id",), "the id that your app gave the user"),
                "tz_offset": Hint(("time_zone", "timezone"), "the user's zone"),
                "device_type": Hint(("platform",), "the device's system"),
            }
        ),
        opened=("custom_attributes",),
        also=(Kind.TAGS,),
    ),
    Preset(
        "Braze",
        Kind.EVENTS,
        (("external_id",), ("name",), ("time",)),
        MappingProxyType(
            {
                "event": Hint(("name",), "the event's name"),
                "hwid": Hint(("device_id",), "the device's id", _OWN_DEVICE),
                "userId": Hint(("external_id",), "the id that your app gave the user"),
                "timestamp": Hint(("time",), "ISO 8601; UTC if there is no offset", clock=_ISO_UTC, zones=("timezone",)),
                "device_type": Hint(("platform",), "the device's system"),
            }
        ),
        opened=("properties",),
        others=True,
        left_out=("app_id",),
    ),
    # Currents, and the tables that Braze shares: braze.com/docs, "Customer behavior and user events".
    Preset(
        "Braze",
        Kind.EVENTS,
        (
            _or_in_capitals("external_user_id"),
            _or_in_capitals("name"),
            _or_in_capitals("time"),
            _or_in_capitals("app_group_id", "app_group_api_id", "app_id", "app_api_id"),
        ),
        MappingProxyType(
            {
                "event": Hint(_or_in_capitals("name"), "the event's name"),
                "hwid": Hint(_or_in_capitals("device_id"), "Braze's id of the device", _OWN_DEVICE),
                "userId": Hint(
                    _or_in_capitals("external_user_id"), "the id that your app gave the user; user_id is Braze's own"
                ),
                "timestamp": Hint(
                    _or_in_capitals("time"),
                    "seconds since 1970, in UTC",
                    clock=Clock(unit="s"),
                    zones=_or_in_capitals("timezone"),
                ),
                "device_type": Hint(
                    _or_in_capitals("platform"),
                    "the device's system",
                    "this vendor has no device type for web, tvos and roku, so none is sent for them.",
                    values=_BRAZE_PLATFORMS,
                ),
            }
        ),
        opened=_or_in_capitals("properties"),
        keys=_or_in_capitals("id"),
    ),
    Preset(
        "Amplitude",
        Kind.USERS,
        (("device_id",), ("user_id",), ("amplitude_id", "event_type")),
        _AMPLITUDE,
        opened=("user_properties",),
        also=(Kind.TAGS,),
    ),
    Preset(
        "Amplitude",
        Kind.EVENTS,
        (("event_type",), ("event_time",), ("device_id", "user_id"), ("event_properties", "amplitude_id")),
        MappingProxyType(
            {
                "event": Hint(("event_type",), "the event's name"),
                **_AMPLITUDE,
                "timestamp": Hint(("event_time",), "Amplitude writes no zone and means UTC", clock=_ISO_UTC),
            }
        ),
        opened=("event_properties",),
        keys=("$insert_id", "insert_id", "uuid"),
        automatic=_AMPLITUDE_AUTOMATIC,
        prefix="[Amplitude] ",
    ),
    Preset(
        "Mixpanel",
        Kind.USERS,
        (("$distinct_id",), ("$properties",)),
        MappingProxyType(
            {
                "hwid": Hint(("$properties.$device_id", "$properties.device_id"), "the device's id", _OWN_DEVICE),
                "userId": Hint(("$distinct_id",), "Mixpanel's id of the user"),
                "tz_offset": Hint(("$properties.$timezone",), "the user's zone"),
                "device_type": Hint(("$properties.$os",), "the device's system"),
            }
        ),
        opened=("$properties",),
        also=(Kind.TAGS,),
    ),
    Preset(
        "Mixpanel",
        Kind.EVENTS,
        (("event",), ("properties.time",), ("properties.distinct_id",)),
        MappingProxyType(
            {
                "event": Hint(("event",), "the event's name"),
                "hwid": Hint(("properties.$device_id",), "Mixpanel's id of the device", _OWN_DEVICE),
                "userId": Hint(
                    ("properties.$user_id", "properties.distinct_id"),
                    "the id that your app gave the user",
                    "a distinct_id without a user behind it ($device:...) would become a user too.",
                    all_of=True,
                ),
                "timestamp": Hint(
                    ("properties.time",),
                    "seconds since 1970",
                    "old projects count in the project's own zone, not in UTC. If yours does, add to this table: "
                    'local = true, zone = "the project\'s zone".',
                    clock=Clock(unit="s"),
                ),
                "device_type": Hint(("properties.$os",), "the device's system"),
            }
        ),
        opened=("properties",),
        left_out=(
            "properties.$insert_id",
            "properties.mp_lib",
            "properties.$lib_version",
            "properties.mp_processing_time_ms",
            "properties.$mp_api_endpoint",
            "properties.$mp_api_timestamp_ms",
        ),
    ),
    Preset("Segment", Kind.USERS, (("anonymous_id",), ("user_id",), ("context_device_id",)), MappingProxyType(
        {**_SEGMENT, "tz_offset": Hint(("context_timezone",), "the zone of the user's device")}
    )),
    Preset(
        "Segment",
        Kind.EVENTS,
        (("event",), ("original_timestamp", "received_at", "sent_at"), ("anonymous_id", "context_device_id")),
        MappingProxyType(
            {
                "event": Hint(
                    ("event_text", "event"),
                    "the name as it was tracked; the column event is the warehouse's spelling of it",
                    all_of=True,
                ),
                **_SEGMENT,
                "timestamp": Hint(
                    ("timestamp",),
                    "Segment's own time of the event, corrected for wrong device clocks; UTC",
                    clock=_ISO_UTC,
                    zones=("context_timezone",),
                ),
            }
        ),
        others=True,
        left_out=("id", "anonymous_id", "event_text", "event", "original_timestamp", "received_at", "sent_at", "uuid_ts",
                  "loaded_at", "context_timezone", "context_ip", "context_library_name", "context_library_version"),
        keys=("id",),
    ),
    Preset("GA4", Kind.USERS, (("user_pseudo_id",), ("event_timestamp", "user_first_touch_timestamp")), MappingProxyType(
        {
            **_GA4,
            "tz_offset": Hint(
                ("device.time_zone_offset_seconds",), "the device's offset from UTC in seconds", clock=Clock(unit="s")
            ),
        }
    )),
    Preset(
        "GA4",
        Kind.EVENTS,
        (("event_name",), ("event_timestamp",), ("user_pseudo_id",)),
        MappingProxyType(
            {
                "event": Hint(("event_name",), "the event's name"),
                **_GA4,
                "timestamp": Hint(
                    ("event_timestamp",),
                    "GA4 counts in microseconds, in UTC",
                    clock=Clock(unit="us"),
                    zones=("device.time_zone_offset_seconds",),
                    zone_unit="s",
                ),
            }
        ),
        opened=("event_params",),
        automatic=_GA4_AUTOMATIC,
    ),
    Preset("CleverTap", Kind.USERS, (("profile.objectId",), ("profile.identity",)), _CLEVERTAP),
    Preset(
        "CleverTap",
        Kind.EVENTS,
        (("eventName",), ("ts",), ("profile.identity", "profile.objectId")),
        MappingProxyType(
            {
                "event": Hint(("eventName",), "the event's name"),
                **_CLEVERTAP,
                "timestamp": Hint(
                    ("ts",),
                    "YYYYMMDDHHMMSS in the zone of the CleverTap account",
                    clock=Clock(format="%Y%m%d%H%M%S"),
                ),
            }
        ),
        opened=("eventProps", "event_props", "event_properties"),
    ),
)  # fmt: skip
