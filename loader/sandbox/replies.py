"""The answers of the vendor, and of the gateways in front of it. Pure."""

from __future__ import annotations

import json
from typing import NamedTuple

# Made up: the vendor's code names an in-app message to show, and is not a receipt.
IN_APP_CODE = "5A4DB-0X000"
#: What a gateway calls HTTP statuses in its `code`: the codes of gRPC.
GATEWAY_CODES = {400: 3, 404: 5}


class Reply(NamedTuple):
    """An HTTP answer.

    Attributes:
        status: of HTTP.
        body: JSON in UTF-8.
        headers: beside those of the content.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def build_acceptance(response: object) -> Reply:
    """The vendor's answer to a call that it took."""
    envelope = {"status_code": 200, "status_message": "OK", "response": response}
    return Reply(200, json.dumps(envelope).encode())


def build_refusal(http_status: int, status_code: int, message: str) -> Reply:
    """The vendor's answer to a call that it did not take."""
    return Reply(http_status, json.dumps({"status_code": status_code, "status_message": message}).encode())


def build_gateway_refusal(status: int, message: str, *headers: tuple[bytes, bytes]) -> Reply:
    """The answer of a gateway, before the call reaches the vendor's method."""
    code = {"code": GATEWAY_CODES[status]} if status in GATEWAY_CODES else {}
    return Reply(status, json.dumps({**code, "message": message}).encode(), headers)


ACCEPTED = build_acceptance(None)
ACCEPTED_EVENT = build_acceptance({"code": IN_APP_CODE})
