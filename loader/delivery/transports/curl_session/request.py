"""What requests has prepared, in libcurl's terms."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
from requests.utils import prepend_scheme_if_needed, select_proxy, urldefragauth
from urllib3.util import Timeout

from loader.delivery.transports.contract import Timeouts
from loader.delivery.transports.curl.handle import CurlTarget
from loader.errors import ConfigError
from loader.settings import is_loopback

if TYPE_CHECKING:
    from requests import PreparedRequest

_LIBCURLS = frozenset({"content-length", "transfer-encoding"})  # it writes them itself
# Named without a value it leaves out what it would add. Expect asks before a large body, and waits for leave.
_UNASKED = ("Accept", "Content-Type", "Expect")


def build_target(
    request: PreparedRequest, ways: dict[str, Any], timeouts: Timeouts, longest: int
) -> tuple[CurlTarget, bytes]:
    """Where a prepared request goes and how, and its body.

    Args:
        request: what to send.
        ways: `verify`, `cert` and `proxies`, as requests takes them, with those of the session merged in.
        timeouts: the bounds.
        longest: bytes of an answer.

    Raises:
        ConfigError: it cannot be sent like this.
        OSError: a file of certificates is missing; the words are those of requests.
    """
    url, body = request.url or "", _read_body(request)
    proxy = select_proxy(url, ways["proxies"]) if ways["proxies"] else None
    target = CurlTarget(
        urldefragauth(url) if "@" in url or "#" in url else url,
        _build_lines(request),
        timeouts,
        _choose_trust(url, ways["verify"]),
        _add_scheme(proxy),
        request.method or "",
        carries=bool(body),
        certificate=_choose_certificate(ways["cert"]),
        longest=longest,
    )
    return target, body


@lru_cache(maxsize=64)
def limit_times(timeout: Any, total: float) -> Timeouts:
    """Bounds as requests takes them, all of them within a total.

    Raises:
        ValueError: it is none that requests takes.
    """
    if isinstance(timeout, tuple):
        connect, read = timeout
        timeout = Timeout(connect=connect, read=read)
    elif not isinstance(timeout, Timeout):
        timeout = Timeout(connect=timeout, read=timeout)
    begun = timeout.clone()
    begun.start_connect()  # the read timeout can be asked for only then
    if isinstance(begun.total, (int, float)):
        total = min(total, begun.total)
    wishes = (begun.connect_timeout, begun.read_timeout)
    connect, read = (min(total, wish) if isinstance(wish, (int, float)) else total for wish in wishes)
    return Timeouts(connect, read, total)


def _add_scheme(proxy: str | None) -> str:
    return str(prepend_scheme_if_needed(proxy, "http")) if proxy else ""  # type: ignore[no-untyped-call]


def _read_body(request: PreparedRequest) -> bytes:
    body: object = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise ConfigError(
            f"A CurlSession sends what is in memory, and the body is a {type(body).__name__}. "
            "Read it first, and pass its bytes as data."
        )
    if body and request.method == "HEAD":
        raise ConfigError("A CurlSession sends no body with HEAD.")
    return bytes(body)


def _build_lines(request: PreparedRequest) -> tuple[bytes, ...]:
    lines = [
        b"%s: %s" % (_encode_raw(name), _encode_raw(value)) if value else b"%s;" % _encode_raw(name)
        for name, value in request.headers.items()
        if name.lower() not in _LIBCURLS
    ]
    lines += [b"%s:" % name.encode() for name in _UNASKED if name not in request.headers]
    return tuple(lines)


def _encode_raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _choose_trust(url: str, verify: object) -> str:
    if verify is True or verify is None:
        return certifi.where()
    if not verify:  # to requests an empty text means False as well
        if not is_loopback(urlsplit(url).hostname or ""):
            raise ConfigError(
                "A CurlSession verifies certificates, because others could read what is sent otherwise. Pass "
                "the path of a CA bundle as verify; verify=False is for servers on this machine."
            )
        return ""
    path = str(verify)
    if not Path(path).exists():
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {path}")
    return path


def _choose_certificate(cert: object) -> tuple[str, ...]:
    paths = (cert,) if isinstance(cert, str) else tuple(cert or ())  # type: ignore[arg-type] # None, or a pair
    for path in paths:
        if not Path(path).exists():
            raise OSError(f"Could not find the TLS certificate file, invalid path: {path}")
    return tuple(str(path) for path in paths)
