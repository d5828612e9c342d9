"""The answers that the sandbox gives in place of the vendor's own."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from loader.sandbox.faults.kinds import Fault

if TYPE_CHECKING:
    from loader.sandbox.faults.spec import RetryAfter

# Made up, and like those of the usual proxies: an error page with the status of a success.
PAGE = (
    b"<!DOCTYPE html><html><head><title>Service temporarily unavailable</title></head><body>"
    b"<h1>Service temporarily unavailable</h1><p>The sandbox plays a proxy.</p></body></html>"
)
# Not one of the codes that the vendor documents.
UNKNOWN_CODE = 201

_STATUS = {
    Fault.REVOKED: 200,
    Fault.MAINTENANCE: 503,
    Fault.HTML: 200,
    Fault.LOST_ANSWER: 504,
    Fault.GARBLED_ANSWER: 200,
    Fault.UNKNOWN_CODE: 200,
}
_SAID = {Fault.LOST_ANSWER: "lost this answer", Fault.MAINTENANCE: "is in maintenance"}
_WAITING = {Fault.HTTP_429, Fault.MAINTENANCE}
_REVOKED = {
    "status_code": 403,
    "status_message": "Token restrictions forbid this operation",
    "response": None,
}


class RawAnswer(NamedTuple):
    """A whole answer: the status, headers beside the length, and the body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def build_answer(fault: Fault, wait: RetryAfter | None, now: float) -> RawAnswer:
    """The answer that a fault is; for faults that are one.

    Args:
        fault: which.
        wait: what Retry-After says, if this fault has one.
        now: Unix time in seconds, for a Retry-After that is a date.
    """
    if fault is Fault.HTML:
        return RawAnswer(200, [(b"content-type", b"text/html; charset=utf-8")], PAGE)
    status = _STATUS[fault] if fault in _STATUS else int(fault)
    headers = [(b"content-type", b"application/json")]
    if fault in _WAITING and wait is not None:
        headers.append((b"retry-after", write_retry_after(wait, now)))
    return RawAnswer(status, headers, write_body(fault, status))


def write_body(fault: Fault, status: int) -> bytes:
    """The body of the answer that a fault is."""
    if fault is Fault.GARBLED_ANSWER:
        # A byte in the middle is lost and another one is turned: JSON of no kind.
        return b'{"status_code":200,"status_message":"OK"\x00"response":nul'
    if fault is Fault.REVOKED:
        return json.dumps(_REVOKED).encode()
    if fault is Fault.UNKNOWN_CODE:
        return json.dumps(
            {"status_code": UNKNOWN_CODE, "status_message": "Accepted", "response": None}
        ).encode()
    said = _SAID.get(fault, f"answers {status}")
    # The form of the newer gateways; see the vendor's messages in `docs/reference/sandbox.md`.
    return json.dumps({"message": f"The sandbox {said} on purpose."}).encode()


def write_retry_after(wait: RetryAfter, now: float) -> bytes:
    """The value of the header (RFC 9110, section 10.2.3)."""
    if wait.as_date:
        return formatdate(now + wait.seconds, usegmt=True).encode()
    return b"%d" % wait.seconds
