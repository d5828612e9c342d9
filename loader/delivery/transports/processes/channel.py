"""Messages between this process and one that sends for it, over a pair of connected sockets."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loader.model import Answer, Attempt, NoAnswer, NotSent

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from loader.delivery.transports.target import Target

_LENGTH = struct.Struct("!I")
_MOST_AT_ONCE = 1 << 18
_KINDS: tuple[type[Attempt], ...] = (Answer, NotSent, NoAnswer)


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told first.

    Attributes:
        target: where and how to send, without the secrets.
        token, proxy: their texts, since no secret can be pickled; they go through a pipe to our own process.
        end: its end of the pair of sockets: a file descriptor, or on Windows what `socket.share` gave.
    """

    target: Target
    token: str | None = field(repr=False)
    proxy: tuple[str, str, str] | None = field(repr=False)
    end: int | bytes


def pack_attempt(tag: int, attempt: Attempt) -> tuple[int, int, tuple[Any, ...]]:
    """An attempt and whose it is, as a plain tuple, which travels in half the time."""
    return tag, _KINDS.index(type(attempt)), tuple(attempt)


def unpack_attempt(kind: int, fields: tuple[Any, ...]) -> Attempt:
    """The attempt that was packed."""
    return _KINDS[kind](*fields)


class Channel:
    """One end. Messages are whole Python objects; the other end is trusted, because this process started it.

    Args:
        end: of the pair; blocking, or with a timeout.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._unread = bytearray()

    def fileno(self) -> int:
        """For selectors: readable when `receive` has something to read."""
        return self._end.fileno()

    def send(self, message: object) -> None:
        """Send one message; waits while the other end has not read what was sent before.

        Raises:
            TimeoutError: the other end does not read; the message may have arrived in part.
            OSError: the other end is gone, likewise.
        """
        pickled = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._end.sendall(_LENGTH.pack(len(pickled)) + pickled)

    def receive(self) -> list[Any]:
        """Wait until something comes, and take the messages that are whole with it; there may be none.

        Raises:
            EOFError: the other end is gone.
        """
        try:
            piece = self._end.recv(_MOST_AT_ONCE)
        except OSError:
            piece = b""
        if not piece:
            raise EOFError
        self._unread += piece
        return list(self._whole())

    def _whole(self) -> Iterator[Any]:
        begin = 0
        while len(self._unread) - begin >= _LENGTH.size:
            start = begin + _LENGTH.size
            stop = start + _LENGTH.unpack_from(self._unread, begin)[0]
            if stop > len(self._unread):
                break
            yield pickle.loads(self._unread[start:stop])  # noqa: S301 - from our own process
            begin = stop
        del self._unread[:begin]

    def close(self) -> None:
        """Close this end; the other one learns of it."""
        self._end.close()
