"""Chunks mapped in a thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import pandas as pd
import pytest

from loader.errors import SourceError
from loader.mapping.threaded import map_ahead
from loader.model import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping.mapper import Mapped, Mapper


class Counting:
    """Says which chunk it was given, in place of mapping it; `fails` is the first row of one that fails."""

    def __init__(self, fails: int = -1) -> None:
        self.fails = fails
        self.begun: list[int] = []
        self.threads: set[int] = set()

    def map(self, chunk: Chunk) -> Mapped:
        """Note the call."""
        self.begun.append(chunk.first)
        self.threads.add(threading.get_ident())
        if chunk.first == self.fails:
            raise ZeroDivisionError
        return cast("Mapped", chunk.first)


def read(count: int, read_so_far: list[int], error: SourceError | None = None) -> Iterator[tuple[Chunk, int]]:
    """Some chunks of one row, each with its number beside it; then an error, if there is one."""
    for number in range(count):
        read_so_far.append(number)
        yield Chunk(number, pd.DataFrame({"a": ["x"]}), "x.csv", number + 1, {}), number
    if error is not None:
        raise error


def map_some(mapper: Counting, chunks: Iterator[tuple[Chunk, int]]) -> Iterator[tuple[Chunk, int, Mapped]]:
    """What is tested, with the stand-in."""
    return map_ahead(cast("Mapper", mapper), chunks)


def list_firsts(mapped: Iterator[tuple[Chunk, int, Mapped]]) -> Iterator[int]:
    """The first row of each chunk; a list that they are added to keeps those that come before an error."""
    return (chunk.first for chunk, _, _ in mapped)


def test_each_chunk_comes_in_its_turn_with_what_belongs_to_it() -> None:
    """The order is that of the input, and nothing is mixed up; another thread does the work."""
    mapper = Counting()
    found = [(chunk.first, beside, str(mapped)) for chunk, beside, mapped in map_some(mapper, read(9, []))]
    assert found == [(number, number, str(number)) for number in range(9)]
    assert threading.get_ident() not in mapper.threads
    assert len(mapper.threads) == 1


def test_no_more_than_one_chunk_is_read_ahead() -> None:
    """Memory does not grow: beside the chunk in use there is one more."""
    seen: list[int] = []
    for chunk, _, _ in map_some(Counting(), read(9, seen)):
        assert len(seen) <= chunk.first + 2


def test_damage_comes_after_the_chunks_before_it() -> None:
    """All chunks before a damaged place are handed out first, as without a thread."""
    found: list[int] = []
    with pytest.raises(SourceError, match="damaged"):
        found += list_firsts(map_some(Counting(), read(4, [], SourceError("damaged"))))
    assert found == [0, 1, 2, 3]


def test_a_failure_to_map_ends_it_in_its_turn() -> None:
    """An error within the thread is the caller's, after the chunks before it."""
    found: list[int] = []
    with pytest.raises(ZeroDivisionError):
        found += list_firsts(map_some(Counting(fails=2), read(9, [])))
    assert found == [0, 1]


def test_nothing_is_mapped_after_it_was_left() -> None:
    """A load that stops leaves no thread behind that works on."""
    mapper, seen = Counting(), list[int]()
    chunks = map_some(mapper, read(9, seen))
    next(chunks)
    chunks.close()  # type: ignore[attr-defined] # it is a generator
    for thread in threading.enumerate():
        if thread.name.startswith("map-ahead"):
            thread.join()
    assert set(mapper.begun) <= {0, 1}
    assert seen == [0, 1]
