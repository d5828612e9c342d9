"""A sandbox that misbehaves, on a clock that the test moves, and a caller that sees every byte."""

from __future__ import annotations

import json
import queue
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loader.sandbox.faults import parse_spec
from loader.sandbox.faults.misbehaviour import Faults
from loader.sandbox.server import serve
from tests.sandbox.conftest import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loader.sandbox.server import Serving


@dataclass
class Hands:
    """A clock that the test moves, in seconds."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.seconds


@dataclass(frozen=True)
class Seen:
    """What the caller saw of an answer, until its end or the end of the connection.

    Attributes:
        status: of the answer; 0 if there was none.
        headers: in small letters.
        body: what came of it.
        ended: `reset`, `closed`, or "" if the connection can be used again.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: str = ""

    @property
    def code(self) -> object:
        """`status_code` of the body."""
        return json.loads(self.body)["status_code"]


@contextmanager
def misbehaving(store: Path, spec: str, clock: Callable[[], float] | None = None) -> Iterator[Serving]:
    """A sandbox with faults, in a thread of this process."""
    announced: queue.Queue[Serving] = queue.Queue()
    faults = Faults(parse_spec(spec), clock or Hands())
    arguments = {"ready": announced.put, "faults": faults}
    thread = threading.Thread(target=serve, args=(store,), kwargs=arguments)
    thread.start()
    serving = announced.get(timeout=10)
    try:
        yield serving
    finally:
        serving.stop()
        thread.join(60)
        assert not thread.is_alive()


class Caller:
    """One connection to a sandbox."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        self._path, self._host = url.path, url.netloc
        self._sock = socket.create_connection((url.hostname, url.port), timeout=20)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def call(self, method: str, request: dict[str, object]) -> Seen:
        """Call a method and read until the answer is complete or the connection ends."""
        body = json.dumps({"request": request}).encode()
        head = (
            f"POST {self._path}{method} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            self._sock.sendall(head.encode() + body)
            return self._read()
        except (ConnectionResetError, BrokenPipeError):
            return Seen(ended="reset")

    def wait_for_end(self) -> str:
        """How the connection ends while nothing is sent."""
        try:
            return "closed" if self._sock.recv(1) == b"" else "answered"
        except ConnectionResetError:
            return "reset"

    def _read(self) -> Seen:
        received = b""
        while b"\r\n\r\n" not in received:
            more = self._sock.recv(65536)
            if not more:
                return Seen(ended="closed")
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        ended = ""
        while len(body) < int(headers["content-length"]) and not ended:
            more = self._sock.recv(65536)
            body += more
            ended = "" if more else "closed"
        return Seen(int(status.split()[1]), headers, body, ended)


def post(endpoint: str, number: int) -> Seen:
    """Send an event with a number, on a connection of its own."""
    with Caller(endpoint) as caller:
        return caller.call("postEvent", event(number))


def event(number: int) -> dict[str, object]:
    """An event that can be found again."""
    return {
        "application": APPLICATION,
        "event": "purchase",
        "attributes": {"n": number},
        "hwid": "D1",
        "timestampUTC": 1435228403,
    }
