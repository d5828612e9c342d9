"""A `CurlSession` beside the stock `FuturesSession`: what is alike, what differs, and how it ends."""

from __future__ import annotations

import gc
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import as_completed
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from requests.auth import HTTPDigestAuth
from requests_futures.sessions import FuturesSession
from urllib3 import Timeout

from loader.delivery.transports.curl_session.session import CurlSession
from loader.errors import ConfigError
from tests.faultserver import (
    OK,
    Accepted,
    Behaviour,
    FaultServer,
    Visit,
    answer,
    close_after_request,
    close_idle_as_request_comes,
    compressed,
    drip,
    hang,
    http,
    raw,
    reset_after_request,
)
from tests.h2server import H2Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def session() -> Iterator[CurlSession]:
    """A session."""
    with CurlSession() as session:
        yield session


@pytest.fixture
def stock() -> Iterator[FuturesSession]:
    """The session to be compared with."""
    with FuturesSession() as session:
        session.trust_env = False
        yield session


def test_an_answer_is_a_response(session: CurlSession) -> None:
    """What a future yields is a `requests.Response`, filled as requests fills it."""
    with FaultServer([answer(201, OK, "Content-Type: application/json", "X-A: 1", "x-a: 2")]) as server:
        response = session.post(server.url, json={"a": "\u4e2d"}).result(20)
        assert type(response) is requests.Response
        assert (response.status_code, response.reason, response.ok) == (201, "Some", True)
        assert response.content == OK == response.raw.read()
        assert response.json()["status_code"] == 200
        assert response.headers["x-A"] == "1, 2"
        assert response.encoding == "utf-8"
        assert response.url == server.url
        assert response.history == []
        assert timedelta() < response.elapsed < timedelta(seconds=10)
        assert response.request.body == server.bodies[0] == b'{"a": "\\u4e2d"}'
        response.raise_for_status()
    assert isinstance(session, FuturesSession)


def test_an_error_status_raises_as_usual(session: CurlSession) -> None:
    """`raise_for_status` names the status, its words and the URL."""
    with FaultServer([answer(404, b"no")]) as server:
        response = session.get(server.url).result(20)
        with pytest.raises(requests.HTTPError, match=f"404 Client Error: Some for url: {server.url}"):
            response.raise_for_status()
        assert response.text == "no"


# Alike


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "json": ("POST", {"json": {"a": 1}}),
    "form": ("POST", {"data": {"a": "1 2", "b": "\u00e9"}}),
    "bytes": ("POST", {"data": b"\x00\xff"}),
    "bytearray": ("POST", {"data": bytearray(b"\x00\xff")}),
    "text": ("PUT", {"data": "\u00e9"}),
    "nothing": ("POST", {}),
    "files": (
        "POST",
        {"files": {"f": ("f.txt", b"text")}, "headers": {"Content-Type": "multipart/form-data"}},
    ),
    "params": ("GET", {"params": {"a": ["1", "2"], "b": "x y"}}),
    "body in GET": ("GET", {"data": b"x"}),
    "HEAD": ("HEAD", {}),
    "DELETE": ("DELETE", {}),
    "PATCH": ("PATCH", {"json": []}),
    "OPTIONS": ("OPTIONS", {}),
    "basic": ("POST", {"data": b"x", "auth": ("name", "word")}),
    "cookies": ("GET", {"cookies": {"a": "b"}}),
    "headers": ("POST", {"data": b"x", "headers": {"X-Empty": "", "X-A": "\u00e9", "Accept": None}}),
    "own length": ("POST", {"data": b"x", "headers": {"Content-Length": "9999"}}),
    "name in URL": ("POST", {"data": b"x", "path": "a/../b?c=%20#fragment"}),
}


@pytest.mark.parametrize(("method", "options"), REQUESTS.values(), ids=REQUESTS)
def test_requests_are_those_of_requests(
    session: CurlSession,
    stock: FuturesSession,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    options: dict[str, Any],
) -> None:
    """Line, headers and body on the wire are the same that requests sends."""
    options = dict(options)
    monkeypatch.setattr("urllib3.filepost.choose_boundary", lambda: "boundary")
    with FaultServer([answer(200, b"")]) as server:
        url = server.url + options.pop("path", "")
        for each in (stock, session):
            assert each.request(method, url, **options).result(20).status_code == 200
        expected, sent = (_essence(request) for request in server.accepted)
    assert sent == expected


