"""Chunks mapped in a thread: the next one while the present one is used, in their order.

Arrow and numpy let the other threads run while they work on a chunk, so with a second core the mapping costs
no time that anyone waits for. One chunk is ahead: more would only take memory.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from loader.mapping.mapper import Mapped, Mapper
    from loader.model import Chunk

T = TypeVar("T")

_AHEAD = 1


def map_ahead(mapper: Mapper, chunks: Iterable[tuple[Chunk, T]]) -> Iterator[tuple[Chunk, T, Mapped]]:
    """Map chunks, each of which comes with something that belongs to it.

    Args:
        mapper: maps them, one at a time.
        chunks: read in the calling thread.

    Raises:
        SourceError: the input is damaged or changed; all chunks before that have been yielded.
    """
    waiting: deque[tuple[Chunk, T, Future[Mapped]]] = deque()
    failure = None
    thread = ThreadPoolExecutor(1, thread_name_prefix="map-ahead")
    try:
        try:
            for chunk, beside in chunks:
                waiting.append((chunk, beside, thread.submit(mapper.map, chunk)))
                if len(waiting) > _AHEAD:
                    yield _take(waiting)
        except SourceError as error:
            failure = error
        while waiting:
            yield _take(waiting)
        if failure is not None:
            raise failure
    finally:
        # Without a wait, because a garbage collection within the thread may come here.
        thread.shutdown(wait=False, cancel_futures=True)


def _take(waiting: deque[tuple[Chunk, T, Future[Mapped]]]) -> tuple[Chunk, T, Mapped]:
    chunk, beside, mapped = waiting.popleft()
    return chunk, beside, mapped.result()
