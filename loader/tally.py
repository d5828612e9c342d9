"""Events by name and by month, and what became of them: categories beside the states of their rows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.categories import TIMELESS, EventNames
from loader.model import State
from loader.report.facts import Counts, Events
from loader.states import ORDER

if TYPE_CHECKING:
    from loader.categories import Categories

SHOWN_NAMES = 25
# Rows that are left out are no part of the load, so they are not counted.
_STATES = ORDER.index(State.LEFT_OUT)

Four = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.uint8]]


class Tally:
    """Adds up categories and the states of their rows; memory does not grow with the input."""

    def __init__(self) -> None:
        self._known = EventNames()
        self._names: defaultdict[str, Four] = defaultdict(create_empty)
        self._others = create_empty()
        self._months: defaultdict[int, Four] = defaultdict(create_empty)

    def add(self, categories: Categories, states: Numbers) -> None:
        """Count rows that have a category.

        Args:
            categories: of consecutive rows.
            states: of the same rows, as `loader.states` numbers them.
        """
        states = states[categories.known]
        part = states < _STATES
        counts = count_by_state(categories.numbers[part], states[part], len(categories.name_of))
        for place, four in sum_by(categories.name_of, counts):
            name = categories.names[place]
            if name is not None and self._known.admit(name):
                self._names[name] += four
            else:
                self._others += four
        for month, four in sum_by(categories.month_of, counts):
            self._months[month] += four

    def events(self) -> Events:
        """What was counted."""
        ranked = sorted(self._names.items(), key=lambda entry: (-entry[1].sum(), entry[0]))
        shown, rest = ranked[:SHOWN_NAMES], ranked[SHOWN_NAMES:]
        others = self._others + sum((four for _, four in rest), create_empty())
        months = dict(self._months)
        timeless = months.pop(TIMELESS, create_empty())
        first, last = min(months, default=0), max(months, default=-1)
        return Events(
            names=tuple((name, create_counts(four)) for name, four in shown),
            other_names=create_counts(others),
            months=tuple(
                (format_month(month), create_counts(months.get(month, create_empty())))
                for month in range(first, last + 1)
            ),
            timeless=create_counts(timeless),
        )


def count_by_state(numbers: Four, states: Numbers, categories: int) -> Four:
    """For each category, how many of its rows are in each state: a row of four numbers each."""
    found: Four = np.bincount(numbers * _STATES + states, minlength=categories * _STATES)
    return found.reshape(categories, _STATES)


def sum_by(keys: Four, counts: Four) -> list[tuple[int, Four]]:
    """The sums of the rows of counts that have one key, without keys of which there is none."""
    found, places = np.unique(keys, return_inverse=True)
    sums = np.zeros((len(found), _STATES), np.int64)
    np.add.at(sums, places, counts)
    return [(key, four) for key, four in zip(found.tolist(), sums, strict=True) if four.any()]


def create_empty() -> Four:
    """No row in any state."""
    return np.zeros(_STATES, np.int64)


def create_counts(four: Four) -> Counts:
    """Make the record of four numbers, in the order of `loader.states.ORDER`."""
    return Counts(*four.tolist())


def format_month(month: int) -> str:
    """Format a month, counted from January 1970, as ``2024-02``."""
    return str(np.datetime64(month, "M"))