_DIFFERENT = (b"accept-encoding", b"proxy-connection")


def _essence(request: Accepted) -> tuple[bytes, Counter[tuple[bytes, bytes]], bytes]:
    line, *headers = request.head.strip().split(b"\r\n")
    pairs = (header.split(b":", 1) for header in headers)
    kept = [(name.lower(), value.strip()) for name, value in pairs if name.lower() not in _DIFFERENT]
    return line, Counter(kept), request.body


FAILURES: dict[str, tuple[Behaviour, type[Exception], bool]] = {
    "hang": (hang, requests.ReadTimeout, True),
    "closed": (close_after_request, requests.ConnectionError, True),
    "reset": (reset_after_request, requests.ConnectionError, True),
    "no HTTP": (raw(b"NOT HTTP\r\n\r\n", close=True), requests.ConnectionError, True),
    "cut": (raw(http(200, OK, length=900), close=True), requests.exceptions.ChunkedEncodingError, True),
    "stalled": (raw(http(200, OK, length=900)), requests.ConnectionError, True),
}


@pytest.mark.parametrize(("behaviour", "kind", "left"), FAILURES.values(), ids=FAILURES)
def test_failures_are_those_of_requests(
    session: CurlSession, stock: FuturesSession, behaviour: Behaviour, kind: type[Exception], left: bool
) -> None:
    """An exception is of the type that requests raises, knows its request, and says whether that had left."""
    with FaultServer([behaviour]) as server:
        for each in (stock, session):
            failure = each.post(server.url, data=b"1", timeout=(5, 0.3)).exception(20)
            assert isinstance(failure, kind), each
    assert failure.request_left is left
    assert failure.request is None or failure.request.url == server.url


UNSENT: dict[str, tuple[str, dict[str, Any], type[Exception]]] = {
    "unknown host": ("https://host.invalid/", {}, requests.ConnectionError),
    "proxy": ("https://host.invalid/", {"proxies": {"https": "127.0.0.1:9"}}, requests.exceptions.ProxyError),
    "scheme": ("ftp://127.0.0.1/", {}, requests.exceptions.InvalidSchema),
    "no URL": ("//", {}, requests.exceptions.MissingSchema),
    "timeout": ("http://127.0.0.1/", {"timeout": -1}, ValueError),
    "timeouts": ("http://127.0.0.1/", {"timeout": (1, 2, 3)}, ValueError),
    "header": ("http://127.0.0.1/", {"headers": {"A": "b\r\nC: d"}}, requests.exceptions.InvalidHeader),
    "bundle": ("https://127.0.0.1:9/", {"verify": "/missing.pem"}, OSError),
    "certificate": ("https://127.0.0.1:9/", {"cert": "/missing.pem"}, OSError),
    "argument": ("http://127.0.0.1/", {"tiemout": 1}, TypeError),
}


@pytest.mark.parametrize(("url", "options", "kind"), UNSENT.values(), ids=UNSENT)
def test_what_cannot_be_sent_fails_as_with_requests(
    session: CurlSession, stock: FuturesSession, url: str, options: dict[str, Any], kind: type[Exception]
) -> None:
    """Nothing had left, and the future raises what that of requests-futures raises."""
    for each in (stock, session):
        failure = each.post(url, data=b"1", **options).exception(60)
        assert isinstance(failure, kind), each
    assert failure.request_left is False


@pytest.mark.parametrize("name", ["", "name:a%20word@"])
def test_a_proxy_gets_what_requests_gives_it(session: CurlSession, stock: FuturesSession, name: str) -> None:
    """A proxy, for all requests or for one, gets the whole URL, and name and password where it has some."""
    with FaultServer() as proxy:
        way = {"http": f"http://{name}127.0.0.1:{proxy.port}"}
        for each in (stock, session):
            each.proxies = way
            assert each.post("http://127.0.0.1:9/a?b", data=b"1").result(20).ok
            each.proxies = {}
            assert each.post("http://127.0.0.1:9/a?b", data=b"1", proxies=way).result(20).ok
        first, *others = (_essence(request) for request in proxy.accepted)
    assert others == [first] * 3


