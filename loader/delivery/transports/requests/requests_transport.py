"""The transport on requests-futures: each attempt is a `FuturesSession.post` in a thread of its pool."""

from __future__ import annotations

import os
import re
import ssl
import time
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.utils import get_environ_proxies, select_proxy
from requests_futures.sessions import FuturesSession
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxySchemeUnknown,
)

from loader.addresses import Proxy
from loader.delivery.headers import HEADERS
from loader.delivery.transports.contract import LONGEST_BODY, Timeouts, judge_tunnel
from loader.delivery.transports.requests.sockets import Adapter
from loader.delivery.wording import clean_line
from loader.errors import ConfigError
from loader.message import Message
from loader.model import Answer, Attempt, NoAnswer, NotSent, StopCode
from loader.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from loader.settings import Token


class RequestsTransport:
    """Posts to one URL through a `FuturesSession`; `contract.Transport` says what it promises.

    With a session of the caller's (proxies, custom authentication, mocking) three of them depend on that
    session: an attempt is `NotSent` only if the type of the exception proves it (name resolution, refused,
    connect timeout, invalid certificate); the total deadline bounds the body but not dripping headers; bytes
    behind an answer are not noticed. A `CurlSession` keeps them all, the deadline by its own `total`.
    The session stays open, and is refused if it would send again by itself.

    Args:
        url: of the API method. Plain http is for this machine only: the token would travel in the clear.
        token: goes into the Authorization header, in front of any netrc entry; None sends no such header.
        concurrency: how many attempts are made at a time.
        timeouts: the bounds of one attempt.
        session: one of the caller's, instead of an own one.
        proxy: the proxy; those of the environment are not used.
        ca_bundle: path of the certificates to trust instead of certifi's. Verification is always on.
        longest_body: bytes of an answer that are read; a longer one is cut, and not complete.
        may_send: asked right before a body leaves over an own session, whether it may; None for always.

    Raises:
        ConfigError: the URL or the session cannot be used safely.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own, all but two have defaults
        self,
        url: str,
        token: Token | None,
        *,
        concurrency: int = 16,
        timeouts: Timeouts | None = None,
        session: FuturesSession | None = None,
        proxy: Proxy | None = None,
        ca_bundle: str | None = None,
        longest_body: int = LONGEST_BODY,
        may_send: Callable[[], bool] | None = None,
    ) -> None:
        Endpoint.parse(url)
        self._url = url
        self._timeouts = timeouts or Timeouts()
        login = proxy.login if proxy else None
        self._adapter = Adapter(concurrency, self._timeouts.total, login, may_send)
        self._owned = session is None
        self._session = session or _build_session(self._adapter, concurrency, proxy, ca_bundle)
        if session is not None:
            _check(session, url)
        # Given with each request: a caller's session is left as it was.
        self._request: dict[str, Any] = {
            # For such a key some proxies send again by themselves; None leaves out one that the session has.
            "headers": {**HEADERS, "Idempotency-Key": None},
            "auth": _Authorization(token) if token else None,
            "timeout": (self._timeouts.connect, self._timeouts.read),
            "allow_redirects": False,
            "stream": True,
            "hooks": {"response": partial(_read_answer, total=self._timeouts.total, longest=longest_body)},
        }

    def post(self, body: bytes) -> Future[Attempt]:
        """Send one JSON body; the future yields an `Attempt` and never raises."""
        attempt: Future[Attempt] = Future()
        try:
            sent = self._session.post(self._url, data=body, **self._request)
        except Exception as error:  # noqa: BLE001 - a caller's session may fail in ways of its own
            attempt.set_result(_explain_not_submitted(error))
        else:
            sent.add_done_callback(lambda done: attempt.set_result(_read_attempt(done)))
        return attempt

    def close(self) -> None:
        """Cut what is on the wire and close the session, if it is an own one."""
        if self._owned:
            self._session.executor.shutdown(wait=False, cancel_futures=True)
            self._adapter.links.cut()
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Authorization(requests.auth.AuthBase):
    """Sets the header as late as possible. As the request's own `auth` it also keeps netrc out."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token.reveal()}"
        return request


