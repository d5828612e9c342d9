"""What every transport promises, and the bounds that all of them keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from loader.model import NotSent, StopCode

if TYPE_CHECKING:
    from concurrent.futures import Future

    from loader.model import Attempt

LONGEST_BODY = 64 * 1024
"""Bytes of an answer that are read; the vendor's are below 1 KiB."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds of one attempt, in seconds.

    Attributes:
        connect: to open a connection to one address, TLS handshake included, and to write the request.
        read: the longest silence while the answer is awaited or read.
        total: the whole attempt. An attempt that is still connecting then is given up as not sent.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


DRAIN_SECONDS = Timeouts().total
"""A drain ends by then: every attempt that had begun has its answer or its deadline."""


# A proxy that answers one of these to CONNECT may open a tunnel later.
_LATER = frozenset({408, 425, 429})


def judge_tunnel(status: int) -> NotSent:
    """What it means that a proxy answered a CONNECT with anything but success: no request has left."""
    reason = f"The proxy opens no tunnel to the server: it answers HTTP {status}."
    lasting = 300 <= status < 500 and status not in _LATER
    return NotSent(reason, StopCode.PROXY if lasting else None)


class Transport(Protocol):
    """Puts bodies on the wire. It does not know rows, retries or order.

    Every transport keeps these promises; `tests/delivery/transports/test_contract.py` shows it:

    * one call, at most one request: it never sends again by itself and follows no redirect;
    * `NotSent` only if no byte of the request can have reached the vendor, `NoAnswer` if one may have;
    * an attempt ends by its total deadline, and of an answer at most `LONGEST_BODY` bytes are read;
    * a connection that was closed, or that has unread bytes, is not used again;
    * the token goes to the configured origin alone and into no text.
    """

    def post(self, body: bytes) -> Future[Attempt]:
        """Send one JSON body; the future yields an `Attempt` and never raises."""

    def close(self) -> None:
        """Give up what is on the wire and free the connections."""


class Session(Protocol):
    """A session of the caller: a `FuturesSession` of requests-futures or its own, or a `CurlSession`."""

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Future[Any]:
        """Send a request; the future yields a `requests.Response`."""


@runtime_checkable
class PolledLine(Protocol):
    """A transport without its own thread and futures: it advances while someone waits for its answers.

    It keeps the promises of `Transport`, and is used from one thread, except for `wake`.
    """

    def send(self, body: bytes, tag: object) -> None:
        """Have one JSON body sent; `turn` returns the tag with what became of it."""

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Move what is on the wire; the attempts that ended, or none after `timeout` seconds or a `wake`."""

    def wake(self) -> None:
        """End a wait, or the next one; from any thread or a signal handler."""

    def close(self) -> object:
        """Give up what is on the wire and free the connections."""