def test_refused_and_unanswered_connections_had_sent_nothing(session: CurlSession) -> None:
    """A refused connection and a connect timeout are told apart, and neither is a doubt."""
    refused = session.post("http://127.0.0.1:9/", data=b"1").exception(20)
    assert isinstance(refused, requests.ConnectionError)
    assert refused.request_left is False  # type: ignore[attr-defined] # our own mark on it
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        late = session.post(url, data=b"1", timeout=0.3).exception(20)
        for filler in fillers:
            filler.close()
    assert isinstance(late, requests.ConnectTimeout)
    assert late.request_left is False  # type: ignore[attr-defined] # our own mark on it


def test_cookies_come_back(session: CurlSession) -> None:
    """A cookie of an answer is in the answer and in the session, and travels with the next request."""
    with FaultServer([answer(200, OK, "Set-Cookie: node=7"), answer()]) as server:
        assert session.get(server.url).result(20).cookies["node"] == "7"
        session.get(server.url).result(20)
        assert server.accepted[1].header("Cookie") == ["node=7"]


def test_hooks_and_callbacks_run(session: CurlSession) -> None:
    """Response hooks get the answer and what it was asked with; what they raise, the future raises."""
    seen: list[tuple[int, Any]] = []

    def hook(response: requests.Response, **ways: Any) -> None:
        seen.append((response.status_code, ways["timeout"]))

    def fail(_: requests.Response, **__: Any) -> None:
        raise KeyError("a plug-in")

    with FaultServer() as server:
        session.post(server.url, hooks={"response": hook}, timeout=(3, 4)).result(20)
        assert seen == [(200, (3, 4))]
        failure = session.post(server.url, hooks={"response": fail}).exception(20)
        assert isinstance(failure, KeyError)
        assert failure.request_left is True  # type: ignore[attr-defined] # our own mark on it
        with pytest.warns(DeprecationWarning, match="hooks"):
            future = session.get(server.url, background_callback=lambda _, response: response.status_code)
        assert future.result(20) == 200


def test_a_prepared_request_can_be_sent(session: CurlSession) -> None:
    """`send` waits, as it does with requests; not in a hook, which would wait for itself."""
    with FaultServer() as server:
        prepared = session.prepare_request(requests.Request("POST", server.url, data=b"1"))
        assert session.send(prepared, timeout=5).status_code == 200
        hook = {"response": lambda *_, **__: session.send(prepared)}
        with pytest.raises(RuntimeError, match="cannot wait"):
            session.get(server.url, hooks=hook).result(20)


def test_requests_go_to_many_servers_and_carry_nothing_over(session: CurlSession) -> None:
    """One session serves many origins at a time; headers, methods and bounds of one reach no other."""
    with FaultServer() as one, FaultServer([hang]) as silent, FaultServer() as other:
        late = session.post(silent.url, data=b"x", timeout=0.3)
        for row in range(20):
            mine = {"Authorization": f"Token {row}", "X-One": "1"}
            assert session.put(one.url, data=b"%d" % row, headers=mine).result(20).ok
            assert session.post(other.url, json=row).result(20).ok
        assert isinstance(late.exception(20), requests.ReadTimeout)
        assert {request.head.split(b" ")[0] for request in one.accepted} == {b"PUT"}
        assert {request.head.split(b" ")[0] for request in other.accepted} == {b"POST"}
        assert [request.header("Authorization") for request in one.accepted] == [
            [f"Token {n}"] for n in range(20)
        ]
        assert not any(
            request.header("Authorization") + request.header("X-One") for request in other.accepted
        )
        assert (one.connections, other.connections) == (1, 1)


