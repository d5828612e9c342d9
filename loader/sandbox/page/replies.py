"""What the child sends back: a line of JSON about the answer, and its bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import IO

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Request(NamedTuple):
    """A request for the page: path and query as the browser sent them, and the host that it named."""

    target: str
    host: str


class Reply(NamedTuple):
    """An answer: HTTP status, media type and body."""

    status: int
    type: str
    body: bytes


def write_line(stream: IO[bytes], *values: object) -> None:
    """A line of JSON."""
    stream.write(json.dumps(values).encode() + b"\n")
    stream.flush()


def write_reply(stream: IO[bytes], reply: Reply) -> None:
    """An answer whose length is known."""
    stream.write(json.dumps([reply.status, reply.type, len(reply.body)]).encode() + b"\n" + reply.body)
    stream.flush()


def read_reply(stream: IO[bytes]) -> Reply:
    """An answer.

    Raises:
        EOFError: the stream ended before.
    """
    line = stream.readline()
    if not line:
        raise EOFError
    status, kind, length = json.loads(line)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return Reply(status, kind, body)
