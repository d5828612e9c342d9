"""Good calls, read in microseconds. Pure.

Whatever is not clearly good is left to `checks`, which reads it again to say what is wrong: a call that both
read is the same call, and what is taken here would be taken there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from loader.mapping.fields import DEVICE_TYPES
from loader.methods import BY_NAME, MAX_EVENT_LENGTH, POST_EVENT, REGISTER_USER, SET_TAGS
from loader.sandbox.calls import Event, Registration, TagValues

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.sandbox.calls import Call

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1)]
EventName = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_LENGTH)]


class RegistrationRequest(Struct):
    """The `request` object of registerUser."""

    application: Name
    hwid: Name
    userId: str = ""  # noqa: N815 - the vendor's name
    tz_offset: Int64 | UnsetType = UNSET
    device_type: int | UnsetType = UNSET


class EventRequest(Struct):
    """The `request` object of postEvent."""

    application: Name
    event: EventName
    attributes: Raw
    hwid: str = ""
    userId: str = ""  # noqa: N815 - the vendor's name
    timestampUTC: Int64 | UnsetType = UNSET  # noqa: N815 - the vendor's name
    timestampCurrent: Int64 | UnsetType = UNSET  # noqa: N815 - the vendor's name
    device_type: int | UnsetType = UNSET


class TagsRequest(Struct):
    """The `request` object of setTags."""

    application: Name
    tags: Raw
    hwid: str = ""
    userId: str = ""  # noqa: N815 - the vendor's name


class RegistrationBody(Struct):
    """A body of registerUser."""

    request: RegistrationRequest


class EventBody(Struct):
    """A body of postEvent."""

    request: EventRequest


class TagsBody(Struct):
    """A body of setTags."""

    request: TagsRequest


_decode_registration = msgspec.json.Decoder(RegistrationBody).decode
_decode_event = msgspec.json.Decoder(EventBody).decode
_decode_tags = msgspec.json.Decoder(TagsBody).decode
_decode_members = msgspec.json.Decoder(dict[str, Any]).decode


def decode(name: str, body: bytes) -> Call | None:
    """Read a call, or return None if it has to be looked at more closely.

    Args:
        name: of the API method.
        body: the HTTP request's body.
    """
    try:
        if not body.isascii():
            body.decode()  # msgspec passes over the texts of fields that it does not know
        return DECODERS[name](body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def decode_registration(body: bytes) -> Registration | None:
    """Read a registerUser call."""
    request = _decode_registration(body).request
    device_type = None if request.device_type is UNSET else request.device_type
    if device_type is not None and device_type not in DEVICE_TYPES:
        return None
    tz_offset = None if request.tz_offset is UNSET else request.tz_offset
    return Registration(request.application, request.hwid, request.userId, tz_offset, device_type)


def decode_event(body: bytes) -> Event | None:
    """Read a postEvent call."""
    request = _decode_event(body).request
    device_type = None if request.device_type is UNSET else request.device_type
    if device_type is not None and device_type not in DEVICE_TYPES:
        return None
    if not (request.hwid or request.userId) or not has_good_names("postEvent", request.attributes):
        return None
    return Event(
        request.application,
        request.event,
        request.hwid,
        request.userId,
        None if request.timestampUTC is UNSET else request.timestampUTC,
        None if request.timestampCurrent is UNSET else request.timestampCurrent,
        device_type,
        str(request.attributes, "utf-8"),
    )


def decode_tags(body: bytes) -> TagValues | None:
    """Read a setTags call."""
    request = _decode_tags(body).request
    if not (request.hwid or request.userId) or not has_good_names("setTags", request.tags):
        return None
    return TagValues(request.application, request.hwid, request.userId, str(request.tags, "utf-8"))


DECODERS: dict[str, Callable[[bytes], Call | None]] = {
    REGISTER_USER.name: decode_registration,
    POST_EVENT.name: decode_event,
    SET_TAGS.name: decode_tags,
}


def has_good_names(method: str, members: Raw) -> bool:
    """Whether the members of a container have names that the vendor takes."""
    container = BY_NAME[method].container
    assert container is not None  # noqa: S101 - only methods with a container get here
    longest, reserved = container.longest_name, container.reserved
    for name in _decode_members(members):
        if not name or name in reserved or (longest is not None and len(name) > longest):
            return False
    return True