def test_many_threads_may_ask(session: CurlSession) -> None:
    """Requests from several threads arrive once each, and each future has its own answer."""

    def echo(body: bytes) -> Behaviour:
        return answer(200, body)

    with FaultServer(echo) as server:
        futures = []
        lock = threading.Lock()

        def ask(first: int) -> None:
            mine = [(row, session.post(server.url, data=b"%d" % row)) for row in range(first, first + 50)]
            with lock:
                futures.extend(mine)

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(0, 200, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert len(list(as_completed([future for _, future in futures], timeout=20))) == 200
        assert all(future.result().content == b"%d" % row for row, future in futures)
        assert Counter(server.bodies) == Counter(b"%d" % row for row in range(200))


# TLS, HTTP/2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of these tests."""
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
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


def test_certificates_are_verified(session: CurlSession, tls: ssl.SSLContext, bundle: str) -> None:
    """An unknown one is an `SSLError`, for each request by its own `verify`; waived on this machine only."""
    with FaultServer(tls=tls) as server:
        unknown = session.post(server.url, data=b"1").exception(20)
        assert isinstance(unknown, requests.exceptions.SSLError)
        assert unknown.request_left is False  # type: ignore[attr-defined] # our own mark on it
        assert session.post(server.url, data=b"2", verify=bundle).result(20).ok
        assert session.post(server.url, data=b"3", verify=False).result(20).ok
        assert isinstance(session.post(server.url, data=b"4").exception(20), requests.exceptions.SSLError)
        assert server.bodies == [b"2", b"3"]
    for waived in (False, ""):
        with pytest.raises(ConfigError, match="CA bundle"):
            session.post("https://api.pushwoosh.com/", verify=waived).result(20)


def test_a_certificate_of_ones_own_is_shown(
    session: CurlSession, authority: trustme.CA, tls: ssl.SSLContext, bundle: str, tmp_path: Path
) -> None:
    """A server that asks who is there gets the client's certificate."""
    mine = authority.issue_cert("me@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    with FaultServer(tls=tls) as server:
        assert session.post(server.url, data=b"1", verify=bundle, timeout=5).exception(20) is not None
        shown = session.post(server.url, data=b"2", verify=bundle, cert=str(tmp_path / "me.pem"))
        assert shown.result(20).ok
        assert server.bodies == [b"2"]


def test_http_2_is_used_where_it_is_offered(session: CurlSession, tls: ssl.SSLContext, bundle: str) -> None:
    """Requests with and without a body go over HTTP/2, and the answers are like any other."""
    with H2Server(tls) as server:
        session.verify = bundle
        responses = [session.post(server.url, data=b"1").result(20), session.get(server.url).result(20)]
        assert [response.content for response in responses] == [OK, OK]
        assert [response.raw.version for response in responses] == [20, 20]
        assert server.connections == 1


# Different: once, bounded, out of the environment


@pytest.mark.parametrize("die", [close_after_request, reset_after_request])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"row", b""], ids=["body", "empty"])
def test_what_is_not_safe_is_sent_once(
    session: CurlSession, die: Behaviour, method: str, body: bytes
) -> None:
    """A reused connection that dies under a request fails it, with a body or without."""
    script = iter([answer(), die, answer()])
    with FaultServer(lambda _: next(script)) as server:
        session.post(server.url, data=b"first").result(20)
        failures = [session.request(method, server.url, data=body).exception(20) for _ in range(2)]
        assert len(server.bodies) == 3
    assert isinstance(failures[0], requests.ConnectionError)
    assert failures[0].request_left is True  # type: ignore[attr-defined] # our own mark on it
    assert failures[1] is None


FAULTS = [
    *[answer()] * 30,
    close_after_request,
    reset_after_request,
    close_idle_as_request_comes,
    raw(http(200, OK, length=900), close=True),
    raw(http(200) + http(200)),
    drip(http(200), 0.001),
]


@pytest.mark.parametrize("seed", range(2))
def test_futures_tell_the_truth_whatever_goes_wrong(session: CurlSession, seed: int) -> None:
    """Under every fault, from several threads: what is answered arrived once, what is unsent did not."""
    faults = random.Random(seed)
    futures: dict[bytes, Any] = {}

    def ask(thread: int) -> None:
        chance = random.Random(f"{seed} {thread}")
        for row in range(150):
            body, url = b"%d-%d" % (thread, row), chance.choice(urls)
            futures[body] = session.post(url, data=body, headers={"X-Any": str(chance.randrange(3))})
            if chance.random() < 0.1:
                futures[body].cancel()

    def choose(_: bytes) -> Behaviour:
        return faults.choice(FAULTS)

    with FaultServer(choose) as one, FaultServer(choose) as other:
        urls = [one.url, other.url]
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        fates = {body: _fate(future) for body, future in futures.items()}
        arrived = Counter(one.bodies + other.bodies)
    assert set(arrived.values()) == {1}
    assert len(fates) == 450
    assert all(body in arrived for body, fate in fates.items() if fate == "answered")
    assert not any(body in arrived for body, fate in fates.items() if fate == "unsent")
    assert set(fates.values()) >= {"answered", "doubtful"}


