"""The calls that the sandbox takes, once they are checked, and what it notes of each. Plain records."""

from __future__ import annotations

from typing import NamedTuple


class Registration(NamedTuple):
    """An acceptable registerUser call."""

    application: str
    hwid: str
    user_id: str
    tz_offset: int | None
    device_type: int | None


class Event(NamedTuple):
    """An acceptable postEvent call; `attributes` is its JSON text, character for character as received."""

    application: str
    event: str
    hwid: str
    user_id: str
    timestamp_utc: int | None
    timestamp_current: int | None
    device_type: int | None
    attributes: str


class TagValues(NamedTuple):
    """An acceptable setTags call; `tags` is its JSON text as received. A value of null removes the tag."""

    application: str
    hwid: str
    user_id: str
    tags: str


class Declared(NamedTuple):
    """An attribute of an event, and its type: the number that createEvent gives it."""

    name: str
    type: int


class CreateEvent(NamedTuple):
    """An acceptable createEvent call."""

    application: str
    name: str
    description: str
    attributes: tuple[Declared, ...]


#: An acceptable call of any method that loads.
Call = Registration | Event | TagValues


class Condition(NamedTuple):
    """A filter of getEventStatistics: the attribute has one of these values, compared as texts."""

    name: str
    values: tuple[str, ...]


class Question(NamedTuple):
    """What getEventStatistics is asked for: the events of one name in an interval of time.

    Attributes:
        application, event: which events.
        first, last: Unix seconds, both included.
        conditions: all have to be true.
    """

    application: str
    event: str
    first: int
    last: int
    conditions: tuple[Condition, ...]


class Denial(NamedTuple):
    """Why the store does not take a call: the vendor's code and its message."""

    status_code: int
    message: str


#: What comes of a call that is written: nothing to say, the number of a new event, or why it is not taken.
Outcome = int | Denial | None


class Received(NamedTuple):
    """A call that is to be kept.

    Attributes:
        load: the label of the load that it belongs to, from its path; "" if it names none.
        arrived: when it came, in Unix milliseconds.
        call: what it says.
    """

    load: str
    arrived: int
    call: Call | CreateEvent


class Answered(NamedTuple):
    """Which answers are counted together.

    Attributes:
        second: when they were given, in Unix seconds.
        load: the label of the load, or "".
        method: the API method, or "" for a path without one.
        verdict: `ok`, `refused 210`, or the name of a fault.
    """

    second: int
    load: str
    method: str
    verdict: str


class Refused(NamedTuple):
    """A call that was refused, as it is kept for a while.

    Attributes:
        arrived: when it came, in Unix milliseconds.
        load: the label of the load, or "".
        method: the API method, or "".
        http_status, status_code: of the answer; the second is the vendor's own, in the body, if it has one.
        message: of the answer.
        body: the beginning of the request's body.
    """

    arrived: int
    load: str
    method: str
    http_status: int
    status_code: int | None
    message: str
    body: str
