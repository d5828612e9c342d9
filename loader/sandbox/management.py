"""Methods that only a server may call: createEvent, getEventStatistics and getResults. Pure.

Their fields restate the vendor's documentation. How a period with a time of day is read, and which operators
a filter has beside `EQ`, it does not say: see `docs/reference/sandbox.md`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from loader.mapping.fields import DATE_FORMAT
from loader.methods import MAX_ATTRIBUTE_NAME_LENGTH, MAX_EVENT_LENGTH, POST_EVENT, ApiField
from loader.sandbox.calls import Condition, CreateEvent, Declared, Question
from loader.sandbox.checks import check_field, is_unicode, name_type, parse, refuse
from loader.sandbox.store.catalogue import AttributeType

CREATE_EVENT, GET_EVENT_STATISTICS, GET_RESULTS = "createEvent", "getEventStatistics", "getResults"
MAX_DESCRIPTION_LENGTH = 64
MAX_HOURS = 100_000
DAY_FORMAT = "%Y-%m-%d"


def _text(name: str, *, required: bool = True, longest: int | None = None) -> ApiField:
    return ApiField(name=name, json_type="string", source=None, required=required, longest=longest)


_AUTH, _APPLICATION = _text("auth"), _text("application")
FIELDS: dict[str, tuple[ApiField, ...]] = {
    CREATE_EVENT: (
        _AUTH,
        _APPLICATION,
        _text("name", longest=MAX_EVENT_LENGTH),
        _text("description", required=False, longest=MAX_DESCRIPTION_LENGTH),
        ApiField(name="eventAttributes", json_type="list", source=None),
    ),
    GET_EVENT_STATISTICS: (
        _AUTH,
        _APPLICATION,
        _text("event"),
        _text("date_from"),
        _text("date_to"),
        ApiField(name="attributes", json_type="list", source=None),
    ),
    GET_RESULTS: (_AUTH, _text("request_id")),
}


def read_request(name: str, body: bytes) -> dict[str, Any]:
    """The `request` object of a call, with fields of the right types.

    Raises:
        Refusal: as `loader.sandbox.checks.check`.
    """
    _, request = parse(body)
    for field in FIELDS[name]:
        check_field(field, request)
    return request


def read_new_event(request: dict[str, Any]) -> CreateEvent:
    """What createEvent declares.

    Raises:
        Refusal: an attribute is not as documented.
    """
    attributes = tuple(read_attribute(each) for each in request.get("eventAttributes", []))
    names = [each.name for each in attributes]
    for name in names:
        if names.count(name) > 1:
            refuse("eventAttributes", f"the name {name!r} stands there twice")
    return CreateEvent(request["application"], request["name"], request.get("description", ""), attributes)


def read_attribute(attribute: object) -> Declared:
    """One of `eventAttributes`.

    Raises:
        Refusal: it is not an object with a name and a documented type.
    """
    if not isinstance(attribute, dict):
        refuse("eventAttributes", f"must hold objects, and holds {name_type(attribute)}")
    check_field(_text("name", longest=MAX_ATTRIBUTE_NAME_LENGTH), attribute)
    check_field(ApiField(name="type", json_type="integer", source=None, required=True), attribute)
    if attribute["type"] not in set(AttributeType):
        refuse("type", f"{attribute['type']} is not a documented type of attributes")
    container = POST_EVENT.container
    if container is not None and attribute["name"] in container.reserved:
        refuse("eventAttributes", f"the name {attribute['name']!r} is reserved")
    return Declared(attribute["name"], attribute["type"])


def read_question(request: dict[str, Any]) -> Question:
    """What getEventStatistics is asked for.

    Raises:
        Refusal: the period or a filter cannot be read.
    """
    first = read_time("date_from", request["date_from"], end=False)
    last = read_time("date_to", request["date_to"], end=True)
    if last < first:
        refuse("date_to", "is before date_from")
    if (last - first) // 3600 >= MAX_HOURS:
        refuse("date_to", f"is more than {MAX_HOURS:,} hours after date_from")
    conditions = tuple(read_condition(each) for each in request.get("attributes", []))
    return Question(request["application"], request["event"], first, last, conditions)


def read_time(field: str, text: str, *, end: bool) -> int:
    """A moment in UTC: `YYYY-MM-DD HH:MM`, or `YYYY-MM-DD` for a whole day.

    Args:
        field: which field, for a refusal.
        text: its value.
        end: whether it is the last second of that minute or day, instead of the first.

    Raises:
        Refusal: it is not such a text.
    """
    for form, length in ((DATE_FORMAT, timedelta(minutes=1)), (DAY_FORMAT, timedelta(days=1))):
        try:
            begin = datetime.strptime(text, form).replace(tzinfo=UTC)
            return int((begin + length).timestamp()) - 1 if end else int(begin.timestamp())
        except (ValueError, OverflowError):
            continue
    return refuse(field, f"{text[:80]!r} is not of the form YYYY-MM-DD HH:MM")


def read_condition(condition: object) -> Condition:
    """One filter.

    Raises:
        Refusal: it is not an object with a name, the operator `EQ` and a list of values.
    """
    if not isinstance(condition, dict):
        refuse("attributes", f"must hold objects, and holds {name_type(condition)}")
    for field in (_text("name"), _text("operator")):
        check_field(field, condition)
    check_field(ApiField(name="values", json_type="list", source=None, required=True), condition)
    if condition["operator"] != "EQ":
        refuse("operator", f"{condition['operator'][:80]!r} is not known to the sandbox. It knows EQ")
    return Condition(condition["name"], tuple(write_value(value) for value in condition["values"]))


def write_value(value: object) -> str:
    """A value as a text, as SQLite writes the value of an attribute.

    Raises:
        Refusal: it is not of characters.
    """
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if not is_unicode(text):
        refuse("values", "hold half of a surrogate pair, which is not a character")
    return text