def _build_session(
    adapter: Adapter, concurrency: int, proxy: Proxy | None, ca_bundle: str | None
) -> FuturesSession:
    session = FuturesSession(max_workers=concurrency)
    session.trust_env = False  # no netrc, no proxies, no certificates from the environment
    session.proxies = {"http": proxy.address, "https": proxy.address} if proxy else {}
    session.verify = ca_bundle or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # requests stay independent
    for prefix in list(session.adapters):
        session.adapters.pop(prefix).close()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _check(session: FuturesSession, url: str) -> None:
    """Refuse a caller's session that could send a row twice or the token to anybody, or gives no answers."""
    if not isinstance(session, FuturesSession):
        raise ConfigError(
            f"The session is a {type(session).__name__}, and a load needs a FuturesSession or a CurlSession. "
            "FuturesSession(session=...) of requests_futures makes one of a requests.Session."
        )
    if isinstance(session.executor, ProcessPoolExecutor):
        raise ConfigError(
            "The session sends in other processes, to which neither the token nor the reading of answers can "
            "be given. Use a session with threads, or a CurlSession."
        )
    serving = session.session or session  # requests-futures can wrap another session
    retries = getattr(serving.get_adapter(url), "max_retries", None)
    if retries is not None and retries.total != 0:
        raise ConfigError(
            f"The session retries by itself (max_retries with total={retries.total!r}), which could send a "
            "row twice. Mount an HTTPAdapter(max_retries=0) on it."
        )
    if url.startswith("https:") and not serving.verify:  # None and "" mean False as well
        raise ConfigError(
            f"The session does not verify certificates (verify={serving.verify!r}), so anyone on the "
            "network could read the token. Set session.verify to True or to the path of a CA bundle."
        )
    _check_proxy(serving, url)
    for path in _list_files(serving):
        if not Path(path).exists():
            raise ConfigError(
                f"The session needs the file {path} for its certificates, and it is not there. Set "
                "session.verify and session.cert to files that can be read."
            )


def _check_proxy(session: requests.Session, url: str) -> None:
    """Refuse a proxy that can never work, of the session or of the environment if the session uses that."""
    proxies = dict(session.proxies)
    if session.trust_env:
        proxies = get_environ_proxies(url, no_proxy=proxies.get("no_proxy")) | proxies
    proxy = select_proxy(url, proxies)
    if proxy:
        try:
            Proxy.parse(proxy if "://" in proxy else f"http://{proxy}", _SESSION_PROXIES)
        except ConfigError as error:
            where = "session.proxies, or HTTP_PROXY, HTTPS_PROXY or ALL_PROXY in the environment"
            raise ConfigError(
                Message("{error} It is set in {where}.", error=error.message, where=where)
            ) from None


def _list_files(session: requests.Session) -> list[str]:
    """The files of certificates and keys that a session names."""
    cert = session.cert if isinstance(session.cert, tuple) else (session.cert,)
    return [str(file) for file in (session.verify, *cert) if isinstance(file, (str, os.PathLike))]


# PySocks adds the last ones to requests.
_SESSION_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _read_answer(
    response: requests.Response, *, total: float, longest: int, **_: object
) -> requests.Response:
    """Response hook, in the thread of the attempt: read the body within its bounds.

    Sets `response.answer`. The response is left consumed and without a Location, so that requests neither
    reads the body again nor prepares a redirect.
    """
    left = total - response.elapsed.total_seconds()  # until the headers were there
    body, complete = _read_body(response, time.monotonic() + left, longest)
    encoded = response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}
    response.answer = Answer(  # type: ignore[attr-defined] # our own mark on it
        response.status_code,
        b"" if encoded else body,  # not asked for, so not unpacked: it may be a bomb
        response.headers.get("Retry-After"),
        complete,
    )
    response.headers.pop("Location", None)
    response._content = b""  # noqa: SLF001 - requests has no public way to say "consumed"
    response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - as above
    return response


