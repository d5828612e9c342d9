"""The process that keeps a database server for a test session: `python -m tests.databases.keeper NAME PID`.

It starts the server, writes `Facts` as a line of JSON to its output, and waits. When the process with that id
has ended, however it ended, it ends the server and deletes the folder. The server dies with the keeper.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.databases.servers import (
    LOOPBACK,
    PROGRAMS,
    UNPRIVILEGED,
    Program,
    Server,
    as_unprivileged,
    run_quietly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATTEMPTS = 3
_PATIENCE_SECONDS = 60.0


class Facts(NamedTuple):
    """What the tests are told."""

    folder: str
    port: int
    keeper: int
    server: int


def keep(program: Program, session: int) -> None:
    """Keep a server until the process `session` has ended."""
    session_end = os.pidfd_open(session)
    with _folder() as folder:
        run_quietly(as_unprivileged(program.prepare(folder)))
        program.configure(folder)
        server, process = _start(program, folder)
        try:
            server.run(program.welcome())
            _tell(Facts(str(folder), server.port, os.getpid(), process.pid))
            _wait(session_end, process)
        finally:
            _end(program, process)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="loader-tests-"))  # short: a socket's path has at most 107 bytes
    try:
        (folder / "exports").mkdir()
        (folder / "exports").chmod(0o777)
        if os.getuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
            folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(program: Program, folder: Path) -> tuple[Server, subprocess.Popen[bytes]]:
    for _ in range(_ATTEMPTS):  # someone else may have taken the port meanwhile
        server = Server(program, folder, _free_port())
        command = as_unprivileged(program.serve(folder, server.port), program.end)
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        said = _read_until(program.ready, process)
        if program.ready in said:
            return server, process
        _end(program, process)
    raise RuntimeError(f"{program.package} does not start: {said.decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port: int = free.getsockname()[1]
        return port


def _read_until(ready: bytes, process: subprocess.Popen[bytes]) -> bytes:
    said = b""
    while ready not in said:
        more = _read(process, _PATIENCE_SECONDS)
        if not more:
            break
        said += more
    return said


def _read(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    assert process.stderr is not None
    readable, _, _ = select.select([process.stderr], [], [], seconds)
    return os.read(process.stderr.fileno(), 1 << 16) if readable else b""


def _tell(facts: Facts) -> None:
    print(json.dumps(facts._asdict()), flush=True)  # noqa: T201 - what the one who starts the keeper waits for
    os.close(1)


def _wait(session_end: int, process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    said = process.stderr.fileno()
    while True:
        readable, _, _ = select.select([session_end, said], [], [])
        # What the server says is read, because a full pipe would stop it.
        if session_end in readable or not os.read(said, 1 << 16):
            return


def _end(program: Program, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(program.end)
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep(PROGRAMS[sys.argv[1]], int(sys.argv[2]))
