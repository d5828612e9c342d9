"""Reading ahead: an object is read by large ranges, the next one while the last one is being used.

A text is read from front to back. Columns of a Parquet file are read side by side, each from front to back.
So a few places are remembered up to which was read; whoever reads on at one of them gets ranges that double,
and the next range is fetched by a thread meanwhile.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

#: Bytes. A range begins and ends at a multiple of it, or at the end.
UNIT = 1 << 16
#: Bytes of the largest range. On a line of 700 Mbit a second with 30 ms to the first byte, three quarters of
#: the time are useful with it.
LONGEST = 8 << 20
# What all ranges together may take, about; and at how many places reading goes on.
_BUDGET, _MOST = 32 << 20, 16


@dataclass(slots=True)
class _Run:
    """A place at which reading goes on: the last range, and the next one on its way."""

    start: int
    content: bytes
    length: int
    following: Future[bytes] | None = None

    @property
    def end(self) -> int:
        return self.start + len(self.content)


class ReadAhead:
    """Reads one object.

    Args:
        fetch: reads a range, in any thread.
        accept: looks at each range once, with its place, before it is used.
        size: of the object, in bytes.
    """

    def __init__(
        self, fetch: Callable[[int, int], bytes], accept: Callable[[int, bytes], None], size: int
    ) -> None:
        self._fetch = fetch
        self._accept = accept
        self._size = size
        self._runs: list[_Run] = []  # the last used first
        self._threads: ThreadPoolExecutor | None = None

    def read(self, start: int, end: int) -> bytes:
        """The bytes of a range within the object."""
        parts = []
        while start < end:
            run = self._find(start) or self._begin(start, end)
            if start == run.end:
                self._advance(run, end)
            part = run.content[start - run.start : end - run.start]
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Give up what is on its way."""
        for run in self._runs:
            _give_up(run)
        self._runs = []
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _find(self, at: int) -> _Run | None:
        found = next((run for run in self._runs if run.start <= at <= run.end), None)
        if found is not None and found is not self._runs[0]:
            self._runs.remove(found)
            self._runs.insert(0, found)
        return found

    def _begin(self, start: int, end: int) -> _Run:
        low = start // UNIT * UNIT
        high = self._bound(low, end - low)
        run = _Run(low, self._get(low, high), high - low)
        self._runs.insert(0, run)
        for old in self._runs[_MOST:]:
            _give_up(old)
        del self._runs[_MOST:]
        return run

    def _advance(self, run: _Run, end: int) -> None:
        """The next range of a run, and the one after it in a thread."""
        start = run.end
        if run.following is None:
            run.content = self._get(start, self._bound(start, max(self._grow(run), end - start)))
        else:
            content, run.following = run.following.result(), None
            self._accept(start, content)
            run.content = content
        run.start = start
        if run.end < self._size:
            high = self._bound(run.end, self._grow(run))
            run.following = self._start(run.end, high)

    def _grow(self, run: _Run) -> int:
        run.length = min(run.length * 2, max(_BUDGET // (2 * len(self._runs)), LONGEST // 8), LONGEST)
        return run.length

    def _bound(self, start: int, length: int) -> int:
        return min(-(-(start + min(length, LONGEST)) // UNIT) * UNIT, self._size)

    def _get(self, start: int, end: int) -> bytes:
        content = self._fetch(start, end)
        self._accept(start, content)
        return content

    def _start(self, start: int, end: int) -> Future[bytes]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(2, thread_name_prefix="read-ahead")
        return self._threads.submit(self._fetch, start, end)


def _give_up(run: _Run) -> None:
    if run.following is not None:
        run.following.cancel()
