"""The sandbox in the foreground."""

from __future__ import annotations

import http.client
import queue
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from loader.errors import ConfigError
from loader.sandbox.rules import Rules
from loader.sandbox.server import Serving, serve
from tests.sandbox.conftest import DEVICE, call, rows, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOREGROUND = """
import sys
from pathlib import Path
from loader.sandbox.server import serve
serve(Path(sys.argv[1]), ready=lambda serving: print(serving.endpoint, flush=True))
print("clean end")
"""


@contextmanager
def served(store: Path, **options: Any) -> Iterator[Serving]:
    """A server in a thread of this process."""
    announced: queue.Queue[Serving] = queue.Queue()
    thread = threading.Thread(target=serve, args=(store,), kwargs={"ready": announced.put, **options})
    thread.start()
    serving = announced.get(timeout=10)
    try:
        yield serving
    finally:
        serving.stop()
        thread.join(60)
        assert not thread.is_alive()


def unexpected(serving: Serving) -> None:
    """No server may come up."""
    pytest.fail(f"a server came up at {serving.endpoint}")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])
def test_only_loopback(tmp_path: Path, host: str) -> None:
    """The sandbox is never reachable from another machine."""
    with pytest.raises(ConfigError, match="for this machine only"):
        serve(tmp_path / "s", host=host, ready=unexpected)


def test_port_taken(tmp_path: Path) -> None:
    """A port that another server has is an error that names it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on localhost, port {port}"):
            serve(tmp_path / "s", host="localhost", port=port, ready=unexpected)


def test_token(tmp_path: Path) -> None:
    """A sandbox with a token answers 403 in the body to every other one, as the vendor does."""
    with served(tmp_path / "s", rules=Rules(token="secret")) as serving:
        for headers in ({}, {"Authorization": "Token Secret"}, {"Authorization": "secret"}):
            reply = send(serving.endpoint, "registerUser", b"{}", headers=headers)
            assert (reply.status, reply.body["status_code"]) == (200, 403)
        allowed = send(serving.endpoint, "registerUser", b"{}", headers={"Authorization": "Token secret"})
        assert allowed.body["status_code"] == 210


def test_connection_is_kept(tmp_path: Path) -> None:
    """One connection carries many calls, refused ones among them."""
    with served(tmp_path / "s") as serving:
        url = urlsplit(serving.endpoint)
        with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)) as connection:
            connection.connect()
            own_port = connection.sock.getsockname()
            for body in (b"{", b"{}", b"[]"):
                connection.request("POST", f"{url.path}postEvent", body)
                connection.getresponse().read()
            assert connection.sock.getsockname() == own_port


def test_call_cut_short_is_not_taken(tmp_path: Path) -> None:
    """A caller that leaves in the middle of its body has registered nothing."""
    body = b'{"request": {"application": "AAAAA-00001", "hwid": "cut"}}'
    with served(tmp_path / "s") as serving:
        url = urlsplit(serving.endpoint)
        with closing(socket.create_connection((url.hostname, url.port))) as caller:
            head = (
                f"POST {url.path}registerUser HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 1}\r\n\r\n"
            )
            caller.sendall(head.encode() + body)
        call(serving.endpoint, "registerUser", DEVICE)
    assert rows(tmp_path / "s", "SELECT hwid FROM devices") == [("D1",)]


def test_lost_table_is_an_internal_error(tmp_path: Path) -> None:
    """When the store fails, the caller is told 500 and not a success."""
    with served(tmp_path / "s") as serving:
        rows(tmp_path / "s", "DROP TABLE devices")
        reply = call(serving.endpoint, "registerUser", DEVICE)
    assert (reply.status, reply.body["status_code"]) == (500, 500)
    assert "could not write to its store" in reply.body["status_message"]


@pytest.mark.skipif(sys.platform == "win32", reason="a Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    """Ctrl-C ends the server without a traceback, and what it took is kept."""
    command = [sys.executable, "-c", FOREGROUND, str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        endpoint = server.stdout.readline().strip()
        call(endpoint, "registerUser", DEVICE)
        server.send_signal(signal.SIGINT)
        output, errors = server.communicate(timeout=20)
    assert (server.returncode, output, errors) == (0, "clean end\n", "")
    assert rows(tmp_path / "s", "SELECT hwid FROM devices") == [("D1",)]
