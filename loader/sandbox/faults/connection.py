"""A connection that the application can reset."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

# ASGI lets a server offer more than the protocol says under this key, each under a name.
EXTENSIONS, CONNECTION = "extensions", "loader.connection"
# struct linger: on, for 0 seconds. Windows has two shorts, all others two ints.
_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol for HTTP, which shows itself to the application."""

    def on_message_begin(self) -> None:
        """Begin a request: what the application is told of it includes the connection."""
        super().on_message_begin()
        scope: MutableMapping[str, Any] = self.scope  # type: ignore[assignment] # a typed dictionary, which lacks our key
        scope[EXTENSIONS] = {CONNECTION: self}

    def reset(self) -> None:
        """End the connection by a TCP reset, at once and without what was not sent yet."""
        ours = self.transport.get_extra_info("socket")
        if not self.transport.is_closing() and ours is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.transport.abort()


def find_connection(scope: MutableMapping[str, Any]) -> ResettableProtocol:
    """The connection that a request came on."""
    found: ResettableProtocol = scope[EXTENSIONS][CONNECTION]
    return found
