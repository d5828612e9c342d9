"""Chunks mapped in a thread: the next one while the present one is used, in their order.

Arrow and numpy let the other threads run while they work on a chunk, so with a second core the mapping costs
no time that anyone waits for. One chunk is ahead: more would only take memory.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from loader.mapping.mapper import Mapped, Mapper
    from loader.model import Chunk

T = TypeVar("T")

_AHEAD = 1


class MapAhead:
    """Maps chunks in a thread, one at a time, and gives them back in their order.

    Args:
        mapper: maps them.
    """

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self._waiting: deque[tuple[Chunk, Any, Future[Mapped]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="map-ahead")

    def put(self, chunk: Chunk, beside: T) -> Iterator[tuple[Chunk, T, Mapped]]:
        """Begin a chunk, and give back the one before it, each with what belongs to it."""
        self._waiting.append((chunk, beside, self._thread.submit(self._mapper.map, chunk)))
        if len(self._waiting) > _AHEAD:
            yield self._take()

    def finish(self) -> Iterator[tuple[Chunk, Any, Mapped]]:
        """The chunks that are not given back yet."""
        while self._waiting:
            yield self._take()

    def close(self) -> None:
        """End the thread, without a wait, because a garbage collection within it may come here."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> tuple[Chunk, Any, Mapped]:
        chunk, beside, mapped = self._waiting.popleft()
        return chunk, beside, mapped.result()


def map_ahead(mapper: Mapper, chunks: Iterable[tuple[Chunk, T]]) -> Iterator[tuple[Chunk, T, Mapped]]:
    """Map chunks, each of which comes with something that belongs to it.

    Args:
        mapper: maps them, one at a time.
        chunks: read in the calling thread.

    Raises:
        SourceError: the input is damaged or changed; all chunks before that have been yielded.
    """
    failure = None
    with closing(MapAhead(mapper)) as ahead:
        try:
            for chunk, beside in chunks:
                yield from ahead.put(chunk, beside)
        except SourceError as error:
            failure = error
        yield from ahead.finish()
        if failure is not None:
            raise failure
