"""One libcurl handle that makes one attempt after the other: a body goes out, an answer comes in.

libcurl sends a POST again by itself when a reused connection dies before the first byte of the answer. It
cannot if the body comes from a read function and no seek function is there to rewind it: then that case
ends in an error (shown in `tests/delivery/transports/test_contract.py`). So no body is ever given as
POSTFIELDS, and what has no body, and is not safe to repeat, goes over a new connection.
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pycurl

from loader.delivery.transports.contract import LONGEST_BODY
from loader.delivery.wording import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.addresses import Login
    from loader.delivery.transports.contract import Timeouts

_SUPPRESS_CONNECT_HEADERS = 265  # of curl.h; pycurl has no name for it
_UPLOAD_BYTES = 16_384  # the least that libcurl takes; each handle has this much memory, by default 64 KiB
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1
_CA_FILE = (pycurl.CAINFO, pycurl.PROXY_CAINFO)
SILENT = "the server was silent for too long"

R = TypeVar("R")

Connection = tuple[str | int, ...]
"""The ends of a connection, as libcurl names them: an address of either side, then a port of either."""


@dataclass(frozen=True, slots=True)
class CurlTarget:
    """Where requests go, and how.

    Attributes:
        url: without a user name and a fragment.
        headers: the lines of the request's head that are ours; a token may be among them.
        timeouts: the bounds of one attempt.
        ca: path of the certificates to trust, a file or a folder; "" to trust any, on this machine only.
        proxy: URL of a proxy, or "" for none; the environment's are never used.
        login: what the proxy is asked with; apart from its URL, which libcurl repeats in its errors.
        may_send: asked right before a body leaves, whether it may; None for always.
        method: of HTTP.
        carries: whether there is a body; an empty one is none.
        certificate: paths of a certificate to show to the server, and of its key, or empty.
        longest: bytes of an answer that are read.
    """

    url: str
    headers: tuple[bytes, ...] = field(repr=False)
    timeouts: Timeouts
    ca: str
    proxy: str = field(default="", repr=False)
    method: str = "POST"
    carries: bool = True
    certificate: tuple[str, ...] = ()
    longest: int = LONGEST_BODY
    login: Login | None = None
    may_send: Callable[[], bool] | None = field(default=None, compare=False)

    @property
    def encrypted(self) -> bool:
        """Whether there is TLS on the way."""
        return self.url.startswith("https:") or self.proxy.startswith("https:")


class Handle(ABC, Generic[R]):
    """Its options stay as they are while the target does; what it says of an attempt is of the kind `R`.

    Over TLS it holds a body back at first if something may be left in the connection: then it puts itself
    into `held`, and waits for `send_body`.

    Attributes:
        connection: the ends of the one that the request goes over; empty without TLS.
        easy: libcurl's handle.
        getinfo: what that says of the attempt.
        pool: the connections over which it goes.
        tag: whose attempt it is.
        target: where it goes.
    """

    pool: Any

    __slots__ = (
        "_body",
        "_cautious",
        "_heard",
        "_held",
        "_hold",
        "_longest",
        "_may_send",
        "_pulled",
        "_setopt",
        "_size",
        "_still_since",
        "connection",
        "easy",
        "getinfo",
        "lines",
        "parts",
        "pool",
        "tag",
        "target",
    )

    def __init__(self, held: list[Any]) -> None:
        self.tag: Any = None
        self.target: CurlTarget | None = None
        self._held = held
        self._cautious = False
        self._hold = False
        self._longest = 0
        self._may_send: Callable[[], bool] | None = None
        self._body = b""
        self._pulled = False
        self.lines: list[bytes] = []
        self.parts: list[bytes] = []
        self._size = 0
        self.connection: Connection = ()
        self._heard = (0, 0)
        self._still_since: float | None = None
        self.easy = pycurl.Curl()
        # Looking up a method of pycurl's costs more than calling it.
        self.getinfo = self.easy.getinfo
        self._setopt = self.easy.setopt

    def begin(self, target: CurlTarget, body: bytes, tag: object) -> None:
        """Prepare the next attempt."""
        if target is not self.target and target != self.target:
            self._aim(target)
        self.tag = tag
        self.connection = ()
        self._hold = self._cautious
        self._body = body
        self._pulled = False
        self.lines.clear()
        self.parts.clear()
        self._size = 0
        self._still_since = None
        self._setopt(pycurl.POSTFIELDSIZE, len(body))

    def _aim(self, target: CurlTarget) -> None:
        self.target = None  # what follows may fail in its middle
        self.easy.reset()
        for option, value in build_options(target).items():
            self._setopt(option, value)
        self._setopt(pycurl.READFUNCTION, self._read)
        self._setopt(pycurl.HEADERFUNCTION, self.lines.append)
        self._setopt(pycurl.WRITEFUNCTION, self._write)
        self._cautious = target.encrypted
        if target.encrypted:
            self._setopt(pycurl.PREREQFUNCTION, self._go_out)
        self._longest = target.longest
        self._may_send = target.may_send
        self.target = target

    def send_body(self) -> None:
        """Send the body that was held back."""
        # If the connection has ended, there is nothing to continue with, and libcurl tells why later.
        with contextlib.suppress(pycurl.error):
            self.easy.pause(pycurl.PAUSE_CONT)

    def _go_out(self, *connection: str | int) -> int:
        """Take note of the connection that libcurl has chosen, right before anything goes out over it."""
        self.connection = connection
        self._hold = not self.pool.leftovers.excluded(self)
        return 0  # PREREQFUNC_OK

    def _read(self, room: int) -> bytes | int:
        if self._hold:
            self._hold = False
            self._held.append(self)
            return int(pycurl.READFUNC_PAUSE)
        if self._may_send is not None and not self._may_send():
            return int(pycurl.READFUNC_ABORT)
        self._pulled = True
        body = self._body
        if len(body) <= room:
            self._body = b""
            return body
        self._body = body[room:]
        return body[:room]

    def _write(self, piece: bytes) -> int | None:
        self._size += len(piece)
        if self._size <= self._longest:
            self.parts.append(piece)
            return None
        self.parts.append(piece[: len(piece) + self._longest - self._size])
        return 0  # libcurl gives the connection up

    def silent(self, now: float) -> bool:
        """Whether the request has left and, seen from call to call, nothing came for too long."""
        if self.target is None:
            return False
        heard = (len(self.lines), self._size)
        if self._still_since is None or heard != self._heard or not self.left:
            self._heard = heard
            self._still_since = now if self.left else None
            return False
        return now - self._still_since >= self.target.timeouts.read

    @property
    def size(self) -> int:
        """Bytes of the answer that have come, head and body, unpacked from its chunks."""
        heads: int = self.getinfo(pycurl.HEADER_SIZE)
        return heads + self._size

    @property
    def http_1(self) -> bool:
        """Whether the answer came over HTTP/1."""
        return bool(self.lines) and self.lines[0].startswith(b"HTTP/1")

    @property
    def reuses(self) -> bool:
        """Whether the request goes over a connection that has carried another."""
        return int(self.getinfo(pycurl.NUM_CONNECTS)) == 0

    @property
    def left(self) -> bool:
        """Whether any of the request may have left."""
        return self._pulled or self.getinfo(pycurl.REQUEST_SIZE) > 0

    @property
    def too_long(self) -> bool:
        """Whether the answer was cut for its length."""
        return self._size > self._longest

    def reason(self, message: str) -> str:
        """An error of libcurl's, with the system's if there is one."""
        error = self.getinfo(pycurl.OS_ERRNO)
        said = clean_line(message)
        return f"{said}: {os.strerror(error)}" if error else said

    @abstractmethod
    def answered(self) -> R:
        """What the whole answer means that libcurl has read."""

    @abstractmethod
    def failed(self, code: int, message: str) -> R:
        """What an error of libcurl's means."""

    @abstractmethod
    def give_up(self, reason: str) -> R:
        """What an attempt means that is ended from this side."""


