"""What is peculiar to the transport on libcurl: reuse, HTTP/2, and what it would do if it were let."""

from __future__ import annotations

import ssl
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import trustme

from loader.delivery.transports.curl.pool import Pool
from loader.errors import ConfigError
from loader.model import Answer, NoAnswer, NotSent
from loader.settings import Token
from tests.delivery.conftest import SHORT, TOKEN
from tests.delivery.driven import CurlTransport
from tests.faultserver import OK, FaultServer, answer, http, raw
from tests.h2server import H2Server, Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of these tests."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    """Path of the authority's certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_second_answer_inside_tls_confirms_nothing(
    tls: ssl.SSLContext, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that TLS has read ahead are seen by nobody, so the body waits for them to come out first."""
    monkeypatch.setattr(Pool, "dirty", lambda _: False)  # as if they were always read ahead
    for _ in range(10):
        with (
            FaultServer([raw(http(200), http(200)), answer(400, b"no")], tls=tls) as server,
            CurlTransport(server.url, None, ca_bundle=trusted) as transport,
        ):
            assert transport.post(b"1").result(20) == Answer(200, OK)
            server.await_done(1)  # the second answer is there
            second = transport.post(b"2").result(20)
            assert second == Answer(400, b"no") or isinstance(second, NoAnswer)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://api.pushwoosh.com/json/1.3/", "not encrypted"),
        ("https://api.pushwoosh.com/\r\nX: y", "line end"),
        ("https://name:word@api.pushwoosh.com/", "user name"),
        ("ftp://api.pushwoosh.com/", "not a URL"),
    ],
)
def test_an_unsafe_url_is_refused(url: str, word: str) -> None:
    """A URL that would leak the token or smuggle a header is refused before anything is opened."""
    with pytest.raises(ConfigError, match=word):
        CurlTransport(url, Token(TOKEN))


def test_a_ca_bundle_that_is_none_is_fatal(tls: ssl.SSLContext, tmp_path: Path) -> None:
    """Without the certificates to trust nothing is sent, and the load ends with the reason."""
    with FaultServer(tls=tls) as server:
        missing = str(tmp_path / "missing.pem")
        with CurlTransport(server.url, None, ca_bundle=missing) as transport:
            attempt = transport.post(b"{}").result(20)
        assert server.bodies == []
    assert isinstance(attempt, NotSent)
    assert attempt.stop is not None


# HTTP/2


@pytest.fixture
def h2(tls: ssl.SSLContext) -> Iterator[H2Server]:
    """A server that speaks HTTP/2."""
    with H2Server(tls) as server:
        yield server


def test_many_rows_share_one_http_2_connection(h2: H2Server, trusted: str) -> None:
    """Where the server offers HTTP/2, requests on the wire at the same time share a connection."""

    def when_eight_are_there(session: Session, _stream: int, body: bytes) -> None:
        if body == b"first" or len(session.open) == 8:
            for stream in list(session.open):
                session.answer(stream)

    h2.act = when_eight_are_there
    with CurlTransport(h2.url, Token(TOKEN), concurrency=8, ca_bundle=trusted) as transport:
        assert transport.post(b"first").result(20) == Answer(200, OK)
        for _ in range(3):
            attempts = [transport.post(b"{}") for _ in range(8)]
            assert [attempt.result(20) for attempt in attempts] == [Answer(200, OK)] * 8
    assert h2.connections == 1


def test_an_http_2_connection_that_dies_doubles_nothing(h2: H2Server, trusted: str) -> None:
    """What was on a connection that was cut is in doubt, what follows goes over another, each row once."""

    def cut_at_each_tenth(session: Session, stream: int, body: bytes) -> None:
        if int(body) % 10 == 9:
            session.cut()
        else:
            session.answer(stream)

    h2.act = cut_at_each_tenth
    with CurlTransport(h2.url, None, concurrency=4, ca_bundle=trusted, timeouts=SHORT) as transport:
        attempts = [transport.post(b"%d" % row).result(20) for row in range(40)]
    assert [row for row, attempt in enumerate(attempts) if not isinstance(attempt, Answer)] == [9, 19, 29, 39]
    assert all(isinstance(attempt, NoAnswer) for attempt in attempts[9::10])
    assert Counter(h2.bodies) == Counter(b"%d" % row for row in range(40))


def test_a_refused_http_2_stream_doubles_nothing(h2: H2Server, trusted: str) -> None:
    """A stream that the server refuses is not confirmed, and its row arrives at most once."""

    def refuse_odd_ones(session: Session, stream: int, body: bytes) -> None:
        if int(body) % 2:
            session.refuse(stream)
        else:
            session.answer(stream)

    h2.act = refuse_odd_ones
    with CurlTransport(h2.url, None, ca_bundle=trusted, timeouts=SHORT) as transport:
        attempts = [transport.post(b"%d" % row).result(20) for row in range(10)]
    assert [isinstance(attempt, Answer) for attempt in attempts] == [True, False] * 5
    assert h2.bodies == [b"%d" % row for row in range(0, 10, 2)]


def test_a_silent_http_2_stream_ends_alone(h2: H2Server, trusted: str) -> None:
    """A row without an answer is given up by its deadline, and its connection carries on."""

    def ignore_first(session: Session, stream: int, body: bytes) -> None:
        if body != b"ignored":
            session.answer(stream)

    h2.act = ignore_first
    with CurlTransport(h2.url, None, ca_bundle=trusted, timeouts=SHORT) as transport:
        assert transport.post(b"1").result(20) == Answer(200, OK)
        assert isinstance(transport.post(b"ignored").result(20), NoAnswer)
        assert transport.post(b"2").result(20) == Answer(200, OK)
    assert h2.connections == 1
