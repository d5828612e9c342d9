"""Events by name and by month, and what became of them: the input once more, beside the checkpoint."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.methods import MAX_EVENT_LENGTH
from loader.model import State
from loader.report.facts import Counts, Events
from loader.states import ORDER

if TYPE_CHECKING:
    from loader.mapping import Mapped

SHOWN_NAMES = 25
#: More names than this are not event names but a column of something else; memory must not grow with them.
MOST_NAMES = 10_000
#: Ages ago and ages ahead; a mapping may allow such times, and a report need not show their months.
MOST_MONTHS = 12 * 400
# Rows that are left out are no part of the load, so they are not counted.
_STATES = ORDER.index(State.LEFT_OUT)

Four = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.uint8]]


class Tally:
    """Adds up mapped chunks and the states of their rows; memory does not grow with the input."""

    def __init__(self) -> None:
        self._names: dict[str, Four] = {}
        self._others = create_empty()
        self._months: defaultdict[int, Four] = defaultdict(create_empty)
        self._timeless = create_empty()

    def add(self, mapped: Mapped, states: Numbers) -> None:
        """Count one mapped chunk."""
        states = states[mapped.selected - mapped.first]
        part = states < _STATES
        columns = {
            column.name: column.values.filter(pa.array(part))
            for column in mapped.columns
            if not column.member
        }
        states = states[part]
        self._add_names(columns["event"], states)
        utc, current = (columns[name].to_numpy() for name in ("timestampUTC", "timestampCurrent"))
        # A row may be rejected for something else than its time; a time that was not read is 0.
        known = utc != 0
        known |= mapped.good[part]
        self._add_months(current[known], states[known])
        self._timeless += count_by_state(np.zeros(int((~known).sum()), np.int64), states[~known]).sum(axis=0)

    def events(self) -> Events:
        """What was counted."""
        ranked = sorted(self._names.items(), key=lambda entry: (-entry[1].sum(), entry[0]))
        shown, rest = ranked[:SHOWN_NAMES], ranked[SHOWN_NAMES:]
        others = self._others + sum((four for _, four in rest), create_empty())
        first, last = min(self._months, default=0), max(self._months, default=-1)
        return Events(
            names=tuple((name, create_counts(four)) for name, four in shown),
            other_names=create_counts(others),
            months=tuple(
                (format_month(month), create_counts(self._months[month])) for month in range(first, last + 1)
            ),
            timeless=create_counts(self._timeless),
        )

    def _add_names(self, names: pa.Array, states: Numbers) -> None:
        encoded = pc.fill_null(names, "").dictionary_encode()
        codes = encoded.indices.to_numpy()
        for name, four in zip(encoded.dictionary.to_pylist(), count_by_state(codes, states), strict=True):
            # What is longer than any name may be is another value of the row, and a report quotes none.
            known = name in self._names or len(self._names) < MOST_NAMES
            if known and len(name) <= MAX_EVENT_LENGTH:
                self._names[name] = self._names.get(name, create_empty()) + four
            else:
                self._others += four

    def _add_months(self, times: Four, states: Numbers) -> None:
        months = times.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        found, codes = np.unique(months, return_inverse=True)
        for month, four in zip(found.tolist(), count_by_state(codes, states), strict=True):
            if abs(month) < MOST_MONTHS:
                self._months[month] += four
            else:
                self._timeless += four


def count_by_state(codes: Four, states: Numbers) -> Four:
    """For each code from 0 on, how many of its rows are in each state: a row of four numbers each."""
    size = int(codes.max()) + 1 if len(codes) else 0
    found: Four = np.bincount(codes * _STATES + states, minlength=size * _STATES)
    return found.reshape(size, _STATES)


def create_empty() -> Four:
    """No row in any state."""
    return np.zeros(_STATES, np.int64)


def create_counts(four: Four) -> Counts:
    """Make the record of four numbers, in the order of `loader.states.ORDER`."""
    return Counts(*four.tolist())


def format_month(month: int) -> str:
    """Format a month, counted from January 1970, as ``2024-02``."""
    return str(np.datetime64(month, "M"))