def find_final_head(lines: list[bytes]) -> list[bytes]:
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


def build_options(target: CurlTarget) -> dict[int, object]:
    """What is the same for every request to a target."""
    limits = target.timeouts
    return {
        pycurl.URL: target.url,
        pycurl.HTTPHEADER: target.headers,
        pycurl.PATH_AS_IS: 1,
        pycurl.PROXY: target.proxy,
        pycurl.NOPROXY: "",
        _SUPPRESS_CONNECT_HEADERS: 1,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2TLS,
        pycurl.NOSIGNAL: 1,
        pycurl.UPLOAD_BUFFERSIZE: _UPLOAD_BYTES,
        # 0 would mean "no bound" to libcurl.
        pycurl.CONNECTTIMEOUT_MS: max(1, round(limits.connect * 1000)),
        pycurl.TIMEOUT_MS: max(1, round(limits.total * 1000)),
        **_choose_login(target.login),
        **_choose_method(target),
        **_choose_certificates(target),
    }


def _choose_login(login: Login | None) -> dict[int, object]:
    if login is None:
        return {}
    names = (pycurl.PROXYUSERNAME, pycurl.PROXYPASSWORD)
    texts = (login.user.reveal(), login.password.reveal())
    return {name: text.encode() for name, text in zip(names, texts, strict=True)}


def _choose_method(target: CurlTarget) -> dict[int, object]:
    if not target.carries and target.method in {"GET", "HEAD"}:
        return {pycurl.HTTPGET: 1} if target.method == "GET" else {pycurl.NOBODY: 1}
    name = {} if target.method == "POST" else {pycurl.CUSTOMREQUEST: target.method}
    repeated = target.carries or target.method in _SAFE
    return {pycurl.POST: 1, **name, pycurl.FRESH_CONNECT: 0 if repeated else 1}


def _choose_certificates(target: CurlTarget) -> dict[int, object]:
    options: dict[int, object] = dict(zip((pycurl.SSLCERT, pycurl.SSLKEY), target.certificate, strict=False))
    if not target.ca:
        return options | {pycurl.SSL_VERIFYPEER: 0, pycurl.SSL_VERIFYHOST: 0}
    trusted = (pycurl.CAPATH, pycurl.PROXY_CAPATH) if Path(target.ca).is_dir() else _CA_FILE
    return options | dict.fromkeys(trusted, target.ca)
