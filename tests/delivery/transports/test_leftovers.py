"""What TLS holds back behind an answer: it confirms no row, and a connection without it costs nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from loader.delivery.transports.curl.curl_line import open_line
from loader.delivery.transports.curl.leftovers import Leftovers
from loader.delivery.transports.curl.pool import Pool
from loader.model import Answer, NoAnswer
from tests.delivery.conftest import PATIENT
from tests.delivery.driven import CurlTransport
from tests.faultserver import OK, Behaviour, FaultServer, Visit, answer, http

if TYPE_CHECKING:
    from pathlib import Path

    from loader.delivery.transports.curl.curl_line import CurlLine
    from loader.model import Attempt

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="needs bytes that arrive together")

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(OK), OK)
SHORTEST = b"HTTP/1.1 400\nContent-Length:0\n\n"
#: What comes with an answer in one segment of TCP, as records of TLS.
SURPLUS = {
    "own record": [http(200)],
    "two answers": [http(200), http(200)],
    "in pieces": [http(200)[:17], http(200)[17:]],
    "the shortest that settles a row": [SHORTEST],
    "long": [http(200, b" " * 9000 + OK)],
    "chunked": [CHUNKED],
    "after an interim one": [b"HTTP/1.1 103 Early Hints\r\n\r\n", http(200)],
}
#: An answer as records of TLS, and whether their overhead leaves no room for another answer.
ANSWERS = {
    "one record": ([http(200)], {"1.2": True, "1.3": True}),
    "head and body apart": ([http(200)[: -len(OK)], OK], {"1.2": False, "1.3": True}),
    "chunked": ([CHUNKED], {"1.2": True, "1.3": True}),
    "many records": ([http(200)[:9], http(200)[9:20], http(200)[20:]], {"1.2": False, "1.3": False}),
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of these tests."""
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of the authority's certificate."""
    path: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """A version of TLS."""
    return str(request.param)


@pytest.fixture
def tls(authority: trustme.CA, version: str) -> ssl.SSLContext:
    """A server's side of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def together(*records: bytes) -> Behaviour:
    """Take the request, and answer with these records of TLS in one segment of TCP."""

    def behave(visit: Visit) -> None:
        visit.take()
        visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for record in records:
            visit.send(record)
        visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    return behave


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
def test_what_came_with_an_answer_confirms_nothing(
    tls: ssl.SSLContext, trusted: str, before: int, surplus: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer in the buffer of TLS that nobody asked for answers no row, however good those before were."""
    monkeypatch.setattr(Pool, "dirty", lambda _: False)  # so that nothing else finds it out
    script = [answer()] * before + [together(http(200), *surplus), answer(400, b"no")]
    with (
        FaultServer(script, tls=tls) as server,
        CurlTransport(server.url, None, ca_bundle=trusted, timeouts=PATIENT) as transport,
    ):
        for _ in range(before + 1):
            assert transport.post(b"1").result(20) == Answer(200, OK)
        later = [transport.post(b"2").result(20) for _ in range(3)]
    assert all(attempt == Answer(400, b"no") or isinstance(attempt, NoAnswer) for attempt in later)
    assert later[-1] == Answer(400, b"no")


def test_a_request_that_goes_out_as_the_answer_is_read_is_not_confirmed_either(
    tls: ssl.SSLContext, trusted: str
) -> None:
    """What came with an answer is not taken for that of a request which goes out in the same turn."""
    sent = threading.Event()

    def behave(visit: Visit) -> None:
        visit.await_bytes()
        sent.wait(20)
        together(http(200), http(200))(visit)

    with FaultServer([answer()] * 4 + [behave, answer(400, b"no")], tls=tls) as server:
        line = open_line(server.url, None, concurrency=2, ca_bundle=trusted, timeouts=PATIENT)
        with contextlib.closing(line):
            for _ in range(4):
                assert exchange(line, b"1") == Answer(200, OK)
            line.send(b"2", "first")
            assert line.turn(0) == []
            sent.set()
            server.await_done(5)
            line.send(b"3", "second")
            attempts = dict(collect(line, 2))
    assert attempts["first"] == Answer(200, OK)
    assert attempts["second"] == Answer(400, b"no") or isinstance(attempts["second"], NoAnswer)


@pytest.mark.parametrize(("records", "clean"), ANSWERS.values(), ids=ANSWERS)
def test_head_and_body_go_out_together_if_nothing_can_be_left(
    tls: ssl.SSLContext, trusted: str, version: str, records: list[bytes], clean: dict[str, bool]
) -> None:
    """From the third request on, no body waits, if the answers leave no room for another one."""
    whole: list[bool] = []

    def behave(visit: Visit) -> None:
        visit.await_bytes()
        whole.append(visit.unread.endswith(b"the body"))
        together(*records)(visit)

    with (
        FaultServer([behave], tls=tls) as server,
        CurlTransport(server.url, None, ca_bundle=trusted, timeouts=PATIENT) as transport,
    ):
        for _ in range(5):
            assert transport.post(b"the body").result(20) == Answer(200, OK)
    assert whole == [False, False, *[clean[version]] * 3]


@dataclass(frozen=True)
class Answered:
    """What is known of a request and its answer."""

    reuses: bool = True
    connection: tuple[str | int, ...] = ("127.0.0.1", "127.0.0.1", 443, 50_000)
    size: int = 100


def test_another_connection_with_the_same_ends_is_not_taken_for_the_one_before() -> None:
    """When a port comes to be used again, its first two requests are looked at, as on any connection."""
    leftovers: Any = Leftovers()

    def exchange(answered: Answered, near: socket.socket, far: socket.socket) -> bool:
        excluded: bool = leftovers.excluded(answered)
        far.sendall(b"x" * (answered.size + 22))
        near.recv(answered.size + 22, socket.MSG_WAITALL)
        leftovers.judge(answered, near.fileno())
        return excluded

    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with near, far:
            same = [Answered()] * 4
            assert [exchange(each, near, far) for each in same] == [False, False, True, True]
            exchange(Answered(reuses=False), near, far)
            assert [exchange(each, near, far) for each in same] == [False, True, True, True]


def test_connections_are_closed_by_libcurl_alone(tls: ssl.SSLContext, trusted: str) -> None:
    """Sockets that were asked about belong to libcurl: no other file of their number is ever closed."""
    with FaultServer(tls=tls) as server:
        line = open_line(server.url, None, ca_bundle=trusted, timeouts=PATIENT)
        for _ in range(4):
            assert exchange(line, b"1") == Answer(200, OK)
        line.close()
        pairs = [socket.socketpair() for _ in range(4)]  # they get the numbers that are free now
        del line
        for one, other in pairs:
            one.sendall(b"x")
            assert other.recv(1) == b"x"
            one.close()
            other.close()


def exchange(line: CurlLine, body: bytes) -> Attempt:
    """Send one row and wait for what becomes of it."""
    line.send(body, None)
    return collect(line, 1)[0][1]


def collect(line: CurlLine, rows: int) -> list[tuple[str, Attempt]]:
    """Move the line until what became of these many rows is known."""
    ended: list[tuple[str, Attempt]] = []
    while len(ended) < rows:
        ended += line.turn(None)
    return ended
