"""One request and its answer on one libcurl handle, and what became of them.

libcurl sends a POST again by itself when a reused connection dies before the first byte of the answer. It
cannot where the body comes from a read function and no seek function is there to rewind it: then that case
ends in an error (shown in `tests/delivery/test_transport_curl.py`). So no body is ever given as POSTFIELDS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pycurl

from loader.delivery.wire import HEADERS, LONGEST_BODY
from loader.delivery.wording import plain
from loader.model import Answer, NoAnswer, NotSent

if TYPE_CHECKING:
    from loader.delivery.wire import Timeouts
    from loader.model import Attempt
    from loader.settings import Token

_CERTIFICATE = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE})
_SUPPRESS_CONNECT_HEADERS = 265  # of curl.h; pycurl has no name for it
# A connection that ends before the answer: the first request on it, or a later one that libcurl would repeat.
_CLOSED = frozenset({pycurl.E_GOT_NOTHING, pycurl.E_SEND_FAIL_REWIND})
_SILENT = "the server was silent for too long"


@dataclass(frozen=True, slots=True)
class Target:
    """Where every request of a line goes, and how.

    Attributes:
        url: of the API method.
        token: goes into the Authorization header, or None.
        timeouts: the bounds of one attempt.
        ca_bundle: path of the certificates to trust.
        proxy: URL of a proxy, or "" for none; the environment's are never used.
    """

    url: str
    token: Token | None
    timeouts: Timeouts
    ca_bundle: str
    proxy: str = ""

    @property
    def encrypted(self) -> bool:
        """Whether there is TLS on the way."""
        return self.url.startswith("https:") or self.proxy.startswith("https:")

    def headers(self) -> list[str]:
        """The lines of the request's head that are ours."""
        lines = [f"{name}: {value}" for name, value in HEADERS.items()]
        # Without this libcurl asks before it sends a large body, and waits for the leave.
        lines.append("Expect:")
        if self.token is not None:
            lines.append(f"Authorization: Token {self.token.reveal()}")
        return lines


