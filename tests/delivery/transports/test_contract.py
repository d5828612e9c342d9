"""The contract of every transport, on real sockets against a server that misbehaves."""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from loader.addresses import Proxy
from loader.delivery.transports.contract import LONGEST_BODY, Timeouts
from loader.model import Answer, NoAnswer, NotSent, StopCode
from tests.delivery.conftest import SHORT, TOKEN, TRANSPORTS, Opener, Posting
from tests.faultserver import (
    OK,
    Behaviour,
    FaultServer,
    Visit,
    answer,
    close_after_request,
    close_idle_as_request_comes,
    close_on_accept,
    compressed,
    drip,
    hang,
    http,
    raw,
    reset_after_request,
    tunnel,
    unsolicited,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_an_answer_arrives_whole(posting: Posting) -> None:
    """Status, body and Retry-After of an answer are what the server sent."""
    with FaultServer([answer(429, b"later", "Retry-After: 7")]) as server:
        assert posting(server)() == Answer(429, b"later", "7", complete=True)


def test_the_request_is_what_the_vendor_expects(posting: Posting) -> None:
    """The body travels byte for byte, with the documented headers and none that invites a replay."""
    body = '{"request":{"hwid":"\u00e9\u4e2d"}}'.encode()
    with FaultServer() as server:
        posting(server)(body)
        [request] = server.accepted
    assert request.body == body
    assert request.head.startswith(b"POST /json/1.3/postEvent HTTP/1.1\r\n")
    assert request.header("Authorization") == [f"Token {TOKEN}"]
    assert request.header("Content-Type") == ["application/json"]
    assert request.header("Accept-Encoding") == ["identity"]
    assert request.header("no-auto-tags") == ["true"]
    assert request.header("User-Agent")[0].startswith("pushwoosh-loader/")
    assert request.header("Idempotency-Key") == []
    assert request.header("Cookie") == []


def test_a_large_body_travels_whole(posting: Posting) -> None:
    """A record of a megabyte arrives byte for byte, on a new connection and on one that is used again."""
    body = b'{"request":"' + bytes(range(97, 123)) * 40_000 + b'"}'
    with FaultServer() as server:
        post = posting(server)
        assert [post(body), post(body)] == [Answer(200, OK)] * 2
        assert server.bodies == [body, body]


def test_connections_are_reused(posting: Posting) -> None:
    """Answers that are read to their end leave the connection for the next request."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(OK), OK)
    with FaultServer([answer(), raw(chunked), answer(400, b""), answer()]) as server:
        post = posting(server)
        assert [post().status for _ in range(4)] == [200, 200, 400, 200]  # type: ignore[union-attr] # an attribute error would fail it as well
        assert server.connections == 1


def test_cookies_do_not_stick(posting: Posting) -> None:
    """A cookie set by one answer does not travel with the next request."""
    with FaultServer([answer(200, OK, "Set-Cookie: node=7")]) as server:
        post = posting(server)
        post()
        post()
        assert server.accepted[1].header("Cookie") == []


# Before anything left


def test_refused_is_not_sent(opened: Opener) -> None:
    """Where nobody listens, nothing was sent."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        attempt = opened(f"http://127.0.0.1:{closed.getsockname()[1]}/").post(b"{}").result(20)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is None
    assert "refused" in attempt.reason.lower()


def test_an_unknown_host_is_not_sent(opened: Opener) -> None:
    """A name that cannot be resolved is no doubt."""
    attempt = opened("https://host.invalid/").post(b"{}").result(60)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is None


def test_a_connect_timeout_is_not_sent(opened: Opener) -> None:
    """A server that does not even take the connection is no doubt."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        filler = [_connecting(full.getsockname()) for _ in range(4)]
        quick = Timeouts(connect=0.3, read=5, total=5)
        attempt = opened(f"http://127.0.0.1:{full.getsockname()[1]}/", timeouts=quick).post(b"{}").result(20)
        for sock in filler:
            sock.close()
    assert isinstance(attempt, NotSent)


def _connecting(address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock


@pytest.fixture
def mute() -> Iterator[int]:
    """Port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_handshake_timeout_is_not_sent(opened: Opener, mute: int) -> None:
    """A TLS handshake that never ends is no doubt, though it looks like a read timeout."""
    quick = Timeouts(connect=0.3, read=5, total=5)
    attempt = opened(f"https://127.0.0.1:{mute}/", timeouts=quick).post(b"{}").result(20)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is None


@pytest.mark.parametrize("linger", [False, True], ids=["closed", "reset"])
def test_a_broken_handshake_is_not_sent(opened: Opener, linger: bool) -> None:
    """A connection that ends in the TLS handshake is no doubt, though it looks like one lost later."""

    def behave(visit: Visit) -> None:
        visit.await_bytes()
        if linger:
            visit.reset()
        visit.close()

    with FaultServer([behave]) as server:
        attempt = opened(server.url.replace("http:", "https:")).post(b"{}").result(20)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is None


def test_plain_text_on_the_tls_port_is_not_sent(opened: Opener) -> None:
    """A server that answers the TLS handshake in plain HTTP got nothing."""

    def behave(visit: Visit) -> None:
        visit.await_bytes()
        visit.send(http(400, b""))
        visit.close()

    with FaultServer([behave]) as server:
        attempt = opened(server.url.replace("http:", "https:")).post(b"{}").result(20)
        assert server.connections == 1  # the library does not try again by itself
    assert isinstance(attempt, NotSent)


# TLS


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


def _speaking_as(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_tls_works_and_is_reused(opened: Opener, authority: trustme.CA, trusted: str) -> None:
    """With a valid certificate rows travel, over one connection."""
    with FaultServer(tls=_speaking_as(authority.issue_cert("127.0.0.1"))) as server:
        transport = opened(server.url, ca_bundle=trusted)
        attempts = [transport.post(b"{}").result(20) for _ in range(3)]
        assert attempts == [Answer(200, OK)] * 3
        assert server.connections == 1


def _expired(authority: trustme.CA) -> trustme.LeafCert:
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return authority.issue_cert("127.0.0.1", not_before=day, not_after=day + datetime.timedelta(days=1))


@pytest.mark.parametrize(
    ("issue", "word"),
    [
        (lambda _: trustme.CA().issue_cert("127.0.0.1"), "issuer"),
        (lambda authority: authority.issue_cert("elsewhere.example"), "127.0.0.1"),
        (_expired, "expired"),
    ],
    ids=["unknown-issuer", "wrong-host", "expired"],
)
def test_an_invalid_certificate_is_fatal(
    opened: Opener,
    authority: trustme.CA,
    trusted: str,
    issue: Callable[[trustme.CA], trustme.LeafCert],
    word: str,
) -> None:
    """A certificate that is not valid ends the load with the reason, and nothing was sent."""
    with FaultServer(tls=_speaking_as(issue(authority))) as server:
        attempt = opened(server.url, ca_bundle=trusted).post(b"{}").result(20)
        assert server.bodies == []
    assert isinstance(attempt, NotSent)
    assert attempt.stop is not None
    assert word in attempt.reason


def test_a_connection_lost_after_the_request_over_tls_is_no_answer(
    opened: Opener, authority: trustme.CA, trusted: str
) -> None:
    """Over TLS, too, a request that left and was not answered is in doubt."""
    with FaultServer([reset_after_request], tls=_speaking_as(authority.issue_cert("127.0.0.1"))) as server:
        attempt = opened(server.url, ca_bundle=trusted).post(b"{}").result(20)
        assert len(server.bodies) == 1
    assert isinstance(attempt, NoAnswer)


def test_a_server_that_wants_a_certificate_ends_an_attempt(
    opened: Opener, authority: trustme.CA, trusted: str
) -> None:
    """A connection that the server ends right after the handshake, for who we are, confirms nothing."""
    tls = _speaking_as(authority.issue_cert("127.0.0.1"))
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    with FaultServer(tls=tls) as server:
        transport = opened(server.url, ca_bundle=trusted)
        attempts = [transport.post(b"{}").result(20) for _ in range(5)]
        assert server.bodies == []
    assert all(isinstance(attempt, NoAnswer | NotSent) for attempt in attempts)


# After something left


@pytest.mark.parametrize(
    "behaviour", [close_after_request, reset_after_request, hang, raw(b"NOT HTTP\r\n\r\n", close=True)]
)
def test_a_lost_answer_is_no_answer_and_sent_once(posting: Posting, behaviour: Behaviour) -> None:
    """A request that was taken and not answered is in doubt, and is never sent again by the library."""
    with FaultServer([behaviour, answer()]) as server:
        assert isinstance(posting(server, SHORT)(), NoAnswer)
        assert len(server.bodies) == 1


@pytest.mark.parametrize("behaviour", [close_on_accept, close_idle_as_request_comes])
def test_a_connection_that_ends_under_the_request_is_no_answer(
    posting: Posting, behaviour: Behaviour
) -> None:
    """When the connection ends while the request goes out, nobody knows what arrived."""
    with FaultServer([behaviour, answer()]) as server:
        assert isinstance(posting(server)(), NoAnswer)
        assert server.bodies == []
        assert server.connections == 1


def test_an_idle_connection_closed_under_a_request_is_not_replayed(posting: Posting) -> None:
    """A reused connection that dies as the request comes gives one doubt and no second copy."""
    with FaultServer([answer(), close_idle_as_request_comes, answer()]) as server:
        post = posting(server)
        assert isinstance(post(b"1"), Answer)
        assert isinstance(post(b"2"), NoAnswer)
        assert isinstance(post(b"3"), Answer)
        assert server.bodies == [b"1", b"3"]


@pytest.mark.parametrize("die", [close_after_request, reset_after_request])
def test_many_reused_connections_that_die_double_nothing(opened: Opener, die: Behaviour) -> None:
    """Hundreds of rows over connections that die under every third: each row arrives once."""
    script = [answer()] * 8 + [die, answer(), answer()] * 100
    with FaultServer(script) as server:
        transport = opened(server.url, timeouts=Timeouts(), concurrency=8)
        attempts = [transport.post(b"%d" % row) for row in range(200)]
        kinds = Counter(type(attempt.result(20)) for attempt in attempts)
        assert Counter(server.bodies) == Counter(b"%d" % row for row in range(200))
    assert kinds[NoAnswer] > 50
    assert kinds[Answer] == 200 - kinds[NoAnswer]


def test_reused_connections_that_die_after_the_request_double_nothing(posting: Posting) -> None:
    """A server that takes each second request on a connection and hangs up gets each row once."""
    with FaultServer([answer(), close_after_request] * 3 + [answer()]) as server:
        post = posting(server)
        attempts = [post(b"%d" % row) for row in range(6)]
        assert server.bodies == [b"%d" % row for row in range(6)]
    assert [type(attempt) for attempt in attempts] == [Answer, NoAnswer] * 3


def test_a_connection_closed_while_idle_is_not_reused(posting: Posting) -> None:
    """A connection that the server closed in time costs no doubt."""
    with FaultServer([raw(http(200), close=True), answer()]) as server:
        post = posting(server)
        post(b"1")
        server.await_done(1)  # the end of the connection is there
        assert post(b"2") == Answer(200, OK)
        assert server.connections == 2


def test_an_unsolicited_answer_confirms_nothing(posting: Posting) -> None:
    """An answer that lies on an idle connection is not taken for the next request's."""
    with FaultServer([unsolicited(), answer(400, b"no")]) as server:
        post = posting(server)
        post(b"1")
        server.await_done(1)  # the unsolicited answer is there
        assert post(b"2") == Answer(400, b"no")
        assert server.connections == 2


@pytest.mark.parametrize(
    "behaviour",
    [unsolicited(), raw(http(200), http(200)), raw(http(200) + http(200))],
    ids=["later", "at-once", "same-record"],
)
def test_over_tls_too_an_unsolicited_answer_confirms_nothing(
    opened: Opener, authority: trustme.CA, trusted: str, behaviour: Behaviour
) -> None:
    """Bytes that wait in a TLS connection, in a record of their own or not, answer no later request."""
    tls = _speaking_as(authority.issue_cert("127.0.0.1"))
    with FaultServer([behaviour, answer(400, b"no")], tls=tls) as server:
        transport = opened(server.url, ca_bundle=trusted)
        assert transport.post(b"1").result(20) == Answer(200, OK)
        server.await_done(1)  # the unsolicited answer is there
        # A transport may find out only when it is too late to take another connection: then it is a doubt.
        second = transport.post(b"2").result(20)
        assert second == Answer(400, b"no") or isinstance(second, NoAnswer)
        assert transport.post(b"3").result(20) == Answer(400, b"no")


def test_bytes_behind_an_answer_cost_the_connection(posting: Posting) -> None:
    """An answer with more behind it stands, but its connection is not trusted again."""
    with FaultServer([raw(http(200) + http(200)), answer(400, b"no")]) as server:
        post = posting(server)
        assert post(b"1") == Answer(200, OK)
        assert post(b"2") == Answer(400, b"no")
        assert server.connections == 2


def test_an_interim_answer_that_is_taken_for_final_costs_the_connection(posting: Posting) -> None:
    """After a 103 the real answer is still to come; it must not answer the next request."""
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"

    def behave(visit: Visit) -> None:
        visit.take()
        visit.send(early)
        visit.pause(0.1)
        visit.send(http(200))

    with FaultServer([behave, answer(400, b"no")]) as server:
        post = posting(server)
        first = post(b"1")
        # A transport may wait for the real answer, or call this one cut; it may not confirm by it.
        assert first in (Answer(103, b"", None, complete=False), Answer(200, OK))
        assert post(b"2") == Answer(400, b"no")


# Bounds


@pytest.mark.parametrize(
    "pieces",
    [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 500, http(200, b" " * 500), http(200)[:20] + b"\r\n" * 3],
    ids=["headers", "body", "mixed"],
)
def test_a_dripping_answer_ends_by_the_deadline(opened: Opener, pieces: bytes) -> None:
    """A server that sends a byte now and then cannot hold a row beyond the total deadline."""
    limits = Timeouts(connect=1, read=0.5, total=0.6)
    with FaultServer([drip(pieces, 0.02)]) as server:
        transport = opened(server.url, timeouts=limits)
        began = time.monotonic()
        attempt = transport.post(b"{}").result(20)
        assert time.monotonic() - began < 5  # all of it would take ten
    assert isinstance(attempt, NoAnswer) or not attempt.complete  # type: ignore[union-attr] # NotSent would fail it


def test_a_huge_answer_is_cut(posting: Posting) -> None:
    """Ten megabytes of answer are not read, and the connection is given up."""

    def behave(visit: Visit) -> None:
        visit.take()
        visit.send(http(200, b"x" * 10_000_000))

    with FaultServer([behave, answer()]) as server:
        post = posting(server)
        assert post() == Answer(200, b"x" * LONGEST_BODY, None, complete=False)
        assert post() == Answer(200, OK)
        assert server.connections == 2


def test_the_largest_answer_is_whole(posting: Posting) -> None:
    """An answer of exactly the limit is complete."""
    with FaultServer([answer(200, b"x" * LONGEST_BODY)]) as server:
        assert posting(server)() == Answer(200, b"x" * LONGEST_BODY)


def test_a_compressed_answer_is_not_unpacked(posting: Posting) -> None:
    """What nobody asked to be compressed is not judged by its unpacked text."""
    with FaultServer([compressed()]) as server:
        attempt = posting(server)()
    assert isinstance(attempt, Answer)
    assert attempt.body == b""


@pytest.mark.parametrize(
    "cut",
    [
        http(200, OK, length=len(OK) + 10),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (len(OK) + 5, OK),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(OK), OK),
    ],
    ids=["content-length", "in-chunk", "between-chunks"],
)
def test_a_cut_answer_is_not_complete(posting: Posting, cut: bytes) -> None:
    """An answer that ends before its announced end is marked as cut, though its JSON is whole."""
    with FaultServer([raw(cut, close=True)]) as server:
        attempt = posting(server)()
    assert isinstance(attempt, Answer)
    assert not attempt.complete


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(posting: Posting, status: int) -> None:
    """A redirect is an answer like any other, wherever it points."""
    with FaultServer() as elsewhere, FaultServer() as server:
        server._left = [
            answer(status, b"", f"Location: {elsewhere.url}"),
            answer(status, b"", "Location: http://[broken"),
        ]
        post = posting(server)
        assert post() == Answer(status, b"")
        assert post() == Answer(status, b"")
        assert elsewhere.connections == 0


# Secrets and surroundings


def test_neither_netrc_nor_proxies_of_the_environment_are_used(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A netrc entry for the host does not replace the token, and a proxy is used only when asked for."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with FaultServer() as server:
        assert opened(server.url).post(b"{}").result(20) == Answer(200, OK)
        assert server.accepted[0].header("Authorization") == [f"Token {TOKEN}"]


def test_a_proxy_that_is_asked_for_is_used(opened: Opener) -> None:
    """A proxy that was given gets the request."""
    with FaultServer() as proxy:
        transport = opened("http://127.0.0.1:9/", proxy=Proxy.parse(f"http://127.0.0.1:{proxy.port}"))
        assert transport.post(b"{}").result(20) == Answer(200, OK)
        assert proxy.accepted[0].head.startswith(b"POST http://127.0.0.1:9/ HTTP/1.1\r\n")


def test_tls_through_a_proxy_works(opened: Opener, authority: trustme.CA, trusted: str) -> None:
    """Over a tunnel rows travel as they do directly, and the proxy never sees the token."""
    tls = _speaking_as(authority.issue_cert("127.0.0.1"))
    with FaultServer(tls=tls) as server, FaultServer([tunnel]) as proxy:
        way = Proxy.parse(f"http://127.0.0.1:{proxy.port}")
        transport = opened(server.url, ca_bundle=trusted, proxy=way)
        attempts = [transport.post(b"%d" % row).result(20) for row in range(3)]
        assert attempts == [Answer(200, OK)] * 3
        assert server.bodies == [b"0", b"1", b"2"]
        assert (proxy.connections, server.connections) == (1, 1)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_ipv6_works(opened: Opener) -> None:
    """An address of either family is reached."""
    with FaultServer(host="::1") as server:
        assert opened(server.url).post(b"{}").result(20) == Answer(200, OK)


@pytest.mark.parametrize(
    ("status", "stop"),
    [
        (403, StopCode.PROXY),
        (404, StopCode.PROXY),
        (405, StopCode.PROXY),
        (407, StopCode.PROXY),
        (429, None),
        (502, None),
        (503, None),
    ],
)
def test_a_proxy_that_refuses_the_tunnel_gets_no_request(
    opened: Opener, status: int, stop: StopCode | None
) -> None:
    """A CONNECT that the proxy refuses is no doubt, and ends the load if it cannot be different later."""

    def behave(visit: Visit) -> None:
        visit._until(b"\r\n\r\n")
        visit.send(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        visit.close()

    with FaultServer([behave]) as proxy:
        transport = opened("https://host.invalid/", proxy=Proxy.parse(f"http://127.0.0.1:{proxy.port}"))
        attempt = transport.post(b"{}").result(20)
    assert isinstance(attempt, NotSent)
    assert attempt.stop is stop


def test_the_token_is_in_no_text(
    opened: Opener, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither repr, nor logs at any level, nor a reason shows the token."""
    with caplog.at_level(logging.DEBUG), FaultServer([answer(), reset_after_request, hang]) as server:
        transport = opened(server.url, timeouts=SHORT)
        texts = [repr(transport), repr(vars(transport))]
        texts += [repr(transport.post(b"{}").result(20)) for _ in range(3)]
    written = capfd.readouterr()
    assert not [text for text in [*texts, caplog.text, written.out, written.err] if TOKEN in text]


@pytest.mark.parametrize("name", ["curl", "requests"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["forwarded", "tunnel"])
def test_a_proxy_is_asked_with_name_and_password_and_nothing_shows_them(
    name: str, encrypted: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The proxy gets them, decoded, in its own header; neither repr, nor logs, nor a reason has them."""
    with caplog.at_level(logging.DEBUG), FaultServer([raw(http(407, b"", "Connection: close"))]) as server:
        way = Proxy.parse(f"http://us%40er:p%2Fss%C3%BC@127.0.0.1:{server.port}")
        transport = TRANSPORTS[name](
            "https://host.invalid/" if encrypted else "http://127.0.0.1:9/", proxy=way
        )
        try:
            attempt = transport.post(b"{}").result(20)
            texts = [repr(transport), repr(vars(transport)), repr(way), repr(attempt)]
        finally:
            transport.close()
    expected = "Basic " + b64encode("us@er:p/ssü".encode()).decode()
    assert server.accepted[0].header("Proxy-Authorization") == [expected]
    written = capfd.readouterr()
    hidden = ["p%2Fss", "p/ss", expected.split()[1], "us@er"]
    assert not [
        text for text in [*texts, caplog.text, written.out, written.err] for each in hidden if each in text
    ]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_many_at_once_share_the_pool(
    opened: Opener, authority: trustme.CA, trusted: str, encrypted: bool
) -> None:
    """As many attempts as asked for are on the wire at the same time, on connections that are kept."""
    together = threading.Barrier(4, timeout=10)

    def behave(visit: Visit) -> None:
        visit.take()
        together.wait()
        visit.send(http(200))

    tls = _speaking_as(authority.issue_cert("127.0.0.1")) if encrypted else None
    with FaultServer([behave], tls=tls) as server:
        transport = opened(server.url, timeouts=Timeouts(), concurrency=4, ca_bundle=trusted)
        for _ in range(2):
            attempts = [transport.post(b"{}") for _ in range(4)]
            assert {attempt.result(20) for attempt in attempts} == {Answer(200, OK)}
        assert server.connections == 4


def test_closing_gives_up_what_is_on_the_wire_at_once(opened: Opener) -> None:
    """Closing waits for no answer: what had left is in doubt, what had not was not sent."""
    patient = Timeouts(connect=30, read=30, total=30)
    with FaultServer([hang]) as server:
        transport = opened(server.url, timeouts=patient, concurrency=1)
        began = time.monotonic()
        on_the_wire, queued = transport.post(b"1"), transport.post(b"2")
        server.await_accepted(1)
        transport.close()
        assert isinstance(on_the_wire.result(20), NoAnswer)
        assert isinstance(queued.result(20), NotSent)
        assert isinstance(transport.post(b"3").result(20), NotSent)
        assert time.monotonic() - began < 5
        assert server.bodies == [b"1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit on open files")
def test_exhausted_files_are_not_sent(opened: Opener) -> None:
    """When this machine has no file left for a socket, nothing was sent, and it is tried again later."""
    import resource  # noqa: PLC0415 - not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with FaultServer() as server:
        transport = opened(server.url, timeouts=SHORT)
        held = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 20, hard))
            try:
                while True:
                    held.append(socket.socket())
            except OSError:
                pass
            attempt = transport.post(b"{}").result(20)
        finally:
            for sock in held:
                sock.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert isinstance(attempt, NotSent)
        assert attempt.stop is None
        assert transport.post(b"{}").result(20) == Answer(200, OK)


EXHAUSTED_PORTS = """
import fcntl, socket, struct, sys
from pathlib import Path
from tests.delivery.conftest import SHORT, TRANSPORTS
from tests.faultserver import FaultServer

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS: the loopback interface is up
with FaultServer() as server:
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("50000 50001")
    host, port = server.url.split("/")[2].split(":")
    held = [socket.create_connection((host, int(port))) for _ in range(2)]
    transport = TRANSPORTS[sys.argv[1]](server.url, timeouts=SHORT)
    print(type(transport.post(b"{}").result(20)).__name__)
    for sock in held:  # closed without a state that keeps the port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    print(type(transport.post(b"{}").result(20)).__name__)
    transport.close()
"""


@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run(["unshare", "-rn", "true"], check=False, timeout=120).returncode != 0,
    reason="needs a network of its own",
)
@pytest.mark.parametrize("name", TRANSPORTS)
def test_exhausted_ports_are_not_sent(name: str) -> None:
    """When this machine has no port left to connect from, nothing was sent, and it is tried again later."""
    ran = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", EXHAUSTED_PORTS, name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.split() == ["NotSent", "Answer"], ran.stderr
