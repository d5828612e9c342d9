"""Commands in processes of their own that start in milliseconds.

Most of the time of a command that loads ten rows goes into imports. So one process, which has imported all
that the loader needs, forks whenever a test starts a command. What a test sees is a process as any other: it
has an id, takes signals, has its own outputs and ends with a code. With `COLD=1` in the environment, and
on other systems than Linux, each command is a new interpreter; `make test-cold` is for that.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self, TextIO, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parent.parent
PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
# What an interpreter looks at once, as it starts.
AT_START = ("PYTHON", "LANG", "LC_", "LD_")
# What the loader imports only when it needs it.
LATE = (
    "pyarrow.parquet",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.compute",
    "rich.live",
    "uvicorn",
    "pygal",
)
# Else numpy and pyarrow begin threads when they are imported.
WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_LARGEST_ORDER = 1 << 17
_PATIENCE_SECONDS = 120.0


class Order(TypedDict):
    """What is to be started."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int = PIPE,
) -> Process:
    """Start Python with these arguments, `-m MODULE ...` or `-c CODE`; as text, and with nothing else open.

    The three files are as `subprocess.Popen` takes them.
    """
    order = Order(arguments=list(arguments), folder=str(folder), environment=dict(environment))
    if is_cold():
        return start_interpreter(order, stdin, stdout, stderr)
    return Forked(order, stdin, stdout, stderr)


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

    def __init__(self, order: Order, stdin: int, stdout: int, stderr: int) -> None:
        self.returncode: int | None = None
        self._waiting = threading.Lock()
        self._exit, theirs = socket.socketpair()
        given, self.stdin, self.stdout, self.stderr = _open_files(stdin, stdout, stderr)
        try:
            mother(_key(order["environment"])).order(order, [*given, theirs.fileno()])
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

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read both outputs to their ends and wait; an output that is not a pipe is empty."""
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


def _key(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item for item in environment.items() if item[0].startswith(AT_START)))


class Mother:
    """The process that forks; there is one for each way in which an interpreter may start."""

    def __init__(self, key: tuple[tuple[str, str], ...]) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **WITHOUT_THREADS, **dict(key)},
                stdin=DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def order(self, order: Order, descriptors: list[int]) -> None:
        """Have a process forked; the last descriptor hears its id, and its exit code."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(order).encode()], descriptors)

    def close(self) -> None:
        """End it; processes that it forked stay."""
        self._socket.close()
        self._process.wait(_PATIENCE_SECONDS)


_mothers: list[Mother] = []


@cache
def mother(key: tuple[tuple[str, str], ...]) -> Mother:
    """The process that forks those with these settings of an interpreter."""
    _mothers.append(Mother(key))
    return _mothers[-1]


def close() -> None:
    """End what forks."""
    mother.cache_clear()
    while _mothers:
        _mothers.pop().close()


# In the process that forks


def serve(orders: socket.socket) -> Order | None:
    """Fork for each order, until nobody is there to give one; in a forked process, return its order."""
    import_all()
    gc.collect()
    gc.freeze()
    attendants: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _LARGEST_ORDER, 4)
        if not message:
            return None
        attendants -= {pid for pid in attendants if os.waitpid(pid, os.WNOHANG)[0]}
        pid = os.fork()
        if not pid:
            orders.close()
            return become_ordered(json.loads(message), descriptors)
        attendants.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)


def import_all() -> None:
    """Import each module of the loader, and what it imports late."""
    import loader  # noqa: PLC0415 - in this process only

    for module in pkgutil.walk_packages(loader.__path__, "loader."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    # A fork has only the thread that forks: whoever waits for another waits for ever.
    assert len(list(Path("/proc/self/task").iterdir())) == 1


def become_ordered(order: Order, descriptors: list[int]) -> Order:
    """Fork once more: one process does what is ordered, the other waits for it and tells its code."""
    *files, line = descriptors
    pid = os.fork()
    if pid:
        attend(pid, files, line)
    become(order, files)
    return order


def attend(pid: int, files: list[int], line: int) -> NoReturn:
    """Tell the id of a process, and how it ended."""
    for descriptor in files:
        os.close(descriptor)
    try:
        with socket.socket(fileno=line) as told:
            told.sendall(f"{pid:16}".encode())
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            told.sendall(f"{code:16}".encode())
    finally:
        os._exit(0)


def become(order: Order, files: list[int]) -> None:
    """Take the files, folder and environment of the order, as if this process had been started with them."""
    for target, descriptor in enumerate(files):
        os.dup2(descriptor, target)
    os.closerange(3, 256)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.path[0] = order["folder"]
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors)  # noqa: SIM115 - a descriptor
    sys.stdout = _output(1, sys.stdout)
    sys.stderr = _output(2, sys.stderr)
    vars(sys).update({f"__{name}__": getattr(sys, name) for name in ("stdin", "stdout", "stderr")})


def _output(descriptor: int, like: TextIO) -> TextIO:
    raw = io.FileIO(descriptor, "w")
    lines = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=like.encoding, errors=like.errors, line_buffering=lines
    )


def run(arguments: list[str]) -> None:
    """Run a module or a code as the main module."""
    option, what, *rest = arguments
    if option == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [option, *rest]
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(main))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _orders:
        _order = serve(_orders)
    if _order is not None:
        run(_order["arguments"])