def _read_body(response: requests.Response, deadline: float, longest: int) -> tuple[bytes, bool]:
    """The body up to `longest` bytes, and whether that is all; an unfinished one costs the connection."""
    body = bytearray()
    try:
        # An interim answer (1xx) that http.client takes for a final one: the real one is still to come.
        while response.status_code >= 200 and len(body) <= longest and time.monotonic() < deadline:
            piece = response.raw.read1(longest + 1 - len(body), decode_content=False)
            if not piece:
                return bytes(body), True
            body += piece
    except (HTTPError, OSError):
        pass
    response.raw.close()
    return bytes(body[:longest]), False


def _read_attempt(done: Future[requests.Response]) -> Attempt:
    """What became of a request, from its future."""
    if done.cancelled():
        return NotSent("cancelled before it was sent")
    failure = done.exception()
    if failure is not None:
        return _classify_failure(failure)
    answer = getattr(done.result(), "answer", None)
    if isinstance(answer, Answer):
        return answer
    return NoAnswer("the session returned an answer without running the response hooks")


def _explain_not_submitted(error: Exception) -> Attempt:
    # Both requests-futures and its executor refuse with these words before anything is queued. Any other
    # failure ("can't start new thread") comes after that: another thread may still send it.
    if "cannot schedule new futures" in str(error):
        return NotSent(
            "The session was closed during the load. Run the same command again to resume.",
            StopCode.SESSION_CLOSED,
        )
    return NoAnswer(_shorten_reason(error))


def _classify_failure(failure: BaseException) -> Attempt:
    """`NotSent` if that is proven, else `NoAnswer`."""
    chain = list(_walk_causes(failure))
    for error in chain:
        if isinstance(error, ssl.SSLCertVerificationError):
            return NotSent(
                f"The server's certificate is not valid: {clean_line(error.verify_message)}.",
                StopCode.CERTIFICATE,
            )
        if isinstance(error, _UNUSABLE):
            # Their texts repeat the URL, perhaps of a proxy with its password.
            return NotSent(f"The session cannot send there: {type(error).__name__}.", StopCode.SETTINGS)
        if isinstance(error, OSError) and (tunnel := _TUNNEL.match(str(error))):
            return judge_tunnel(int(tunnel[1]))
    left = getattr(failure, "request_left", None)  # known to our own sessions, own adapter or libcurl
    if left is None:
        left = not any(isinstance(error, _NEVER_LEFT) for error in chain)
    return NoAnswer(_shorten_reason(failure)) if left else NotSent(_shorten_reason(failure))


# Raised before anything is opened: no attempt with the same settings can do better.
_UNUSABLE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    LocationValueError,
    ProxySchemeUnknown,
)
# The words of http.client and of libcurl when a proxy refuses a CONNECT.
_TUNNEL = re.compile(r".*(?:Tunnel connection failed: |CONNECT tunnel failed, response )(\d{3})", re.DOTALL)
# Raised only while urllib3 opens a connection. Refused, unreachable, no free port or file are all
# NewConnectionError, with NameResolutionError a subclass.
_NEVER_LEFT = (ConnectTimeoutError, NewConnectionError)


def _walk_causes(failure: BaseException) -> Iterator[BaseException]:
    """The error and its causes. urllib3 hands some on as `reason` or as an argument, not as `__cause__`."""
    seen: list[BaseException] = []
    waiting: list[object] = [failure]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseException) and error not in seen:
            seen.append(error)
            yield error
            waiting += [error.__cause__, getattr(error, "reason", None), *error.args]


def _shorten_reason(failure: BaseException) -> str:
    """The innermost error in short; outer ones repeat it with addresses of objects."""
    *_, root = _walk_causes(failure)
    return (
        clean_line(f"{root.args[-1] if isinstance(root, OSError) and root.args else root}")
        or type(root).__name__
    )
