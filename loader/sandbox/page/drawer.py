"""The child processes that draw the page: one for its views, and one for each download.

A view takes 10 to 100 ms of Python, and a download seconds. In the process that takes calls, even in a
thread of it, each would be a pause for the load. The children run at a lower priority, and none is
started before somebody looks.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loader.sandbox.page.replies import TEXT, Reply, read_reply, write_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.sandbox.page.replies import Request

STOP_SECONDS = 5.0
MODULE = "loader.sandbox.page"


class Drawer:
    """The child that draws views; from any thread, one view at a time.

    Args:
        store: what it reads.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def draw(self, request: Request) -> Reply:
        """The answer to a request; a child that has died is replaced, once."""
        with self._lock:
            for _ in range(2):
                try:
                    return self._ask(request)
                except (OSError, EOFError, ValueError):
                    self._stop()
        return Reply(500, TEXT, b"The page could not be drawn: its process ended. Load it again.\n")

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def _ask(self, request: Request) -> Reply:
        if self._child is None:
            self._child = start(self._store)
        assert self._child.stdin is not None  # noqa: S101 - as in start
        assert self._child.stdout is not None  # noqa: S101 - as in start
        write_line(self._child.stdin, *request)
        return read_reply(self._child.stdout)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            stop(child)


@contextmanager
def run_download(store: Path, request: Request) -> Iterator[subprocess.Popen[bytes]]:
    """A child that writes a download to its standard output, after a line of JSON; it ends with the block."""
    child = start(store, "--download")
    try:
        assert child.stdin is not None  # noqa: S101 - as in start
        write_line(child.stdin, *request)
        yield child
    finally:
        child.kill()
        stop(child)


def start(store: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a child, with pipes to its standard input and output."""
    # -P: modules in the user's working directory must not be mistaken for the loader's.
    command = [sys.executable, "-P", "-m", MODULE, str(store.absolute()), *arguments]
    return subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own and no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **detach_from_terminal()
    )


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child: the end of its standard input is its sign to leave."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was buffered for a dead child
                continue
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def detach_from_terminal() -> dict[str, Any]:
    """Popen arguments that keep the terminal's Ctrl-C from the child, which hears of the end by its pipe."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}
