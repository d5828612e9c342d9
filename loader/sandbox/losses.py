"""Answers that get lost on the way back, so that rows in doubt can be rehearsed."""

from __future__ import annotations

from typing import NamedTuple


class Fate(NamedTuple):
    """What becomes of one call: whether it is taken, and whether its answer arrives."""

    taken: bool
    answered: bool


class LostAnswers:
    """Loses the answer to every Nth call, and takes every other one of these.

    From outside the two cases look alike, as they do when a gateway gives up waiting for the vendor: that is
    what puts a row in doubt.

    Args:
        every: the answers to the calls number `every`, twice `every` and so on are lost; 0 loses none.
    """

    def __init__(self, every: int = 0) -> None:
        self._every = every
        self._calls = self._lost = 0

    def next(self) -> Fate:
        """The fate of the next call."""
        self._calls += 1
        if not self._every or self._calls % self._every:
            return Fate(taken=True, answered=True)
        self._lost += 1
        return Fate(taken=self._lost % 2 == 1, answered=False)
