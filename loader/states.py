"""The state of every row of a checkpoint, by ranges, without holding more than a bitmap of it in memory."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.model import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.journal import CheckpointView

ORDER = (State.CONFIRMED, State.REJECTED, State.IN_DOUBT, State.NEVER_SENT, State.LEFT_OUT)
"""A state's place here is its number in the arrays."""

_NEVER_SENT = ORDER.index(State.NEVER_SENT)
LEFT_OUT = ORDER.index(State.LEFT_OUT)

Numbers = np.ndarray[Any, np.dtype[np.uint8]]


def number_rows(ledger: CheckpointView, state: State) -> Iterator[tuple[int, int]]:
    """Number the rows in a state: their ordinals, ascending, each with the state's number."""
    number = ORDER.index(state)
    return ((row.ordinal, number) for row in ledger.exceptions(state))


class States:
    """Reads the states of ascending ranges; a row that a running load has on the wire is never sent."""

    def __init__(self, ledger: CheckpointView) -> None:
        self._confirmed = _Bits(ledger.bitmaps(), 0)
        self._left_out = _Bits(ledger.left_out(), LEFT_OUT)
        self._failed = merge(*(number_rows(ledger, state) for state in (State.REJECTED, State.IN_DOUBT)))
        self._next = next(self._failed, None)

    def of(self, rows: range) -> Numbers:
        """The numbers of the states of `rows`, which begin at or after the end of those asked before."""
        found = np.full(len(rows), _NEVER_SENT, np.uint8)
        self._confirmed.fill(found, rows)
        self._left_out.fill(found, rows)
        while self._next is not None and self._next[0] < rows.stop:
            ordinal, state = self._next
            if ordinal >= rows.start:
                found[ordinal - rows.start] = state
            self._next = next(self._failed, None)
        return found


class _Bits:
    """Rows in one state as bitmaps, which ascend."""

    def __init__(self, bitmaps: Iterator[tuple[range, bytes | None]], number: int) -> None:
        self._bitmaps = bitmaps
        self._number = number
        self._bitmap = next(bitmaps, None)

    def fill(self, found: Numbers, rows: range) -> None:
        """Write the state's number over its rows."""
        while self._bitmap is not None and self._bitmap[0].start < rows.stop:
            covered, bits = self._bitmap
            self._fill(found, rows, covered, bits)
            if covered.stop > rows.stop:
                break
            self._bitmap = next(self._bitmaps, None)

    def _fill(self, found: Numbers, rows: range, covered: range, bits: bytes | None) -> None:
        first, stop = max(rows.start, covered.start), min(rows.stop, covered.stop)
        if first >= stop:
            return
        here = slice(first - rows.start, stop - rows.start)
        if bits is None:
            found[here] = self._number
            return
        low = (first - covered.start) // 8
        packed = np.frombuffer(bits, np.uint8)[low : (stop - covered.start + 7) // 8]
        skipped = first - covered.start - low * 8
        set_bits = np.unpackbits(packed, bitorder="little")[skipped : skipped + stop - first]
        found[here][set_bits == 1] = self._number
