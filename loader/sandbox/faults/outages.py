"""Windows of time in which the port refuses connections, as it does if no server runs there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.sandbox.faults.connection import ResettableProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    import uvicorn

    from loader.sandbox.faults.misbehaviour import Stopwatch

# How exactly windows are kept, in seconds by the event loop's own clock.
STEP = 0.01


class Outages:
    """Closes the port of a server at the beginning of each window, and opens it again at its end.

    A connection that is open at the beginning is reset. Between windows it changes nothing.

    It counts each outage once, when it begins: calls that are refused do not arrive, and are not counted.

    Args:
        windows: begin and end of each, in seconds since the first call.
        watch: seconds since the first call.
        server: the server whose port it is.
        listen: a listening socket on the same address, as the first one was made.
        count: counts an outage.
    """

    def __init__(
        self,
        windows: Sequence[tuple[float, float]],
        watch: Stopwatch,
        server: uvicorn.Server,
        listen: Callable[[], socket.socket],
        count: Callable[[], None],
    ) -> None:
        self._windows = windows
        self._watch = watch
        self._server = server
        self._listen = listen
        self._count = count
        self._closed = False

    def is_due(self) -> bool:
        """Whether the port is to be closed now."""
        at = self._watch.read()
        return any(begin <= at < end for begin, end in self._windows)

    async def keep(self) -> None:
        """Close and open the port until the server ends, or the last window is over."""
        last = max(end for _, end in self._windows)
        while not self._server.should_exit and self._watch.read() < last:
            await self.adjust()
            await asyncio.sleep(STEP)
        while self._closed and not self._server.should_exit:
            await self.adjust()
            await asyncio.sleep(STEP)

    async def adjust(self) -> None:
        """Close or open the port, if it is not as it has to be now."""
        if self.is_due() and not self._closed:
            self._closed = True
            self._count()
            self._close()
        elif self._closed and not self.is_due():
            # Another program may have taken the port meanwhile; then the outage lasts until it is free.
            with suppress(ConfigError):
                await self._open()
                self._closed = False

    def _close(self) -> None:
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, ResettableProtocol):
                connection.reset()

    async def _open(self) -> None:
        await self._server.startup(sockets=[self._listen()])
