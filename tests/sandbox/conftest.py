"""A running sandbox, and a caller of it that knows nothing of the loader."""

from __future__ import annotations

import http.client
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from loader.sandbox import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = "AAAAA-00001"
DEVICE = {"application": APPLICATION, "hwid": "D1", "userId": "00123", "tz_offset": -2917, "device_type": 3}
EVENT = {
    "application": APPLICATION,
    "event": "purchase",
    "attributes": {"cds": 2},
    "hwid": "D1",
    "userId": "00123",
    "timestampUTC": 1435228403,
    "timestampCurrent": 1435253603,
    "device_type": 3,
}

TAGS = {"application": APPLICATION, "userId": "00123", "tags": {"plan": "gold"}}


class Reply(NamedTuple):
    """What came back."""

    status: int
    body: dict[str, Any]
    headers: http.client.HTTPMessage


def send(
    endpoint: str, method: str, body: bytes, *, verb: str = "POST", headers: dict[str, str] | None = None
) -> Reply:
    """One HTTP request on a connection of its own."""
    url = urlsplit(endpoint)
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)) as connection:
        connection.request(verb, url.path + method, body, headers or {})
        response = connection.getresponse()
        return Reply(response.status, json.loads(response.read()), response.headers)


def call(endpoint: str, method: str, request: dict[str, object], **changes: object) -> Reply:
    """Call a method with the request, some of its fields changed; `...` leaves a field out."""
    fields = {name: value for name, value in (request | changes).items() if value is not ...}
    return send(endpoint, method, json.dumps({"request": fields}).encode())


def rows(store: Path, query: str) -> list[tuple[Any, ...]]:
    """What a person reads from the store with an SQLite tool."""
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    """A sandbox with an empty store, for any application."""
    with EmbeddedSandbox(tmp_path / "store.sqlite3") as running:
        yield running
