"""The sandbox as a child process of a load."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest

from loader.errors import ConfigError
from loader.sandbox import EmbeddedSandbox, count_holdings
from loader.sandbox.labels import build_path
from tests.sandbox.conftest import APPLICATION, DEVICE, EVENT, call

if TYPE_CHECKING:
    from pathlib import Path

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and sessions are POSIX")

PARENT = """
import sys, time
from pathlib import Path
from loader.sandbox import EmbeddedSandbox
with EmbeddedSandbox(Path(sys.argv[1])) as sandbox:
    print(sandbox.endpoint, flush=True)
    time.sleep(60)
"""


def test_serves_within_the_block_only(tmp_path: Path) -> None:
    """The sandbox answers as soon as the block is entered, and nobody listens after it."""
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        assert call(sandbox.endpoint, "postEvent", EVENT).body["status_code"] == 200
        assert sandbox.holdings().events[0].count == 1
        url = urlsplit(sandbox.endpoint)
        assert (url.hostname, url.path) == ("127.0.0.1", "/json/1.3/")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port))
    assert sandbox.holdings().events[0].count == 1


def test_same_store_again(tmp_path: Path) -> None:
    """A second load into the same store finds its id and its rows again."""
    with EmbeddedSandbox(tmp_path / "s") as first:
        call(first.endpoint, "registerUser", DEVICE)
    with EmbeddedSandbox(tmp_path / "s") as second:
        assert second.store_id == first.store_id
        call(second.endpoint, "postEvent", EVENT)
        held = second.holdings()
    assert (held.devices, held.users, held.events[0].count) == (1, 1, 1)


def test_two_at_once_share_a_store(tmp_path: Path) -> None:
    """A users and an events load can run at the same time into one store."""
    with EmbeddedSandbox(tmp_path / "s") as one, EmbeddedSandbox(tmp_path / "s") as other:
        for number in range(20):
            assert call(one.endpoint, "registerUser", DEVICE, hwid=f"D{number}").status == 200
            assert call(other.endpoint, "postEvent", EVENT).status == 200
        assert (other.holdings().devices, one.holdings().events[0].count) == (20, 20)


def test_application(tmp_path: Path) -> None:
    """Started for one application, the sandbox knows no other."""
    with EmbeddedSandbox(tmp_path / "s", APPLICATION) as sandbox:
        reply = call(sandbox.endpoint, "registerUser", DEVICE, application="ZZZZZ-99999")
        assert reply.body == {"status_code": 210, "status_message": "Application not found"}
        assert call(sandbox.endpoint, "registerUser", DEVICE).body["status_code"] == 200


def test_error_of_the_child_reaches_the_caller(tmp_path: Path) -> None:
    """What the child cannot do is raised here, as the sentence that it said."""
    sandbox = EmbeddedSandbox(tmp_path / "nowhere" / "s")
    with pytest.raises(ConfigError, match=r"nowhere.*cannot be opened: No such file or directory"):
        sandbox.__enter__()
    assert sandbox.pid is None


def test_answered_calls_survive_a_kill(tmp_path: Path) -> None:
    """Whatever was answered 200 is in the store after a SIGKILL of the sandbox."""
    answered = 0
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        assert sandbox.pid is not None
        for _ in range(50):
            answered += call(sandbox.endpoint, "postEvent", EVENT).body["status_code"] == 200
        os.kill(sandbox.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    assert count_holdings(tmp_path / "s").events[0].count == answered == 50


@posix_only
def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    """A load killed by SIGKILL leaves no sandbox behind."""
    command = [sys.executable, "-c", PARENT, str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = urlsplit(parent.stdout.readline().strip())
        with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            parent.kill()
            assert connection.sock.recv(1) == b"", "the dying child closes the connection that it served"


@posix_only
def test_child_does_not_hear_the_terminal(tmp_path: Path) -> None:
    """The terminal's Ctrl-C goes to a process group that the sandbox is not in: the load drains into it."""
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        assert sandbox.pid is not None
        assert os.getsid(sandbox.pid) == os.getpgid(sandbox.pid) == sandbox.pid
        assert os.getpgid(sandbox.pid) != os.getpgid(0)


def test_modules_of_the_current_folder_are_not_the_loaders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a `loader` or a `json` of its own does not get into the sandbox; relative names work."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loader").mkdir()
    (tmp_path / "loader" / "__init__.py").write_text("raise RuntimeError('not the loader')")
    (tmp_path / "json.py").write_text("raise RuntimeError('not the library')")
    store = tmp_path / "-s"
    with EmbeddedSandbox(store.relative_to(tmp_path)) as sandbox:
        assert call(sandbox.endpoint, "registerUser", DEVICE).body["status_code"] == 200
    assert store.exists()


def test_the_server_needs_no_pandas() -> None:
    """The child starts in a moment: it imports neither pandas nor pyarrow nor an HTTP client."""
    heavy = "{'pandas', 'pyarrow', 'numpy', 'requests'} & set(sys.modules)"
    code = f"import sys, loader.sandbox.__main__; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "set()"


def count_from_outside(store: Path) -> int:
    """What any SQLite tool sees, which then closes the file."""
    query = "execute('SELECT count(*) FROM events').fetchone()[0]"
    script = f"import sqlite3; print(sqlite3.connect({str(store)!r}).{query})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_what_is_taken_after_a_load_was_forgotten_is_kept(tmp_path: Path) -> None:
    """While others look into the store and close it again, the server's log stays in its place."""
    store = tmp_path / "s"
    with EmbeddedSandbox(store) as sandbox:
        labelled = urljoin(sandbox.endpoint, build_path("one"))
        call(labelled, "postEvent", EVENT)
        call(sandbox.endpoint, "postEvent", EVENT)
        for forgotten in (1, 2, 3):
            sandbox.forget("one")
            assert count_from_outside(store) == forgotten
            call(sandbox.endpoint, "postEvent", EVENT)
            assert count_from_outside(store) == forgotten + 1
    assert count_holdings(store).events[0].count == 4


@pytest.mark.parametrize("gone", [False, True])
def test_a_sandbox_that_has_died_cannot_forget(tmp_path: Path, gone: bool) -> None:
    """It is a sentence with what to do, not a broken pipe, also if it has been gone for a while."""
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        assert sandbox._child is not None
        sandbox._child.kill()
        if gone:
            sandbox._child.wait()
        with pytest.raises(ConfigError, match=r"has ended by itself\. Run the same command again"):
            sandbox.forget("one")
