"""A `FuturesSession` whose requests go over libcurl, all of them in one thread."""

from __future__ import annotations

import warnings
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Request, Response
from requests.auth import HTTPDigestAuth
from requests.cookies import MockRequest, MockResponse
from requests.exceptions import ContentDecodingError, RequestException
from requests.hooks import dispatch_hook
from requests_futures.sessions import FuturesSession

from loader.delivery.transports.contract import LONGEST_BODY, Timeouts
from loader.delivery.transports.curl.multi import CurlMulti
from loader.delivery.transports.curl_session.prepare import Templates
from loader.delivery.transports.curl_session.request import build_target, limit_times
from loader.delivery.transports.curl_session.response import SessionHandle, is_compressed, mark_error
from loader.delivery.transports.curl_session.thread import CurlThread
from loader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_POSITIONAL = ("params", "data", "headers", "cookies", "files", "auth")  # of `requests.Session.request`
_WAYS = ("stream", "verify", "cert", "proxies")


class CurlSession(FuturesSession):  # type: ignore[misc] # requests-futures ships no types
    """Sends many requests at a time over libcurl, and answers as a `FuturesSession` does.

    ```py
    with CurlSession() as session:
        future = session.post(url, json={"request": {}})
        future.result().json()
    ```

    Headers, authentication, cookies, params, JSON, answers and exceptions are those of requests.
    What differs, so that a request is sent at most once and always ends:

    * Each exception says in `request_left` whether any of the request may have left this machine.
    * Redirects are not followed, and nothing is sent again: adapters cannot be mounted, digest authentication
      fails. (A GET, HEAD or OPTIONS without a body may be, when a connection that was kept open has died.)
    * A request ends by `total` seconds, whatever the server does, unless its own `timeout` ends it before.
    * An answer is read to its end before it is given, up to `longest_answer` bytes, also with `stream=True`.
      A longer one, or one that is compressed although that was not requested, is an exception.
    * Proxies, netrc and certificates of the environment are not used, unless `trust_env` is set to True.
      Certificates are always verified, except for servers on this machine.
    * HTTP/2 is used if a server offers it over TLS.
    * A body must be in memory: files and generators are refused.
    * Authentication runs in the thread that asks, hooks and callbacks of futures in the one that sends: there
      they hold up all other requests, and must not wait for one.

    Args:
        max_workers: how many requests are on the wire at a time; more wait, and can be cancelled.
        total: seconds for one request, from its start on the wire.
        longest_answer: bytes of a body.
    """

    def __init__(
        self, *, max_workers: int = 32, total: float = Timeouts().total, longest_answer: int = LONGEST_BODY
    ) -> None:
        numbers = (max_workers, total, longest_answer)
        if min(numbers) <= 0 or any(isinstance(number, bool) for number in numbers):
            raise ConfigError(
                "max_workers, total and longest_answer of a CurlSession must be numbers of more than 0."
            )
        super().__init__(max_workers=1)  # its executor gets nothing to do, and so has no thread
        self.trust_env = False
        self.headers["Accept-Encoding"] = "identity"
        self.max_workers = max_workers
        self.total = total
        self.longest_answer = longest_answer
        self._templates = Templates()
        self._thread = CurlThread(CurlMulti(SessionHandle, max_workers))
        # A session that was dropped without being closed.
        weakref.finalize(self, self._thread.finish).atexit = False

    def mount(self, prefix: str, adapter: Any) -> None:
        """Refuse an adapter; those of a new session are never used.

        Raises:
            ConfigError: always, because it would not be used.
        """
        if "_thread" in vars(self):
            raise ConfigError(
                f"A CurlSession sends over libcurl, each request once, and would not use the adapter for "
                f"{prefix!r}. Use a FuturesSession for requests that go over an adapter."
            )
        super().mount(prefix, adapter)

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Future[Response]:
        """Send a request; the arguments are those of `requests.Session.request`.

        Whatever is wrong with the request is raised by the future.

        Raises:
            RuntimeError: the session is closed.
        """
        options.update(zip(_POSITIONAL, args, strict=False))
        options.pop("allow_redirects", None)  # they are never followed
        ways = {name: options.pop(name, None) for name in ("timeout", *_WAYS)}
        callback = options.pop("background_callback", None)
        if callback is not None:
            warnings.warn(
                "`background_callback` is deprecated; use `hooks`.", DeprecationWarning, stacklevel=3
            )
        try:
            _refuse_digest(options.get("auth") or self.auth)
            call = _Call(self, self.prepare_request(Request(method, url, **options)), ways, callback)
        except Exception as error:  # noqa: BLE001 - as requests-futures does; an authentication may raise anything
            failed: Future[Response] = Future()
            failed.set_exception(mark_error(error, left=False))
            return failed
        self._thread.submit(call)
        return call.future

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Prepare a request with the settings of the session, as `requests.Session.prepare_request` does."""
        return self._templates.prepare(self, request) or super().prepare_request(request)

    def merge_environment_settings(
        self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        """Merge settings of a request with those of the session, as `requests.Session` does."""
        if self.trust_env or proxies or self.proxies:
            return dict(super().merge_environment_settings(url, proxies, stream, verify, cert))
        return {
            "proxies": {},
            "stream": self.stream if stream is None else stream,
            "verify": self.verify if verify is None else verify,
            "cert": self.cert if cert is None else cert,
        }

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Send a prepared request and wait for its answer, as `requests.Session.send` does."""
        if self._thread.is_current:
            raise RuntimeError("A hook or callback of a CurlSession cannot wait for another request.")
        call = _Call(self, request, {name: options.get(name) for name in ("timeout", *_WAYS)})
        self._thread.submit(call)
        return call.future.result()

    def close(self) -> None:
        """Cancel the requests that wait, let those on the wire end, and close the connections."""
        self._thread.close()
        super().close()

    def cut(self) -> None:
        """Close without waiting for answers: requests on the wire end in a `ConnectionError`."""
        self._thread.close(cut=True)
        super().close()