class Exchange:
    """A handle that makes one attempt after the other; its options are set once.

    Over TLS it holds each body back at first, puts itself into `held`, and waits for `go_on`.

    Attributes:
        easy: the handle.
        pool: the connections over which it goes.
        tag: whose attempt it is.
    """

    pool: Any

    __slots__ = (
        "_body",
        "_cautious",
        "_heard",
        "_held",
        "_hold",
        "_lines",
        "_parts",
        "_pulled",
        "_size",
        "_still_since",
        "easy",
        "pool",
        "tag",
    )

    def __init__(self, target: Target, held: list[Exchange]) -> None:
        self.tag: Any = None
        self._held = held
        self._cautious = target.encrypted
        self._hold = False
        self._body = b""
        self._pulled = False
        self._lines: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._heard = (0, 0)
        self._still_since: float | None = None
        self.easy = pycurl.Curl()
        self.easy.exchange = self
        _set_up(self.easy, target)
        self.easy.setopt(pycurl.READFUNCTION, self._read)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._write)

    def begin(self, body: bytes, tag: object) -> None:
        """Prepare the next attempt."""
        self.tag = tag
        self._hold = self._cautious
        self._body = body
        self._pulled = False
        self._lines.clear()
        self._parts.clear()
        self._size = 0
        self._still_since = None
        self.easy.setopt(pycurl.POSTFIELDSIZE, len(body))

    def go_on(self) -> None:
        """Send the body that was held back."""
        self.easy.pause(pycurl.PAUSE_CONT)

    def _read(self, most: int) -> bytes | int:
        if self._hold:
            self._hold = False
            self._held.append(self)
            return int(pycurl.READFUNC_PAUSE)
        self._pulled = True
        piece, self._body = self._body[:most], self._body[most:]
        return piece

    def _write(self, piece: bytes) -> int | None:
        self._size += len(piece)
        if self._size <= LONGEST_BODY:
            self._parts.append(piece)
            return None
        self._parts.append(piece[: len(piece) + LONGEST_BODY - self._size])
        return 0  # libcurl gives the connection up

    def silent(self, now: float, longest: float) -> bool:
        """Whether the request has left and, seen from call to call, nothing came for so many seconds."""
        heard = (len(self._lines), self._size)
        if not self._pulled or self._still_since is None or heard != self._heard:
            self._heard = heard
            self._still_since = now if self._pulled else None
            return False
        return now - self._still_since >= longest

    @property
    def http_1(self) -> bool:
        """Whether the answer came over HTTP/1."""
        return bool(self._lines) and self._lines[0].startswith(b"HTTP/1")

    @property
    def reuses(self) -> bool:
        """Whether the request goes over a connection that has carried another."""
        return int(self.easy.getinfo(pycurl.NUM_CONNECTS)) == 0

    def answered(self) -> Answer:
        """The whole answer that libcurl has read."""
        head = b"".join(self._lines).lower()
        if b"retry-after" in head or b"content-encoding" in head:
            return self._answer(complete=True)
        return Answer(self.easy.getinfo(pycurl.RESPONSE_CODE), b"".join(self._parts))

    def failed(self, code: int, message: str) -> Attempt:
        """What to make of an error of libcurl's."""
        if code in _CERTIFICATE:
            return NotSent(
                f"The server's certificate is not valid: {plain(message)}. "
                "Check --endpoint, and the clock and certificates of this machine.",
                fatal=True,
            )
        if not self._left():
            return NotSent(self._reason(message))
        if code in _CLOSED:
            return NoAnswer("the server closed the connection without an answer")
        answer = self._answer(complete=False)
        return answer if answer.status else NoAnswer(self._reason(message))

    def given_up(self, reason: str = _SILENT) -> Attempt:
        """What to make of an attempt that is ended from this side."""
        return NoAnswer(reason) if self._left() else NotSent(reason)

    def _left(self) -> bool:
        return self._pulled or self.easy.getinfo(pycurl.REQUEST_SIZE) > 0

    def _answer(self, *, complete: bool) -> Answer:
        head = final_head(self._lines)
        return Answer(
            int(self.easy.getinfo(pycurl.RESPONSE_CODE)) if head else 0,
            b"" if _encoded(head) else b"".join(self._parts),  # not asked for, so not unpacked
            _header(head, b"retry-after:"),
            complete,
        )

    def _reason(self, message: str) -> str:
        error = self.easy.getinfo(pycurl.OS_ERRNO)
        said = plain(message)
        return f"{said}: {os.strerror(error)}" if error else said


def final_head(lines: list[bytes]) -> list[bytes]:
    """Status line and headers of the last answer that is not interim, without trailers; nothing if cut."""
    head: list[bytes] = []
    begun = 0
    for number, line in enumerate(lines):
        if line.startswith(b"HTTP/"):
            begun = number
            head = []
        elif line == b"\r\n" and not head:
            head = lines[begun:number]
    return [] if head and head[0][:13].split(b" ")[1:2] == [b"1"] else head


def _header(head: list[bytes], name: bytes) -> str | None:
    for line in head:
        if line[: len(name)].lower() == name:
            return line[len(name) :].strip().decode("latin-1")
    return None


def _encoded(head: list[bytes]) -> bool:
    return (_header(head, b"content-encoding:") or "identity").lower() != "identity"


def _set_up(easy: Any, target: Target) -> None:
    """Set what is the same for every request of the handle."""
    limits = target.timeouts
    for option, value in {
        pycurl.URL: target.url,
        pycurl.POST: 1,
        pycurl.HTTPHEADER: target.headers(),
        pycurl.PROXY: target.proxy,
        pycurl.NOPROXY: "",
        _SUPPRESS_CONNECT_HEADERS: 1,
        pycurl.CAINFO: target.ca_bundle,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2TLS,
        pycurl.NOSIGNAL: 1,
        pycurl.CONNECTTIMEOUT_MS: round(limits.connect * 1000),
        pycurl.TIMEOUT_MS: round(limits.total * 1000),
    }.items():
        easy.setopt(option, value)
