"""Which rows of an export belong to a load at all: an export of a whole account holds more.

An event belongs to it if the load has events of that name, and its time is within theirs, from the first to
the last. A user or a row of tags belongs to it if the load has a row of the same device or user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from loader.mapping import Mapped
    from loader.methods import Method

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Moments = np.ndarray[Any, np.dtype[np.int64]]
Digests = np.ndarray[Any, np.dtype[np.uint64]]

_LATEST = np.iinfo(np.int64).max


class Scope(Protocol):
    """What a load is about; first it sees the load's rows, then it is asked about rows of an export."""

    def see(self, mapped: Mapped) -> None:
        """Take in some rows of the load."""

    def select(self, mapped: Mapped) -> Mask:
        """Which of the rows with a body belong to the load."""

    def select_rejects(self, mapped: Mapped) -> Mask:
        """Which of the rejects may belong to the load."""

    def describe(self) -> str:
        """How that is decided, as the end of a sentence."""


def choose_scope(method: Method) -> Scope:
    """The scope for rows of a method."""
    return EventScope() if method.timed else OwnerScope(method)


class EventScope:
    """The names of a load's events, and for each the first and the last time."""

    def __init__(self) -> None:
        self._spans: dict[str, tuple[int, int]] = {}

    def see(self, mapped: Mapped) -> None:
        """Take in some rows of the load."""
        names, codes, times = _read_events(mapped)
        codes, times = codes[mapped.good], times[mapped.good]
        first, last = np.full(len(names), _LATEST), np.full(len(names), -_LATEST)
        np.minimum.at(first, codes, times)
        np.maximum.at(last, codes, times)
        for name, low, high in zip(names, first.tolist(), last.tolist(), strict=True):
            if low <= high:
                known = self._spans.get(name, (low, high))
                self._spans[name] = (min(known[0], low), max(known[1], high))

    def select(self, mapped: Mapped) -> Mask:
        """Which of the rows with a body belong to the load."""
        names, codes, times = _read_events(mapped)
        first, last = self._find_spans(names)
        within: Mask = ((times >= first[codes]) & (times <= last[codes]))[mapped.good]
        return within

    def select_rejects(self, mapped: Mapped) -> Mask:
        """Which of the rejects may belong to the load: not those with a name or a time that it has not."""
        names, codes, times = _read_events(mapped)
        first, last = self._find_spans(names, unknown="")
        # A time that was not read is 0, and a name that was not read is "".
        within: Mask = (times == 0) | ((times >= first[codes]) & (times <= last[codes]))
        known = np.array([not name or name in self._spans for name in names], np.bool_)
        within &= known[codes]
        rejects = [reject.ordinal for reject in mapped.rejects]
        chosen: Mask = within[np.searchsorted(mapped.selected, rejects)]
        return chosen

    def _find_spans(self, names: list[str], *, unknown: str | None = None) -> tuple[Moments, Moments]:
        """The first and the last time of each name; of the unknown one, any time."""
        none, all_times = (1, 0), (-_LATEST, _LATEST)
        spans = [all_times if name == unknown else self._spans.get(name, none) for name in names]
        found = np.array(spans, np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    def describe(self) -> str:
        """How that is decided."""
        return (
            "they have another event's name, or a time before the first or after the last event of the load"
        )


def _read_events(mapped: Mapped) -> tuple[list[str], Moments, Moments]:
    """The names of a chunk's events, for each row the place of its name among them, and its time."""
    columns = {column.name: column.values for column in mapped.columns if not column.member}
    encoded = pc.fill_null(columns["event"], "").dictionary_encode()
    codes, times = encoded.indices.to_numpy(), columns["timestampUTC"].to_numpy()
    return encoded.dictionary.to_pylist(), codes.astype(np.int64), times.astype(np.int64)


class OwnerScope:
    """The devices or users of a load, 8 bytes each."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self._parts: list[Digests] = []
        self._all: Digests | None = None

    def see(self, mapped: Mapped) -> None:
        """Take in some rows of the load."""
        self._parts.append(np.unique(digest_owners(mapped.owners)))

    def select(self, mapped: Mapped) -> Mask:
        """Which of the rows with a body belong to the load."""
        if self._all is None:
            self._all = np.unique(np.concatenate([np.empty(0, np.uint64), *self._parts]))
            self._parts.clear()
        if not len(self._all):
            return np.zeros(len(mapped.owners), np.bool_)
        digests = digest_owners(mapped.owners)
        places = np.minimum(np.searchsorted(self._all, digests), len(self._all) - 1)
        found: Mask = self._all[places] == digests
        return found

    def select_rejects(self, mapped: Mapped) -> Mask:
        """Which of the rejects may belong to the load: all, because nobody knows whose they are."""
        return np.ones(len(mapped.rejects), np.bool_)

    def describe(self) -> str:
        """How that is decided."""
        return f"the load has no row of their {self._method.owner}"


def digest_owners(owners: pa.Array) -> Digests:
    """A number for each text."""
    return np.fromiter(map(xxh3_64_intdigest, owners.cast(pa.binary()).to_pylist()), np.uint64, len(owners))