def _fate(future: Any) -> str:
    if future.cancelled():
        return "unsent"
    failure = future.exception(20)
    if failure is None:
        return "answered"
    return "doubtful" if failure.request_left else "unsent"


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_redirects_are_never_followed(session: CurlSession, method: str) -> None:
    """A redirect is an answer, also where a request asks to follow it."""
    with FaultServer() as elsewhere, FaultServer([answer(302, b"", f"Location: {elsewhere.url}")]) as server:
        response = session.request(method, server.url, allow_redirects=True).result(20)
        assert response.status_code == 302
        assert response.is_redirect
        assert response.history == []
        assert elsewhere.connections == 0


def test_digest_authentication_fails_in_a_sentence(session: CurlSession) -> None:
    """What would send a request again is told so."""
    script = [answer(401, b"", 'WWW-Authenticate: Digest realm="r", nonce="n"')]
    with FaultServer(script) as server, pytest.raises(ConfigError, match="digest"):
        session.post(server.url, data=b"1", auth=HTTPDigestAuth("name", "word")).result(20)


def test_adapters_and_their_retries_are_refused(session: CurlSession) -> None:
    """An adapter that would not be used is not taken in silence."""
    with pytest.raises(ConfigError, match="FuturesSession"):
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=3))


def test_a_body_that_is_not_in_memory_is_refused(session: CurlSession, tmp_path: Path) -> None:
    """Files and generators could not be sent by the thread that sends all; the future says what to do."""
    with pytest.raises(ConfigError, match="generator"):
        session.post("http://127.0.0.1:9/", data=(b"%d" % n for n in range(3))).result(20)
    (tmp_path / "file").write_bytes(b"text")
    with (tmp_path / "file").open("rb") as file, pytest.raises(ConfigError, match="pass its bytes"):
        session.post("http://127.0.0.1:9/", data=file).result(20)
    with pytest.raises(ConfigError, match="HEAD"):
        session.head("http://127.0.0.1:9/", data=b"1").result(20)


def test_answers_are_bounded() -> None:
    """The longest answer is whole; one byte more, or a packed one that nobody asked for, is an exception."""
    script = [answer(200, b"x" * 10), answer(200, b"x" * 11), compressed(), compressed()]
    with FaultServer(script) as server, CurlSession(longest_answer=10) as small, CurlSession() as usual:
        assert small.get(server.url).result(20).content == b"x" * 10
        long = small.get(server.url).exception(20)
        assert isinstance(long, requests.exceptions.ChunkedEncodingError)
        assert "longer than 10 bytes" in str(long)
        packed = usual.get(server.url).exception(20)
        assert isinstance(packed, requests.exceptions.ContentDecodingError)
        assert usual.get(server.url, headers={"Accept-Encoding": "gzip"}).result(20).content == OK


@pytest.mark.parametrize("timeout", [None, 5, (5, None), Timeout(total=0.4), Timeout(connect=5, read=5)])
def test_a_request_always_ends(timeout: Any) -> None:
    """No server can hold a request beyond the session's total, whatever the request's own timeout is."""
    with FaultServer([drip(http(200, b" " * 500), 0.02)]) as server, CurlSession(total=0.5) as session:
        began = time.monotonic()
        failure = session.post(server.url, data=b"1", timeout=timeout).exception(20)
        assert time.monotonic() - began < 4  # its own timeout is longer, and all of it would take ten
    assert isinstance(failure, requests.exceptions.RequestException)
    assert failure.request_left is True  # type: ignore[attr-defined] # our own mark on it


