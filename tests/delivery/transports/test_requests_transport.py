"""What is peculiar to the transport on requests-futures: sessions of the caller's, and refused settings."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests_futures.sessions import FuturesSession

from loader.delivery.transports.contract import LONGEST_BODY, Timeouts
from loader.delivery.transports.requests.requests_transport import RequestsTransport
from loader.errors import ConfigError
from loader.model import Answer, NoAnswer, NotSent, StopCode
from loader.settings import Token
from tests.delivery.conftest import SHORT, TOKEN
from tests.faultserver import OK, FaultServer, answer, close_after_request, drip, http, raw

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session() -> Iterator[FuturesSession]:
    """A session of the caller's."""
    session = FuturesSession(max_workers=2)
    session.headers["X-Customer"] = "7"
    yield session
    session.close()


def test_a_callers_session_carries_the_requests_and_stays_as_it_was(session: FuturesSession) -> None:
    """Its own headers travel, the token is added to our requests only, and it is not closed."""
    with FaultServer() as server:
        before = dict(session.headers)
        with RequestsTransport(server.url, Token(TOKEN), session=session) as transport:
            assert transport.post(b"{}").result(20) == Answer(200, OK)
        assert server.accepted[0].header("X-Customer") == ["7"]
        assert server.accepted[0].header("Authorization") == [f"Token {TOKEN}"]
        assert dict(session.headers) == before
        assert session.auth is None
        assert session.get(server.url, data=b"{}").result(20).status_code == 200
        assert server.accepted[1].header("Authorization") == []


def test_what_invites_a_replay_is_left_out_of_a_callers_session(session: FuturesSession) -> None:
    """A header for which proxies send a request again does not travel with our requests."""
    session.headers["Idempotency-Key"] = "7"
    with FaultServer() as server, RequestsTransport(server.url, None, session=session) as transport:
        transport.post(b"{}").result(20)
        assert server.accepted[0].header("Idempotency-Key") == []
    assert session.headers["Idempotency-Key"] == "7"


def test_a_callers_authentication_stands_where_no_token_is_given(session: FuturesSession) -> None:
    """Without a token the session's own authentication is used."""
    session.auth = ("name", "word")
    with FaultServer() as server, RequestsTransport(server.url, None, session=session) as transport:
        transport.post(b"{}").result(20)
        assert server.accepted[0].header("Authorization")[0].startswith("Basic ")


