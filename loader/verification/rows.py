"""What travels into the comparison: batches of rows, each row as one text of bytes, its *form*.

Two rows are the same if their forms are the same bytes, or have the same value (see `values`). Each source of
what landed writes both sides in forms of its own: whole bodies for the sandbox's store; for an export only
the keys that both sides have.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Fates = np.ndarray[Any, np.dtype[np.uint8]]


class Fate(IntEnum):
    """What the checkpoint says of a row, and so how often it must be found.

    All but the last are the numbers of `loader.states.ORDER`.
    """

    CONFIRMED = 0  # exactly once
    REJECTED = 1  # never
    IN_DOUBT = 2  # at most once
    NEVER_SENT = 3  # never
    LEFT_OUT = 4  # never
    RESENT = 5  # confirmed after it was sent again: once, or more often if a repeated call changes nothing


class ExpectedRows(NamedTuple):
    """Some rows of one load.

    Attributes:
        load: the number of the load, from 0.
        ordinals: of the rows, ascending.
        fates: a `Fate` each.
        forms: a form each.
        formless: ordinals of rows among them that are confirmed or in doubt and have no form, because this
            mapping rejects them; with their fates.
    """

    load: int
    ordinals: Numbers
    fates: Fates
    forms: Sequence[bytes]
    formless: tuple[tuple[int, Fate], ...] = ()


class LandedRows(NamedTuple):
    """Some rows that landed.

    Attributes:
        compartment: only loads of this compartment are compared with them.
        numbers: what identifies each in its source, from 0: an id of the store, a row of an export.
        forms: a form each.
    """

    compartment: int
    numbers: Numbers
    forms: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class LoadSide:
    """One load as it is compared.

    Attributes:
        name: the checkpoint, for the user.
        confirmed: how many rows are.
        compartment: loads of one compartment share what landed.
        repeatable: a repeated call changes nothing, so a row that was sent again may be there several times.
        keys: the keys of a form that say which row it is: a row that was altered still has all but one of
            them.
        versions: reads all rows, once for each mapping that the load has had, the oldest first.
        fetch: reads the forms of some rows again, by ordinal, ascending; under each mapping that gives one.
    """

    name: str
    confirmed: int
    compartment: int
    repeatable: bool
    keys: tuple[str, ...]
    versions: tuple[Callable[[], Iterator[ExpectedRows]], ...]
    fetch: Callable[[Sequence[int]], Iterator[tuple[int, tuple[bytes, ...]]]]


class LandedSide(Protocol):
    """A source of what landed."""

    def read(self) -> Iterator[LandedRows]:
        """All rows, in order."""

    def fetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """The forms of some rows again, by number; for at most some thousands at a time."""
