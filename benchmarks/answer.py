"""A server that only answers: it reads a request to its end, looks at nothing in it, and says all is well.

`only_answers()` is nginx where that is installed, and otherwise this module as a process of its own: a
benchmark of clients wants a server that costs less than they do. `answers_late()` is nginx where it has its
echo module, which can wait, and otherwise this module too; `answers_encrypted()` is nginx, with either.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'{"status_code":200,"status_message":"OK","response":{"code":"5A4DB-0X000"}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
START_SECONDS = 10.0

NGINX = """{modules}
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port}{tls};
        default_type application/json;
        location / {{ {act} }}
{more}
    }}
{beside}
}}
"""

RETURN = f"return 200 '{BODY.decode()}';"

ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")  # where Debian puts it
WAIT = "echo_read_request_body; echo_sleep {seconds}; echo_exec @answer;"
AFTER = "        location @answer {{ {answer} }}"

# `return` answers before it has read the body. A vendor does not, so over TLS a proxy reads it first.
PASS = 'proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";'
BEHIND = """
    upstream behind {{ server unix:{folder}/behind.sock; keepalive 512; keepalive_requests 100000000; }}
    server {{
        listen unix:{folder}/behind.sock;
        default_type application/json;
        location / {{ {act} }}
{more}
    }}
"""


class Nginx(NamedTuple):
    """What is particular in its configuration: loaded modules, TLS, what it does, and further blocks."""

    modules: str = ""
    tls: str = ""
    act: str = RETURN
    more: str = ""
    beside: str = ""


class Answering(NamedTuple):
    """A server that runs: what it is, its base URL with a trailing slash, and the certificates to trust."""

    name: str
    endpoint: str
    ca: str = ""


@contextmanager
def only_answers() -> Iterator[Answering]:
    """Run a server on a free loopback port for the length of the block."""
    nginx = shutil.which("nginx")
    with nginx_server(nginx, Nginx()) if nginx else own_server() as answering:
        yield answering


@contextmanager
def answers_late(seconds: float) -> Iterator[Answering]:
    """Run a server that answers a given number of seconds after each request."""
    nginx = shutil.which("nginx")
    if nginx and ECHO_MODULE.exists():
        modules, act = f"load_module {ECHO_MODULE};", WAIT.format(seconds=seconds)
        late = Nginx(modules=modules, act=act, more=AFTER.format(answer=RETURN))
        with nginx_server(nginx, late) as answering:
            yield answering._replace(name=f"nginx, {seconds * 1000:.0f} ms late")
    else:
        with own_server(seconds) as answering:
            yield answering


@contextmanager
def answers_encrypted(*, http_2: bool = False, seconds: float = 0.0) -> Iterator[Answering | None]:
    """Run nginx over TLS with a certificate made for it; None where a part of it is not installed.

    Args:
        http_2: whether it offers HTTP/2, which a client then takes.
        seconds: from the end of each request until its answer; that takes the echo module.
    """
    nginx, openssl = shutil.which("nginx"), shutil.which("openssl")
    if not nginx or not openssl or (seconds and not ECHO_MODULE.exists()):
        yield None
        return
    version = "HTTP/2" if http_2 else "HTTP/1.1"
    late = f", {seconds * 1000:.0f} ms late" if seconds else ""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(openssl, Path(folder))
        tls = f" ssl{' http2' if http_2 else ''}; ssl_certificate {certificate}; ssl_certificate_key {key}"
        with nginx_server(nginx, encrypted(tls, seconds, Path(folder))) as answering:
            yield Answering(
                f"nginx over TLS, {version}{late}",
                answering.endpoint.replace("http:", "https:"),
                str(certificate),
            )


def make_certificate(openssl: str, folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, for two days, and its key."""
    certificate, key = folder / "server.pem", folder / "key.pem"
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    command += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return certificate, key


def encrypted(tls: str, seconds: float, folder: Path) -> Nginx:
    """What nginx does behind TLS, over a socket in that folder."""
    if not seconds:
        return Nginx(tls=tls, act=PASS, beside=BEHIND.format(folder=folder, act=RETURN, more=""))
    act, more = WAIT.format(seconds=seconds), AFTER.format(answer=RETURN)
    beside = BEHIND.format(folder=folder, act=act, more=more)
    return Nginx(f"load_module {ECHO_MODULE};", tls, PASS, beside=beside)


@contextmanager
def nginx_server(nginx: str, particular: Nginx) -> Iterator[Answering]:
    """Run nginx, all of its files in a temporary folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(NGINX.format(port=port, **particular._asdict()))
        with subprocess.Popen([nginx, "-p", folder, "-c", str(configuration)]) as server:
            try:
                await_port(port, server)
                yield Answering("nginx, answering from memory", endpoint(port))
            finally:
                server.terminate()


def await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("nginx did not start; its reason is above.") from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def own_server(seconds: float = 0.0) -> Iterator[Answering]:
    """Run this module as a child process, which ends when its stdin does."""
    command = [sys.executable, "-m", "benchmarks.answer", str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        late = f", {seconds * 1000:.0f} ms late" if seconds else ""
        yield Answering(f"a minimal asyncio server{late}", endpoint(int(server.stdout.readline())))


def endpoint(port: int) -> str:
    """The base URL, shaped as the vendor's."""
    return f"http://127.0.0.1:{port}/json/1.3/"


class Answerer(asyncio.Protocol):
    """One connection; requests may come in pieces, or several in one piece."""

    def __init__(self, seconds: float) -> None:
        self._received = bytearray()
        self._seconds = seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has now come in whole."""
        self._received += data
        while (end := whole_request(self._received)) is not None:
            del self._received[:end]
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, ANSWER)
            else:
                self._transport.write(ANSWER)


def whole_request(received: bytearray) -> int | None:
    """Where the first request ends, or None while it is not all here. Every client here sends a length."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = LENGTH.search(received, 0, head)
    end = head + 4 + (int(length[1]) if length else 0)
    return end if len(received) >= end else None


async def serve(seconds: float) -> None:
    """Answer until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answerer(seconds), "127.0.0.1", 0, backlog=1024)
    ended = asyncio.Event()

    def watch() -> None:
        while os.read(0, 1):
            pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
