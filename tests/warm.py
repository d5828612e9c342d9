"""Commands in processes of their own that start in milliseconds.

Most of the time of a command that loads ten rows goes into imports. So one process, which has imported all
that the loader needs, forks whenever a test starts a command. What a test sees is a process as any other: it
has an id, takes signals, has its own outputs and ends with a code. The sandbox that such a command starts is
forked too, by the same process. With `COLD=1` in the environment, on other systems than Linux, and for a
command that wants an interpreter of another kind, it is a new interpreter; `make test-long` is for that too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parent.parent
PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
# What an interpreter looks at as it starts, and what the process that forks was started with.
AT_START = ("PYTHON", "LANG", "LC_", "LD_")
USUAL = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
# Else numpy and pyarrow begin threads when they are imported.
WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_PATIENCE_SECONDS = 120.0
LONGEST_LIFE_SECONDS = 150


class Order(TypedDict):
    """What is to be started, for `life` seconds; `apart` from the terminal, in a session of its own."""

    arguments: list[str]
    life: int
    folder: str
    environment: dict[str, str]
    apart: bool


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int = PIPE,
    life: int = LONGEST_LIFE_SECONDS,
    forked_by: Mother | None = None,
) -> Process:
    """Start Python with these arguments, `-m MODULE ...` or `-c CODE`; as text, and with nothing else open.

    The three files are as `subprocess.Popen` takes them. A forked process is ended after `life` seconds.
    """
    order = Order(
        arguments=list(arguments), life=life, folder=str(folder), environment=dict(environment), apart=False
    )
    if is_cold() or {name: environment[name] for name in environment if name.startswith(AT_START)} != USUAL:
        return start_interpreter(order, stdin, stdout, stderr)
    return Forked(order, stdin, stdout, stderr, orders=forked_by.orders if forked_by else None)


def is_cold() -> bool:
    """Whether each command is a new interpreter."""
    return sys.platform != "linux" or bool(os.environ.get("COLD"))


def start_interpreter(order: Order, stdin: int, stdout: int, stderr: int) -> subprocess.Popen[str]:
    """Start a new interpreter."""
    return subprocess.Popen(
        [sys.executable, *order["arguments"]],
        cwd=order["folder"],
        env=order["environment"],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
    )


class Forked:
    """A process that was forked, as `subprocess.Popen` shows one.

    Attributes:
        pid: its id.
        returncode: its exit code, or minus the signal that ended it; None until that is known.
        stdin, stdout, stderr: our ends of its pipes; None if it was given something else.
    """

    def __init__(
        self, order: Order, stdin: int, stdout: int, stderr: int, *, orders: socket.socket | None = None
    ) -> None:
        self.returncode: int | None = None
        self._waiting = threading.Lock()
        self._exit, theirs = socket.socketpair()
        given, self.stdin, self.stdout, self.stderr = _open_files(stdin, stdout, stderr)
        try:
            give_order(orders or mother().orders, order, [*given, theirs.fileno()])
        finally:
            theirs.close()
            for descriptor in set(given):
                os.close(descriptor)
        self._exit.settimeout(_PATIENCE_SECONDS)
        self.pid = int(self._exit.recv(16))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None:
                stream.close()
        self.wait(_PATIENCE_SECONDS)

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._learn(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code."""
        code = self._learn(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def _learn(self, timeout: float | None) -> int | None:
        if self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            try:
                self._receive(timeout)
            finally:
                self._waiting.release()
        return self.returncode

    def _receive(self, timeout: float | None) -> None:
        if self.returncode is not None:
            return
        self._exit.settimeout(timeout)
        with suppress(BlockingIOError, TimeoutError):
            self.returncode = int(self._exit.recv(16))
            self._exit.close()

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended; also while another thread waits for its end."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def communicate(self, typed: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Type a short text, read both outputs to their ends and wait; an output that is no pipe is empty."""
        if self.stdin is not None:
            self.stdin.write(typed or "")  # what does not fit into the pipe would wait for a reader
            self.stdin.close()
        deadline = None if timeout is None else time.monotonic() + timeout
        readers = [Reader(stream) for stream in (self.stdout, self.stderr)]
        for reader in readers:
            reader.join(deadline and max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        self.wait(deadline and max(0.0, deadline - time.monotonic()))
        return readers[0].text, readers[1].text


Process = subprocess.Popen[str] | Forked


class Reader(threading.Thread):
    """Reads a stream to its end."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(daemon=True)
        self.text = ""
        self._stream = stream
        self.start()

    def run(self) -> None:
        """Read."""
        if self._stream is not None and not self._stream.closed:
            with self._stream:
                self.text = self._stream.read()


def _open_files(
    stdin: int, stdout: int, stderr: int
) -> tuple[list[int], TextIO | None, TextIO | None, TextIO | None]:
    """The descriptors for the process, to be closed here, and our ends of those that are pipes."""
    child_in, our_in = os.pipe() if stdin == PIPE else (_given(stdin, os.O_RDONLY), None)
    our_out, child_out = os.pipe() if stdout == PIPE else (None, _given(stdout, os.O_WRONLY))
    if stderr == STDOUT:
        our_err, child_err = None, child_out
    else:
        our_err, child_err = os.pipe() if stderr == PIPE else (None, _given(stderr, os.O_WRONLY))
    ours = (
        None if our_in is None else open(our_in, "w", encoding="utf-8"),  # noqa: PTH123, SIM115 - a descriptor
        None if our_out is None else open(our_out, encoding="utf-8"),  # noqa: PTH123, SIM115 - as above
        None if our_err is None else open(our_err, encoding="utf-8"),  # noqa: PTH123, SIM115 - as above
    )
    return [child_in, child_out, child_err], *ours


def _given(file: int, flags: int) -> int:
    return os.open(os.devnull, flags) if file == DEVNULL else os.dup(file)


class Mother:
    """The process that forks.

    Args:
        modules: what it imports beside the loader.

    Attributes:
        orders: where it takes them, each as one message.
    """

    def __init__(self, *modules: str) -> None:
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno()), *modules],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **WITHOUT_THREADS, **USUAL},
                stdin=DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End it; processes that it forked stay."""
        self.orders.close()
        self._process.wait(_PATIENCE_SECONDS)


def give_order(orders: socket.socket, order: Order, descriptors: list[int]) -> None:
    """Have a process forked; the last descriptor hears its id, and its exit code. From any thread."""
    socket.send_fds(orders, [json.dumps(order).encode()], descriptors)


@cache
def mother() -> Mother:
    """The process that forks, from when it is first needed."""
    return Mother()


def close() -> None:
    """End it, if there is one."""
    if mother.cache_info().currsize:
        mother().close()
        mother.cache_clear()
