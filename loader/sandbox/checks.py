"""Is this call what the vendor's documentation describes? Pure, and strict if that is clear.

Fields that the documentation does not name are let pass: what the vendor does with them is not known.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from loader.mapping.fields import APPLICATION_CODE, DEVICE_TYPES
from loader.methods import BY_NAME
from loader.sandbox.calls import Event, Registration, TagValues

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.methods import ApiField, Container, Need
    from loader.sandbox.calls import Call

INT64 = range(-(2**63), 2**63)
JSON_TYPES = {"string": str, "integer": int, "object": dict}
KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    list: "a list",
    dict: "an object",
}
DECODER = json.JSONDecoder()
SPACE = re.compile(r"[ \t\n\r]*")
COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")


class Refusal(Exception):
    """Why a call is not taken.

    Args:
        http_status: of the answer.
        status_code: the vendor's own code, in the body.
        message: the body's `status_message`; names the field.
    """

    def __init__(self, http_status: int, status_code: int, message: str) -> None:
        self.http_status = http_status
        self.status_code = status_code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a call must carry beside its fields.

    Attributes:
        application: the only application code that exists, or None for any well-formed one.
        token: the only device API token let in, or None to let any or none in.
    """

    application: str | None = None
    token: str | None = None

    def admit(self, headers: dict[bytes, bytes]) -> None:
        """Refuse a caller whose token is not the expected one."""
        expected = f"Token {self.token}".encode()
        if self.token is not None and not hmac.compare_digest(headers.get(b"authorization", b""), expected):
            raise Refusal(200, 403, "Token restrictions forbid this operation")


def check(name: str, body: bytes, rules: Rules) -> Call:
    """Read one call.

    Args:
        name: of the API method.
        body: the HTTP request's body.
        rules: what the sandbox was started for.

    Raises:
        Refusal: with the answer that the vendor's documentation gives for what is wrong.
    """
    text, request = parse(body)
    method = BY_NAME[name]
    for field in method.fields:
        check_field(field, request)
    for need in method.needs:
        check_need(need, request)
    check_application(request["application"], rules)
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


def check_application(code: str, rules: Rules) -> None:
    """Refuse the code of an application that cannot exist, or does not."""
    if not APPLICATION_CODE.fullmatch(code):
        refuse("application", f"{code[:80]!r} is not of the form XXXXX-XXXXX")
    if rules.application not in (None, code):
        raise Refusal(200, 210, "Application not found")


def check_device_type(number: int | None) -> None:
    """Refuse a number that the documentation does not list."""
    if number is not None and number not in DEVICE_TYPES:
        refuse("device_type", f"{number} is not a documented device type")


def check_container(container: Container, members: dict[str, Any]) -> None:
    """Refuse names of members that are empty, too long or the vendor's own."""
    longest = container.longest_name
    for name in members:
        if not name or (longest is not None and len(name) > longest):
            refuse(
                container.name,
                f"the name {name[:80]!r} has {len(name)} characters, and 1 to {longest} are allowed",
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
        raise Refusal(400, 400, f"Request is not JSON in UTF-8: {error}") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("request"), dict):
        raise Refusal(200, 210, "Request format is not valid.")
    return text, envelope["request"]


def refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity; JSON has neither (RFC 8259, section 6)."""
    raise ValueError(f"{name} is not a JSON number")


def extract_text(text: str, *path: str) -> str:
    """The text of a member of a member of the outermost object, as written in valid JSON `text`."""
    start, end = SPACE.match(text).end(), len(text)  # type: ignore[union-attr]  # matches the empty text
    for name in path:
        start, end = find_member(text, start, name)
    return text[start:end]


def find_member(text: str, start: int, name: str) -> tuple[int, int]:
    """Where the value of `name` begins and ends in the object that begins at `start`; the last of equals."""
    found, position = (start, start), start
    while text[position] != "}":
        position = SPACE.match(text, position + 1).end()  # type: ignore[union-attr]  # matches the empty text
        key, position = DECODER.raw_decode(text, position)
        begin = COLON.match(text, position).end()  # type: ignore[union-attr]  # a colon follows a key
        _, end = DECODER.raw_decode(text, begin)
        if key == name:
            found = (begin, end)
        position = SPACE.match(text, end).end()  # type: ignore[union-attr]  # matches the empty text
    return found


def refuse(field: str, reason: str) -> NoReturn:
    """An argument error, as the vendor answers it: HTTP 200 with 210 in the body."""
    raise Refusal(200, 210, f"{field}: {reason}")


def name_type(value: object) -> str:
    """What JSON calls the value, for a message."""
    return KINDS.get(type(value), "null")
