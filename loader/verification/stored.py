"""What the store of a sandbox holds, as bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loader.sandbox.store.bodies import TABLES, read_bodies, read_calls
from loader.verification.rows import LandedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredCalls:
    """The calls of one method in a store.

    Attributes:
        path: the store.
        method: the API method.
        labels: the labels of each compartment.
        count: is told how many calls were read, as they are.
    """

    path: Path
    method: str
    labels: tuple[frozenset[str], ...]
    count: Callable[[int], None]

    def read(self) -> Iterator[LandedRows]:
        """All calls of the loads, in the order in which they were taken."""
        for compartment, labels in enumerate(self.labels):
            for ids, bodies in read_bodies(self.path, TABLES[self.method], loads=sorted(labels)):
                self.count(len(ids))
                yield LandedRows(compartment, np.array(ids, np.int64), bodies)

    def fetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """The bodies of some calls again, by their ids."""
        return read_calls(self.path, TABLES[self.method], numbers)
