"""The rows of an export as they are compared, those outside the load, and those that cannot be mapped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.verification.rows import LandedRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.mapping import Mapped
    from loader.model import Chunk, Reject
    from loader.verification.exports.landed_mapping import OpenedExport
    from loader.verification.exports.scope import Mask, Scope
    from loader.verification.exports.shape import Shape

#: Rows that cannot be mapped and are shown.
MOST_SHOWN = 10


@dataclass(slots=True)
class NotCompared:
    """Rows of an export that are not compared.

    Attributes:
        outside: rows that do not belong to the load.
        unmapped: rows that cannot be mapped, and may belong to the load.
        rejects: the first of them.
    """

    outside: int = 0
    unmapped: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def add(self, mapped: Mapped, within: Mask, doubtful: Mask) -> None:
        """Count the rows of a chunk.

        Args:
            mapped: the chunk.
            within: which of its bodies belong to the load.
            doubtful: which of its rejects may belong to the load.
        """
        self.outside += int((~within).sum()) + int((~doubtful).sum())
        self.unmapped += int(doubtful.sum())
        for at in np.flatnonzero(doubtful)[: MOST_SHOWN - len(self.rejects)].tolist():
            self.rejects.append(mapped.rejects[at])


class Export:
    """What landed, as an export says; the comparison reads it as a `LandedSide`.

    Args:
        opened: the export.
        shape: the keys that are compared.
        scope: which rows belong to the load; it must see the load before the export is read.
        complete: whether the user says that the export holds everything of the load that landed.

    Attributes:
        left: its rows that are not compared; known after it was read to its end.
    """

    def __init__(self, opened: OpenedExport, shape: Shape, scope: Scope, *, complete: bool) -> None:
        self.name = f"the export {', '.join(opened.files)}"
        self.shape = shape
        self.left = NotCompared()
        self._opened = opened
        self._scope = scope
        self._said_complete = complete

    @property
    def complete(self) -> bool:
        """Whether a row that is not found in it is certainly not there: known only after it was read."""
        return self._said_complete and not self.left.unmapped

    def learn(self, mapped: Mapped) -> None:
        """Take in some rows of a load, so that it is known which rows of the export belong to it."""
        self._scope.see(mapped)

    def describe_scope(self) -> str:
        """Why a row does not belong to the load, as the end of a sentence."""
        return self._scope.describe()

    def read(self) -> Iterator[LandedRows]:
        """All rows that belong to the load, in order."""
        left = NotCompared()
        for chunk in self._opened.source.chunks():
            mapped = self._opened.mapper.map(chunk)
            within = self._scope.select(mapped)
            left.add(mapped, within, self._scope.select_rejects(mapped))
            if within.any():
                forms = list(map(self.shape.write, mapped.bodies.filter(pa.array(within)).to_pylist()))
                yield LandedRows(0, mapped.ordinals[within], forms)
        self.left = left

    def fetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """The forms of some rows again, by number; both ascend."""
        for chunk, here in self._find_chunks(numbers):
            mapped = self._opened.mapper.map(chunk)
            for request in mapped.requests(*(range(number, number + 1) for number in here)):
                yield request.ordinal, self.shape.write(request.body)

    def place(self, number: int) -> str:
        """Where a row stands, for the user: ``export.csv, row 1,042``."""
        return self._opened.source.survey().place(number)

    def _find_chunks(self, numbers: Sequence[int]) -> Iterator[tuple[Chunk, list[int]]]:
        """The chunks that hold the rows, cut at both ends, each with those rows."""
        wanted = list(numbers)
        if not wanted:
            return
        at = 0
        for chunk in self._opened.source.chunks(wanted[0]):
            end = at
            while end < len(wanted) and wanted[end] < chunk.rows.stop:
                end += 1
            if end > at:
                yield chunk.part(range(wanted[at], wanted[end - 1] + 1)), wanted[at:end]
            at = end
            if at == len(wanted):
                return
