"""Following a log: what was appended is read once, slice by slice, and never again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.sandbox.page.reading import Reader

SLICE = 20_000
"""Ids that are read at a time: about 50 ms of a log of events on a machine that does something else too."""


class Follower(ABC):
    """Reads a log of the store as it grows.

    A log only grows, unless a rehearsal begins again, or somebody changes the store by hand: then the last
    row that was read is another one, or the number of rows is. In that case all is read again.

    Args:
        reader: of the store.
        log: the table, whose ids ascend.
    """

    def __init__(self, reader: Reader, log: str) -> None:
        self._reader, self._log = reader, log
        self._done = self._rows = 0
        self._last_row: tuple[Any, ...] | None = None
        self.forget()

    @property
    def behind(self) -> int:
        """How many rows, at most, are not read yet."""
        return max(0, self._find_last() - self._done)

    def advance(self) -> bool:
        """Read a slice; false if there was nothing to read."""
        if self._is_outdated():
            self._begin()
        last = self._find_last()
        if last <= self._done:
            return False
        high = min(self._done + SLICE, last)
        self.read_slice(self._done, high)
        self._rows += self._count(self._done, high)
        self._done, self._last_row = high, self._fetch(high)
        return True

    @abstractmethod
    def forget(self) -> None:
        """Begin with nothing."""

    @abstractmethod
    def read_slice(self, low: int, high: int) -> None:
        """Read the rows with ids above `low` and up to `high`."""

    def _begin(self) -> None:
        self._done = self._rows = 0
        self.forget()

    def _is_outdated(self) -> bool:
        if not self._done:
            return False
        if self._fetch(self._done) != self._last_row:
            return True
        counted = (self._done, self._rows)
        # Followers of one log share the answer: when they are up to date, they have counted the same.
        found, whole = self._reader.remember(
            f"rows of {self._log}", lambda: (counted, self._count(0, counted[0]))
        )
        return bool(found == counted and whole != counted[1])

    def _find_last(self) -> int:
        found: int = self._reader.fetch_row(f"SELECT coalesce(max(id), 0) FROM {self._log}")[0]  # noqa: S608 - ours
        return found

    def _fetch(self, number: int) -> tuple[Any, ...] | None:
        rows = self._reader.list_rows(f"SELECT * FROM {self._log} WHERE id = ?", (number,))  # noqa: S608 - ours
        return rows[0] if rows else None

    def _count(self, low: int, high: int) -> int:
        query = f"SELECT count(*) FROM {self._log} WHERE id > ? AND id <= ?"  # noqa: S608 - ours
        found: int = self._reader.fetch_row(query, (low, high))[0]
        return found
