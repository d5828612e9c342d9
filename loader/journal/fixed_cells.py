"""Cells that the user fixed, as the journal keeps them: bytes that it does not look into."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class FixedCells(NamedTuple):
    """The cells of some rows, to take the place of those in the input.

    Attributes:
        rows: how many rows they are of.
        cells: what `loader.sources.fixed` makes of them.
    """

    rows: int
    cells: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the cells, in hexadecimal."""
        return hashlib.sha256(self.cells).hexdigest()
