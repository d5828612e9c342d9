"""Files on web servers, through requests: read by ranges if the server gives them, else from the beginning.

User names and passwords come from ``~/.netrc`` or the address, proxies and certificates from the environment
(HTTPS_PROXY, REQUESTS_CA_BUNDLE), as for every program on requests.
"""

from __future__ import annotations

import platform
import re
import time
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from loader.errors import SourceError
from loader.stores.stored import Replaced, Seen, name_difference
from loader.stores.trouble import Trouble, describe, sort_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response, Session

    from loader.stores.address import Address

_T = TypeVar("_T")

_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
_STEP = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
#: Seconds before each further try of a read that broke off.
PAUSES = (0.5, 1.0, 2.0, 4.0)


@cache
def open_session() -> Session:
    """The connections to web servers, which are kept for the next range."""
    import requests  # noqa: PLC0415 - few loads need it, and it takes long

    session = requests.Session()
    # Not unpacked on the way: a size and a range are those of the bytes that the server sends.
    session.headers["Accept-Encoding"] = "identity"
    return session


class WebFile:
    """A file on a web server.

    Args:
        address: where it is.
        known: `ranged` and `seen`, as another process found them; None to look.

    Raises:
        SourceMissing: there is none.
        SourceError: it may not be read, or the server does not say how long it is.

    Attributes:
        seen: its size and its ETag, or else the time of its last change.
        ranged: whether the server gives parts of it.
    """

    def __init__(self, address: Address, known: tuple[bool, Seen] | None = None) -> None:
        self.address = address
        self._lock = Lock()
        self._stream: _Stream | None = None
        self._travelled = known is not None
        self.ranged, self.seen = known or self._try_again(self._look)

    def __reduce__(self) -> tuple[type[WebFile], tuple[Address, tuple[bool, Seen]]]:
        """How it travels: without a connection, and without what is secret in its address."""
        return WebFile, (self.address, (self.ranged, self.seen))

    @property
    def name(self) -> str:
        """Its address, without secrets."""
        return self.address.name

    @property
    def identity(self) -> str:
        """Its address, however it is spelled."""
        return self.address.identity

    def read_range(self, start: int, end: int) -> bytes:
        """The bytes of a range, tried again if the connection breaks.

        Raises:
            Replaced: the server says that the file is another one.
            SourceError: it cannot be read.
        """
        if self.ranged:
            return self._try_again(lambda: self._get_range(start, end))
        with self._lock:
            return self._try_again(lambda: self._read_on(start, end))

    def rest(self) -> None:
        """End the stream, if the file is read as one."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
                self._stream = None

    def look_again(self) -> Seen:
        """What it is now."""
        return self._try_again(self._look)[1]

    def _look(self) -> tuple[bool, Seen]:
        """Ask for the first byte: the answer says whether ranges are given, and how long the file is."""
        with self._ask("bytes=0-0") as answer:
            if answer.status_code == 416:  # an empty file has no first byte
                return True, Seen(0, read_version(answer))
            if found := _RANGE.fullmatch(answer.headers.get("Content-Range", "")):
                return True, Seen(int(found[3]), read_version(answer))
            length = answer.headers.get("Content-Length", "")
            if answer.status_code != 200 or not length.isdigit():
                raise SourceError(
                    f"{self.name}: the server does not say how long this file is, so a missing end would not "
                    "be noticed. Download it, and load the file."
                )
            return False, Seen(int(length), read_version(answer))

    def _get_range(self, start: int, end: int) -> bytes:
        with self._ask(f"bytes={start}-{end - 1}") as answer:
            found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if answer.status_code != 206 or found is None or int(found[1]) != start:
                self._refuse_other(Seen(self.seen.size, read_version(answer)))
                raise _Broken(f"it answers {answer.status_code} to a request for a part")
            self._refuse_other(Seen(int(found[3]), read_version(answer)))
            return _read_exactly(answer, end - start)

    def _read_on(self, start: int, end: int) -> bytes:
        """The range out of a stream: the present one, or one from the beginning if it is past the place."""
        stream, self._stream = self._stream, None  # kept only if all goes well
        if stream is None or stream.at > start:
            if stream is not None:
                stream.close()
            stream = self._open_stream()
        try:
            while stream.at < start:
                stream.read(min(start - stream.at, _STEP))
            content = stream.read(end - start)
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        return content

    def _open_stream(self) -> _Stream:
        answer = self._request(None)
        length = answer.headers.get("Content-Length", "")
        try:
            self._refuse_other(Seen(int(length) if length.isdigit() else -1, read_version(answer)))
        except Replaced:
            answer.close()
            raise
        return _Stream(answer)

    def _refuse_other(self, now: Seen) -> None:
        if difference := name_difference(self.seen, now):
            raise Replaced(difference)

    @contextmanager
    def _ask(self, wanted: str) -> Iterator[Response]:
        answer = self._request(wanted)
        try:
            yield answer
        finally:
            answer.close()

    def _request(self, wanted: str | None) -> Response:
        """The answer to one request, its body not yet read.

        Raises:
            SourceError: the server refuses.
            _Broken: it may answer if it is asked again.
        """
        import requests  # noqa: PLC0415 - few loads need it, and it takes long

        self._refuse_unknown()
        headers = {"Range": wanted} if wanted else {}
        try:
            answer = open_session().get(self.address.whole, headers=headers, stream=True, timeout=_TIMEOUT)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise SourceError(f"{self.name}: is not an address that can be read.") from None
        except requests.exceptions.SSLError:
            raise SourceError(
                f"{self.name}: the certificate of {self.address.place} is not valid. For one of your own, "
                "set REQUESTS_CA_BUNDLE."
            ) from None
        except requests.exceptions.TooManyRedirects:
            raise SourceError(
                f"{self.name}: the server sends from one address to the next without end."
            ) from None
        except (requests.exceptions.RequestException, OSError) as failure:
            raise _Broken(name_failure(failure)) from None
        if self.address.scheme == "https" and not answer.url.startswith("https:"):
            answer.close()
            raise SourceError(
                f"{self.name}: the server sends to an address without encryption. It was not read."
            )
        if answer.status_code not in {200, 206, 416}:
            answer.close()
            self._refuse_status(answer.status_code)
        return answer

    def _refuse_unknown(self) -> None:
        """Refuse an address of which a part has not come along: what is left of it names another file."""
        if self._travelled and not self.address.is_known:
            raise SourceError(
                f"{self.name}: the end of this address is not known on {platform.node()}, because it may "
                "hold a signature. Put the file into a store, which each machine reads with credentials of "
                "its own, or on a shared folder."
            )

    def _refuse_status(self, status: int) -> None:
        trouble, why = sort_status(status), f"HTTP status {status}"
        if trouble is Trouble.AWAY:
            raise _Broken(why)
        raise describe(self.address, trouble, why)

    def _try_again(self, act: Callable[[], _T]) -> _T:
        """Act, and again after a pause if the connection breaks.

        Raises:
            StoreAway: each time it broke.
        """
        for pause in (*PAUSES, None):
            try:
                return act()
            except _Broken as broken:
                if pause is None:
                    raise describe(self.address, Trouble.AWAY, str(broken)) from None
            time.sleep(pause)
        raise AssertionError  # the last try returns or raises


class _Broken(Exception):
    """A read that may go well if it is tried again."""


class _Stream:
    """An answer that is read from its beginning on.

    Attributes:
        at: how many bytes were read.
    """

    def __init__(self, answer: Response) -> None:
        self._answer = answer
        self.at = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        content = _read_exactly(self._answer, size)
        self.at += size
        return content

    def close(self) -> None:
        """Let the connection go."""
        self._answer.close()


def _read_exactly(answer: Response, size: int) -> bytes:
    """Bytes of the body of an answer.

    Raises:
        _Broken: it ends before.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - few loads need it, and it takes long

    parts, left = [], size
    try:
        while left and (part := answer.raw.read(left, decode_content=False)):
            parts.append(part)
            left -= len(part)
    except (HTTPError, OSError) as failure:
        raise _Broken(name_failure(failure)) from None
    if left:
        raise _Broken(f"it ended {left:,} bytes too early")
    return b"".join(parts)


def read_version(answer: Response) -> str:
    """What tells one version of a file from another; "" if the server does not say.

    A weak ETag stands for any file that means the same, so the time is better (RFC 9110, 8.8.1).
    """
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def name_failure(failure: BaseException) -> str:
    """What kind of failure it was: texts of the library hold addresses, and those hold signatures."""
    import requests  # noqa: PLC0415 - few loads need it, and it takes long
    from urllib3 import exceptions  # noqa: PLC0415 - few loads need it, and it takes long

    kinds: dict[str, tuple[type[BaseException], ...]] = {
        "no connection in time": (requests.exceptions.ConnectTimeout,),
        "no answer in time": (requests.exceptions.ReadTimeout, exceptions.ReadTimeoutError),
        "the proxy cannot be reached": (requests.exceptions.ProxyError,),
        "the connection broke": (exceptions.ProtocolError, ConnectionResetError, BrokenPipeError),
    }
    found = next((words for words, of in kinds.items() if isinstance(failure, of)), None)
    return found or "no connection"