def test_the_environment_counts_only_where_it_is_trusted(
    session: CurlSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the environment is used after `trust_env = True`, and not before."""
    with FaultServer() as proxy, FaultServer() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        session.get(server.url).result(20)
        session.trust_env = True
        session.get(server.url).result(20)
        assert (len(server.accepted), len(proxy.accepted)) == (1, 1)


# Ends


def _waiting(session: CurlSession, server: FaultServer) -> tuple[Any, Any]:
    on_the_wire, waiting = session.post(server.url, data=b"1"), session.post(server.url, data=b"2")
    server.await_accepted(1)
    return on_the_wire, waiting


def _held(release: threading.Event) -> Behaviour:
    def behave(visit: Visit) -> None:
        visit.take()
        release.wait(10)
        visit.send(http(200))

    return behave


def test_closing_lets_the_wire_end_and_cancels_the_rest() -> None:
    """As with requests-futures: what is on the wire is answered, what waits is cancelled, more is refused."""
    release = threading.Event()
    with FaultServer([_held(release)]) as server:
        session = CurlSession(max_workers=1)
        on_the_wire, waiting = _waiting(session, server)
        closing = threading.Thread(target=session.close)
        closing.start()
        release.set()
        closing.join(10)
        assert on_the_wire.result(10).ok
        assert waiting.cancelled()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            session.post(server.url)
        session.close()
        assert server.bodies == [b"1"]


def test_a_session_can_be_closed_by_a_hook_and_before_its_first_request() -> None:
    """Closing never waits for itself."""
    with FaultServer() as server, CurlSession() as session:
        session.post(server.url, hooks={"response": lambda *_, **__: session.close()}).result(20)
    unused = CurlSession()
    for _ in range(2):
        unused.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        unused.get("http://127.0.0.1:9/")


def test_a_request_that_waits_can_be_cancelled() -> None:
    """A cancelled future's request is never sent, and the next one is."""
    release = threading.Event()
    with FaultServer([_held(release)]) as server, CurlSession(max_workers=1) as session:
        on_the_wire, waiting = _waiting(session, server)
        third = session.post(server.url, data=b"3")
        assert waiting.cancel()
        assert not on_the_wire.cancel()
        release.set()
        assert third.result(20).ok
        assert server.bodies == [b"1", b"3"]


def test_cutting_gives_up_what_is_on_the_wire() -> None:
    """`cut` waits for no answer; what had left says so."""
    with FaultServer([hang]) as server:
        session = CurlSession(max_workers=1)
        on_the_wire, waiting = _waiting(session, server)
        session.cut()
        assert isinstance(on_the_wire.exception(0), requests.ConnectionError)
        assert on_the_wire.exception(0).request_left is True
        assert waiting.cancelled()


def test_a_dropped_session_leaves_no_thread() -> None:
    """A session that nobody closed answers what it was given, and its thread ends."""
    with FaultServer() as server:
        session = CurlSession()
        future = session.post(server.url, data=b"1")
        thread = session._thread._thread
        del session
        assert future.result(20).ok
        del future
        gc.collect()
        CurlSession()  # warns of unclosed sockets, if it leaves any
        gc.collect()
        assert thread is not None
        thread.join(10)
        assert not thread.is_alive()


def test_the_interpreter_ends_when_all_is_sent() -> None:
    """A script that ends without waiting has its requests sent, as with requests-futures."""
    script = (
        "import sys; from loader.delivery.transports.curl_session.session import CurlSession\n"
        "session = CurlSession(max_workers=2)\n"
        "for row in range(20): session.post(sys.argv[1], data=str(row))"
    )
    with FaultServer() as server:
        subprocess.run([sys.executable, "-c", script, server.url], check=True, timeout=60)
        assert Counter(server.bodies) == Counter(b"%d" % row for row in range(20))


@pytest.mark.parametrize("wrong", [0, True])
@pytest.mark.parametrize("bound", ["max_workers", "total", "longest_answer"])
def test_bounds_that_bound_nothing_are_refused(bound: str, wrong: object) -> None:
    """A session without workers, time or room is refused in a sentence; True is no number."""
    with pytest.raises(ConfigError, match="more than 0"):
        CurlSession(**{bound: wrong})  # type: ignore[arg-type] # on purpose
