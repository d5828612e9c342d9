"""Transports under contract: a new one is one more line of `TRANSPORTS`."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Protocol

import pytest

from loader.delivery.transports.contract import Timeouts
from loader.delivery.transports.curl_session.session import CurlSession
from loader.delivery.transports.requests.requests_transport import RequestsTransport
from loader.settings import Token
from tests.delivery.driven import CurlTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.addresses import Proxy
    from loader.delivery import Transport
    from loader.model import Attempt
    from tests.faultserver import FaultServer

TOKEN = "sEcReT-7f3a"
#: For a server that does not answer; one that does may be slow, if the machine is.
SHORT = Timeouts(connect=1.0, read=0.5, total=1.0)
PATIENT = Timeouts(connect=20.0, read=20.0, total=20.0)


class Post(Protocol):
    """Posts one body to a server through the transport under test and returns the attempt."""

    def __call__(self, body: bytes = b'{"row":1}') -> Attempt:
        """Wait for what becomes of one request."""


class Posting(Protocol):
    """Connects the transport under test to a server."""

    def __call__(self, server: FaultServer, timeouts: Timeouts = ...) -> Post:
        """Open it there."""


class Opener(Protocol):
    """Opens the transport under test."""

    def __call__(
        self,
        url: str,
        *,
        timeouts: Timeouts = PATIENT,
        ca_bundle: str | None = None,
        proxy: Proxy | None = None,
        concurrency: int = 4,
    ) -> Transport:
        """Open one for this URL."""


def own(
    url: str,
    *,
    timeouts: Timeouts = PATIENT,
    ca_bundle: str | None = None,
    proxy: Proxy | None = None,
    concurrency: int = 4,
) -> Transport:
    """The one on requests-futures, with a session of its own."""
    return RequestsTransport(
        url, Token(TOKEN), concurrency=concurrency, timeouts=timeouts, ca_bundle=ca_bundle, proxy=proxy
    )


def curl(
    url: str,
    *,
    timeouts: Timeouts = PATIENT,
    ca_bundle: str | None = None,
    proxy: Proxy | None = None,
    concurrency: int = 4,
) -> Transport:
    """The one on libcurl."""
    return CurlTransport(
        url, Token(TOKEN), concurrency=concurrency, timeouts=timeouts, ca_bundle=ca_bundle, proxy=proxy
    )


class _OverCurlSession(RequestsTransport):
    """Closes the session with the transport, as its owner would at the end."""

    def __init__(self, session: CurlSession, url: str, timeouts: Timeouts) -> None:
        super().__init__(url, Token(TOKEN), session=session, timeouts=timeouts)
        self._curl_session = session

    def close(self) -> None:
        self._curl_session.cut()


def curl_session(
    url: str,
    *,
    timeouts: Timeouts = PATIENT,
    ca_bundle: str | None = None,
    proxy: Proxy | None = None,
    concurrency: int = 4,
) -> Transport:
    """The one on requests-futures, with a session of the caller's that goes over libcurl."""
    session = CurlSession(max_workers=concurrency, total=timeouts.total)
    session.verify = ca_bundle or True
    session.proxies = {"http": proxy.address, "https": proxy.address} if proxy else {}
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return _OverCurlSession(session, url, timeouts)


TRANSPORTS: dict[str, Opener] = {"curl": curl, "curl-session": curl_session, "requests": own}


@pytest.fixture(params=TRANSPORTS)
def opened(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens the transport under test, and closes it afterwards."""
    transports: list[Transport] = []

    def opener(url: str, **options: object) -> Transport:
        transport = TRANSPORTS[request.param](url, **options)  # type: ignore[arg-type] # checked by Opener
        transports.append(transport)
        return transport

    yield opener
    for transport in transports:
        transport.close()


@pytest.fixture
def posting(opened: Opener) -> Posting:
    """Connects the transport under test to a server."""

    def connect(server: FaultServer, timeouts: Timeouts = PATIENT) -> Post:
        transport = opened(server.url + "postEvent", timeouts=timeouts)
        return lambda body=b'{"row":1}': transport.post(body).result(timeout=60)

    return connect
