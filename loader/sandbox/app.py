"""The API methods over HTTP: a plain ASGI application in front of a `SandboxStore`."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.methods import BY_NAME
from loader.sandbox.calls import Event, Received
from loader.sandbox.checks import Refusal, Rules, check
from loader.sandbox.labels import BASE, read_label
from loader.sandbox.losses import LostAnswers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from loader.sandbox.store import SandboxStore

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

# Made up: the vendor's code names an in-app message to show, and is not a receipt.
IN_APP_CODE = "5A4DB-0X000"


class Reply(NamedTuple):
    """An HTTP status and the JSON body that goes with it."""

    status: int
    body: dict[str, object]


class Vendor:
    """The ASGI application: checks a call as the vendor documents it, stores it, and only then answers.

    It answers in the order of calls and on one thread; the store's commit is part of the answer.

    Args:
        store: where accepted calls are kept.
        rules: what an acceptable call carries beside its fields.
        losses: which answers do not arrive.
        now: the clock that events without a time are stamped with, in Unix seconds.
    """

    def __init__(
        self,
        store: SandboxStore,
        rules: Rules,
        losses: LostAnswers | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._rules = rules
        self._losses = losses or LostAnswers()
        self._now = now

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI 3)."""
        body = await read(receive)
        if body is None:
            return
        await answer(send, self._reply(scope, body))

    def _reply(self, scope: Message, body: bytes) -> Reply:
        base, _, method = scope["path"].rpartition("/")
        if not base.endswith(BASE) or method not in BY_NAME:
            return build_refusal(
                404, 404, f"The sandbox has no method {scope['path']}. It has {', '.join(BY_NAME)}."
            )
        if scope["method"] != "POST":
            return build_refusal(405, 405, f"Call {method} with POST, not {scope['method']}.")
        try:
            return self._take(method, scope, body)
        except Refusal as refusal:
            return build_refusal(refusal.http_status, refusal.status_code, str(refusal))
        except sqlite3.Error as error:
            return build_refusal(500, 500, f"The sandbox could not write to its store: {error}.")

    def _take(self, method: str, scope: Message, body: bytes) -> Reply:
        self._rules.admit(dict(scope["headers"]))
        call = check(method, body, self._rules)
        fate = self._losses.next()
        if fate.taken:
            self._store.write([Received(read_label(scope["path"]), int(self._now() * 1_000), call)])
        if not fate.answered:
            return build_refusal(504, 504, "The sandbox lost this answer on purpose.")
        return build_acceptance({"code": IN_APP_CODE} if isinstance(call, Event) else None)


def build_acceptance(response: dict[str, object] | None) -> Reply:
    """The vendor's answer to a call that it took."""
    return Reply(200, {"status_code": 200, "status_message": "OK", "response": response})


def build_refusal(http_status: int, status_code: int, message: str) -> Reply:
    """The vendor's answer to a call that it did not take."""
    return Reply(http_status, {"status_code": status_code, "status_message": message})


async def read(receive: Receive) -> bytes | None:
    """The whole request body, or None when the client left before its end: such a call is not taken."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def answer(send: Send, reply: Reply) -> None:
    """Write the reply out."""
    body = json.dumps(reply.body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if reply.status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
