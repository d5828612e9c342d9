"""Requests over other processes: attempts come back whole, and no death of a process loses one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import loader
from loader.choices import Library
from loader.delivery.transports.contract import PolledLine, Timeouts
from loader.delivery.transports.processes.process_line import ProcessLine
from loader.delivery.transports.target import Target
from loader.errors import ConfigError
from loader.model import Answer, Attempt, NoAnswer, NotSent, StopCode
from loader.settings import Token
from loader.tokens import TOKEN_VARIABLE
from tests.delivery.conftest import TOKEN
from tests.faultserver import OK, FaultServer, answer, close_after_request, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends processes by signals")

SHORT = Timeouts(connect=1.0, read=1.0, total=2.0)
PATIENCE_SECONDS = 60.0


@pytest.fixture
def opened() -> Iterator[Callable[..., ProcessLine]]:
    """Opens lines to a URL, and closes them afterwards."""
    lines: list[ProcessLine] = []

    def opener(
        url: str,
        *,
        processes: int = 2,
        library: Library = Library.CURL,
        timeouts: Timeouts = SHORT,
        **how: Any,
    ) -> ProcessLine:
        target = Target(library, url + "postEvent", Token(TOKEN), 64, timeouts=timeouts)
        lines.append(ProcessLine(target, processes, **how))
        return lines[-1]

    yield opener
    for line in lines:
        line.close()


def pids(line: ProcessLine) -> list[int]:
    """The processes that send."""
    return [worker._process.pid for worker in line._workers]


def collected(line: ProcessLine, number: int) -> dict[object, Attempt]:
    """So many attempts, by tag."""
    found: dict[object, Attempt] = {}
    by = time.monotonic() + PATIENCE_SECONDS
    while len(found) < number:
        assert time.monotonic() < by, f"only {found} came back"
        for tag, attempt in line.turn(1.0):
            assert tag not in found
            found[tag] = attempt
    return found


def posted(line: ProcessLine, tags: range, body: bytes = b"{}") -> dict[object, Attempt]:
    """What became of one request for each tag."""
    for tag in tags:
        line.send(body, tag)
    return collected(line, len(tags))


def test_it_is_a_line(opened: Callable[..., ProcessLine]) -> None:
    """The dispatcher can move it as it moves any other line."""
    with FaultServer() as server:
        assert isinstance(opened(server.url), PolledLine)


@pytest.mark.parametrize("library", Library)
def test_attempts_of_every_kind_come_back_whole(opened: Callable[..., ProcessLine], library: Library) -> None:
    """An answer with its Retry-After, a lost answer and a refused connection are told apart."""
    with FaultServer([answer(429, b"later", "Retry-After: 7"), answer(), close_after_request]) as server:
        line = opened(server.url, processes=1, library=library)
        assert posted(line, range(1)) == {0: Answer(429, b"later", "7", complete=True)}
        assert posted(line, range(1)) == {0: Answer(200, OK)}
        assert isinstance(posted(line, range(1))[0], NoAnswer)
    assert isinstance(posted(line, range(1))[0], NotSent)


def test_every_process_has_its_share(opened: Callable[..., ProcessLine]) -> None:
    """Requests that are on the wire together go over all processes, and each row goes once."""
    with FaultServer() as server:
        line = opened(server.url, processes=3)
        for tag in range(60):
            line.send(b'{"row":%d}' % tag, tag)
        assert [worker.burden for worker in line._workers] == [20, 20, 20]
        assert set(collected(line, 60).values()) == {Answer(200, OK)}
        assert len(server.bodies) == len(set(server.bodies)) == 60


def test_a_process_that_is_killed_loses_nothing(opened: Callable[..., ProcessLine]) -> None:
    """What it had on the wire is known to be without an answer, and what follows goes over another."""
    with FaultServer([hang] * 8 + [answer()]) as server:
        line = opened(server.url, timeouts=Timeouts())
        for tag in range(8):
            line.send(b"{}", tag)
        by = time.monotonic() + PATIENCE_SECONDS
        while len(server.accepted) < 8:
            assert time.monotonic() < by
            assert line.turn(0.01) == []
        before = pids(line)
        os.kill(before[0], signal.SIGKILL)
        attempts = collected(line, 4)
        assert set(attempts.values()) == {NoAnswer("the process that sent it ended")}
        for tag in range(8, 40):
            line.send(b"{}", tag)
        later = collected(line, 32)
        assert later == dict.fromkeys(range(8, 40), Answer(200, OK))
        assert len(set(pids(line)) - set(before)) == 1
        rest = {tag: attempt for tag, attempt in line.close() if tag not in attempts}
        assert rest.keys() == set(range(8)) - attempts.keys()
        assert all(isinstance(attempt, NoAnswer) for attempt in rest.values())


def test_a_process_that_hangs_is_ended(opened: Callable[..., ProcessLine]) -> None:
    """A stopped process does not keep its rows for ever: they come back without an answer."""
    with FaultServer([hang]) as server:
        line = opened(server.url, processes=1, timeouts=Timeouts(total=0.3), stuck=0.3)
        [pid] = pids(line)
        os.kill(pid, signal.SIGSTOP)
        line.send(b"{}", "row")
        assert collected(line, 1) == {"row": NoAnswer("the process that sent it ended")}
        assert pids(line) != [pid]


def test_a_process_that_takes_no_orders_does_not_stop_the_load(opened: Callable[..., ProcessLine]) -> None:
    """A stopped process whose socket is full is ended, and the rows of the other one come back."""
    with FaultServer() as server:
        line = opened(server.url, stuck=0.3)
        stopped, other = pids(line)
        os.kill(stopped, signal.SIGSTOP)
        for tag in range(20):
            line.send(b"%d" % tag * 100_000, tag)
        attempts = collected(line, 20)
        assert stopped not in pids(line)
        assert other in pids(line)
    lost = [tag for tag, attempt in attempts.items() if attempt == NoAnswer("the process that sent it ended")]
    assert len(lost) == 10


def test_when_none_is_left_the_load_stops(opened: Callable[..., ProcessLine]) -> None:
    """Processes that die again and again, without an answer from any, end the load with the reason."""
    with FaultServer([hang]) as server:
        line = opened(server.url, processes=2, timeouts=Timeouts())
        for tag in range(8):
            for pid in pids(line):
                os.kill(pid, signal.SIGKILL)
            line.send(b"{}", tag)
            collected(line, 1)
        assert pids(line) == []
        line.send(b"{}", "last")
        [(tag, attempt)] = line.turn(None)
    assert tag == "last"
    assert isinstance(attempt, NotSent)
    assert attempt.stop is not None
    assert "SIGKILL" in attempt.reason
    assert attempt.stop is StopCode.PROCESSES_ENDED


def test_bodies_and_answers_larger_than_any_buffer_pass(opened: Callable[..., ProcessLine]) -> None:
    """A full pipe in one direction never waits for a full pipe in the other."""
    large = b"x" * 60_000
    with FaultServer([answer(200, large)]) as server:
        line = opened(server.url, processes=1, timeouts=Timeouts())
        attempts = posted(line, range(60), body=b"y" * 200_000)
    assert attempts == dict.fromkeys(range(60), Answer(200, large))


def test_a_wait_ends_by_a_wake(opened: Callable[..., ProcessLine]) -> None:
    """A signal handler or another thread can end a wait for answers."""
    with FaultServer() as server:
        line = opened(server.url)
        line.wake()
        began = time.monotonic()
        assert line.turn(20) == []
        assert time.monotonic() - began < 10


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_token_is_in_no_process_list(
    opened: Callable[..., ProcessLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither arguments nor environment of a sending process show it, and it is sent all the same."""
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with FaultServer() as server:
        line = opened(server.url)
        for pid in pids(line):
            shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert TOKEN.encode() not in shown
        posted(line, range(1))
        assert server.accepted[0].header("Authorization") == [f"Token {TOKEN}"]


