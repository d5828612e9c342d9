"""Each fault: its name in a spec, what the caller sees, and whether the call is stored."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """The faults. A call meets at most one of them: the first in this order that hits it."""

    OUTAGE = "outage"
    REVOKED = "revoked"
    HTTP_401 = "401"
    HTTP_403 = "403"
    MAINTENANCE = "maintenance"
    HTTP_429 = "429"
    HTTP_500 = "500"
    HTTP_502 = "502"
    HTTP_503 = "503"
    HTTP_504 = "504"
    RESET_BEFORE_READ = "reset-before-read"
    HTML = "html"
    LOST_ANSWER = "lost-answer"
    RESET_AFTER_STORED = "reset-after-stored"
    CUT_ANSWER = "cut-answer"
    GARBLED_ANSWER = "garbled-answer"
    UNKNOWN_CODE = "unknown-code"


class Stored(StrEnum):
    """Whether a call that meets a fault is stored."""

    NO = "no"
    YES = "yes"
    EVERY_OTHER = "every other one"


class Facts(NamedTuple):
    """What is to be known of a fault."""

    seen: str
    stored: Stored


FACTS: dict[Fault, Facts] = {
    Fault.OUTAGE: Facts("new connections are refused and open ones are reset", Stored.NO),
    Fault.REVOKED: Facts(
        'HTTP 200 with status_code 403, "Token restrictions forbid this operation"', Stored.NO
    ),
    Fault.HTTP_401: Facts("HTTP 401", Stored.NO),
    Fault.HTTP_403: Facts("HTTP 403", Stored.NO),
    Fault.MAINTENANCE: Facts("HTTP 503 with Retry-After", Stored.NO),
    Fault.HTTP_429: Facts("HTTP 429 with Retry-After", Stored.NO),
    Fault.HTTP_500: Facts("HTTP 500", Stored.NO),
    Fault.HTTP_502: Facts("HTTP 502", Stored.NO),
    Fault.HTTP_503: Facts("HTTP 503 without Retry-After", Stored.NO),
    Fault.HTTP_504: Facts("HTTP 504", Stored.NO),
    Fault.RESET_BEFORE_READ: Facts("the connection is reset; the body was not read", Stored.NO),
    Fault.HTML: Facts("HTTP 200 with the HTML page of a proxy", Stored.NO),
    Fault.LOST_ANSWER: Facts("HTTP 504 of a gateway that lost the answer", Stored.EVERY_OTHER),
    Fault.RESET_AFTER_STORED: Facts("the connection is reset instead of an answer", Stored.YES),
    Fault.CUT_ANSWER: Facts("half of the answer; Content-Length promised all of it", Stored.YES),
    Fault.GARBLED_ANSWER: Facts("HTTP 200 with JSON that cannot be read", Stored.YES),
    Fault.UNKNOWN_CODE: Facts("HTTP 200 with status_code 201", Stored.YES),
}
