"""A process that sends for another: ``python -m loader.delivery.transports.processes.worker``.

It is told on its standard input where to send and which socket its orders come through. It decides nothing:
it puts bodies on the wire and returns what became of each attempt. It ends with the process that started it.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from loader.addresses import Proxy
from loader.delivery.transports import open_line_in_process
from loader.delivery.transports.processes.channel import Channel, Orders, pack_attempt
from loader.errors import ConfigError
from loader.settings import Token

if TYPE_CHECKING:
    from loader.delivery.transports.contract import PolledLine


def main() -> None:
    """Send what comes until the other end is gone."""
    # Ctrl-C in a terminal, and the stop of a service, reach this process too: its parent says when to end.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    channel = Channel(_end(orders.end))
    try:
        line = _build_line(orders)
    except ConfigError as error:
        channel.send(error.message)
        return
    channel.send("")
    work(line, channel)


def _build_line(orders: Orders) -> PolledLine:
    token = Token(orders.token) if orders.token else None
    proxy = Proxy.restore(*orders.proxy) if orders.proxy else None
    return open_line_in_process(replace(orders.target, token=token, proxy=proxy))


def _end(end: int | bytes) -> socket.socket:
    if isinstance(end, bytes):
        return socket.fromshare(end)  # type: ignore[attr-defined, no-any-return, unused-ignore] # Windows
    return socket.socket(fileno=end)


def work(line: PolledLine, channel: Channel) -> None:
    """Drive the line; a thread takes the orders, so that the sender of orders never waits for the wire."""
    inbox: deque[list[tuple[int, bytes]]] = deque()

    def listen() -> None:
        try:
            while True:
                inbox.extend(channel.receive())
                line.wake()
        except EOFError:
            # What is on the wire stays in doubt, and nobody is left to report it to.
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        while inbox:
            for tag, body in inbox.popleft():
                line.send(body, tag)
        if ended := line.turn(None):
            channel.send([pack_attempt(tag, attempt) for tag, attempt in ended])


if __name__ == "__main__":
    main()
