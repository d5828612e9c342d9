"""The page in the process that takes calls: a plain ASGI application that only hands on and copies."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loader.sandbox.page.drawer import Drawer, run_download
from loader.sandbox.page.replies import TEXT, Reply, Request

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable, Callable, MutableMapping
    from pathlib import Path

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

DOWNLOADS = "/download/"
BLOCK = 1 << 16

# Nothing is loaded but what the sandbox itself serves; no style or script stands within a page. A notebook on
# this machine may show the page in a frame: it can change nothing, and the frame's owner cannot read it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Page:
    """The page of a store, as an ASGI application for GET and HEAD.

    Args:
        store: the SQLite file that the sandbox serves.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._drawer = Drawer(store)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI 3)."""
        request = read_request(scope)
        if not names_this_machine(request.host):
            await answer(scope, send, refuse_host())
        elif scope["method"] not in ("GET", "HEAD"):
            await answer(
                scope, send, Reply(405, TEXT, b"The page is read with GET.\n"), (b"allow", b"GET, HEAD")
            )
        elif scope["method"] == "GET" and scope["path"].startswith(DOWNLOADS):
            await self._download(request, receive, send)
        else:
            await answer(scope, send, await asyncio.to_thread(self._drawer.draw, request))

    def close(self) -> None:
        """End what draws."""
        self._drawer.close()

    async def _download(self, request: Request, receive: Receive, send: Send) -> None:
        """Copy a download; it ends when the browser leaves."""
        left = asyncio.ensure_future(wait_until_left(receive))
        try:
            with run_download(self._store, request) as child:
                await copy_download(child, send, left)
        finally:
            left.cancel()


def read_request(scope: Message) -> Request:
    """Path and query as sent, and the host."""
    target = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return Request(f"{target}?{query}" if query else target, host)


def names_this_machine(host: str) -> bool:
    """Whether a Host header names this machine.

    A web site can let its own name point to this machine, and would then read the page as its own (DNS
    rebinding). Its name in the header gives it away.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def refuse_host() -> Reply:
    """The answer to a request under the name of another machine."""
    return Reply(
        403,
        TEXT,
        b"The page is shown under an address of this machine only. Open it with 127.0.0.1 or localhost.\n",
    )


async def answer(scope: Message, send: Send, reply: Reply, *more: tuple[bytes, bytes]) -> None:
    """Write a reply out; to HEAD without its body."""
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [(b"content-type", reply.type.encode()), length, *HEADERS, *more]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


async def copy_download(child: subprocess.Popen[bytes], send: Send, left: asyncio.Future[None]) -> None:
    """Copy what a child writes, as fast as the browser takes it.

    Raises:
        EOFError: the child ended before its end; the answer then stays without an end too.
    """
    assert child.stdout is not None  # noqa: S101 - it was started with a pipe
    line = await asyncio.to_thread(child.stdout.readline)
    if not line:
        raise EOFError
    status, kind, name = json.loads(line)
    headers = [(b"content-type", kind.encode()), *HEADERS]
    if name:
        headers.append((b"content-disposition", f'attachment; filename="{name}"'.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while block := await asyncio.to_thread(child.stdout.read1, BLOCK):  # type: ignore[attr-defined]  # is buffered
        if left.done():
            return
        await send({"type": "http.response.body", "body": block, "more_body": True})
    if await asyncio.to_thread(child.wait):
        raise EOFError
    await send({"type": "http.response.body", "body": b""})


async def wait_until_left(receive: Receive) -> None:
    """Wait until the browser has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
