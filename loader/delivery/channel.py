"""Messages between this process and one that sends for it, over a pair of connected sockets."""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_LENGTH = struct.Struct("!I")
_MOST_AT_ONCE = 1 << 18


class Channel:
    """One end. Messages are whole Python objects; the other end is trusted, for this process started it.

    Args:
        end: of the pair; blocking.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._unread = bytearray()

    def fileno(self) -> int:
        """For selectors: readable when `received` has something to read."""
        return self._end.fileno()

    def send(self, message: object) -> None:
        """Send one message; waits while the other end has not read what was sent before.

        Raises:
            OSError: the other end is gone; the message may have arrived in part.
        """
        packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._end.sendall(_LENGTH.pack(len(packed)) + packed)

    def received(self) -> list[Any]:
        """Wait for a message, and take those that are there, at least one.

        Raises:
            EOFError: the other end is gone.
        """
        messages: list[Any] = []
        while not messages:
            try:
                piece = self._end.recv(_MOST_AT_ONCE)
            except OSError:
                piece = b""
            if not piece:
                raise EOFError
            self._unread += piece
            messages += self._whole()
        return messages

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
