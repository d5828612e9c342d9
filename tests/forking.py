"""The process that forks commands: `python -m tests.forking DESCRIPTOR [MODULE ...]`.

`tests/warm.py` starts it.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import loader
from loader.sandbox import embedded
from tests import warm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.warm import Order

# What the loader imports only when it needs it.
LATE = (
    *("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "rich.live", "rich.table", "tzdata"),
    *("email.contentmanager", "email.policy", "encodings.ascii", "encodings.utf_8_sig"),
)
LARGEST_ORDER = 1 << 17
FIRST_KEPT = 256  # a descriptor from here on stays open in a forked process


def serve(orders: socket.socket) -> Order | None:
    """Fork for each order, until nobody is there to give one; in a forked process, return its order."""
    import_all()
    asking, asked = open_way_back()
    gc.collect()
    gc.freeze()
    children: dict[int, Child] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), asked.fileno(), *children], [], [])
        for descriptor in children.keys() & set(ready):
            children.pop(descriptor).tell_code()
        ways = [way for way in (asked, orders) if way.fileno() in ready]
        if not ways:
            continue
        message, descriptors, _, _ = socket.recv_fds(ways[0], LARGEST_ORDER, maxfds=4)
        if not message:
            for way in (orders, asking, asked):
                way.close()
            return None
        *files, line = descriptors
        pid = os.fork()
        if not pid:
            orders.close()
            asked.close()
            for other in children.values():
                other.close()
            order: Order = json.loads(message)
            become(order, files)
            let_sandboxes_be_forked(asking)
            return order
        child = Child(pid, files, line)
        children[child.descriptor] = child


class Child:
    """A forked process, for the process that forked it.

    Attributes:
        descriptor: can be read once the process has ended.
    """

    def __init__(self, pid: int, files: list[int], line: int) -> None:
        self.descriptor = os.pidfd_open(pid)
        self._pid = pid
        self._line = socket.socket(fileno=line)
        for file in files:
            os.close(file)
        self._tell(pid)

    def tell_code(self) -> None:
        """Tell how it ended."""
        self._tell(os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]))
        self.close()

    def close(self) -> None:
        """Close what is open here for it."""
        self._line.close()
        os.close(self.descriptor)

    def _tell(self, number: int) -> None:
        with suppress(OSError):  # the test has ended, and does not hear it
            self._line.sendall(f"{number:16}".encode())


def import_all() -> None:
    """Import each module of the loader, and what it imports late."""
    for module in pkgutil.walk_packages(loader.__path__, "loader."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # of an extra that is not installed; whoever needs it says so
                importlib.import_module(module.name)
    for name in (*LATE, *sys.argv[2:]):
        importlib.import_module(name)
    # A fork has only the thread that forks: whoever waits for another waits for ever.
    assert len(list(Path("/proc/self/task").iterdir())) == 1


def become(order: Order, files: list[int]) -> None:
    """Take the files, folder and environment of the order, as if this process had been started with them."""
    for target, descriptor in enumerate(files):
        os.dup2(descriptor, target)
    os.closerange(3, FIRST_KEPT)
    signal.alarm(order["life"])  # so a test that reads what never comes fails, and does not hang
    if order["apart"]:
        os.setsid()
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


def open_way_back() -> tuple[socket.socket, socket.socket]:
    """On which a forked process gives orders; its end stays open there, and what it executes has none."""
    low, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with low:
        return socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, FIRST_KEPT)), asked


def let_sandboxes_be_forked(asking: socket.socket) -> None:
    """Have the sandbox of a load forked too: its imports cost as much as the load of ten rows."""

    def start(command: Sequence[str], *, stdin: int, stdout: int, start_new_session: bool) -> ForkedWithBytes:
        assert command[:2] == [sys.executable, "-P"]
        order = warm.Order(
            arguments=list(command[2:]),
            life=warm.LONGEST_LIFE_SECONDS,
            folder=os.getcwd(),  # noqa: PTH109 - as text
            environment=dict(os.environ),
            apart=start_new_session,
        )
        return ForkedWithBytes(order, stdin, stdout, stderr=2, orders=asking)

    vars(embedded)["subprocess"] = types.SimpleNamespace(**{**vars(subprocess), "Popen": start})


class ForkedWithBytes(warm.Forked):
    """Its pipes carry bytes, as those of `subprocess.Popen` do that was not asked for text."""

    def __init__(self, order: Order, stdin: int, stdout: int, *, stderr: int, orders: socket.socket) -> None:
        super().__init__(order, stdin, stdout, stderr, orders=orders)
        assert isinstance(self.stdin, io.TextIOWrapper)
        assert isinstance(self.stdout, io.TextIOWrapper)
        vars(self).update(stdin=self.stdin.detach(), stdout=self.stdout.detach())


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


def end_as_python_does(code: object) -> NoReturn:
    """End without the tear-down of modules: it would copy all the memory that is shared until then."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as an interpreter does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # the loader may have closed or replaced it
            stream.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    _order = serve(socket.socket(fileno=int(sys.argv[1])))
    if _order is not None:
        try:
            run(_order["arguments"])
        except SystemExit as _end:
            if not isinstance(_end.code, int | None):
                raise
            end_as_python_does(_end.code)
        end_as_python_does(0)
