"""A server that speaks HTTP/2 over TLS and can misbehave per stream."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset

from tests.faultserver import OK

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


@dataclass
class H2Server:
    """Serves on a free port of 127.0.0.1 while it is entered.

    Args:
        tls: context; "h2" is offered.
        act: what to do with a request that has come whole, by its body; answers it by default.
    """

    tls: ssl.SSLContext
    act: Callable[[Session, int, bytes], None] = lambda session, stream, _: session.answer(stream)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Base URL."""
        return f"https://127.0.0.1:{self.port}/json/1.3/"

    def __enter__(self) -> Self:
        self.tls.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sessions: list[Session] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self._sessions:
            session.cut()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._start(partial(self._serve, sock))

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), self.tls.wrap_socket(sock, server_side=True) as wire:
            session = Session(self, wire)
            self._sessions.append(session)
            session.run()


class Session:
    """One connection.

    Attributes:
        open: streams whose requests have come and are not answered.
        most_open: the largest number of them at a time.
    """

    def __init__(self, server: H2Server, sock: ssl.SSLSocket) -> None:
        self.server = server
        self.open: list[int] = []
        self._sock = sock
        self._bodies: dict[int, bytes] = {}
        self.h2 = H2Connection(H2Configuration(client_side=False))

    def run(self) -> None:
        """Take requests until the connection ends."""
        self.h2.initiate_connection()
        self.flush()
        while piece := self._sock.recv(65536):
            for event in self.h2.receive_data(piece):
                match event:
                    case RequestReceived():
                        self._bodies[event.stream_id] = b""
                    case DataReceived():
                        self._bodies[event.stream_id] += event.data
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    case StreamEnded():
                        self._take(event.stream_id)
                    case StreamReset():
                        self._bodies.pop(event.stream_id, None)
            self.flush()

    def _take(self, stream: int) -> None:
        body = self._bodies.pop(stream)
        self.server.bodies.append(body)
        self.open.append(stream)
        self.server.act(self, stream, body)

    def answer(self, stream: int) -> None:
        """Answer that all is well."""
        self.open.remove(stream)
        self.h2.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        self.h2.send_data(stream, OK, end_stream=True)

    def refuse(self, stream: int) -> None:
        """Refuse a stream: RST_STREAM with REFUSED_STREAM."""
        self.open.remove(stream)
        self.server.bodies.pop()
        self.h2.reset_stream(stream, 7)

    def flush(self) -> None:
        """Send what is to be sent."""
        self._sock.sendall(self.h2.data_to_send())

    def cut(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