class _Call:
    """One request of a session; see `loader.delivery.transports.curl_session.thread.Call`."""

    __slots__ = ("_callback", "_session", "_ways", "body", "future", "request", "target")

    def __init__(
        self,
        session: CurlSession,
        request: PreparedRequest,
        ways: dict[str, Any],
        callback: Callable[[CurlSession, Response], Any] | None = None,
    ) -> None:
        self.future: Future[Response] = Future()
        self.request = request
        self._session = session
        self._callback = callback
        url = request.url or ""
        session.get_adapter(url)  # raises what requests does for other schemes than http and https
        timeout = ways.pop("timeout")
        ways = session.merge_environment_settings(url, ways.pop("proxies") or {}, **ways)
        self._ways = {"timeout": timeout, **ways}
        timeouts = limit_times(timeout, session.total)
        self.target, self.body = build_target(request, ways, timeouts, session.longest_answer)

    def refuse(self, error: Exception) -> None:
        """Resolve the future: the request was not sent."""
        self.future.set_exception(mark_error(error, left=False))

    def settle(self, end: Response | RequestException) -> None:
        """Resolve the future with the answer, as hooks leave it, or with an exception."""
        if isinstance(end, RequestException):
            self.future.set_exception(end)
            return
        try:
            result = self._finished(end)
        except BaseException as error:  # noqa: BLE001 - whatever a hook raises is raised by the future, as in an executor
            self.future.set_exception(mark_error(error, left=True))
        else:
            self.future.set_result(result)

    def _finished(self, response: Response) -> Response:
        """What `requests.Session.send` does with an answer, except for redirects."""
        self._keep_cookies(response)
        response = dispatch_hook("response", self.request.hooks, response, **self._ways)  # type: ignore[no-untyped-call]
        if not self._ways["stream"]:
            _read(response)
        if self._callback is None:
            return response
        result = self._callback(self._session, response)
        return response if result is None else result

    def _keep_cookies(self, response: Response) -> None:
        if "Set-Cookie" not in response.headers:
            return
        for jar in (response.cookies, self._session.cookies):
            jar.extract_cookies(MockResponse(response.raw.headers), MockRequest(self.request))  # type: ignore[arg-type] # as requests does


def _refuse_digest(auth: object) -> None:
    if isinstance(auth, HTTPDigestAuth):
        raise ConfigError(
            "A CurlSession sends each request once, and digest authentication sends it again. "
            "Use a FuturesSession."
        )


def _read(response: Response) -> None:
    """Have the body at hand.

    Raises:
        ContentDecodingError: it is compressed although nobody requested that: it may be a bomb.
        RequestException: it was cut, or is too long.
    """
    asked = response.request.headers.get("Accept-Encoding", "identity")
    if is_compressed(response) and asked == "identity":
        raise ContentDecodingError(
            "The answer is compressed, which was not requested, and is not unpacked. Request it with an "
            "Accept-Encoding header.",
            response=response,
        )
    _ = response.content
