"""What one request found out about the way to a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """How far a request got; what comes after is not known."""

    NAME = 0
    CONNECTION = 1
    TUNNEL = 2
    ENCRYPTION = 3
    ANSWER = 4
    DONE = 5


@dataclass(frozen=True, slots=True)
class Probe:
    """What one request found out.

    Attributes:
        stage: where it failed; `DONE` if an answer came.
        failure: why, or "".
        address: the IP address that was reached, of the proxy if there is one, or "".
        name_seconds, connect_seconds, seconds: from its beginning until each was done; 0 if it was not.
        expires: when the server's certificate ends, in Unix seconds, or None.
        status, body: of the answer.
        date: the header of that name, or "".
        began: the time of day when it began, in Unix seconds.
    """

    stage: Stage
    failure: str = ""
    address: str = ""
    name_seconds: float = 0.0
    connect_seconds: float = 0.0
    seconds: float = 0.0
    expires: float | None = None
    status: int = 0
    body: bytes = b""
    date: str = ""
    began: float = 0.0