def test_netrc_does_not_replace_the_token_in_a_callers_session(
    session: FuturesSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A session that trusts its environment still sends the token, not a netrc entry."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer() as server, RequestsTransport(server.url, Token(TOKEN), session=session) as transport:
        transport.post(b"{}").result(20)
        assert server.accepted[0].header("Authorization") == [f"Token {TOKEN}"]


def test_only_proven_failures_of_a_callers_session_are_not_sent(session: FuturesSession) -> None:
    """Refused is proof; a lost answer, or an error of the session itself, is a doubt."""
    with FaultServer([close_after_request]) as server:
        transport = RequestsTransport(server.url, None, session=session, timeouts=SHORT)
        assert isinstance(transport.post(b"{}").result(20), NoAnswer)
        session.mount("http://", _Failing())
        assert isinstance(transport.post(b"{}").result(20), NoAnswer)
    session.mount("http://", HTTPAdapter())
    refused = RequestsTransport(server.url, None, session=session)
    assert isinstance(refused.post(b"{}").result(20), NotSent)


class _Failing(HTTPAdapter):
    def send(self, *_: object, **__: object) -> requests.Response:
        raise KeyError("a plug-in")


def test_bodies_and_redirects_are_bounded_in_a_callers_session_too(session: FuturesSession) -> None:
    """A huge body, a dripping body and a redirect are ended by the response hook."""
    limits = Timeouts(connect=1, read=0.5, total=0.6)
    script = [
        raw(http(200, b"x" * 10_000_000)),
        answer(302, b"", "Location: http://127.0.0.1:9/"),
        drip(http(200, b"y" * 300), 0.01),
    ]
    with FaultServer(script) as server:
        transport = RequestsTransport(server.url, None, session=session, timeouts=limits)
        assert transport.post(b"{}").result(20) == Answer(200, b"x" * LONGEST_BODY, None, complete=False)
        assert transport.post(b"{}").result(20) == Answer(302, b"")
        began = time.monotonic()
        dripping = transport.post(b"{}").result(20)
        assert isinstance(dripping, Answer)
        assert not dripping.complete
        assert time.monotonic() - began < 3


def test_a_session_without_hooks_confirms_nothing() -> None:
    """An answer that did not pass our reading is a doubt."""

    class Hookless(FuturesSession):  # type: ignore[misc] # requests-futures ships no types
        def post(self, *_: object, **__: object) -> Future[requests.Response]:
            future: Future[requests.Response] = Future()
            future.set_result(requests.Response())
            return future

    with Hookless() as session, RequestsTransport("http://127.0.0.1/", None, session=session) as transport:
        assert isinstance(transport.post(b"{}").result(1), NoAnswer)


def test_a_closed_session_ends_the_load(session: FuturesSession) -> None:
    """A session that its owner closed sends nothing, and waiting would not help."""
    session.close()
    attempt = RequestsTransport("http://127.0.0.1/", None, session=session).post(b"{}").result(1)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is not None


def test_a_thread_that_cannot_start_is_a_doubt(
    session: FuturesSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the executor fails after it has queued a request, another thread may still send it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(session, "post", fail)
    attempt = RequestsTransport("http://127.0.0.1/", None, session=session).post(b"{}").result(1)
    assert attempt == NoAnswer("can't start new thread")


def test_a_session_that_fails_in_a_way_of_its_own_leaves_a_doubt() -> None:
    """Nobody knows whether it had sent: the load continues, and the row is in doubt with the reason."""

    class Odd(FuturesSession):  # type: ignore[misc] # requests-futures ships no types
        def post(self, *_: object, **__: object) -> None:
            raise ValueError("not on Wednesdays")

    with (
        Odd() as odd,
        closing(RequestsTransport("http://127.0.0.1:9/postEvent", None, session=odd)) as transport,
    ):
        assert transport.post(b"{}").result(1) == NoAnswer("not on Wednesdays")


def test_a_session_that_retries_by_itself_is_refused(session: FuturesSession) -> None:
    """One retry layer only: a library's own retry could double a row."""
    session.mount("http://127", HTTPAdapter(max_retries=3))
    with pytest.raises(ConfigError, match=r"total=3.*HTTPAdapter\(max_retries=0\)"):
        RequestsTransport("http://127.0.0.1/", None, session=session)


@pytest.mark.parametrize("verify", [False, None, ""])
def test_a_session_that_does_not_verify_is_refused(session: FuturesSession, verify: Any) -> None:
    """Certificates are always verified."""
    session.verify = verify
    with pytest.raises(ConfigError, match=f"verify={verify!r}"):
        RequestsTransport("https://api.pushwoosh.com/", None, session=session)


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
        RequestsTransport(url, Token(TOKEN))


def test_a_token_with_a_line_end_is_refused() -> None:
    """A token cannot smuggle a header, and the error does not show it."""
    with pytest.raises(ConfigError) as error:
        Token(TOKEN + "\r\nX: y")
    assert TOKEN not in str(error.value)


HOT = "hot-4711"


@pytest.mark.parametrize("place", ["127.0.0.1:99999", "[::1", "pro..xy:1"])
@pytest.mark.parametrize("way", ["session", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_session_with_a_proxy_that_can_never_work_is_refused(
    session: FuturesSession, monkeypatch: pytest.MonkeyPatch, place: str, way: str
) -> None:
    """Before the first row, without the password, and wherever the session has the proxy from."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = f"http://user:{HOT}@{place}"
    if way == "session":
        session.proxies = {"http": url}
    else:
        monkeypatch.setenv(way, url)
    with pytest.raises(ConfigError, match="HTTP_PROXY, HTTPS_PROXY or ALL_PROXY") as refused:
        RequestsTransport("http://127.0.0.1/", None, session=session)
    assert HOT not in str(refused.value)


def test_a_session_that_does_not_use_the_environment_is_not_refused_for_it(
    session: FuturesSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `trust_env` off, or for a host in NO_PROXY, a wrong proxy of the environment has no effect."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:99999")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    RequestsTransport("http://127.0.0.1/", None, session=session)
    monkeypatch.setenv("no_proxy", "")
    session.trust_env = False
    RequestsTransport("http://127.0.0.1/", None, session=session)


@pytest.mark.parametrize("where", ["verify", "cert", "key"])
def test_a_session_whose_certificates_are_not_there_is_refused(session: FuturesSession, where: str) -> None:
    """Each request would fail for it, and leave a doubt."""
    if where == "verify":
        session.verify = "nowhere.pem"
    else:
        session.cert = (__file__, "nowhere.pem") if where == "key" else "nowhere.pem"
    with pytest.raises(ConfigError, match=r"the file nowhere\.pem"):
        RequestsTransport("http://127.0.0.1/", None, session=session)


@pytest.mark.parametrize("proxy", [f"http://user:{HOT}@127.0.0.1:99999", f"nonsense://user:{HOT}@127.0.0.1"])
def test_a_proxy_that_is_broken_while_the_load_runs_stops_it_without_a_doubt(
    session: FuturesSession, proxy: str
) -> None:
    """What requests refuses before it connects was not sent, and its words, with the password, stay out."""
    with closing(RequestsTransport("http://127.0.0.1:9/", None, session=session)) as transport:
        session.proxies = {"http": proxy}
        attempt = transport.post(b"{}").result(10)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is StopCode.SETTINGS
    assert HOT not in attempt.reason