def test_signals_to_the_whole_group_leave_the_senders_alone(opened: Callable[..., ProcessLine]) -> None:
    """Ctrl-C and the stop of a service reach these processes too; only the load decides when they end."""
    with FaultServer() as server:
        line = opened(server.url)
        for pid in pids(line):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(pid, number)
        before = pids(line)
        assert posted(line, range(20)) == dict.fromkeys(range(20), Answer(200, OK))
        assert pids(line) == before


def test_senders_end_with_the_load() -> None:
    """A load that is killed leaves no process behind."""
    program = (
        "import sys, os, signal; from loader.delivery.transports.processes.process_line import ProcessLine\n"
        "from loader.delivery.transports.target import Target; from loader.choices import Library\n"
        "line = ProcessLine(Target(Library.CURL, 'http://127.0.0.1:9/', None, 4), 2)\n"
        "print(*[worker._process.pid for worker in line._workers], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    by = time.monotonic() + PATIENCE_SECONDS
    for pid in map(int, ran.stdout.split()):
        while alive(pid):
            assert time.monotonic() < by
            time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", ["loader", "pickle", "runpy", "token"])
def test_files_of_the_working_directory_are_not_run(
    opened: Callable[..., ProcessLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whoever loads from a folder with a script called token.py can use processes there as well."""
    (tmp_path / f"{name}.py").write_text("raise SystemExit('this is not it')")
    monkeypatch.chdir(tmp_path)
    with FaultServer() as server:
        assert posted(opened(server.url), range(4)) == dict.fromkeys(range(4), Answer(200, OK))


def test_senders_run_the_package_of_the_load(tmp_path: Path) -> None:
    """A load from a copy of the package sends with that copy, not with another one that is installed."""
    shutil.copytree(Path(loader.__file__).parent, tmp_path / "loader")
    worker = tmp_path / "loader" / "delivery" / "transports" / "processes" / "worker.py"
    worker.write_text("raise SystemExit(77)")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from loader.delivery.transports.processes.process_line import ProcessLine\n"
        "from loader.delivery.transports.target import Target; from loader.choices import Library\n"
        "ProcessLine(Target(Library.CURL, 'http://127.0.0.1:9/', None, 4), 2)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert "exit code 77" in ran.stderr


def test_a_library_that_cannot_be_had_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libcurl nothing is sent, and the sentence is that of one process."""
    (tmp_path / "pycurl.py").write_text('raise ImportError("no libcurl here")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"no libcurl here.*set --transport to requests"):
        ProcessLine(Target(Library.CURL, "http://127.0.0.1:9/", None, 4), 2)
