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

    with _handled(signals, on_signal):
        yield brake


@contextmanager
def hold_signals(signals: Iterable[int]) -> Iterator[Callable[[], bool]]:
    """Let nothing be interrupted in the `with` block; what it yields says whether the user tried."""
    came: list[int] = []
    with _handled(signals, lambda number, _: came.append(number)):
        yield lambda: bool(came)


@contextmanager
def interrupt_on_signals(signals: Iterable[int]) -> Iterator[None]:
    """Have each of the signals raise `KeyboardInterrupt` in the `with` block."""

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(signals, on_signal):
        yield


@contextmanager
def _handled(signals: Iterable[int], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """What these signals do in the `with` block; afterwards they do what they did before."""
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            # None: a handler that was not set from Python, and cannot be from here.
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
