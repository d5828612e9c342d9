"""What is lent to Arrow, and the wait until Arrow has dropped it.

Threads of Arrow's pool hold Python objects (a file, a handler) for a while after the call that used them
has returned. To drop one, such a thread needs the interpreter. If the interpreter ends at that moment, the
process is aborted. So nothing that was lent is left behind: whoever lends waits until it is dropped.
"""

from __future__ import annotations

import queue
import weakref
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

# Seconds that Arrow may take to drop what it holds. It takes microseconds. The bound is there because a load
# that hangs would be worse than a thread that is left.
_PATIENCE = 10.0

# A garbage collection takes the notices away from what it collects, unless they are held elsewhere too.
# The keys are ids, because a weak reference is hashed by what it refers to: each byte of a block.
_NOTICES: dict[int, weakref.ref[object]] = {}


class Loans:
    """Objects that Arrow alone holds.

    The caller must keep none of them in a variable: it would live on in the traceback of an error.
    """

    def __init__(self) -> None:
        self._dropped: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._lent: list[weakref.ref[object]] = []

    def lend(self, lent: T) -> T:
        """Notice when Arrow drops it. The notice is in C: Arrow's thread must run no line of Python then."""
        notice: weakref.ref[object] = weakref.ref(lent, self._dropped.put)
        _NOTICES[id(notice)] = notice
        self._lent.append(notice)
        return lent

    def await_return(self) -> None:
        """Return when Arrow has dropped all that was lent."""
        lent, self._lent = self._lent, []
        with suppress(queue.Empty):
            for _ in lent:
                self._dropped.get(timeout=_PATIENCE)
        for notice in lent:
            del _NOTICES[id(notice)]
