"""Rows of the source on their way into bodies: the wanted ones are selected, mapped, and their keys read.

Any process that has the source and the mapper may do this; what comes of it is the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.categories import Categoriser
from loader.mapping.threaded import map_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.journal import PackedCategories
    from loader.known_keys import Keyed, KeyReader
    from loader.mapping import Mapped, Mapper
    from loader.model import Chunk


@dataclass(frozen=True, slots=True)
class Piece:
    """A mapped chunk, or a part of one.

    Attributes:
        mapped: its rows.
        wanted: those of them that may be sent, in ascending ranges.
        keyed: their keys; None if the load has no ledger.
        categories: by what a report counts the wanted rows; None if it does not.
    """

    mapped: Mapped
    wanted: list[range]
    keyed: Keyed | None
    categories: PackedCategories | None = None


def read_pieces(
    chunks: Iterable[Chunk], mapper: Mapper, keys: KeyReader | None, wanted: Iterable[range]
) -> Iterator[Piece]:
    """Map the wanted rows.

    Args:
        chunks: of the source, from the first wanted row or an earlier one on.
        mapper: of the load.
        keys: reads the keys of rows; None if the load has no ledger.
        wanted: ascending ranges.

    Raises:
        SourceError: the input is damaged from some row on, or changed; the rows before have been yielded.
    """
    categoriser = Categoriser() if mapper.mapping.method.timed else None
    for chunk, here, mapped in map_ahead(mapper, select_chunks(chunks, wanted)):
        keyed = keys.read(mapped, chunk, here) if keys else None
        categories = categoriser.categorise(mapped, here).pack() if categoriser else None
        yield Piece(mapped, here, keyed, categories)


def select_chunks(chunks: Iterable[Chunk], wanted: Iterable[range]) -> Iterator[tuple[Chunk, list[range]]]:
    """Select the chunks that hold wanted rows, cut at both ends, each with its wanted rows; all ascend."""
    ranges = deque(wanted)
    for chunk in chunks:
        here: list[range] = []
        while ranges and ranges[0].start < chunk.rows.stop:
            rows = range(max(ranges[0].start, chunk.rows.start), min(ranges[0].stop, chunk.rows.stop))
            here += [rows] if rows else []
            if ranges[0].stop > chunk.rows.stop:
                break
            ranges.popleft()
        if here:
            yield chunk.part(range(here[0].start, here[-1].stop)), here
        if not ranges:
            return


def group_ranges(wanted: Iterable[range], size: int) -> Iterator[list[range]]:
    """Group the rows by `size`, the last group smaller; a range may be cut."""
    group: list[range] = []
    left = size
    for each in wanted:
        rows = each
        while rows:
            piece, rows = rows[:left], rows[left:]
            group.append(piece)
            left -= len(piece)
            if not left:
                yield group
                group, left = [], size
    if group:
        yield group
