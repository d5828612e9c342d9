"""The sandbox on a loopback port, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import sys
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

import uvicorn

from loader.errors import ConfigError
from loader.sandbox.app import App
from loader.sandbox.faults import Fault
from loader.sandbox.faults.connection import ResettableProtocol
from loader.sandbox.faults.misbehaviour import Misbehaviour, Stopwatch
from loader.sandbox.faults.outages import Outages
from loader.sandbox.labels import BASE
from loader.sandbox.page.front import Page
from loader.sandbox.rules import Rules
from loader.sandbox.store import CatalogueRules, SandboxStore
from loader.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.sandbox.app import Application, Message
    from loader.sandbox.faults.misbehaviour import Faults

# An idle connection outlives the pauses of a slow, rate-limited load (the default of 5 s does not).
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2


class Serving(NamedTuple):
    """A sandbox that takes connections.

    Attributes:
        endpoint: base URL with its trailing slash.
        store_id: the store's own id, which stays the same when it is served again elsewhere.
        stop: ends the server, from any thread, after the answers under way.
        forget: removes what the load of a label did, from any thread but the server's; committed on return.
    """

    endpoint: str
    store_id: str
    stop: Callable[[], None]
    forget: Callable[[str], None]

    @property
    def page(self) -> str:
        """The address of its page."""
        return self.endpoint.removesuffix(f"{BASE}/") + "/"


class Server(uvicorn.Server):
    """A server that does what another thread asks for between two calls, in the thread of the store."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: Future[asyncio.AbstractEventLoop] = Future()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, at the start or again after an outage."""
        if not self._loop.done():
            self._loop.set_result(asyncio.get_running_loop())
        await super().startup(sockets)

    def do(self, work: Callable[[], None]) -> None:
        """Do something in the server's thread, and wait until it is done."""

        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop.result()).result()


def serve(
    store: Path,
    *,
    ready: Callable[[Serving], None],
    host: str = "127.0.0.1",
    port: int = 0,
    rules: Rules | None = None,
    faults: Faults | None = None,
) -> None:
    """Serve until Ctrl-C or `Serving.stop`; prints nothing.

    Args:
        store: the SQLite file to keep what is taken in; created if there is none.
        ready: called once, when connections are accepted.
        host: a loopback address or `localhost`.
        port: the TCP port; 0 lets the system choose one.
        rules: what a call carries beside its fields, and what is a choice; by default any well-formed
            application code.
        faults: what is to go wrong; nothing if it is None.

    Raises:
        ConfigError: the address is not a loopback one, the port is taken, or the store cannot be used.
    """
    rules = rules or Rules()
    allowed = CatalogueRules(rules.strict, rules.event_limit)
    with SandboxStore(store, allowed) as opened, listen(host, port) as listener, closing(Page(store)) as page:
        listener_address = listener.getsockname()[:2]
        vendor = Vendor(opened, rules)
        server = build_server(vendor, page, faults, lambda: listen(*listener_address))

        def stop() -> None:
            server.should_exit = True

        def forget(label: str) -> None:
            # On the server's own store. If this process opened the file once more and closed it, the locks of
            # the first would be gone, and the next reader from outside would delete its write-ahead log:
            # https://www.sqlite.org/howtocorrupt.html, 2.2.
            server.do(lambda: opened.forget(label))

        ready(Serving(build_url(listener), opened.id, stop, forget))
        # uvicorn raises the Ctrl-C again that it has just served the last answers for.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        vendor.flush()


def build_server(
    vendor: Vendor, page: Page, faults: Faults | None, listen_again: Callable[[], socket.socket]
) -> Server:
    """A server in front of a vendor; one that misbehaves if there are faults.

    Args:
        vendor: answers calls of the API.
        page: answers requests for the page.
        faults: what is to go wrong, or None.
        listen_again: a listening socket on the server's own address, after an outage.
    """
    app = App(vendor, page)
    if faults is None:
        return Server(configure_server(app, "httptools"))
    watch = Stopwatch(faults.clock)
    misbehaving = Misbehaviour(app, faults.spec, count=vendor.count, is_call=is_call, watch=watch)
    server = Server(configure_server(misbehaving, ResettableProtocol))
    if faults.spec.outages:

        def count() -> None:
            vendor.count(f"{BASE}/", Fault.OUTAGE)

        misbehaving.begin_with(Outages(faults.spec.outages, watch, server, listen_again, count).keep)
    return server


def is_call(scope: Message) -> bool:
    """Whether a request is a call of the API, and not one for a page."""
    return bool(scope["method"] == "POST" and scope["path"].rpartition("/")[0].endswith(BASE))


def configure_server(
    app: Application, http: type[ResettableProtocol] | Literal["httptools"]
) -> uvicorn.Config:
    """The server's settings: HTTP alone, and silent (a garbled request is answered 400, not logged)."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=http,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address; nothing else is ever bound.

    Raises:
        ConfigError: the address is not a loopback one, or is taken.
    """
    address = resolve_loopback(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then: 360 requests a second without it.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # on Windows the option lets two servers share one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError(
            f"The sandbox cannot listen on {host}, port {port}: {reason}. "
            "Choose another port, or 0 to let the system choose one."
        ) from error
    return listener


def resolve_loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `host` names, which must not be reachable from other machines."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback:
            return address
    raise ConfigError(
        f"The sandbox does not listen on {host}: it accepts every caller, so it is for this machine "
        "only. Use 127.0.0.1, ::1 or localhost."
    )


def build_url(listener: socket.socket) -> str:
    """The base URL of what listens here, shaped as the vendor's."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{BASE}/"
