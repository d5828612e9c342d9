"""A load and a source of what landed, in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.verification.rows import ExpectedRows, Fate, LandedRows, LoadSide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KEYS = ("event", "hwid", "userId", "timestampUTC")


def write_form(row: dict[str, Any]) -> bytes:
    """A body."""
    return json.dumps({"request": row}, separators=(",", ":")).encode()


def build_load(
    fates: Sequence[Fate],
    *versions: Sequence[dict[str, Any] | None],
    number: int = 0,
    compartment: int = 0,
    repeatable: bool = False,
    chunk: int = 3,
) -> LoadSide:
    """A load whose rows have these fates; each version says what the rows are, None for a reject."""

    def read(rows: Sequence[dict[str, Any] | None]) -> Callable[[], Iterator[ExpectedRows]]:
        def batches() -> Iterator[ExpectedRows]:
            for start in range(0, len(rows), chunk):
                here = range(start, min(start + chunk, len(rows)))
                good = [each for each in here if rows[each] is not None]
                bad = [each for each in here if rows[each] is None]
                maybe = {Fate.CONFIRMED, Fate.IN_DOUBT, Fate.RESENT}
                yield ExpectedRows(
                    number,
                    np.array(good, np.int64),
                    np.array([fates[each] for each in good], np.uint8),
                    [write_form(row) for each in good if (row := rows[each]) is not None],
                    tuple((each, fates[each]) for each in bad if fates[each] in maybe),
                )

        return batches

    def fetch(ordinals: Sequence[int]) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        for ordinal in ordinals:
            rows = [version[ordinal] for version in versions]
            yield ordinal, tuple(write_form(row) for row in rows if row is not None)

    confirmed = sum(fate in (Fate.CONFIRMED, Fate.RESENT) for fate in fates)
    return LoadSide(
        f"load {number}",
        confirmed,
        compartment,
        repeatable,
        KEYS,
        tuple(map(read, versions)),
        fetch,
    )


@dataclass
class Landed:
    """What landed: rows by compartment, or their exact bytes; numbered from 0 over all compartments."""

    rows: Sequence[tuple[int, dict[str, Any] | bytes]]
    size: int = 4
    fetched: list[int] = field(default_factory=list)

    def read(self) -> Iterator[LandedRows]:
        """All rows."""
        for start in range(0, len(self.rows), self.size):
            for compartment in {number for number, _ in self.rows}:
                here = [
                    each
                    for each in range(start, min(start + self.size, len(self.rows)))
                    if self.rows[each][0] == compartment
                ]
                yield LandedRows(compartment, np.array(here, np.int64), [self._form(each) for each in here])

    def fetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Some rows."""
        for number in numbers:
            self.fetched.append(number)
            yield number, self._form(number)

    def _form(self, number: int) -> bytes:
        row = self.rows[number][1]
        return row if isinstance(row, bytes) else write_form(row)
