"""Requests that other processes put on the wire, so that a load can use more than one core.

Only the work on the wire is theirs. What is sent, and when, stays with the one dispatcher: the journal has
one writer, a pause is one of the whole sender, the rows of a device keep their order, and what a dead worker
leaves in doubt was part of the one window.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.delivery.transports.processes.channel import Channel, Orders, unpack_attempt
from loader.errors import ConfigError
from loader.message import Message
from loader.model import NoAnswer, NotSent, StopCode
from loader.tokens import TOKEN_VARIABLE

if TYPE_CHECKING:
    from loader.delivery.transports.target import Target
    from loader.model import Attempt

# The package is found where this process found it, whatever the working directory of either is. All else is
# looked for as usual, but not (`-P`) among the files of that directory, because one may be called token.py.
_PROGRAM = (
    f"import runpy, sys; sys.path.insert(0, {str(Path(__file__).parents[4])!r}); "
    "import loader; del sys.path[0]; "
    "runpy.run_module('loader.delivery.transports.processes.worker', run_name='__main__')"
)
# An attempt ends by its total deadline; a worker that keeps one this much longer is stuck.
_STUCK_SECONDS = 30.0
_MOST_BARREN = 3
_STARTING_SECONDS = 60.0
_ENDING_SECONDS = 5.0
_LONGEST_WAIT = 1.0  # a longer one cannot be broken by a signal on every system


class ProcessLine:
    """A line that spreads requests over several processes; see `contract.PolledLine`.

    A worker that dies leaves what it was given without an answer, and another takes its place; after three
    in a row that brought no answer none does. Without workers the load is stopped.

    Args:
        target: where and how each of them sends.
        processes: how many there are.
        stuck: a worker is ended if it keeps an attempt this many seconds longer than an attempt may last, or
            takes no orders for that long.

    Raises:
        ConfigError: one of them cannot be started, or cannot send there.
    """

    def __init__(self, target: Target, processes: int, *, stuck: float = _STUCK_SECONDS) -> None:
        self._target = target
        self._stuck = stuck
        self._longest = target.timeouts.total + stuck
        self._over = ""
        self._lost: list[tuple[object, Attempt]] = []
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._workers: list[_Worker] = []
        try:
            for _ in range(processes):
                self._begin(barren=0)
            for worker in self._workers:
                worker.await_ready()
        except BaseException:
            self.close()
            raise

    def send(self, body: bytes, tag: object) -> None:
        """Have one JSON body sent in the next turn, by the worker that has the least to do."""
        if self._workers:
            min(self._workers, key=_BURDEN).add(body, tag)
        else:
            self._lost.append((tag, NotSent(self._over, StopCode.PROCESSES_ENDED)))

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Hand out what must be sent; the attempts that ended, or none after the timeout or a `wake`."""
        for worker in self._workers:
            worker.hand_over()
        ended, self._lost = self._lost, []
        longest = _LONGEST_WAIT if timeout is None else min(timeout, _LONGEST_WAIT)
        for key, _ in self._selector.select(0 if ended else longest):
            if key.data is None:
                self._hear()
                continue
            try:
                ended += key.data.answers()
            except EOFError:
                ended += self._replace(key.data)
        before = time.monotonic() - self._longest
        for worker in [each for each in self._workers if each.kept_since < before]:
            worker.kill()
            ended += self._replace(worker)
        return ended

    def wake(self) -> None:
        """End a wait, or the next one; from any thread or a signal handler."""
        # A full bell has rung already, a closed one rings for nobody.
        with suppress(OSError):
            self._bell.send(b"\0")

    def close(self) -> list[tuple[Any, Attempt]]:
        """End the workers; every attempt that had not ended."""
        for worker in self._workers:
            worker.channel.close()
        given_up = [letter for each in self._workers for letter in each.end("the transport was closed")]
        self._workers.clear()
        self._selector.close()
        self._bell.close()
        self._ear.close()
        return given_up + self._lost

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)

    def _begin(self, *, barren: int) -> None:
        worker = _Worker(self._target, barren, self._stuck)
        self._workers.append(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)

    def _replace(self, worker: _Worker) -> list[tuple[Any, Attempt]]:
        """Put another one in the place of a worker that is gone or stuck."""
        self._selector.unregister(worker.channel)
        self._workers.remove(worker)
        worker.channel.close()
        letters = worker.end("the process that sent it ended")
        if worker.barren < _MOST_BARREN:
            try:
                self._begin(barren=worker.barren + 1)
            except ConfigError as error:
                worker.last_words = str(error)
        self._over = f"The processes that send have ended, the last one: {worker.last_words}."
        return letters


