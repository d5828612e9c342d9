"""What became of one attempt on libcurl, in the terms of requests: a `Response`, or one of its exceptions.

Each exception has an attribute `request_left`: whether any of the request may have left this machine.
"""

from __future__ import annotations

import io
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pycurl
from requests import Response, exceptions
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse

from loader.delivery.transports.curl.exchange import CERTIFICATE, CLOSED
from loader.delivery.transports.curl.handle import SILENT, Handle, find_final_head
from loader.delivery.wording import clean_line
from loader.errors import ConfigError

if TYPE_CHECKING:
    from requests import PreparedRequest

E = TypeVar("E", bound=BaseException)

_E_PROXY = 97  # of curl.h; pycurl has no name for it
_TLS = CERTIFICATE | {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_ENGINE_INITFAILED,
    pycurl.E_SSL_INVALIDCERTSTATUS,
    pycurl.E_SSL_ISSUER_ERROR,
    pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
}
_PROXY = frozenset({pycurl.E_COULDNT_RESOLVE_PROXY, _E_PROXY})
_URL = frozenset({pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL})


def mark_error(error: E, *, left: bool) -> E:
    """The error, saying whether any of the request may have left."""
    error.request_left = left  # type: ignore[attr-defined] # our own mark on it
    return error


class SessionHandle(Handle[Response | exceptions.RequestException]):
    """Makes attempts, and tells of each as requests would; the tag has the `request` that was prepared."""

    __slots__ = ()

    def answered(self) -> Response:
        """The answer that libcurl has read whole."""
        return self._response(find_final_head(self.lines))

    def failed(self, code: int, message: str) -> Response | exceptions.RequestException:
        """The exception for an error of libcurl's; once the head was there, an answer that cannot be read."""
        left = self.left
        head = find_final_head(self.lines) if left and code not in CLOSED else []
        if head:
            return self._response(head, self._cut(code, message))
        said = (
            "the server closed the connection without an answer" if code in CLOSED else self.reason(message)
        )
        error = self._kind(code, left=left)(said, request=self._request)
        if code in CERTIFICATE:
            error.__cause__ = ssl.SSLCertVerificationError(1, message)
            error.__cause__.verify_message = clean_line(message)
        return mark_error(error, left=left)

    def give_up(self, reason: str) -> Response | exceptions.RequestException:
        """The same for an attempt that is ended from this side."""
        head = find_final_head(self.lines) if reason is SILENT else []
        if head:
            return self._response(head, TimeoutError(reason))
        kind = exceptions.ReadTimeout if reason is SILENT else exceptions.ConnectionError
        return mark_error(kind(reason, request=self._request), left=self.left)

    @property
    def _request(self) -> PreparedRequest:
        request: PreparedRequest = self.tag.request
        return request

    def _kind(self, code: int, *, left: bool) -> type[exceptions.RequestException]:
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return exceptions.ReadTimeout if left else exceptions.ConnectTimeout
        if code in _TLS:
            return exceptions.SSLError
        if code in _PROXY or (not left and self.target is not None and self.target.proxy):
            return exceptions.ProxyError
        return exceptions.InvalidURL if code in _URL and not left else exceptions.ConnectionError

    def _cut(self, code: int, message: str) -> OSError:
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return TimeoutError(message)
        longest = self.target.longest if self.target is not None else 0
        return OSError(f"the answer is longer than {longest:,} bytes" if self.too_long else message)

    def _response(self, head: list[bytes], cut: OSError | None = None) -> Response:
        status, *lines = head
        headers = _parse_headers(lines)
        body = b"".join(self.parts)
        response = Response()
        response.status_code = int(self.getinfo(pycurl.RESPONSE_CODE))
        response.reason = status.decode("latin-1").rstrip().partition(" ")[2].partition(" ")[2]
        response.headers = CaseInsensitiveDict(headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.request = self._request
        response.url = self._request.url or ""
        response.elapsed = timedelta(seconds=self.getinfo(pycurl.STARTTRANSFER_TIME))
        response.connection = _SENT_ONCE  # type: ignore[assignment] # in the place of an adapter
        response.raw = HTTPResponse(
            io.BytesIO(body) if cut is None else _CutBody(body, cut),
            headers,
            response.status_code,
            version=20 if status.startswith(b"HTTP/2") else 11,
            reason=response.reason,
            preload_content=False,
            decode_content=False,
            request_method=self._request.method,
        )
        if cut is None and not is_compressed(response):
            response._content = body  # noqa: SLF001 - requests has no public way to say "this is the content"
            response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - as above
        return response


def is_compressed(response: Response) -> bool:
    """Whether the body is compressed, or otherwise not as it is meant."""
    return response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}


def _parse_headers(lines: list[bytes]) -> HTTPHeaderDict:
    headers = HTTPHeaderDict()
    for line in _unfold_lines(lines):
        name, _, value = line.decode("latin-1").partition(":")
        headers.add(name.rstrip(), value.strip())
    return headers


def _unfold_lines(lines: list[bytes]) -> list[bytes]:
    """Lines that begin with a blank continue the one before (RFC 9112, section 5.2)."""
    if not any(line[:1] in b" \t" for line in lines):
        return lines
    return b"".join(lines).replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").splitlines()


class _CutBody(io.BytesIO):
    """The part of a body that came; behind it comes the error that ended it."""

    def __init__(self, body: bytes, error: OSError) -> None:
        super().__init__(body)
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece or size is None or size < 0:
            raise self._error
        return piece

    read1 = read


class _SentOnce:
    """Stands where a hook (of an authentication, say) looks for an adapter that sends a request again."""

    def send(self, *_: Any, **__: Any) -> NoReturn:
        raise ConfigError(
            "A CurlSession sends each request once, and this hook sends it again. Use a FuturesSession."
        )


_SENT_ONCE = _SentOnce()
