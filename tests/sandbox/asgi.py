"""The sandbox's ASGI application, called in this process: as over HTTP, without a socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.sandbox.app import App
from loader.sandbox.rules import Rules
from loader.sandbox.store import CatalogueRules, SandboxStore
from loader.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


class Caller:
    """Calls an application on an event loop of its own."""

    def __init__(self, app: App, vendor: Vendor) -> None:
        self._app, self._loop = app, asyncio.new_event_loop()
        self.vendor = vendor

    def close(self) -> None:
        """End the loop."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def send(self, path: str, body: bytes, verb: str = "POST", **headers: str) -> Answer:
        """One request."""
        return self._loop.run_until_complete(self._send(path, body, verb, headers))

    def send_together(self, *requests: tuple[str, bytes]) -> list[Answer]:
        """Several requests, which arrive in the same moment on connections of their own."""

        async def send_all() -> list[Answer]:
            return await asyncio.gather(*(self._send(path, body, "POST", {}) for path, body in requests))

        return self._loop.run_until_complete(send_all())

    def call(self, method: str, request: dict[str, Any], **changes: object) -> Answer:
        """Call a method with a request, some of its fields changed; `...` leaves a field out.

        Args:
            method: its name, or the whole path.
            request: the fields.
            changes: of fields.
        """
        fields = {name: value for name, value in (request | changes).items() if value is not ...}
        path = method if method.startswith("/") else f"/json/1.3/{method}"
        return self.send(path, json.dumps({"request": fields}).encode())

    def count(self, path: str, verdict: str) -> None:
        """Count an answer that never reached the vendor."""

        async def count() -> None:
            self.vendor.count(path, verdict)
            await asyncio.sleep(0)  # lets the loop come round once

        self._loop.run_until_complete(count())

    async def _send(self, path: str, body: bytes, verb: str, headers: dict[str, str]) -> Answer:
        sent: list[dict[str, Any]] = []
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": verb,
            "path": path,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        await self._app(scope, receive, send)  # type: ignore[arg-type] # a plain dictionary will do
        named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], json.loads(sent[1]["body"]), named)


@contextmanager
def calling(store: Path, rules: Rules | None = None, now: float = 1_700_000_000.5) -> Iterator[Caller]:
    """A sandbox on a store; its clock stands still."""
    rules = rules or Rules()
    with SandboxStore(store, CatalogueRules(rules.strict, rules.event_limit)) as opened:
        vendor = Vendor(opened, rules, now=lambda: now)
        caller = Caller(App(vendor), vendor)
        try:
            yield caller
        finally:
            caller.close()