class _Worker:
    """One process, as seen from here.

    Attributes:
        channel: carries messages to it and back.
        barren: how many processes in its place brought no answer, one after the other, itself included.
        last_words: how it ended, once it has.
    """

    def __init__(self, target: Target, barren: int, stuck: float) -> None:
        self.barren = barren
        self.last_words = ""
        self._given: dict[int, tuple[object, float]] = {}
        self._to_hand_over: list[tuple[int, bytes]] = []
        self._tags = 0
        ours, theirs = socket.socketpair()
        ours.settimeout(stuck)
        self.channel = Channel(ours)
        with theirs:
            self._process = _start(target, theirs)

    @property
    def burden(self) -> int:
        """How many attempts it has."""
        return len(self._given)

    @property
    def kept_since(self) -> float:
        """Since when it has the oldest of them; now, if it has none."""
        return next(iter(self._given.values()))[1] if self._given else time.monotonic()

    def await_ready(self) -> None:
        """Wait until it can send.

        Raises:
            ConfigError: it cannot.
        """
        refusal: str | Message = "it did not answer in time"
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            if selector.select(_STARTING_SECONDS):
                try:
                    (refusal,) = self.channel.receive()
                except EOFError:
                    self.end("")
                    refusal = self.last_words
        if refusal:
            raise ConfigError(Message("A process to send with cannot be used: {why}", why=refusal))

    def add(self, body: bytes, tag: object) -> None:
        """Give it one attempt, with the next `hand_over`."""
        self._tags += 1
        self._given[self._tags] = tag, time.monotonic()
        self._to_hand_over.append((self._tags, body))

    def hand_over(self) -> None:
        """Let it have what was added."""
        if self._to_hand_over:
            orders, self._to_hand_over = self._to_hand_over, []
            try:
                self.channel.send(orders)
            except TimeoutError:  # it has stopped reading, perhaps in the middle of an order
                self.kill()
            except OSError:
                pass  # it is gone, which `answers` will say

    def answers(self) -> list[tuple[Any, Attempt]]:
        """What it says of attempts that ended; it has something to say.

        Raises:
            EOFError: it is gone.
        """
        letters: list[tuple[Any, Attempt]] = []
        for message in self.channel.receive():
            if isinstance(message, str):
                self.last_words = message  # ready, or why it is not: then it ends
                continue
            self.barren = 0
            letters += [
                (self._given.pop(tag)[0], unpack_attempt(kind, fields)) for tag, kind, fields in message
            ]
        return letters

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self, reason: str) -> list[tuple[Any, Attempt]]:
        """End it, if it has not ended, and take back what it had, of which nobody knows whether it left."""
        try:
            code = self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.last_words = self.last_words or _describe_exit(code)
        waiting = {tag for tag, _ in self._to_hand_over}
        letters: list[tuple[Any, Attempt]] = [
            (tag, NotSent(reason) if number in waiting else NoAnswer(reason))
            for number, (tag, _) in self._given.items()
        ]
        self._given.clear()
        return letters


_BURDEN = attrgetter("burden")


def _start(target: Target, theirs: socket.socket) -> subprocess.Popen[bytes]:
    """Start a process that sends to the target, and takes its orders from its end of a pair of sockets."""
    windows = sys.platform == "win32"
    handed: tuple[int, ...] = () if windows else (theirs.fileno(),)
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=handed,
            # Secrets go through a pipe, so that they are not in one more process's environment.
            env={name: text for name, text in os.environ.items() if not _may_be_secret(name)},
        )
    except OSError as error:
        raise ConfigError(f"A process to send with cannot be started: {error.strerror}.") from None
    end = theirs.share(process.pid) if windows else theirs.fileno()  # type: ignore[attr-defined, unused-ignore]
    secrets = (
        target.token.reveal() if target.token else None,
        target.proxy.reveal() if target.proxy else None,
    )
    assert process.stdin is not None  # noqa: S101 - a pipe, as asked
    with suppress(OSError), process.stdin as told:
        told.write(pickle.dumps(Orders(replace(target, token=None, proxy=None), *secrets, end)))
    return process


def _may_be_secret(variable: str) -> bool:
    """Whether a variable holds a token, or a proxy's password; the workers are told both in another way."""
    return variable == TOKEN_VARIABLE or variable.lower().endswith("_proxy")


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
