"""Is this call what the vendor's documentation describes? Pure, and strict if that is clear.

Fields that the documentation does not name are let pass: what the vendor does with them is not known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from loader.mapping.fields import APPLICATION_CODE, DEVICE_TYPES
from loader.methods import BY_NAME, MappedField
from loader.sandbox.calls import Event, Registration, TagValues
from loader.sandbox.decoding import decode
from loader.sandbox.json_text import extract_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.methods import ApiField, Container, Need
    from loader.sandbox.calls import Call

INT64 = range(-(2**63), 2**63)
JSON_TYPES = {"string": str, "integer": int, "object": dict, "list": list}
KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    list: "a list",
    dict: "an object",
}


class Refusal(Exception):
    """Why a call is not taken.

    Args:
        http_status: of the answer.
        status_code: the vendor's own code, in the body; None for an answer of the gateway before it.
        message: the body's `status_message`, or `message`; names the field.
    """

    def __init__(self, http_status: int, status_code: int | None, message: str) -> None:
        self.http_status = http_status
        self.status_code = status_code
        super().__init__(message)


def check(name: str, body: bytes, application: str | None = None) -> Call:
    """Read one call of a method that loads: at full speed if it is good, else to say what is wrong with it.

    Args:
        name: of the API method.
        body: the HTTP request's body.
        application: the only application code that exists, or None for any well-formed one.

    Raises:
        Refusal: with the answer that the vendor's documentation gives for what is wrong.
    """
    call = decode(name, body)
    if call is None:
        call = read(name, body)
    check_application(call.application, application)
    return call


def read(name: str, body: bytes) -> Call:
    """Read one call field by field, so that a refusal names the first field that is wrong.

    It also reads what `decode` leaves to it: JSON that is valid and rare, such as half of a surrogate pair.

    Raises:
        Refusal: as `check`.
    """
    text, request = parse(body)
    method = BY_NAME[name]
    for field in method.fields:
        check_field(field, request)
    for need in method.needs:
        check_need(need, request)
    if any(field.source is MappedField.DEVICE_TYPE for field in method.fields):
        check_device_type(request.get("device_type"))
    if method.container is not None:
        check_container(method.container, request[method.container.name])
    return READERS[name](request, text)


def read_registration(request: dict[str, Any], _: str) -> Registration:
    """The fields of a checked registerUser request."""
    return Registration(
        application=request["application"],
        hwid=request["hwid"],
        user_id=request.get("userId", ""),
        tz_offset=request.get("tz_offset"),
        device_type=request.get("device_type"),
    )


def read_event(request: dict[str, Any], text: str) -> Event:
    """The fields of a checked postEvent request; `text` is the whole body."""
    return Event(
        application=request["application"],
        event=request["event"],
        hwid=request.get("hwid", ""),
        user_id=request.get("userId", ""),
        timestamp_utc=request.get("timestampUTC"),
        timestamp_current=request.get("timestampCurrent"),
        device_type=request.get("device_type"),
        attributes=extract_text(text, "request", "attributes"),
    )


def read_tags(request: dict[str, Any], text: str) -> TagValues:
    """The fields of a checked setTags request; `text` is the whole body."""
    return TagValues(
        application=request["application"],
        hwid=request.get("hwid", ""),
        user_id=request.get("userId", ""),
        tags=extract_text(text, "request", "tags"),
    )


READERS: dict[str, Callable[[dict[str, Any], str], Call]] = {
    "registerUser": read_registration,
    "postEvent": read_event,
    "setTags": read_tags,
}


def check_field(field: ApiField, request: dict[str, Any]) -> None:
    """Refuse a field that is missing, or not of its type: `true` is not an integer, nor is 1.0 or "1"."""
    if field.name not in request:
        if field.required:
            refuse(field.name, "is required")
        return
    value = request[field.name]
    if type(value) is not JSON_TYPES[field.json_type]:
        refuse(field.name, f"must be of the type {field.json_type}, and is {name_type(value)}")
    if isinstance(value, str):
        check_text(field, value)
    elif isinstance(value, int) and value not in INT64:
        refuse(field.name, "does not fit in 64 bits")


def check_text(field: ApiField, value: str) -> None:
    """Refuse a text that is empty though required, too long, or no text."""
    if field.required and not value:
        refuse(field.name, "is required, and is empty")
    if field.longest is not None and len(value) > field.longest:
        refuse(field.name, f"has {len(value)} characters, and at most {field.longest} are allowed")
    if not is_unicode(value):
        refuse(field.name, "holds half of a surrogate pair, which is not a character")


def check_need(need: Need, request: dict[str, Any]) -> None:
    """Refuse a request that has none of several fields, of which one is required."""
    if len(need.fields) > 1 and not any(request.get(name) for name in need.fields):
        refuse(" or ".join(need.fields), "is required")


def check_application(code: str, only: str | None) -> None:
    """Refuse the code of an application that cannot exist, or does not."""
    if code == only:
        return
    if not APPLICATION_CODE.fullmatch(code):
        refuse("application", f"{code[:80]!r} is not of the form XXXXX-XXXXX")
    if only is not None:
        raise Refusal(200, 210, "Application not found")


def check_device_type(number: int | None) -> None:
    """Refuse a number that the documentation does not list."""
    if number is not None and number not in DEVICE_TYPES:
        refuse("device_type", f"{number} is not a documented device type")


def check_container(container: Container, members: dict[str, Any]) -> None:
    """Refuse names of members that are empty, too long or the vendor's own."""
    longest = container.longest_name
    for name in members:
        if not name:
            refuse(container.name, "holds a name that is empty")
        if longest is not None and len(name) > longest:
            refuse(
                container.name,
                f"the name {name[:80]!r} has {len(name)} characters, and at most {longest} are allowed",
            )
        if not is_unicode(name):
            refuse(
                container.name, f"the name {name!r} holds half of a surrogate pair, which is not a character"
            )
        if name in container.reserved:
            refuse(container.name, f"the name {name!r} is reserved")


def is_unicode(text: str) -> bool:
    """JSON can escape half of a surrogate pair; UTF-8, and so the store, cannot hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """The body's text and the object under `request`."""
    try:
        text = body.decode("utf-8")
        envelope = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, None, f"Request is not JSON in UTF-8: {error}") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("request"), dict):
        raise Refusal(200, 210, "Request format is not valid.")
    return text, envelope["request"]


def refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity; JSON has neither (RFC 8259, section 6)."""
    raise ValueError(f"{name} is not a JSON number")


def refuse(field: str, reason: str) -> NoReturn:
    """An argument error, as the vendor answers it: HTTP 200 with 210 in the body."""
    raise Refusal(200, 210, f"{field}: {reason}")


def name_type(value: object) -> str:
    """What JSON calls the value, for a message."""
    return KINDS.get(type(value), "null")
