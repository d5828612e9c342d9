"""What listens over HTTP: a plain ASGI application, which sends each request to the one that answers it.

The vendor's methods are called by POST below a base path; everything else is the page's, if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loader.sandbox.labels import BASE
from loader.sandbox.vendor import HttpCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from loader.sandbox.replies import Reply
    from loader.sandbox.vendor import Vendor

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: The body of a larger request is not read. The vendor's own limit is not documented.
LARGEST_BODY = 1 << 20


class App:
    """The ASGI application of the sandbox.

    Args:
        vendor: answers calls of the API.
        page: answers GET and HEAD of all other paths, or None.
    """

    def __init__(self, vendor: Vendor, page: Application | None = None) -> None:
        self._vendor, self._page = vendor, page

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI 3)."""
        if self._page is not None and is_for_page(scope):
            await self._page(scope, receive, send)
            return
        try:
            body = await read(receive)
        except ClientLeftError:
            return
        headers, verdict = dict(scope["headers"]), scope.get("fault") or ""
        call = HttpCall(scope["method"], scope["path"], headers, body, verdict)
        await answer(send, await self._vendor.answer(call))


class ClientLeftError(Exception):
    """The client left before the end of its request: such a call is not taken."""


def is_for_page(scope: Message) -> bool:
    """Whether a request is for the page, and not for a method of the API."""
    return scope["method"] in ("GET", "HEAD") and f"{BASE}/" not in scope["path"]


async def read(receive: Receive) -> bytes | None:
    """The whole request body; None if it is too large.

    Raises:
        ClientLeftError: there is no end of it.
    """
    message = await receive()
    if not message.get("more_body", False) and message["type"] != "http.disconnect":
        only: bytes = message.get("body", b"")
        return only if len(only) <= LARGEST_BODY else None
    parts, size = [], 0
    while message["type"] != "http.disconnect":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ClientLeftError


async def answer(send: Send, reply: Reply) -> None:
    """Write the reply out."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(reply.body)),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
