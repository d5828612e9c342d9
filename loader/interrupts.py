"""How the user ends a load early: the first signal lets it drain, the second gives up."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loader.delivery import Brake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType


@contextmanager
def brake_on_signals(signals: Iterable[int], asked: Callable[[], None]) -> Iterator[Brake]:
    """A brake that these signals pull, in the `with` block; afterwards they do what they did before.

    The first lets what is on the wire be answered, and calls `asked`; the next gives it up. Only the main
    thread may ask for it.
    """
    brake = Brake()
    pulled = False

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        nonlocal pulled
        if pulled:
            brake.halt()
            return
        pulled = True
        brake.drain()
        asked()

    before = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield brake
    finally:
        for number, handler in before.items():
            # None: a handler that was not set from Python, and cannot be from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
