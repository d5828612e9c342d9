"""A vendor that lies, stalls and hangs up: raw sockets on loopback, one behaviour a request.

A behaviour is a function of a `Visit`. It may take the request (which records it as accepted, *before*
anything is answered), send any bytes at any time, and end the connection. Behaviours come from a list, in the
order of the requests, the last one repeated; or from a function of the body.
"""

from __future__ import annotations

import contextlib
import gzip
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

OK = b'{"status_code":200,"status_message":"OK","response":null}'


class HungUp(Exception):
    """The client closed the connection."""


@dataclass
class Visit:
    """One request on one connection, from the server's side."""

    server: FaultServer
    sock: socket.socket
    connection: int
    unread: bytearray

    def take(self) -> bytes:
        """Read the whole request and record its body as accepted."""
        head, body = self._request()
        self.server.record(Accepted(head, body, self.connection))
        return body

    def peek(self) -> bytes:
        """Read the whole request and leave it unread; its body."""
        head, body = self._request()
        self.unread[:0] = head + body
        return body

    def _request(self) -> tuple[bytes, bytes]:
        head = self._until(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        return head, self._exactly(length)

    def send(self, raw: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(raw)

    def await_bytes(self) -> None:
        """Return when the first bytes of a request are there, and leave them unread."""
        if not self.unread:
            self._more()

    def await_hang_up(self) -> None:
        """Return when the client has closed the connection, or the server ends."""
        with contextlib.suppress(HungUp):
            while True:
                self._more()

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, less when the server ends."""
        self.server.ended.wait(seconds)

    def close(self) -> None:
        """Close in order: the client reads an end of file."""
        # Unread bytes would turn the close into a reset.
        self.sock.shutdown(socket.SHUT_WR)
        raise HungUp

    def reset(self) -> None:
        """Close with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise HungUp

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.unread:
            self._more()
        end = self.unread.index(mark) + len(mark)
        return self._exactly(end)

    def _exactly(self, size: int) -> bytes:
        while len(self.unread) < size:
            self._more()
        taken = bytes(self.unread[:size])
        del self.unread[:size]
        return taken

    def _more(self) -> None:
        piece = self.sock.recv(65536)
        if not piece:
            raise HungUp
        self.unread += piece


@dataclass(frozen=True)
class Accepted:
    """A request that the server read to its end."""

    head: bytes
    body: bytes
    connection: int

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        return [value.strip() for key, value in pairs if key.lower() == name.lower()]


Behaviour = Callable[[Visit], None]


@dataclass
class FaultServer:
    """Serves on a free port of this machine while it is entered.

    Args:
        script: behaviours in order, or a function that chooses one by the body.
        tls: to speak TLS.
        host: the loopback address to listen at.
    """

    script: Iterable[Behaviour] | Callable[[bytes], Behaviour] = ()
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    accepted: list[Accepted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ended = threading.Event()
        self.connections = 0
        self.done = 0
        self.failures: list[BaseException] = []
        self._choose = self.script if callable(self.script) else None
        self._left = [] if callable(self.script) else list(self.script)
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """Base URL, as `--endpoint` takes it."""
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/json/1.3/"

    @property
    def bodies(self) -> list[bytes]:
        """Accepted bodies, in the order of acceptance."""
        with self._lock:
            return [request.body for request in self.accepted]

    def record(self, request: Accepted) -> None:
        """Note a request that was taken."""
        with self._arrived:
            self.accepted.append(request)
            self._arrived.notify_all()

    def await_accepted(self, count: int, seconds: float = 10.0) -> None:
        """Return when a given number of requests were accepted."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.accepted) >= count, seconds), self.accepted

    def await_done(self, count: int, seconds: float = 60.0) -> None:
        """Return when that many behaviours have done all that they do: sent their last byte, or closed."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.done >= count, seconds), self.done

    def _note_done(self) -> None:
        with self._arrived:
            self.done += 1
            self._arrived.notify_all()

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        assert not self.failures, self.failures

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                self.ended.wait(0.01)  # ended, or this very machine is out of files for a moment
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._start(partial(self._serve, sock, self.connections))

    def _serve(self, sock: socket.socket, number: int) -> None:
        wire = sock
        try:
            sock.settimeout(10)
            if self.tls:
                wire = self.tls.wrap_socket(sock, server_side=True)
            wire.settimeout(None)
            with self._lock:
                self._open.add(wire)
            visit = Visit(self, wire, number, bytearray())
            while not self.ended.is_set():
                behave = self._behaviour(visit)
                try:
                    behave(visit)
                finally:
                    self._note_done()
        except (HungUp, OSError):
            pass
        except BaseException as failure:  # noqa: BLE001 - a mistake in a test's behaviour must not pass unseen
            self.failures.append(failure)
        finally:
            with self._lock:
                self._open.discard(wire)
            wire.close()

    def _behaviour(self, visit: Visit) -> Behaviour:
        if self._choose:
            return self._choose(visit.peek())
        with self._lock:
            if not self._left:
                return answer()
            return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def http(status: int, body: bytes = OK, *headers: str, length: int | None = None) -> bytes:
    """An answer as bytes; `length` lies about the body's."""
    lines = [
        f"HTTP/1.1 {status} Some",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def raw(*pieces: bytes, close: bool = False) -> Behaviour:
    """Take the request and send these bytes."""

    def behave(visit: Visit) -> None:
        visit.take()
        for piece in pieces:
            visit.send(piece)
        if close:
            visit.close()

    return behave


def answer(status: int = 200, body: bytes = OK, *headers: str) -> Behaviour:
    """A plain answer; the connection stays open."""
    return raw(http(status, body, *headers))


def compressed() -> Behaviour:
    """An answer that nobody asked to be compressed."""
    return answer(200, gzip.compress(OK), "Content-Encoding: gzip")


def close_on_accept(visit: Visit) -> None:
    """Close the connection without reading."""
    visit.close()


def close_idle_as_request_comes(visit: Visit) -> None:
    """Reset the connection when the first bytes of a request arrive, without taking it."""
    visit.await_bytes()
    visit.reset()


def close_after_request(visit: Visit) -> None:
    """Take the request, and close instead of answering."""
    visit.take()
    visit.close()


def reset_after_request(visit: Visit) -> None:
    """Take the request, and reset instead of answering."""
    visit.take()
    visit.reset()


def hang(visit: Visit) -> None:
    """Take the request and never answer."""
    visit.take()
    visit.await_hang_up()


def tunnel(visit: Visit) -> None:
    """Be a proxy: take a CONNECT and carry bytes both ways until either end closes."""
    head = visit._until(b"\r\n\r\n")
    host, port = head.split(b" ")[1].decode().rsplit(":", 1)
    with socket.create_connection((host, int(port))) as far:
        visit.send(b"HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n")
        ends = {visit.sock: far, far: visit.sock}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                if not (piece := end.recv(65536)):
                    raise HungUp
                ends[end].sendall(piece)


def drip(pieces: bytes, seconds: float) -> Behaviour:
    """Take the request and send a byte every a given number of seconds."""

    def behave(visit: Visit) -> None:
        visit.take()
        for byte in pieces:
            visit.send(bytes([byte]))
            visit.pause(seconds)

    return behave


def unsolicited(after: bytes = OK) -> Behaviour:
    """Answer, and then send a second answer that nobody asked for."""

    def behave(visit: Visit) -> None:
        visit.take()
        visit.send(http(200, after))
        visit.pause(0.05)
        visit.send(http(200, after))

    return behave
