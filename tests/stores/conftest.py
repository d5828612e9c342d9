"""Real stores on loopback: moto for S3, and a server of objects that misbehaves. Each is started once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import fs

from loader.stores import access, web
from tests.stores.objectserver import Behaviour, ObjectServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIASECRETKEYID",
    "AWS_SECRET_ACCESS_KEY": "SECRET-ACCESS-KEY",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "2",
}
HEADER = "user_id,device_id,event,timestamp,amount"


def events(first: int, end: int) -> bytes:
    """A file of events: the users have the numbers from `first` to `end`."""
    rows = [f"u{n},d{n},purchase,2024-01-01T00:00:00Z,{n}.5" for n in range(first, end)]
    return "\n".join([HEADER, *rows, ""]).encode()


def find_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of moto's S3 server."""
    port = find_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    with subprocess.Popen(words, env=environment, **quiet) as server:  # type: ignore[call-overload]
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


class Bucket:
    """A bucket of the server, and what is put into it."""

    def __init__(self, url: str, name: str) -> None:
        self.name, self.endpoint = name, url
        self._files = fs.S3FileSystem(
            access_key="a",
            secret_key="b",
            region="us-east-1",
            endpoint_override=url,
            allow_bucket_creation=True,
        )
        self._files.create_dir(name)

    def put(self, key: str, content: bytes) -> str:
        """Write an object; its address."""
        with self._files.open_output_stream(f"{self.name}/{key}") as out:
            out.write(content)
        return self.address(key)

    def get(self, key: str) -> bytes:
        """The content of an object."""
        with self._files.open_input_file(f"{self.name}/{key}") as file:
            return bytes(file.read())

    def address(self, key: str) -> str:
        """Its address."""
        return f"s3://{self.name}/{key}"

    @property
    def environment(self) -> dict[str, str]:
        """What tells the loader of the server."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint}


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """An empty bucket of its own, which this process and commands can read."""
    name = f"exports-{abs(hash(request.node.nodeid)):x}"
    found = Bucket(moto, name)
    yield from _with_environment(found, monkeypatch)


def _with_environment(found: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for variable, value in found.environment.items():
        monkeypatch.setenv(variable, value)
    access.open_s3.cache_clear()
    yield found
    access.open_s3.cache_clear()


@pytest.fixture(scope="session")
def _object_server() -> Iterator[ObjectServer]:
    with ObjectServer() as running:
        yield running


@pytest.fixture
def objects(_object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """The server that misbehaves, with nothing in it."""
    monkeypatch.setattr(web, "PAUSES", (0.0, 0.0))
    _object_server.behaviour = Behaviour()
    web.open_session.cache_clear()
    yield _object_server
    web.open_session().close()
    web.open_session.cache_clear()


@pytest.fixture
def misbehaving_s3(objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """The same as S3: each path is a bucket and a key."""
    for variable, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": objects.url}).items():
        monkeypatch.setenv(variable, value)
    access.open_s3.cache_clear()
    yield objects
    access.open_s3.cache_clear()


@pytest.fixture
def stored(command: CommandLine, bucket: Bucket) -> CommandLine:
    """The command line, which finds the bucket by its environment."""
    command.environment |= bucket.environment
    return command


def held_users(command: CommandLine) -> list[str]:
    """The users whose events the sandbox holds, in the order of arrival."""
    return [user for (user,) in command.held("SELECT user_id FROM events ORDER BY rowid")]


def write_mapping(folder: Path) -> Path:
    """A mapping of the events of these tests."""
    path = folder / "mapping.toml"
    path.write_text(MAPPING)
    return path


MAPPING = """\
kind = "events"
[fields]
userId = "user_id"
hwid = "device_id"
event = "event"
timestamp = { column = "timestamp", format = "iso" }
[attributes]
amount = { column = "amount", type = "float" }
"""
