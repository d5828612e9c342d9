"""The chunks of an input, made while it is surveyed, so that a check reads it once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.sources.gathering import Gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from loader.model import Chunk, FileRecord
    from loader.sources.records import Onlooker, Slab


class Alongside:
    """An onlooker that makes chunks of what another one sees.

    They are those that reading gives afterwards, as long as the input is clean: what a record without data
    is, for example a line of totals, is known only at the end of its file. So from the first record that
    cannot be used on, no more chunks are made, and the caller begins again.

    Args:
        onlooker: sees all slabs, too.
        columns: of the chunks.
        rows: records of a chunk at most.
        make: a chunk of a slab, the name of its file and the records before that file.
        take: is given each chunk.
    """

    def __init__(
        self,
        onlooker: Onlooker,
        columns: Collection[str],
        rows: int,
        make: Callable[[Slab, str, int], Chunk],
        take: Callable[[Chunk], object],
    ) -> None:
        self.columns = {*columns, *onlooker.columns}
        self._onlooker = onlooker
        self._make = make
        self._take = take
        self._gathering = Gathering(rows)
        self._names: list[str] = []
        self._counts: list[int] = []
        self._clean = True

    def begin(self, file: str) -> None:
        """The next slabs are of this file."""
        self._onlooker.begin(file)
        self._hand_over()
        self._names.append(file)
        self._counts.append(0)

    def see(self, slab: Slab) -> None:
        """Show it, and make a chunk if enough records wait."""
        self._onlooker.see(slab)
        begun_again = slab.first != self._counts[-1]
        self._clean = self._clean and not (begun_again or slab.unreadable or slab.no_data)
        self._counts[-1] = slab.end
        if self._clean:
            for gathered in self._gathering.take(slab):
                self._give(gathered)

    def finish(self, files: Sequence[FileRecord]) -> bool:
        """Make the last chunk; whether all chunks of these files were made."""
        self._hand_over()
        return self._clean and self._counts == [file.rows for file in files]

    def _hand_over(self) -> None:
        for gathered in self._gathering.give():
            if self._clean:
                self._give(gathered)

    def _give(self, slab: Slab) -> None:
        self._take(self._make(slab, self._names[-1], sum(self._counts[:-1])))
